internal import LeadKit

/// Looks at the texts that conditions compare with: what looks like a pattern, a number compared
/// as text, a text that the field's type or table cannot hold.
struct LiteralCheck {
    let written: WrittenRules
    let now: Timestamp

    private static let equality: Set = ["equals", "in", "not_equals", "not_in"]
    private static let textOperators = equality.union(["starts_with", "ends_with", "contains"])

    func run(_ problems: inout SettingProblems) {
        let keys = NearKeys(tables: written.tables)
        for test in written.tests {
            if LiteralCheck.textOperators.contains(test.op) {
                for literal in test.literals { checkPatternMarks(test, literal, &problems) }
                checkRepeats(test, &problems)
            }
            if LiteralCheck.equality.contains(test.op) {
                for literal in test.literals {
                    checkType(test, literal, &problems)
                    checkKey(test, literal, keys, &problems)
                }
            }
            if test.op == "before" { checkPast(test, &problems) }
        }
    }

    private func checkPatternMarks(
        _ test: WrittenTest, _ literal: SettingNode, _ problems: inout SettingProblems
    ) {
        guard let text = literal.text?.trimmed, let mark = PatternMarks.first(in: text) else {
            return
        }
        let help: String
        switch mark {
        case .slashes(let pattern):
            guard !LiteralCheck.isOfPaths(test.shown) else { return }
            help = "for a regular expression write 'search: \(pattern)'"
        case .star(let beginning) where test.op == "equals" || test.op == "in":
            help = "for texts that begin so write 'starts_with: \(beginning)'"
        default: help = "for a regular expression write 'matches: \(text)' or 'search: \(text)'"
        }
        problems.warning(
            "pattern-as-text", at: literal.position,
            "'\(text)' looks like a pattern, and '\(test.op)' compares it as it stands", help: help)
    }

    /// Whether the field is named as one that holds paths such as '/honda/'.
    private static func isOfPaths(_ name: String) -> Bool {
        ["page", "path", "url", "uri", "link", "referrer"].contains {
            ByteSearch.contains(Normalization.folded(name), $0)
        }
    }

    private func checkRepeats(_ test: WrittenTest, _ problems: inout SettingProblems) {
        guard test.literals.count > 1 else { return }
        var seen: [String: String] = [:]
        for literal in test.literals {
            guard let text = literal.text else { continue }
            let value = Normalization.value(text)
            let compared = test.isExact ? value : Normalization.folded(value)
            if let first = seen.updateValue(text, forKey: compared) {
                problems.warning(
                    "repeated-text", at: literal.position,
                    first == text
                        ? "'\(text)' stands twice in this list"
                        : "'\(text)' says the same as '\(first)' in this list",
                    help: "remove one of them")
            }
        }
    }

    private func checkType(
        _ test: WrittenTest, _ literal: SettingNode, _ problems: inout SettingProblems
    ) {
        guard let type = test.field?.type, let text = literal.text.map(Normalization.value),
            !text.isEmpty
        else { return }
        if type == .number, ExactNumber(text) != nil {
            problems.warning(
                "number-as-text", at: literal.position,
                "'\(test.op)' compares text: '\(text)' is not equal to '\(text).0' or '+\(text)'",
                help: "to compare numbers write 'between: [\(text), \(text)]'")
        } else if !type.isWellFormed(text) {
            problems.warning(
                "impossible-text", at: literal.position,
                "'\(text)' is not a well-formed \(type.rawValue), which '\(test.shown)' is by 'fields:'",
                help: "correct the text, or the type of the field")
        }
    }

    private func checkKey(
        _ test: WrittenTest, _ literal: SettingNode, _ keys: NearKeys,
        _ problems: inout SettingProblems
    ) {
        guard let text = literal.text.map(Normalization.value), !text.isEmpty else { return }
        for (table, isExpected) in written.keyTables[test.name] ?? [] {
            let name = written.tables[table].name
            guard written.tables[table].index[text] == nil else { continue }
            if let key = keys.near(text, in: table) {
                problems.warning(
                    "near-key", at: literal.position,
                    "'\(text)' is no key of table '\(name)', which has '\(key)'",
                    help: "write '\(key)': keys of tables are compared exactly")
                return
            }
            if isExpected {
                problems.warning(
                    "no-such-key", at: literal.position,
                    "'\(text)' is no key of table '\(name)', which 'expect_in' names",
                    help: "add the row to the table, or remove the text")
                return
            }
        }
    }

