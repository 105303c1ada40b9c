internal import LeadKit

// Texts that an earlier route takes.
extension ReachCheck {
    /// The most texts of one list that are looked at.
    private static let textsMax = 2_000

    func checkTexts(_ node: Int, _ problems: inout SettingProblems) {
        guard let condition = tree.nodes[node].route.condition else { return }
        for test in ReachCheck.listTests(condition) {
            guard let (set, make) = test.narrowing, set.texts.count > 1,
                set.texts.count <= ReachCheck.textsMax
            else { continue }
            for text in set.texts {
                var narrow = test
                narrow.onValue = [make(TextSet([text], isExact: set.isExact))]
                let demand = Demand(test: narrow, side: .yes)
                var search = RouteSearch(ruleSet, tree, past: node)
                guard case .closed = search.find(goals(node), demands: [demand]) else { continue }
                reportText(text, of: test, narrow, node, search.takers, &problems)
            }
        }
    }

    /// The tests that must hold whatever the alternatives.
    private static func listTests(_ condition: Condition) -> [Test] {
        switch condition {
        case .test(let test): [test]
        case .all(let parts): parts.flatMap(listTests)
        default: []
        }
    }

    private func reportText(
        _ text: String, of test: Test, _ narrow: Test, _ node: Int, _ takers: Set<Taker>,
        _ problems: inout SettingProblems
    ) {
        let demand = Demand(test: narrow, side: .yes)
        let route = tree.nodes[node].route
        var alone = RouteSearch(ruleSet, tree)
        guard case .witness(let lead) = alone.find(goals(node), demands: [demand]),
            let decided = Proof(ruleSet).decidingRoute(lead), decided != route.name
        else { return }
        problems.warning(
            "competing-routes", at: test.position,
            "'\(text)' never gets to the route '\(route.name)': '\(decided)' takes it first",
            help: "keep the text in one of the two routes, or change their order",
            note: "the lead \(lead.description) goes to '\(decided)'")
    }
}

extension Test {
    /// The list of texts that the test is about and what a test for one of them would be.
    fileprivate var narrowing: (TextSet, (TextSet) -> ValueOperator)? {
        guard onValue.count == 1, !orMissing else { return nil }
        switch onValue[0] {
        case .isOneOf(let set): return (set, { .isOneOf($0) })
        case .startsWith(let set): return (set, { .startsWith($0) })
        default: return nil
        }
    }
}
