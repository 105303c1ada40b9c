internal import LeadKit

/// Finds literals and table keys that differ from what the lead says only in case, leading zeros,
/// blanks or marks: mostly a mistake of the form or of the rule.
struct NearMiss {
    let ruleSet: RuleSet
    let evaluator: Evaluator

    /// The most hints for one condition.
    static let countMax = 3

    func hints(_ condition: Condition?) -> [String] {
        guard let condition else { return [] }
        var hints: [String] = []
        forEachUnmetTest(in: condition) { test in
            for value in evaluator.view.values(slot: test.slot) {
                for hint in self.hints(test, value) where !hints.contains(hint) {
                    hints.append(hint)
                }
            }
        }
        return Array(hints.prefix(NearMiss.countMax))
    }

    private func forEachUnmetTest(in condition: Condition, _ body: (Test) -> Void) {
        guard evaluator.truth(condition) != .yes else { return }
        switch condition {
        case .all(let parts), .any(let parts):
            for part in parts { forEachUnmetTest(in: part, body) }
        case .not(let part): forEachSchedule(in: part, body)
        case .use(let number):
            forEachUnmetTest(in: ruleSet.conditions[number].condition, body)
        case .test(let test): body(test)
        }
    }

    /// Inside `not` a test that holds is in the way; of a schedule no lead can change it.
    private func forEachSchedule(in condition: Condition, _ body: (Test) -> Void) {
        condition.forEachTest { test in
            if case .schedule = ruleSet.names[test.slot] { body(test) }
        }
        condition.forEachUse { forEachSchedule(in: ruleSet.conditions[$0].condition, body) }
    }

    private func hints(_ test: Test, _ value: Value) -> [String] {
        if case .schedule(let number) = ruleSet.names[test.slot] {
            let name = ruleSet.schedules[number].name
            return [
                "the schedule '\(name)' is \(value.exact) at \(evaluator.view.now.text), whatever the "
                    + "lead says"
            ]
        }
        return test.onValue.flatMap { op -> [String] in
            switch op {
            case .isOneOf(let set):
                return set.texts.compactMap { text in
                    NearMiss.difference(value.exact, text).map {
                        "the rule asks for '\(text)', the lead says '\(value.exact)': "
                            + "they differ only in \($0)"
                    }
                }
            case .inTable(let number):
                let table = ruleSet.tables[number]
                guard table.index[value.exact] == nil else { return [] }
                return table.index.keys.sorted().compactMap { key in
                    NearMiss.difference(value.exact, key).map {
                        "table '\(table.name)' has the key '\(key)', the lead says "
                            + "'\(value.exact)': they differ only in \($0)"
                    }
                }
            default: return []
            }
        }
    }

    /// What alone tells them apart; nil when they are the same, or differ otherwise.
    static func difference(_ a: String, _ b: String) -> String? {
        guard !a.utf8.elementsEqual(b.utf8) else { return nil }
        let everything = loose(a)
        guard !everything.isEmpty, everything == loose(b) else { return nil }
        let steps: [(String, (String) -> String)] = [
            ("case", { Normalization.folded($0) }), ("blanks or marks", withoutMarks),
            ("leading zeros", withoutZeros),
        ]
        for (name, step) in steps where step(a) == step(b) { return name }
        return "case, zeros, blanks or marks"
    }

    private static func loose(_ text: String) -> String {
        withoutZeros(withoutMarks(Normalization.folded(text)))
    }

    private static func withoutZeros(_ text: String) -> String {
        String(decoding: text.utf8.drop { $0 == 0x30 }, as: UTF8.self)
    }

    /// Letters and digits only.
    private static func withoutMarks(_ text: String) -> String {
        let kept = text.unicodeScalars.filter {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
        }
        return String(String.UnicodeScalarView(kept))
    }
}
