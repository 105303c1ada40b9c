internal import LeadKit

/// A text in a `TextArena`.
struct TextRange {
    var start: Int32
    var count: Int32
}

/// The values of one lead as comparisons see them: their bytes, one behind the other.
///
/// Nearly all values have only scalars below U+0300, which are in NFC already: they are trimmed and
/// folded on their bytes, without making a `String`. The others go through `Normalization`.
struct TextArena: ~Copyable {
    /// What a text is made of.
    enum Form: UInt8 {
        case ascii
        /// Scalars below U+0300: of one or two bytes.
        case latin
        case other
    }

    // Whole words are read and written, up to seven bytes behind a text.
    private static let slack = 16

    private var bytes = Scratch<UInt8>(count: 4096, filler: 0)
    private var count = 0
    private let latin = LatinFolding.table

    /// Forgets all texts.
    mutating func clear() { count = 0 }

    /// Appends a text as comparisons see it, trimmed and in NFC; of a blank one nothing is left.
    mutating func append(_ text: String) -> (range: TextRange, form: Form) {
        if let known = text.utf8.withContiguousStorageIfAvailable({ appendLatin($0) }),
            let known
        {
            return known
        }
        return (append(bytesOf: Normalization.value(text)), .other)
    }

    /// Appends the text folded; the same text when that changes nothing.
    mutating func fold(_ range: TextRange, _ form: Form) -> TextRange {
        switch form {
        case .ascii: foldASCII(range)
        case .latin: foldLatin(range)
        case .other: append(bytesOf: Normalization.folded(string(range)))
        }
    }

    /// The text as a `String`.
    func string(_ range: TextRange) -> String {
        String(
            decoding: UnsafeBufferPointer(start: address(range), count: Int(range.count)),
            as: UTF8.self)
    }

    /// Where the bytes of a text lie, until another is appended.
    @inline(__always) func address(_ range: TextRange) -> UnsafePointer<UInt8> {
        UnsafePointer(bytes.address(Int(range.start)))
    }

    private mutating func append(bytesOf text: String) -> TextRange {
        let start = count
        bytes.reserve(count + text.utf8.count + TextArena.slack)
        for byte in text.utf8 {
            bytes[count] = byte
            count += 1
        }
        return TextRange(start: Int32(start), count: Int32(count - start))
    }
}

// Copying.
extension TextArena {
    /// Nil when a scalar is U+0300 or above.
    private mutating func appendLatin(
        _ source: UnsafeBufferPointer<UInt8>
    ) -> (range: TextRange, form: Form)? {
        guard let base = source.baseAddress else {
            return (TextRange(start: 0, count: 0), .ascii)
        }
        let (start, end) = TextArena.trimmed(base, source.count)
        let length = end - start
        bytes.reserve(count + length + TextArena.slack)
        let target = bytes.address(count)
        let all = TextArena.copy(base + start, to: target, count: length)
        var form = Form.ascii
        if all & 0x8080_8080_8080_8080 != 0 {
            // Of the bytes of UTF-8 only those that begin a scalar from U+0300 on are above 0xCB.
            for index in 0..<length where target[index] > 0xCB { return nil }
            form = .latin
        }
        let range = TextRange(start: Int32(count), count: Int32(length))
        count += length
        return (range, form)
    }

    /// The part without White_Space below U+0300 at its ends: the ASCII ones, U+0085 and U+00A0.
    private static func trimmed(
        _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> (start: Int, end: Int) {
        var (start, end) = (0, count)
        while start < end {
            if isBlank(bytes[start]) {
                start += 1
            } else if bytes[start] == 0xC2, isLatinBlank(bytes[start + 1]) {
                start += 2
            } else {
                break
            }
        }
        while start < end {
            if isBlank(bytes[end - 1]) {
                end -= 1
            } else if isLatinBlank(bytes[end - 1]), bytes[end - 2] == 0xC2 {
                end -= 2
            } else {
                break
            }
        }
        return (start, end)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
    private static func isLatinBlank(_ byte: UInt8) -> Bool { byte == 0x85 || byte == 0xA0 }

    /// Copies in words, and answers all bytes or-ed.
    private static func copy(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int
    ) -> UInt64 {
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(target)
        var all: UInt64 = 0
        var index = 0
        while index + 8 <= count {
            let word = (from + index).loadUnaligned(as: UInt64.self)
            all |= word
            (to + index).storeBytes(of: word, as: UInt64.self)
            index += 8
        }
        while index < count {
            all |= UInt64(source[index])
            target[index] = source[index]
            index += 1
        }
        return all
    }
}

// Folding.
extension TextArena {
    private mutating func foldASCII(_ range: TextRange) -> TextRange {
        bytes.reserve(count + Int(range.count) + TextArena.slack)
        let from = UnsafeRawPointer(address(range))
        let to = UnsafeMutableRawPointer(bytes.address(count))
        var capitals: UInt64 = 0
        var index = 0
        while index < Int(range.count) {
            let word = (from + index).loadUnaligned(as: UInt64.self)
            // The bytes behind the text may be any; what they become is never looked at.
            let known = word & 0x7F7F_7F7F_7F7F_7F7F
            let fromA = known &+ 0x3F3F_3F3F_3F3F_3F3F
            let aboveZ = known &+ 0x2525_2525_2525_2525
            let found = fromA & ~aboveZ & 0x8080_8080_8080_8080
            capitals |= found
            (to + index).storeBytes(of: word | found >> 2, as: UInt64.self)
            index += 8
        }
        guard capitals != 0 else { return range }
        let folded = TextRange(start: Int32(count), count: range.count)
        count += Int(range.count)
        return folded
    }

    private mutating func foldLatin(_ range: TextRange) -> TextRange {
        // Two bytes become three at most.
        bytes.reserve(count + Int(range.count) * 3 / 2 + TextArena.slack)
        let source = address(range)
        let start = count
        var index = 0
        while index < Int(range.count) {
            let byte = source[index]
            index += 1
            if byte < 0x80 {
                bytes[count] = byte &- 0x41 < 26 ? byte | 0x20 : byte
                count += 1
                continue
            }
            let scalar = Int(byte & 0x1F) << 6 | Int(source[index] & 0x3F)
            index += 1
            let folded = latin[scalar - 0x80]
            for place in 0..<Int(folded.count) {
                bytes[count] = UInt8(truncatingIfNeeded: folded.bytes >> (UInt32(place) * 8))
                count += 1
            }
        }
        return TextRange(start: Int32(start), count: Int32(count - start))
    }
}

/// What each scalar from U+0080 to U+02FF folds to. Neighbours do not matter: of a text of such
/// scalars, folded one by one and put into NFC one by one, the whole is in NFC.
enum LatinFolding {
    struct Folded: Sendable {
        /// The first byte is the lowest.
        var bytes: UInt32
        var count: UInt8
    }

    static let table: [Folded] = (UInt32(0x80)..<0x300).map { value in
        guard let scalar = Unicode.Scalar(value) else { return Folded(bytes: 0, count: 0) }
        let text = Normalization.folded(String(scalar))
        var bytes: UInt32 = 0
        for (place, byte) in text.utf8.enumerated() { bytes |= UInt32(byte) << (UInt32(place) * 8) }
        return Folded(bytes: bytes, count: UInt8(text.utf8.count))
    }
}
