internal import Glibc

extension String {
    /// The text without leading and trailing scalars of the Unicode property White_Space.
    ///
    /// Works on scalars: a combining mark behind a blank does not hide the blank.
    public var trimmed: String {
        let isDone = utf8.withContiguousStorageIfAvailable { bytes in
            guard let first = bytes.first, let last = bytes.last else { return true }
            // Bytes above '!' and below 0x80 are scalars of their own, and none of them is blank.
            return (0x21..<0x80).contains(first) && (0x21..<0x80).contains(last)
        }
        if isDone == true { return self }
        let scalars = unicodeScalars
        guard let start = scalars.firstIndex(where: { !$0.isBlank }),
            let end = scalars.lastIndex(where: { !$0.isBlank })
        else { return "" }
        if start == startIndex, scalars.index(after: end) == endIndex { return self }
        return String(String.UnicodeScalarView(scalars[start...end]))
    }

    /// Whether nothing is left of the text when it is trimmed.
    public var isBlank: Bool {
        if let first = utf8.first, (0x21..<0x80).contains(first) { return false }
        return unicodeScalars.allSatisfy(\.isBlank)
    }
}

extension Substring {
    /// The text without leading and trailing scalars of the Unicode property White_Space.
    public var trimmed: String { String(self).trimmed }
}

extension Unicode.Scalar {
    /// Whether the scalar has the Unicode property White_Space.
    @inlinable public var isBlank: Bool {
        switch value {
        case 0x20, 0x09...0x0D: true
        case 0..<0x85: false
        // The rest of White_Space, which Unicode has closed; a test compares every scalar.
        case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}

/// Searches that look at bytes; `String`'s own look at Characters and miss what a combining mark
/// follows.
public enum ByteSearch {
    /// Whether the text holds the part, byte for byte.
    public static func contains(_ text: String, _ part: String) -> Bool {
        var text = text
        var part = part
        return text.withUTF8 { text in part.withUTF8 { contains(text, $0) } }
    }

    static func contains(_ text: UnsafeBufferPointer<UInt8>, _ part: StaticString) -> Bool {
        contains(
            text, UnsafeBufferPointer(start: part.utf8Start, count: part.utf8CodeUnitCount))
    }

    /// Whether the bytes hold the part.
    static func contains(
        _ text: UnsafeBufferPointer<UInt8>, _ part: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard let wanted = part.baseAddress, let first = part.first else { return true }
        guard var place = text.baseAddress else { return false }
        let end = place + text.count
        while end - place >= part.count {
            guard let hit = memchr(place, Int32(first), end - place - part.count + 1) else {
                return false
            }
            place = UnsafePointer(hit.assumingMemoryBound(to: UInt8.self))
            if memcmp(place, wanted, part.count) == 0 { return true }
            place += 1
        }
        return false
    }

    /// Whether the text begins with the part, byte for byte.
    public static func hasPrefix(_ text: String, _ part: String) -> Bool {
        text.utf8.starts(with: part.utf8)
    }
}
