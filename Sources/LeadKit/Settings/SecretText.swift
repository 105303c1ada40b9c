/// Masks what looks like a secret in text that is about to be shown: a line of a file, a message,
/// an address. Errs on the side of masking: a reader can open the file.
public enum SecretText {
    /// What names of secrets have in them, in lower case.
    private static let words = [
        "password", "passwd", "passphrase", "secret", "token", "api_key", "api-key", "apikey",
        "authorization", "credential", "private_key", "access_key", "cookie",
    ].map { Array($0.utf8) }
    /// Names of an address's query that are secret as a whole.
    private static let queryNames = ["key", "sig", "signature", "auth", "code", "pw", "pass"]
        .map { Array($0.utf8) }

    /// Whether a setting or header of that name holds a secret, such as `headers.X-Api-Key`.
    public static func isName(_ name: String) -> Bool {
        let lower = name.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return words.contains { index(of: $0, in: lower, from: 0) != nil }
    }

    /// A line of a file: what stands behind the name of a secret is masked up to the line's end,
    /// unless it is `${NAME}` or `{file: PATH}`; addresses as in `addresses(in:)`.
    public static func line(_ line: String) -> String {
        let bytes = Array(line.utf8)
        let lower = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        var first: Int?
        for word in words {
            var place = 0
            while let found = index(of: word, in: lower, from: place) {
                place = found + word.count
                guard let value = valueBehind(place, lower) else { continue }
                first = min(first ?? value, value)
                break
            }
        }
        guard let first else { return addresses(in: line) }
        let kept = String(decoding: bytes[..<first], as: UTF8.self)
        return addresses(in: kept) + Secret.mask
    }

    /// Where the plain value begins behind a name that goes on at `place`.
    private static func valueBehind(_ place: Int, _ bytes: [UInt8]) -> Int? {
        var index = place
        func skip(_ isSkipped: (UInt8) -> Bool) {
            while index < bytes.count, isSkipped(bytes[index]) { index += 1 }
        }
        skip { isWord($0) }
        skip { $0 == 0x22 || $0 == 0x27 }
        skip { $0 == 0x20 || $0 == 0x09 }
        guard index < bytes.count, bytes[index] == 0x3A || bytes[index] == 0x3D else { return nil }
        index += 1
        skip { $0 == 0x20 || $0 == 0x09 }
        let rest = bytes[index...]
        let isPlain =
            !rest.isEmpty
            && !["${", "\"${", "'${", "{file:", "{ file:", "#"].contains {
                rest.starts(with: $0.utf8)
            }
        return isPlain ? index : nil
    }

    /// The text with passwords and tokens of addresses masked: `//user:PASSWORD@` and
    /// `?token=TOKEN`.
    public static func addresses(in text: String) -> String {
        let mark = Array("://".utf8)
        var bytes = Array(text.utf8)
        guard var place = index(of: mark, in: bytes, from: 0) else { return text }
        let mask = Array(Secret.mask.utf8)
        while true {
            let start = place + mark.count
            let end = bytes[start...].firstIndex { $0 <= 0x20 || $0 == 0x22 || $0 == 0x27 }
            let address = masked(Array(bytes[start..<(end ?? bytes.count)]), mask)
            bytes.replaceSubrange(start..<(end ?? bytes.count), with: address)
            guard let next = index(of: mark, in: bytes, from: start + address.count) else { break }
            place = next
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What stands behind `://`.
    private static func masked(_ address: [UInt8], _ mask: [UInt8]) -> [UInt8] {
        var address = address
        let hostEnd = address.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 }
        let host = address[..<(hostEnd ?? address.count)]
        if let at = host.lastIndex(of: 0x40), let colon = host[..<at].firstIndex(of: 0x3A),
            !isFilledIn(host[(colon + 1)..<at])
        {
            address.replaceSubrange((colon + 1)..<at, with: mask)
        }
        guard let question = address.firstIndex(of: 0x3F) else { return address }
        let parts = address[(question + 1)...].split(
            separator: 0x26, omittingEmptySubsequences: false)
        let query = parts.map { part -> [UInt8] in
            guard let equals = part.firstIndex(of: 0x3D), isSecret(name: part[..<equals]),
                equals + 1 < part.endIndex, !isFilledIn(part[(equals + 1)...])
            else { return Array(part) }
            return Array(part[...equals]) + mask
        }
        return Array(address[...question]) + query.joined(separator: [0x26])
    }

    private static func isSecret(name: ArraySlice<UInt8>) -> Bool {
        let lower = name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return queryNames.contains(lower)
            || words.contains { index(of: $0, in: lower, from: 0) != nil }
    }

    /// Whether it is read from elsewhere, or from the lead.
    private static func isFilledIn(_ value: ArraySlice<UInt8>) -> Bool {
        value.starts(with: "${".utf8) || value.starts(with: "{{".utf8)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        PercentEncoding.isAlphanumeric(byte) || byte == 0x5F || byte == 0x2D
    }

    private static func index(of word: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= word.count, start <= bytes.count - word.count else { return nil }
        for place in start...(bytes.count - word.count)
        where bytes[place] == word[0] && bytes[place..<(place + word.count)].elementsEqual(word) {
            return place
        }
        return nil
    }
}
