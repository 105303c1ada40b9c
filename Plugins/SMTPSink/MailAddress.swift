/// One mail address: `local@domain` in ASCII, nothing else (RFC 5321 §4.1.2, dot-string only).
///
/// What is not one is refused and never cleaned: quotes, comments, `%`, `!`, address literals and
/// a leading hyphen mean something to some mail program. Works on bytes.
struct MailAddress: Equatable, Sendable {
    let text: String

    init?(_ text: String) {
        let bytes = text.utf8
        guard bytes.count <= 254 else { return nil }
        let parts = bytes.split(separator: 0x40, omittingEmptySubsequences: false)
        guard parts.count == 2, MailAddress.isLocal(Array(parts[0])),
            MailAddress.isDomain(Array(parts[1]))
        else { return nil }
        self.text = text
    }

    /// What stands behind the `@`.
    var domain: String {
        String(decoding: text.utf8.drop { $0 != 0x40 }.dropFirst(), as: UTF8.self)
    }

    private static func isLocal(_ bytes: [UInt8]) -> Bool {
        guard bytes.count <= 64, bytes.first != 0x2D else { return false }
        return bytes.split(separator: 0x2E, omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty
                && atom.allSatisfy { isAlphanumeric($0) || "#$&'*+-/=?^_`{|}~".utf8.contains($0) }
        }
    }

    private static func isDomain(_ bytes: [UInt8]) -> Bool {
        if bytes.elementsEqual("localhost".utf8) { return true }
        let labels = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard labels.count >= 2, let last = labels.last,
            !last.allSatisfy({ (0x30...0x39).contains($0) })
        else { return false }
        return labels.allSatisfy { label in
            !label.isEmpty && label.count <= 63 && label.first != 0x2D && label.last != 0x2D
                && label.allSatisfy { isAlphanumeric($0) || $0 == 0x2D }
        }
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

/// A sender: an address and perhaps a name.
struct Mailbox: Equatable, Sendable {
    let name: String
    let address: MailAddress

    /// Reads `address`, `<address>` or `Name <address>`; the name may stand in double quotes.
    init?(_ text: String) {
        let bytes = Array(text.trimmedASCII.utf8)
        guard bytes.last == 0x3E, let open = bytes.lastIndex(of: 0x3C) else {
            guard let address = MailAddress(text.trimmedASCII) else { return nil }
            self.init(name: "", address: address)
            return
        }
        var name = String(decoding: bytes[..<open], as: UTF8.self).trimmedASCII
        if name.utf8.count >= 2, name.utf8.first == 0x22, name.utf8.last == 0x22 {
            name = String(decoding: name.utf8.dropFirst().dropLast(), as: UTF8.self)
        }
        guard
            let address = MailAddress(
                String(decoding: bytes[(open + 1)..<(bytes.count - 1)], as: UTF8.self)),
            name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && !"<>\"\\".utf8.contains($0) })
        else { return nil }
        self.init(name: name, address: address)
    }

    private init(name: String, address: MailAddress) {
        self.name = name
        self.address = address
    }
}

extension String {
    /// Without blanks at both ends.
    fileprivate var trimmedASCII: String {
        let bytes = Array(utf8)
        guard let first = bytes.firstIndex(where: { $0 != 0x20 }),
            let last = bytes.lastIndex(where: { $0 != 0x20 })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }
}
