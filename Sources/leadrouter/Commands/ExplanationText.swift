import LeadKit
import LeadRules

/// An explanation as a tree that a store owner can read.
enum ExplanationText {
    static func lines(_ explanation: Explanation) -> [String] {
        lines(explanation.routes) + explanation.pools.flatMap(\.lines).map { "  " + $0 }
    }

    static func lines(_ routes: [RouteTrace]) -> [String] {
        routes.flatMap { route($0, indent: "  ") }
    }

    static func lines(_ condition: ConditionTrace, indent: String) -> [String] {
        self.condition(condition, indent: indent)
    }

    private static func route(_ route: RouteTrace, indent: String) -> [String] {
        let name = route.name.split(separator: "/").last.map(String.init) ?? route.name
        var head = "\(indent)\(name): \(answer(route))"
        if route.truth == .yes, !route.effect.isEmpty { head += ", \(route.effect)" }
        if let note = route.note { head += "  # \(note)" }
        var lines = [Diagnostic.printable(head)]
        if let hold = route.hold { lines.append("\(indent)  hold_until: \(hold)") }
        if let condition = route.condition {
            lines += self.condition(condition, indent: indent + "  ")
        }
        for child in route.routes { lines += self.route(child, indent: indent + "  ") }
        return lines
    }

    /// A route is taken on yes only; why a condition could not be answered stands with its parts.
    private static func answer(_ route: RouteTrace) -> String {
        if route.isDisabled { return "off" }
        return switch route.truth {
        case .yes: "yes"
        case .no: "no"
        case .unknown: "cannot be said, so no"
        }
    }

    /// `car_make is 'honda', asked for Honda: yes`
    private static func condition(_ condition: ConditionTrace, indent: String) -> [String] {
        let answer =
            switch condition.truth {
            case .yes: "yes"
            case .no: "no"
            case .unknown: condition.reason ?? "cannot be said"
            }
        let line = "\(indent)\(question(condition)): \(answer)"
        return [line] + condition.parts.flatMap { self.condition($0, indent: indent + "  ") }
    }

    private static func question(_ condition: ConditionTrace) -> String {
        guard let name = condition.name, let values = condition.values else {
            return Console.shown(condition.text)
        }
        let shown = values.map { "'\(HiddenCharacters.revealed(Console.shown($0)))'" }.joined(
            separator: ", ")
        let asked = String(
            decoding: condition.text.utf8.dropFirst(name.utf8.count + 1), as: UTF8.self)
        return Console.shown(name) + " is \(values.isEmpty ? "missing" : shown), asked for "
            + HiddenCharacters.revealed(Console.shown(OperatorText.inWords(asked)))
    }
}

/// Operators as they are written, in words: `at_least 20000` is 'at least 20000'.
enum OperatorText {
    /// `at_least 20000, below 30000` as 'at least 20000, less than 30000'.
    static func inWords(_ written: String) -> String {
        var groups: [(word: String, rest: String)] = []
        for part in written.split(separator: ", ", omittingEmptySubsequences: false) {
            let word = String(part.prefix { $0 != " " })
            if part.contains(" "), words(word, "") != nil || modifiers[word] != nil {
                groups.append((word, String(part.dropFirst(word.count + 1))))
            } else if groups.isEmpty {
                return written
            } else {
                // A comma within what the operator is followed by.
                groups[groups.count - 1].rest += ", " + part
            }
        }
        return groups.compactMap { word, rest in
            modifiers[word].map { $0[rest] ?? "\(word) \(rest)" } ?? words(word, bare(rest))
        }.joined(separator: ", ")
    }

    private static let modifiers: [String: [String: String]] = [
        "every": ["true": "for every value", "false": "for some value"],
        "exact": ["true": "in this case", "false": "in any case"],
        "or_missing": ["true": "or nothing", "false": "and not nothing"],
        "exists": ["true": "any value", "false": "no value"],
        "valid": ["true": "a well-formed value", "false": "a malformed value"],
    ]

    private static func words(_ word: String, _ rest: String) -> String? {
        let choices = rest.replacing(", ", with: " or ")
        return switch word {
        case "equals": rest
        case "in": "one of \(rest)"
        case "not_equals": "anything but \(rest)"
        case "not_in": "none of \(rest)"
        case "in_table": "a key of table \(rest)"
        case "not_in_table": "no key of table \(rest)"
        case "starts_with": "a text that starts with \(choices)"
        case "ends_with": "a text that ends with \(choices)"
        case "contains": "a text that contains \(choices)"
        case "matches": "a text like \(rest)"
        case "search": "a text with a part like \(rest)"
        case "above": "more than \(rest)"
        case "at_least": "at least \(rest)"
        case "below": "less than \(rest)"
        case "at_most": "at most \(rest)"
        case "between": "between \(rest.replacing(", ", with: " and "))"
        case "before": "a time before \(rest)"
        case "after": "a time after \(rest)"
        default: nil
        }
    }

    /// A list without its brackets.
    private static func bare(_ text: String) -> String {
        let bytes = text.utf8
        guard bytes.first == 0x5B, bytes.last == 0x5D else { return text }
        return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
    }
}
