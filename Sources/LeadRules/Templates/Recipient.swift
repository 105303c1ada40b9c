internal import LeadKit

/// What a setting that is one mail address may be (RFC 5321 §4.1.2, dot-string only).
///
/// A sink may be stricter; what is refused here no sink for mail takes.
enum Recipient {
    static func isAddress(_ text: String) -> Bool {
        let text = text.trimmed
        guard text.utf8.first != 0x2D,
            text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x25 && $0 != 0x21 })
        else { return false }
        // The one name without a dot that mail goes to.
        let isLocal = text.utf8.reversed().starts(with: "@localhost".utf8.reversed())
        return FieldType.isAddress(isLocal ? text + ".test" : text)
    }

    /// How to mend a text without tags that is no address; nil when it is one, or is blank.
    static func help(for text: String) -> String? {
        let text = text.trimmed
        guard !text.isEmpty, !isAddress(text) else { return nil }
        let bytes = Array(text.utf8)
        if bytes.first == 0x7B, bytes.last == 0x7D {
            let name = String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self).trimmed
            return "write \"{{\(name)}}\" with two braces"
        }
        if bytes.filter({ $0 == 0x40 }).count > 1 {
            return "a sink has one recipient: make one sink for each, and let the route send "
                + "'to: [SINK, SINK]'"
        }
        return "write an address such as leads@example.com; the name of a sink belongs under 'to:' "
            + "of a route"
    }
}
