internal import LeadKit

/// A JSON value whose members keep the order written, made from Swift literals.
indirect enum SchemaNode: Sendable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([SchemaNode])
    case object([(name: String, value: SchemaNode)])

    /// Lines of at most this many characters stay on one line.
    private static let lineWidth = 96

    /// The object with more members behind its own; other values stay as they are.
    func adding(_ name: String, _ value: SchemaNode) -> SchemaNode {
        guard case .object(let members) = self else { return self }
        return .object(members + [(name, value)])
    }

    /// The value as JSON for people: what fits on a line stays on it.
    func pretty(indent: Int = 0) -> String {
        let short = compact
        if short.utf8.count + indent <= SchemaNode.lineWidth { return short }
        let inner = String(repeating: " ", count: indent + 2)
        let outer = String(repeating: " ", count: indent)
        switch self {
        case .list(let nodes):
            let lines = nodes.map { inner + $0.pretty(indent: indent + 2) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
        case .object(let members):
            let lines = members.map {
                inner + SchemaNode.quoted($0.name) + ": " + $0.value.pretty(indent: indent + 2)
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
        default: return short
        }
    }

    private var compact: String {
        switch self {
        case .text(let text): SchemaNode.quoted(text)
        case .number(let number): String(number)
        case .flag(let flag): flag ? "true" : "false"
        case .list(let nodes): "[" + nodes.map(\.compact).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.map { SchemaNode.quoted($0.name) + ": " + $0.value.compact }
                .joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return writer.text
    }
}

extension SchemaNode: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .flag(value) }
    init(arrayLiteral elements: SchemaNode...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, SchemaNode)...) {
        self = .object(elements.map { (name: $0.0, value: $0.1) })
    }
}
