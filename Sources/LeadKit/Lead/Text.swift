extension StringProtocol {
    /// The text without leading and trailing scalars of the Unicode property White_Space.
    ///
    /// Works on scalars: a combining mark behind a blank does not hide the blank.
    public var trimmed: String {
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.isBlank }),
            let last = scalars.lastIndex(where: { !$0.isBlank })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }
}

extension Unicode.Scalar {
    /// Whether the scalar has the Unicode property White_Space.
    @inlinable public var isBlank: Bool {
        if value < 0x80 { return value == 0x20 || (value >= 0x09 && value <= 0x0D) }
        return properties.isWhitespace
    }
}

/// Searches that look at bytes; `String`'s own look at Characters and miss what a combining mark
/// follows.
public enum ByteSearch {
    /// Whether the text holds the part, byte for byte.
    public static func contains(_ text: String, _ part: String) -> Bool {
        let text = Array(text.utf8)
        let part = Array(part.utf8)
        guard !part.isEmpty else { return true }
        guard text.count >= part.count else { return false }
        for start in 0...(text.count - part.count)
        where text[start] == part[0] && text[start..<(start + part.count)].elementsEqual(part) {
            return true
        }
        return false
    }

    /// Whether the text begins with the part, byte for byte.
    public static func hasPrefix(_ text: String, _ part: String) -> Bool {
        text.utf8.starts(with: part.utf8)
    }
}
