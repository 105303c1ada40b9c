import Glibc
import LeadKit

/// Leads in JSON: one a line (NDJSON), in lists, in pages, or as objects over several lines.
///
/// At a `[` the elements of the list come one by one, however long it is. Otherwise a line is
/// tried as a whole value; if the first value of a file goes over several lines, all are found by
/// their brackets. What cannot be read is reported with its line, and the rest goes on.
struct JSONLeads: LeadSequence {
    private enum Mode {
        /// Nothing is known yet, or a list has ended.
        case start
        /// One value a line.
        case lines
        /// Values over several lines.
        case values
        /// Within a list; whether an element has just ended, and whether there was any.
        case list(afterElement: Bool, isEmpty: Bool)
        case end
    }

    private let source: ByteSource
    private let reader: LeadReader
    private let keepsRaw: Bool
    private let parser = JSONParser()
    private var mode = Mode.start
    /// The line that the window's first byte is in.
    private var line = 1
    /// Leads that are read and not yet handed out, last first.
    private var pending: [Result<Lead, LeadError>] = []
    private var pendingLine = 1

    init(source: ByteSource, input: LeadInput) {
        self.source = source
        reader = input.reader
        keepsRaw = input.keepsRaw
    }

    mutating func next() throws(LeadInput.Unreadable) -> Element? {
        while true {
            if let lead = pending.popLast() { return (pendingLine, lead) }
            switch mode {
            case .start: try begin()
            case .lines: try readLine()
            case .values: try readValue()
            case .list(let afterElement, let isEmpty):
                try readElement(afterElement: afterElement, isEmpty: isEmpty)
            case .end: return nil
            }
        }
    }

    /// Reads the leads of one value.
    private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>, at line: Int) {
        pendingLine = line
        do throws(JSONError) {
            try reader.read(bytes, parser: parser, keepsRaw: keepsRaw, into: &pending)
            if pending.count > 1 { pending.reverse() }
        } catch {
            pending = [.failure(LeadError(error.description))]
        }
    }

    private mutating func fail(_ reason: String, at line: Int) {
        pendingLine = line
        pending = [.failure(LeadError(reason))]
    }
}

// Lines and values.
extension JSONLeads {
    private mutating func begin() throws(LeadInput.Unreadable) {
        guard let first = try firstByte() else {
            mode = .end
            return
        }
        if first == 0x5B {
            consume(1)
            mode = .list(afterElement: false, isEmpty: true)
            return
        }
        guard first == 0x7B, let length = try lengthOfLine(),
            !isValue(UnsafeBufferPointer(rebasing: source.window[..<length]))
        else {
            mode = .lines
            return
        }
        mode = .lines
        guard let end = try endOfValue(), end > length else { return }
        if isValue(UnsafeBufferPointer(rebasing: source.window[..<end])) { mode = .values }
    }

    private func isValue(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        (try? parser.parse(bytes)) != nil
    }

    private mutating func readLine() throws(LeadInput.Unreadable) {
        guard let length = try lengthOfLine() else {
            // Longer than a line may be: it is passed over, in pieces.
            fail("the line is over \(LeadInput.valueBytesMax) bytes", at: line)
            try skipLine()
            return
        }
        let bytes = UnsafeBufferPointer(rebasing: source.window[..<length])
        guard length > 0 || !source.window.isEmpty else {
            mode = .end
            return
        }
        let isLast = length == source.window.count
        if !bytes.allSatisfy(JSONLeads.isBlank) { take(bytes, at: line) }
        source.consume(isLast ? length : length + 1)
        line += 1
    }

    /// A value over several lines.
    private mutating func readValue() throws(LeadInput.Unreadable) {
        guard let first = try firstByte() else {
            mode = .end
            return
        }
        if first == 0x5B { return mode = .start }
        guard first == 0x7B, let end = try endOfValue() else {
            // Whatever this is, the next line may be a lead.
            return mode = .lines
        }
        take(UnsafeBufferPointer(rebasing: source.window[..<end]), at: line)
        consume(end)
    }
}

