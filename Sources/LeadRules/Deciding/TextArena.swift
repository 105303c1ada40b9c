internal import LeadKit

/// A text in a `TextArena`.
struct TextRange {
    var start: Int32
    var count: Int32
}

/// The values of one lead as comparisons see them: their bytes, one behind the other.
///
/// Values that are ASCII, nearly all, are trimmed and folded on their bytes without making a
/// `String`; the others go through `Normalization`.
struct TextArena {
    private var bytes = [UInt8](repeating: 0, count: 1024)
    private var count = 0

    /// Forgets all texts.
    mutating func clear() { count = 0 }

    /// Appends a text as comparisons see it, trimmed and in NFC; nil when nothing is left.
    mutating func append(_ text: String) -> (range: TextRange, isASCII: Bool)? {
        let range = text.utf8.withContiguousStorageIfAvailable { appendASCII($0) }
        if let range, let range { return range.count > 0 ? (range, true) : nil }
        let value = Normalization.value(text)
        return value.isEmpty ? nil : (append(bytesOf: value), false)
    }

    /// Appends the text folded; the same text when that changes nothing.
    mutating func fold(_ range: TextRange, isASCII: Bool) -> TextRange {
        guard isASCII else { return append(bytesOf: Normalization.folded(string(range))) }
        let count = Int(range.count)
        reserve(count)
        let start = self.count
        bytes.withUnsafeMutableBufferPointer { buffer in
            for index in 0..<count {
                let byte = buffer[Int(range.start) + index]
                buffer[start + index] = byte &- 0x41 < 26 ? byte | 0x20 : byte
            }
        }
        self.count += count
        return TextRange(start: Int32(start), count: range.count)
    }

    /// The text as a `String`.
    func string(_ range: TextRange) -> String {
        withBytes(range) {
            String(decoding: UnsafeBufferPointer(start: $0, count: $1), as: UTF8.self)
        }
    }

    /// Calls `body` with the bytes of a text and their number.
    func withBytes<Result>(
        _ range: TextRange, _ body: (UnsafePointer<UInt8>, Int) -> Result
    ) -> Result {
        bytes.withUnsafeBufferPointer { buffer in
            // The arena always has room for more, so it has an address.
            body(buffer.baseAddress.unsafelyUnwrapped + Int(range.start), Int(range.count))
        }
    }

    /// Nil when a byte is not ASCII.
    private mutating func appendASCII(_ source: UnsafeBufferPointer<UInt8>) -> TextRange? {
        var start = 0
        var end = source.count
        while start < end, TextArena.isBlank(source[start]) { start += 1 }
        while start < end, TextArena.isBlank(source[end - 1]) { end -= 1 }
        reserve(end - start)
        var all: UInt8 = 0
        let target = count
        bytes.withUnsafeMutableBufferPointer { buffer in
            for index in start..<end {
                all |= source[index]
                buffer[target + index - start] = source[index]
            }
        }
        guard all < 0x80 else { return nil }
        count += end - start
        return TextRange(start: Int32(target), count: Int32(end - start))
    }

    private mutating func append(bytesOf text: String) -> TextRange {
        let start = count
        reserve(text.utf8.count)
        for byte in text.utf8 {
            bytes[count] = byte
            count += 1
        }
        return TextRange(start: Int32(start), count: Int32(count - start))
    }

    private mutating func reserve(_ more: Int) {
        let needed = count + more + 1
        guard needed > bytes.count else { return }
        bytes += [UInt8](repeating: 0, count: max(needed, bytes.count))
    }

    /// The ASCII scalars with the property White_Space.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
}
