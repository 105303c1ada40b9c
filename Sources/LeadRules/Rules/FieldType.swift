internal import LeadKit

/// The types that `fields:` can give to a field; `valid:` checks them.
enum FieldType: String, Sendable, CaseIterable {
    case text, number, date, time, email, phone, url, zip

    /// Whether the value (trimmed, NFC) is well-formed for the type.
    func isWellFormed(_ value: String) -> Bool {
        switch self {
        case .text: true
        case .number: ExactNumber(value) != nil
        case .date: value.utf8.count == 10 && Timestamp(dateOrTime: value) != nil
        case .time: Timestamp(value) != nil
        case .email: FieldType.isAddress(value)
        case .phone: FieldType.isPhone(value)
        case .url: FieldType.isURL(value)
        case .zip: FieldType.isZip(value)
        }
    }

    /// RFC 5321 Mailbox without quoting, comments and address literals; the local part may be
    /// non-ASCII (RFC 6531). At most 254 bytes; the domain has a dot.
    static func isAddress(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        guard bytes.count <= 254, let at = bytes.firstIndex(of: 0x40), at > 0, at <= 64,
            bytes.lastIndex(of: 0x40) == at
        else { return false }
        let atoms = bytes[..<at].split(separator: 0x2E, omittingEmptySubsequences: false)
        let special = Array("!#$&'*+-/=?^_`{|}~%".utf8)
        guard
            atoms.allSatisfy({ atom in
                !atom.isEmpty
                    && atom.allSatisfy { isAlphanumeric($0) || special.contains($0) || $0 >= 0x80 }
            })
        else { return false }
        let labels = bytes[(at + 1)...].split(separator: 0x2E, omittingEmptySubsequences: false)
        return labels.count >= 2 && labels.allSatisfy(isLabel)
    }

    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        guard let first = label.first, let last = label.last, label.count <= 63 else {
            return false
        }
        return first != 0x2D && last != 0x2D
            && label.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 >= 0x80 }
    }

    /// 7 to 15 digits (E.164 allows 15), an optional leading `+`, and blanks, dots, hyphens,
    /// slashes and parentheses between them.
    static func isPhone(_ value: String) -> Bool {
        var digits = 0
        for (index, byte) in value.utf8.enumerated() {
            switch byte {
            case 0x30...0x39: digits += 1
            case 0x2B where index == 0: continue
            case 0x20, 0x28, 0x29, 0x2D, 0x2E, 0x2F: continue
            default: return false
            }
        }
        return (7...15).contains(digits)
    }

    /// `http://` or `https://`, a host, and neither blanks nor control characters.
    static func isURL(_ value: String) -> Bool {
        let lower = Normalization.folded(value)
        guard
            let scheme = ["https://", "http://"].first(where: { ByteSearch.hasPrefix(lower, $0) })
        else { return false }
        let rest = Array(lower.utf8.dropFirst(scheme.utf8.count))
        guard let first = rest.first, isAlphanumeric(first) || first == 0x5B || first >= 0x80 else {
            return false
        }
        return !value.unicodeScalars.contains { $0.isBlank || $0.value < 0x20 || $0.value == 0x7F }
    }

    /// 3 to 10 ASCII letters and digits, with single blanks or hyphens between them.
    static func isZip(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        guard (3...10).contains(bytes.count), let first = bytes.first, let last = bytes.last,
            isAlphanumeric(first), isAlphanumeric(last)
        else { return false }
        return Swift.zip(bytes, bytes.dropFirst()).allSatisfy { byte, next in
            isAlphanumeric(byte) || ((byte == 0x20 || byte == 0x2D) && isAlphanumeric(next))
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