// Lists.
extension JSONLeads {
    private mutating func readElement(
        afterElement: Bool, isEmpty: Bool
    ) throws(LeadInput.Unreadable) {
        guard let first = try firstByte() else {
            fail("not valid JSON: the list has no end", at: line)
            return mode = .end
        }
        switch first {
        case 0x5D:
            if !afterElement, !isEmpty {
                fail("not valid JSON: nothing stands behind the last comma", at: line)
            }
            consume(1)
            mode = .start
        case 0x2C where afterElement:
            consume(1)
            mode = .list(afterElement: false, isEmpty: false)
        case 0x7B where afterElement:
            fail("not valid JSON: a comma is missing before this", at: line)
            mode = .list(afterElement: false, isEmpty: false)
        default:
            guard !afterElement, let end = try endOfValue(), end > 0 else {
                fail("not valid JSON: the list cannot be read from here on", at: line)
                return mode = .end
            }
            take(UnsafeBufferPointer(rebasing: source.window[..<end]), at: line)
            consume(end)
            mode = .list(afterElement: true, isEmpty: false)
        }
    }
}

// Moving through the bytes.
extension JSONLeads {
    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    /// Takes bytes off and counts their lines.
    private mutating func consume(_ count: Int) {
        line += source.window[..<count].count { $0 == 0x0A }
        source.consume(count)
    }

    /// Passes over white space; the byte behind it, or nil at the end.
    private mutating func firstByte() throws(LeadInput.Unreadable) -> UInt8? {
        while true {
            if let index = source.window.firstIndex(where: { !JSONLeads.isBlank($0) }) {
                consume(index)
                return source.window[0]
            }
            consume(source.window.count)
            guard try source.more() else { return nil }
        }
    }

    /// The length of the line without its end; nil when it is too long.
    private func lengthOfLine() throws(LeadInput.Unreadable) -> Int? {
        var searched = 0
        while true {
            let window = source.window
            if let base = window.baseAddress, window.count > searched,
                let found = memchr(base + searched, 0x0A, window.count - searched)
            {
                return UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
            }
            searched = window.count
            guard searched <= LeadInput.valueBytesMax else { return nil }
            guard try source.more() else { return searched }
        }
    }

    private mutating func skipLine() throws(LeadInput.Unreadable) {
        repeat {
            if let end = source.window.firstIndex(of: 0x0A) {
                consume(end + 1)
                return
            }
            consume(source.window.count)
        } while try source.more()
    }

    /// Where the value at the window's start ends; nil when it has no end, or none within the
    /// most bytes that a value may have.
    private func endOfValue() throws(LeadInput.Unreadable) -> Int? {
        var brackets = BracketCounter()
        var searched = 0
        while true {
            let window = source.window
            if let end = brackets.end(in: window, from: searched) { return end }
            searched = window.count
            guard searched <= LeadInput.valueBytesMax else { return nil }
            guard try source.more() else { return brackets.isPlain ? searched : nil }
        }
    }
}

/// Finds the end of a JSON value by its brackets, piece by piece. Says nothing about what is
/// between them: the parser does.
struct BracketCounter {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// Whether the value so far is a bare word or number, which ends with the file.
    var isPlain: Bool { depth == 0 && !isInString }

    /// The index behind the value, when it ends within the bytes from `start` on.
    mutating func end(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == 0x5C {
                    isEscaped = true
                } else if byte == 0x22 {
                    isInString = false
                    if depth == 0 { return index }
                }
                continue
            }
            switch byte {
            case 0x22: isInString = true
            case 0x7B, 0x5B: depth += 1
            case 0x7D, 0x5D:
                depth -= 1
                if depth == 0 { return index }
                if depth < 0 { return index - 1 }
            case 0x2C, 0x20, 0x09...0x0D: if depth == 0 { return index - 1 }
            default: continue
            }
        }
        return nil
    }
}
