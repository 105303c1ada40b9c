import Glibc
import LeadKit

/// The bytes of a file or of standard input as UTF-8, in a window that is read forward.
///
/// The window holds what is read and not yet consumed. It grows as far as one line or value needs,
/// and stays where it is until `more()` or `consume(_:)`.
final class ByteSource {
    private let descriptor: Int32
    private let name: String
    /// How many bytes there are, if that can be known.
    private let size: Int?
    private(set) var bytesRead = 0

    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    private var utf16: UTF16Decoder?

    /// How much is read at a time.
    private static let pieceBytes = 256 << 10

    init(path: String, name: String) throws(LeadInput.Unreadable) {
        self.name = name
        descriptor = path == "-" ? STDIN_FILENO : Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ByteSource.failure(name) }
        // A pipe has no place to seek to; a folder is found out by the first read.
        let place = lseek(descriptor, 0, SEEK_CUR)
        let end = place < 0 ? -1 : lseek(descriptor, 0, SEEK_END)
        size = end < 0 ? nil : Int(end - place)
        if end >= 0 { lseek(descriptor, place, SEEK_SET) }
        capacity = 2 * ByteSource.pieceBytes
        memory = .allocate(capacity: capacity)
    }

    deinit {
        memory.deallocate()
        if descriptor != STDIN_FILENO { close(descriptor) }
    }

    private static func failure(_ name: String) -> LeadInput.Unreadable {
        LeadInput.Unreadable(
            description: "cannot read '\(name)': \(String(cString: strerror(errno)))")
    }

    /// What is read and not yet consumed; valid until the next call of `more()`.
    var window: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: memory + start, count: end - start)
    }

    /// How much of a file is read.
    var fraction: Double? {
        size.map { $0 == 0 ? 1 : min(1, Double(bytesRead) / Double($0)) }
    }

    /// Takes bytes off the window's front.
    func consume(_ count: Int) { start += count }

    /// Reads on, behind the window's end; false at the end of the file.
    func more() throws(LeadInput.Unreadable) -> Bool {
        guard !isAtEnd else { return false }
        makeRoom(for: utf16 == nil ? ByteSource.pieceBytes : 2 * ByteSource.pieceBytes)
        return utf16 == nil ? try fill() : try fillDecoded()
    }

    private func fill() throws(LeadInput.Unreadable) -> Bool {
        let count = try read(into: memory + end, atMost: ByteSource.pieceBytes)
        end += count
        return count > 0
    }

    /// Two bytes of UTF-16 become at most three of UTF-8.
    private func fillDecoded() throws(LeadInput.Unreadable) -> Bool {
        let before = end
        while end == before {
            let piece = UnsafeMutablePointer<UInt8>.allocate(capacity: ByteSource.pieceBytes)
            defer { piece.deallocate() }
            let count = try read(into: piece, atMost: ByteSource.pieceBytes)
            let bytes = UnsafeBufferPointer(start: piece, count: count)
            end += utf16?.decode(bytes, isLast: isAtEnd, into: memory + end) ?? 0
            if isAtEnd { break }
        }
        return end > before
    }

    private func read(
        into target: UnsafeMutablePointer<UInt8>, atMost limit: Int
    ) throws(LeadInput.Unreadable) -> Int {
        while true {
            let count = Glibc.read(descriptor, target, limit)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ByteSource.failure(name) }
            bytesRead += count
            if count == 0 { isAtEnd = true }
            return count
        }
    }

    private func makeRoom(for count: Int) {
        if start > 0 {
            memmove(memory, memory + start, end - start)
            end -= start
            start = 0
        }
        guard capacity - end < count else { return }
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: max(2 * capacity, end + count))
        memcpy(larger, memory, end)
        memory.deallocate()
        memory = larger
        capacity = max(2 * capacity, end + count)
    }
}

// The encoding.
extension ByteSource {
    /// Tells the encoding by the byte order mark or, without one, by NUL bytes, and takes the mark
    /// off. Call once, before anything is consumed.
    func decode() throws(LeadInput.Unreadable) {
        let first = Array(window.prefix(4))
        if first.starts(with: [0xEF, 0xBB, 0xBF]) { return consume(3) }
        let isLittle = first.starts(with: [0xFF, 0xFE])
        let isBig = first.starts(with: [0xFE, 0xFF])
        let hasMark = isLittle || isBig
        let looksLittle = first.count == 4 && first[0] != 0 && first[1] == 0 && first[3] == 0
        let looksBig = first.count == 4 && first[0] == 0 && first[1] != 0 && first[2] == 0
        guard hasMark || looksLittle || looksBig else { return }
        var decoder = UTF16Decoder(isBigEndian: isBig || looksBig)
        if hasMark { consume(2) }
        let encoded = Array(window)
        start = 0
        end = 0
        makeRoom(for: 2 * encoded.count + 8)
        encoded.withUnsafeBufferPointer {
            end = decoder.decode($0, isLast: false, into: memory)
        }
        utf16 = decoder
    }
}

/// Turns UTF-16 into UTF-8, piece by piece. Half a pair becomes bytes that are not UTF-8, so that
/// the line it stands in is refused and no other.
struct UTF16Decoder {
    private let isBigEndian: Bool
    private var oddByte: UInt8?
    private var high: UInt16?

    init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

    /// Writes at most `2 * bytes.count + 8` bytes; answers how many.
    mutating func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, into output: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var writer = output
        for byte in bytes {
            guard let first = oddByte else {
                oddByte = byte
                continue
            }
            oddByte = nil
            let unit =
                isBigEndian
                ? UInt16(first) << 8 | UInt16(byte) : UInt16(byte) << 8 | UInt16(first)
            take(unit, &writer)
        }
        if isLast {
            if let high { append(UInt32(high), &writer) }
            if let oddByte { append(UInt32(oddByte) | 0xDC00, &writer) }
            high = nil
            oddByte = nil
        }
        return writer - output
    }

    private mutating func take(_ unit: UInt16, _ writer: inout UnsafeMutablePointer<UInt8>) {
        let isLow = unit & 0xFC00 == 0xDC00
        if let first = high {
            high = nil
            if isLow {
                append(0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(unit & 0x3FF)), &writer)
                return
            }
            append(UInt32(first), &writer)
        }
        if unit & 0xFC00 == 0xD800 { high = unit } else { append(UInt32(unit), &writer) }
    }

    private func append(_ value: UInt32, _ writer: inout UnsafeMutablePointer<UInt8>) {
        func put(_ byte: UInt32) {
            writer.pointee = UInt8(truncatingIfNeeded: byte)
            writer += 1
        }
        switch value {
        case 0..<0x80: put(value)
        case 0x80..<0x800:
            put(0xC0 | value >> 6)
            put(0x80 | value & 0x3F)
        case 0x800..<0x10000:
            put(0xE0 | value >> 12)
            put(0x80 | value >> 6 & 0x3F)
            put(0x80 | value & 0x3F)
        default:
            put(0xF0 | value >> 18)
            put(0x80 | value >> 12 & 0x3F)
            put(0x80 | value >> 6 & 0x3F)
            put(0x80 | value & 0x3F)
        }
    }
}