    private func checkPast(_ test: WrittenTest, _ problems: inout SettingProblems) {
        switch test.name {
        case .attribute(.createdTime), .attribute(.receivedTime): break
        default: return
        }
        guard let literal = test.literals.first, let text = literal.text,
            let limit = Timestamp(dateOrTime: text), limit < now
        else { return }
        problems.warning(
            "past-date", at: literal.position,
            "'\(text.trimmed)' is past: no new lead comes before it",
            help: "remove the condition, or the route, when its time is over")
    }
}

/// Signs of a regular expression or wildcard in a text that is compared as it stands.
enum PatternMarks {
    enum Mark {
        /// A star behind a beginning.
        case star(beginning: String)
        /// Slashes around it, perhaps with an 'i' behind.
        case slashes(pattern: String)
        /// Anything else.
        case expression
    }

    static func first(in text: String) -> Mark? {
        let bytes = Array(text.utf8)
        guard bytes.count > 1 else { return nil }
        let signs = [
            ".*", ".+", "\\d", "\\w", "\\s", "\\b", "\\.", "(?i)", "[a-z]", "[0-9]", "[A-Z]",
        ]
        if let pattern = betweenSlashes(bytes) { return .slashes(pattern: pattern) }
        if signs.contains(where: { ByteSearch.contains(text, $0) }) { return .expression }
        if bytes.first == 0x5E { return .expression }
        if bytes.last == 0x24, bytes.first == 0x28 || bytes[bytes.count - 2] == 0x29 {
            return .expression
        }
        if bytes.last == 0x2A, bytes[bytes.count - 2] != 0x2A, bytes[bytes.count - 2] != 0x20 {
            return .star(beginning: String(decoding: bytes.dropLast(), as: UTF8.self))
        }
        if bytes.first == 0x2A, bytes[1] != 0x2A, bytes[1] != 0x20 { return .expression }
        return hasAlternatives(bytes) ? .expression : nil
    }

    /// `/honda/` and `/honda/i`; a path of several folders is none.
    private static func betweenSlashes(_ bytes: [UInt8]) -> String? {
        let isFolded = bytes.last == 0x69
        let end = bytes.count - (isFolded ? 2 : 1)
        guard end > 1, bytes[0] == 0x2F, bytes[end] == 0x2F, !bytes[1..<end].contains(0x2F) else {
            return nil
        }
        return (isFolded ? "(?i)" : "") + String(decoding: bytes[1..<end], as: UTF8.self)
    }

    /// `a|b` without blanks around the bar: forms write their choices with blanks.
    private static func hasAlternatives(_ bytes: [UInt8]) -> Bool {
        bytes.indices.dropFirst().dropLast().contains { index in
            bytes[index] == 0x7C && bytes[index - 1] > 0x20 && bytes[index + 1] > 0x20
        }
    }
}

/// Finds keys that differ from a text only in case, leading zeros or blanks.
final class NearKeys {
    private let tables: [Table]
    private var byForm: [Int: [String: String]] = [:]

    init(tables: [Table]) { self.tables = tables }

    func near(_ text: String, in table: Int) -> String? {
        if byForm[table] == nil {
            byForm[table] = Dictionary(
                tables[table].index.keys.map { (NearKeys.form($0), $0) }, uniquingKeysWith: min)
        }
        return byForm[table]?[NearKeys.form(text)]
    }

    /// The text without case, blanks, hyphens and leading zeros.
    private static func form(_ text: String) -> String {
        let folded = Normalization.folded(text)
        let kept = folded.unicodeScalars.filter { !$0.isBlank && $0 != "-" && $0 != "_" }
        let significant = kept.drop { $0 == "0" }
        return String(String.UnicodeScalarView(significant.isEmpty ? kept[...] : significant))
    }
}
