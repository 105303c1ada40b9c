internal import LeadKit

/// Under `match: all` a drop counts only when every decision is one.
struct DropCheck {
    let subject: LintSubject

    /// The most pairs of routes of one level that are compared.
    private static let pairsMax = 500

    func run(_ problems: inout SettingProblems) {
        let (ruleSet, tree) = (subject.ruleSet, subject.tree)
        for level in tree.levels where level.match == .all {
            let nodes = level.nodes.filter { !tree.nodes[$0].isOff }
            let drops = nodes.filter { tree.nodes[$0].route.drop != nil }
            let others = nodes.filter { !tree.nodes[$0].route.to.isEmpty }
            guard !drops.isEmpty, drops.count * others.count <= DropCheck.pairsMax else { continue }
            for drop in drops {
                for other in others where report(drop, other, ruleSet, tree, &problems) { break }
            }
        }
    }

    private func report(
        _ drop: Int, _ other: Int, _ ruleSet: RuleSet, _ tree: RouteTree,
        _ problems: inout SettingProblems
    ) -> Bool {
        let conditions = (tree.path(to: drop) + [other]).compactMap {
            tree.nodes[$0].route.condition
        }
        var search = RouteSearch(ruleSet, tree, past: drop)
        guard
            case .witness(let lead) = search.find(
                conditions.map { Goal(condition: $0, side: .yes) })
        else { return false }
        let (dropping, sending) = (tree.nodes[drop].route, tree.nodes[other].route)
        guard Proof(ruleSet).isSent(lead, although: dropping.name, by: sending.name) else {
            return false
        }
        problems.warning(
            "drop-without-effect", at: dropping.position,
            "'\(dropping.name)' drops a lead that '\(sending.name)' sends: under 'match: all' it is sent",
            help:
                "put the drop into a list under 'match: first' above, or exclude such leads in '\(sending.name)'",
            note: "the lead \(lead.description) is sent")
        return true
    }
}
