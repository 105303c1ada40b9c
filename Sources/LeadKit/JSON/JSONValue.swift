/// One value of a parsed JSON text. It keeps the text it came from alive.
public struct JSONValue: Sendable {
    /// What a value is.
    public enum Kind: Sendable {
        /// One of the six kinds of RFC 8259, `true` and `false` apart.
        case null, `false`, `true`, number, string, array, object
    }

    private let document: JSONDocument
    private let index: Int

    init(document: JSONDocument, index: Int) {
        self.document = document
        self.index = index
    }

    /// Looks at the value in place.
    func withCursor<R, E>(_ body: (JSONCursor) throws(E) -> R) throws(E) -> R {
        try document.withCursor(at: index, body)
    }

    /// What the value is.
    public var kind: Kind { withCursor { $0.kind } }

    /// The text of a string; nil for any other kind.
    public var string: String? { withCursor { $0.kind == .string ? $0.text : nil } }

    /// The text of a string, a number as it was written, or `true`/`false`; nil for the rest.
    public var scalarText: String? { withCursor { $0.scalarText } }

    /// The value of a boolean; nil for any other kind.
    public var bool: Bool? { withCursor { $0.bool } }

    /// A whole number that was written without point or exponent and fits; else nil.
    public var integer: Int? { withCursor { $0.kind == .number ? Int($0.text) : nil } }

    /// The elements of an array; empty for any other kind.
    public var elements: [JSONValue] {
        withCursor { cursor in
            var result: [JSONValue] = []
            result.reserveCapacity(cursor.kind == .array ? cursor.count : 0)
            cursor.forEachElement { result.append(value(at: $0)) }
            return result
        }
    }

    /// The members of an object in the order written; empty for any other kind.
    public var members: [(name: String, value: JSONValue)] {
        withCursor { cursor in
            var result: [(name: String, value: JSONValue)] = []
            result.reserveCapacity(cursor.kind == .object ? cursor.count : 0)
            cursor.forEachMember { result.append(($0.text, value(at: $1))) }
            return result
        }
    }

    /// The member of that name; nil when there is none or the value is no object.
    public subscript(name: String) -> JSONValue? {
        var name = name
        return name.withUTF8 { name in withCursor { cursor in cursor.member(name).map(value) } }
    }

    private func value(at cursor: JSONCursor) -> JSONValue {
        JSONValue(document: document, index: cursor.index)
    }
}
