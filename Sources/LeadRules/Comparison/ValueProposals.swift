internal import Foundation
internal import LeadKit

/// Proposes values of one field for one test. Nothing here must be right: every proposal is tried.
struct ValueProposals {
    let ruleSet: RuleSet
    let test: Test
    /// What the lead says.
    let current: [String]
    /// Texts that the rules name for this field.
    let known: [String]

    /// The most proposals of one operator.
    static let countMax = 8
    /// What stands for "something else".
    static let other = "other"

    /// Lists of values, and whether they were made up rather than taken from rule or lead.
    func values(_ need: Need) -> [(values: [String], isInvented: Bool)] {
        var result: [(values: [String], isInvented: Bool)] = []
        switch need {
        case .yes, .notNo: result += fulfilling()
        case .no, .notYes: result += failing()
        }
        if !current.isEmpty { result.append(([], false)) }
        return result
    }

    private func fulfilling() -> [(values: [String], isInvented: Bool)] {
        var texts: [(String, Bool)] = []
        if !test.onValue.isEmpty {
            texts = ValueProposals.chain(test.onValue, from: current.first ?? "", of: self)
                .map { ($0, false) }
        }
        for op in test.onField {
            switch op {
            case .isNoneOf: texts += known.map { ($0, false) } + [(ValueProposals.other, true)]
            case .notInTable: texts.append((ValueProposals.other, true))
            case .exists(true): texts += known.map { ($0, false) } + samples(of: nil)
            case .valid(true, let type): texts += samples(of: type)
            case .valid(false, _): texts.append(("-", true))
            case .exists(false): continue
            }
        }
        return [(allowed, false)]
            + texts.flatMap { text, isInvented in
                lists(with: text).map { ($0, isInvented) }
            }
    }

    /// Of several values those that no operator of the field as a whole refuses.
    private var allowed: [String] {
        current.filter { text in
            test.onField.allSatisfy {
                $0.holds(for: [Value(text)], tables: ruleSet.tables) != .no
            }
        }
    }

    /// One value alone, or in the place of the one it is most like.
    private func lists(with text: String) -> [[String]] {
        guard current.count > 1, !test.every else { return [[text]] }
        var replaced = current
        let distances = current.map { EditDistance.between($0, text) }
        let nearest = distances.firstIndex(of: distances.min() ?? 0) ?? 0
        replaced[nearest] = text
        return [replaced, [text]]
    }

    private func failing() -> [(values: [String], isInvented: Bool)] {
        var texts: [(String, Bool)] = test.onValue.flatMap { op in
            ValueProposals.outside(op).map { ($0, false) }
        }
        for op in test.onField {
            switch op {
            case .isNoneOf(let set): texts += set.texts.prefix(4).map { ($0, false) }
            case .notInTable(let table):
                texts += ruleSet.tables[table].index.keys.sorted().prefix(4).map { ($0, false) }
            case .exists(false): texts += known.map { ($0, false) } + samples(of: nil)
            case .valid(true, _): texts.append(("-", true))
            case .valid(false, let type): texts += samples(of: type)
            case .exists(true): continue
            }
        }
        texts += known.map { ($0, false) } + [(ValueProposals.other, true)]
        let kept = current.filter { text in
            test.onValue.contains { $0.holds(for: Value(text), tables: ruleSet.tables) != .yes }
        }
        return [(kept, false)] + texts.map { ([$0.0], $0.1) }
    }

    /// Well-formed values.
    private func samples(of type: FieldType?) -> [(String, Bool)] {
        switch type {
        case .number: [("1", true)]
        case .date: [("2025-01-01", true)]
        case .time: [("2025-01-01T12:00:00Z", true)]
        case .email: [("name@example.com", true)]
        case .phone: [("2125550100", true)]
        case .url: [("https://example.com", true)]
        case .zip: [("10001", true)]
        case .text: [(ValueProposals.other, true)]
        case nil:
            if case .field = ruleSet.names[test.slot] {
                [("anything", true)]
            } else {
                [("true", true), ("1", true)]
            }
        }
    }
}

