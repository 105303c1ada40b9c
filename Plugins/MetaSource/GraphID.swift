import LeadKit

/// An id of the Graph API: decimal digits, kept as text so that none is lost.
///
/// Meta sends ids as numbers and as strings. `1.0`, `1e5`, a sign, other scripts' digits and
/// anything past 2^63 - 1 are no ids: what wrote them has damaged an id or plays games, and
/// an id becomes part of a URL.
struct GraphID: Hashable, Sendable {
    let text: String

    init?(_ text: String) {
        let digits = text.utf8
        guard digits.count <= 19, let first = digits.first, first != 0x30,
            digits.allSatisfy(\.isDigit), Int64(text) != nil
        else { return nil }
        self.text = text
    }

    init?(_ value: JSONValue?) {
        guard let value, value.kind == .string || value.kind == .number,
            let text = value.scalarText
        else { return nil }
        self.init(text)
    }

    /// Whether it is one digit over and over, as in the sample that the app dashboard's Test button
    /// sends (`444444444444`).
    var isRepeatedDigit: Bool {
        text.utf8.count >= 9 && text.utf8.allSatisfy { $0 == text.utf8.first }
    }
}
