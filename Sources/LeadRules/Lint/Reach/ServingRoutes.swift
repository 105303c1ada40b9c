internal import LeadKit

/// The routes that serve a table, by the keys that they ask for.
struct ServingRoutes {
    private var exact: [String: [Int]] = [:]
    private var folded: [String: [Int]] = [:]
    /// Those that ask for no key.
    private var general: [Int] = []

    init(_ nodes: [Int], of match: Name, _ tree: RouteTree, _ ruleSet: RuleSet) {
        for node in nodes {
            let set = tree.path(to: node).lazy.compactMap { tree.nodes[$0].route.condition }
                .compactMap { ServingRoutes.keys($0, of: match, ruleSet) }.first
            guard let set else {
                general.append(node)
                continue
            }
            for text in set.texts {
                if set.isExact {
                    exact[text, default: []].append(node)
                } else {
                    folded[text, default: []].append(node)
                }
            }
        }
    }

    func routes(for key: Value) -> [Int] {
        (exact[key.exact] ?? []) + (folded[key.folded] ?? []) + general
    }

    /// The texts of which the name must have one, so that the condition holds.
    private static func keys(
        _ condition: Condition, of name: Name, _ ruleSet: RuleSet
    ) -> TextSet? {
        switch condition {
        case .test(let test):
            guard !test.orMissing, ruleSet.names[test.slot] == name else { return nil }
            for case .isOneOf(let set) in test.onValue { return set }
            return nil
        case .all(let parts): return parts.lazy.compactMap { keys($0, of: name, ruleSet) }.first
        case .use(let number): return keys(ruleSet.conditions[number].condition, of: name, ruleSet)
        case .any, .not: return nil
        }
    }
}

/// Decides made-up leads on the tree.
struct BareLeads {
    let tree: RouteTree

    /// Whether some route sends the lead.
    func isSent(_ lead: LintLead) -> Bool { isSent(lead, level: 0) ?? false }

    /// Nil when no route of the level decides.
    private func isSent(_ lead: LintLead, level: Int) -> Bool? {
        let list = tree.levels[level]
        var result: Bool?
        for order in list.index.candidates(for: lead, before: list.nodes.count) {
            let node = tree.nodes[list.nodes[order]]
            guard lead.truth(node.route.condition) == .yes else { continue }
            var decided = node.children.flatMap { isSent(lead, level: $0) }
            if decided == nil, node.route.hasEnd { decided = node.route.drop == nil }
            guard let decided else { continue }
            if list.match == .first { return decided }
            result = (result ?? false) || decided
        }
        return result
    }
}