// Values that fulfil operators, or do not.
extension ValueProposals {
    /// Values that fulfil all operators: each operator changes what those before it left.
    private static func chain(
        _ operators: [ValueOperator], from value: String, of proposals: ValueProposals
    ) -> [String] {
        var values = [value]
        for op in operators {
            values = values.flatMap { value in
                op.holds(for: Value(value), tables: proposals.ruleSet.tables) == .yes
                    && !value.isEmpty ? [value] : proposals.inside(op, from: value)
            }
        }
        return Array(values.prefix(4 * countMax))
    }

    private func inside(_ op: ValueOperator, from value: String) -> [String] {
        switch op {
        case .isOneOf(let set):
            let nearest = EditDistance.nearest(
                to: set.isExact ? value : Normalization.folded(value), among: set.texts,
                count: ValueProposals.countMax)
            return set.isExact ? nearest : nearest + nearest.prefix(2).flatMap(spellings)
        case .inTable(let table):
            return EditDistance.nearest(
                to: value, among: ruleSet.tables[table].index.keys, count: ValueProposals.countMax)
        case .startsWith(let set):
            return set.texts.prefix(ValueProposals.countMax).flatMap { text in
                let rest = value.unicodeScalars.dropFirst(text.unicodeScalars.count)
                return [text + String(String.UnicodeScalarView(rest)), text + value]
            }
        case .endsWith(let set):
            return set.texts.prefix(ValueProposals.countMax).flatMap { text in
                let rest = value.unicodeScalars.dropLast(text.unicodeScalars.count)
                return [String(String.UnicodeScalarView(rest)) + text, value + text]
            }
        case .contains(let set):
            return set.texts.prefix(ValueProposals.countMax).flatMap { text in
                [text, value.isEmpty ? text : value + " " + text]
            }
        case .matches(let pattern), .search(let pattern):
            return known + PatternSample.texts(of: pattern.source)
        case .above(let limit): return ValueProposals.moved(limit, by: 1)
        case .below(let limit): return ValueProposals.moved(limit, by: -1)
        case .atLeast(let limit), .atMost(let limit): return [limit.text]
        case .between(let low, let high):
            // The nearer end.
            guard let number = ExactNumber(value) else { return [low.text, high.text] }
            return [number < low ? low.text : high.text]
        case .before(let limit): return [Timestamp(seconds: limit.seconds - 1).text]
        case .after(let limit): return [Timestamp(seconds: limit.seconds + 1).text]
        }
    }

    /// Other spellings of a text, when the name selects rows too: keys of tables are exact, so that
    /// one spelling is a key, another selects no row.
    private func spellings(_ text: String) -> [String] {
        let name = ruleSet.names[test.slot]
        let tables = ruleSet.tables.filter { $0.match == name }
        guard !tables.isEmpty else { return [] }
        let keys = tables.flatMap { table in
            table.index.keys.filter { Normalization.folded($0) == text }.sorted()
        }
        let first = text.unicodeScalars.prefix(1)
        let capital = String(first).uppercased() + String(text.unicodeScalars.dropFirst())
        return keys
            + [text.uppercased(), capital].filter {
                !keys.contains($0) && Normalization.folded(Normalization.value($0)) == text
            }
    }

    /// Values just outside what an operator takes.
    private static func outside(_ op: ValueOperator) -> [String] {
        switch op {
        case .above(let limit), .below(let limit): [limit.text]
        case .atLeast(let limit): moved(limit, by: -1)
        case .atMost(let limit): moved(limit, by: 1)
        case .between(let low, let high): moved(low, by: -1) + moved(high, by: 1)
        case .before(let limit), .after(let limit): [Timestamp(seconds: limit.seconds).text]
        default: []
        }
    }

    /// The number one more or less; nothing for numbers beyond 38 digits.
    private static func moved(_ limit: ExactNumber, by step: Int) -> [String] {
        guard let number = Decimal(string: limit.text), limit.text.utf8.count <= 30 else {
            return []
        }
        return ["\(number + Decimal(step))"]
    }
}
