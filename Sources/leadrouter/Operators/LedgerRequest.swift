import LeadKit
import LeadStore

extension LedgerOrders {
    /// The body of an order, read strictly: a name that is misspelt must not widen it.
    struct Request {
        /// What every order that names rows takes.
        static let skipUnknown = "skip_unknown"

        /// Ids or keys, each once.
        var names: [String] = []
        /// Numbers of rows, each once.
        var rows: [Int64] = []
        var filter: [Parameter] = []
        var flags: Set<String> = []
        var by = "api"
        var reason = ""
        var isConfirmed = false

        init(
            _ body: [UInt8], names namesKey: String, flags known: [String], takesRows: Bool = false
        ) throws(BadRequest) {
            for (name, value) in try JSONBody.object(body).members {
                switch name {
                case namesKey: names = try Request.texts(value, name)
                case "rows" where takesRows: rows = try Request.numbers(value, name)
                case "filter": filter = try Request.parameters(value)
                case "by": by = try Request.text(value, name)
                case "reason": reason = try Request.text(value, name)
                case "yes": isConfirmed = try Request.bool(value, name)
                case let name where known.contains(name):
                    if try Request.bool(value, name) { flags.insert(name) }
                default:
                    let all =
                        [namesKey] + (takesRows ? ["rows"] : []) + ["filter"] + known + [
                            "by", "reason", "yes",
                        ]
                    throw BadRequest(
                        description: "unknown member '\(name)'; there are "
                            + all.joined(separator: ", "))
                }
            }
        }

        func order(at milliseconds: Int64) -> Order {
            Order(by: by, reason: reason, atMilliseconds: milliseconds)
        }

        static func both(_ names: String) -> BadRequest {
            BadRequest(description: "give \(names) or a filter, not both")
        }

        static func neither(_ what: String, _ example: String) -> BadRequest {
            BadRequest(
                description: "name \(what), or say which by a filter such as \(example)")
        }

        private static func texts(
            _ value: JSONValue, _ name: String
        ) throws(BadRequest) -> [String] {
            let texts = value.elements.compactMap(\.string)
            guard value.kind == .array, texts.count == value.elements.count,
                texts.count <= LedgerOrders.namesMax
            else {
                throw BadRequest(
                    description: "'\(name)' needs a list of at most \(LedgerOrders.namesMax) texts")
            }
            // One that is named twice is meant once.
            var seen: Set<[UInt8]> = []
            return texts.filter { seen.insert(Array($0.utf8)).inserted }
        }

        private static func numbers(
            _ value: JSONValue, _ name: String
        ) throws(BadRequest) -> [Int64] {
            let numbers = value.elements.compactMap(\.integer).filter { (1..<Int.max).contains($0) }
            guard value.kind == .array, numbers.count == value.elements.count,
                numbers.count <= LedgerOrders.namesMax
            else {
                throw BadRequest(
                    description: "'\(name)' needs a list of at most \(LedgerOrders.namesMax) "
                        + "numbers from 1")
            }
            return Set(numbers).sorted().map { Int64($0) }
        }

        private static func parameters(_ value: JSONValue) throws(BadRequest) -> [Parameter] {
            guard value.kind == .object else {
                throw BadRequest(description: "'filter' needs an object of texts")
            }
            var result: [Parameter] = []
            for (name, value) in value.members { result.append((name, try text(value, name))) }
            return result
        }

        private static func text(_ value: JSONValue, _ name: String) throws(BadRequest) -> String {
            guard let text = value.string else {
                throw BadRequest(description: "'\(name)' needs a text")
            }
            return text
        }

        private static func bool(_ value: JSONValue, _ name: String) throws(BadRequest) -> Bool {
            guard let bool = value.bool else {
                throw BadRequest(description: "'\(name)' needs true or false")
            }
            return bool
        }
    }
}
