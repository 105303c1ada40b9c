internal import LeadKit

/// Conditions that ask the same.
struct SameConditionCheck {
    let subject: LintSubject

    private var ruleSet: RuleSet { subject.ruleSet }

    func run(_ problems: inout SettingProblems) {
        checkNamed(&problems)
        for node in subject.tree.nodes {
            if let condition = node.route.condition { checkParts(condition, &problems) }
        }
        for (_, condition) in ruleSet.conditions { checkParts(condition, &problems) }
        for level in subject.tree.levels where level.match == .all {
            checkSiblings(level, &problems)
        }
    }

    private func checkNamed(_ problems: inout SettingProblems) {
        var seen: [String: String] = [:]
        for (name, condition) in ruleSet.conditions {
            guard let first = seen.updateValue(name, forKey: signature(condition)),
                let place = subject.place("conditions", name)
            else { continue }
            problems.warning(
                "same-condition", at: place,
                "the conditions '\(first)' and '\(name)' ask the same",
                help: "keep one of them, or write '\(name): {use: \(first)}'")
        }
    }

    /// The same part twice in one map or list.
    private func checkParts(_ condition: Condition, _ problems: inout SettingProblems) {
        switch condition {
        case .all(let parts), .any(let parts):
            var seen: Set<String> = []
            for part in parts {
                if !seen.insert(signature(part)).inserted, let place = place(of: part) {
                    problems.warning(
                        "same-condition", at: place, "this part of the condition stands here twice",
                        help: "remove one of them")
                }
                checkParts(part, &problems)
            }
        case .not(let part): checkParts(part, &problems)
        case .use, .test: return
        }
    }

    /// Under `all` both routes take the same leads; under `first` the second is never reached.
    private func checkSiblings(_ level: RouteTree.Level, _ problems: inout SettingProblems) {
        var seen: [String: String] = [:]
        for node in level.nodes where !subject.tree.nodes[node].isOff {
            let route = subject.tree.nodes[node].route
            guard let condition = route.condition, route.hasEnd else { continue }
            guard let first = seen.updateValue(route.name, forKey: signature(condition)) else {
                continue
            }
            problems.warning(
                "same-condition", at: route.position,
                "the routes '\(first)' and '\(route.name)' ask the same, and both take such leads",
                help: "make one route of them: 'to: [SINK, SINK]'")
        }
    }

    private func place(of condition: Condition) -> Position? {
        var result: Position?
        condition.forEachTest { if result == nil { result = $0.position } }
        return result
    }

    /// What makes two conditions the same: what they ask, in whatever order.
    private func signature(_ condition: Condition) -> String {
        switch condition {
        case .all(let parts): "all(" + parts.map(signature).sorted().joined(separator: ",") + ")"
        case .any(let parts): "any(" + parts.map(signature).sorted().joined(separator: ",") + ")"
        case .not(let part): "not(" + signature(part) + ")"
        case .use(let number): "use(\(number))"
        case .test(let test): signature(test)
        }
    }

    private func signature(_ test: Test) -> String {
        var text = "\(test.slot) \(test.every) \(test.orMissing) "
        guard test.onField.isEmpty, test.onValue.count == 1, case .isOneOf(let set) = test.onValue[0]
        else { return text + test.text + "\u{0}" }
        text += "\(set.isExact) " + set.texts.sorted().joined(separator: "\u{1}")
        return text + "\u{0}"
    }
}
