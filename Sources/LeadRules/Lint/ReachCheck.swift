internal import LeadKit

/// What conditions mean together: conditions that nothing meets, routes that no lead reaches,
/// texts of a list that an earlier route takes, drops that have no effect.
struct ReachCheck {
    let subject: LintSubject

    var ruleSet: RuleSet { subject.ruleSet }
    var tree: RouteTree { subject.tree }

    /// The most earlier routes among which the needed ones are singled out.
    private static let singledOutMax = 24

    func run(_ problems: inout SettingProblems) {
        let impossible = checkNamed(&problems)
        for level in tree.levels.indices { checkLevel(level, impossible, &problems) }
        DropCheck(subject: subject).run(&problems)
    }

    /// Named conditions that nothing meets; answers their numbers.
    private func checkNamed(_ problems: inout SettingProblems) -> Set<Int> {
        var result: Set<Int> = []
        for (number, (name, condition)) in ruleSet.conditions.enumerated() {
            guard isContradiction(condition), let place = subject.place("conditions", name) else {
                continue
            }
            result.insert(number)
            report(condition, at: place, of: "condition '\(name)'", &problems)
        }
        return withUsers(result)
    }

    /// The same, with the named conditions that use one of them, directly or not.
    private func withUsers(_ conditions: Set<Int>) -> Set<Int> {
        var result = conditions
        var count = -1
        while count != result.count {
            count = result.count
            guard count > 0 else { break }
            for (number, (_, condition)) in ruleSet.conditions.enumerated()
            where uses(result, condition) {
                result.insert(number)
            }
        }
        return result
    }

    private func isContradiction(_ condition: Condition) -> Bool {
        // One comparison with a literal that any lead can have needs no search.
        if case .test(let test) = condition, test.isSolelyOneOf,
            case .field = ruleSet.names[test.slot]
        {
            return false
        }
        var search = RouteSearch(ruleSet, tree)
        if case .closed = search.find([Goal(condition: condition, side: .yes)]) { return true }
        return false
    }

    /// Names the tests that are impossible by themselves, or else the condition as a whole.
    private func report(
        _ condition: Condition, at place: Position, of what: String,
        _ problems: inout SettingProblems
    ) {
        var isPlaced = false
        condition.forEachTest { test in
            guard isContradiction(.test(test)) else { return }
            isPlaced = true
            problems.warning(
                "contradiction", at: test.position,
                "no lead meets '\(test.name): \(test.text)'", help: help(for: test))
        }
        guard !isPlaced else { return }
        problems.warning(
            "contradiction", at: place,
            "no lead meets the whole \(what): its parts contradict each other",
            help: "for alternatives write them as a list under 'any:', or all texts in one list")
    }

    private func help(for test: Test) -> String? {
        switch ruleSet.names[test.slot] {
        case .column(let table, let column):
            for case .isOneOf(let set) in test.onValue {
                let cells = Set(
                    ruleSet.tables[table].rows.lazy.map { Normalization.value($0[column]) }
                        .filter { !$0.isEmpty })
                guard ruleSet.tables[table].match != nil else {
                    return "the table has no 'match', so that no lead selects a row"
                }
                return Nearest.help(for: set.texts[0], among: cells)
                    ?? "no row of the table has this text in the column"
            }
            return "no row of the table has such a text in the column"
        case .attribute(.isDuplicate) where ruleSet.dedupe == nil:
            return "add 'dedupe: {by: [email], within: 30d}': without it no lead is a duplicate"
        case .attribute(.isTest), .attribute(.isOrganic), .attribute(.isDuplicate), .consent:
            return "the value is 'true' or 'false'"
        default: return "correct one of the values, or remove one of the operators"
        }
    }
}

// Routes.
extension ReachCheck {
    private func checkLevel(
        _ number: Int, _ impossible: Set<Int>, _ problems: inout SettingProblems
    ) {
        let level = tree.levels[number]
        for (order, node) in level.nodes.enumerated() {
            let route = tree.nodes[node].route
            guard !tree.nodes[node].isOff, !uses(impossible, route.condition) else { continue }
            var search = RouteSearch(ruleSet, tree, past: node)
            switch search.find(goals(node)) {
            case .open: continue
            case .witness(let lead):
                checkTexts(node, &problems)
                if lead.hasSeveralValues { checkSeveral(node, lead, &problems) }
            case .closed:
                guard !parentIsClosed(node) else { continue }
                if reportClosed(node, search.takers, &problems) { continue }
                // Everything behind a route that takes every lead is one finding.
                reportRest(level.nodes[order...], of: search.takers, &problems)
                return
            }
        }
    }

    private func uses(_ conditions: Set<Int>, _ condition: Condition?) -> Bool {
        guard !conditions.isEmpty, let condition else { return false }
        var result = false
        condition.forEachUse {
            if conditions.contains($0) { result = true }
        }
        return result
    }

    /// The conditions of the route and of those above it.
    func goals(_ node: Int) -> [Goal] {
        tree.path(to: node).compactMap { tree.nodes[$0].route.condition }
            .map { Goal(condition: $0, side: .yes) }
    }

    /// Whether the route above is never reached itself, which is reported there.
    private func parentIsClosed(_ node: Int) -> Bool {
        guard let parent = tree.nodes[node].parent else { return false }
        var search = RouteSearch(ruleSet, tree, past: parent)
        if case .closed = search.find(goals(parent)) { return true }
        return false
    }

    /// Reports a route that no lead reaches; false when one route takes every lead, so that all
    /// that follow are alike.
    private func reportClosed(
        _ node: Int, _ takers: Set<Taker>, _ problems: inout SettingProblems
    ) -> Bool {
        let route = tree.nodes[node].route
        if let condition = route.condition, isContradiction(condition) {
            report(condition, at: route.position, of: "condition of '\(route.name)'", &problems)
            return true
        }
        var alone = RouteSearch(ruleSet, tree)
        if case .closed = alone.find(goals(node)) {
            if asksForBlankCells(route.condition) { return true }
            problems.warning(
                "never-reached", at: route.position,
                "the route '\(route.name)' is never reached: its condition contradicts that of the route above it",
                help: "correct one of the conditions, or move the route out")
            return true
        }
        let needed = singledOut(takers, node)
        if needed.count == 1, let only = needed.first, self.route(only).alwaysDecides {
            return only.level != tree.nodes[node].level
                ? reportTaken(node, by: needed, &problems) : false
        }
        return reportTaken(node, by: needed, &problems)
    }

    /// Whether the condition is for rows without a cell, which the table has none of today.
    private func asksForBlankCells(_ condition: Condition?) -> Bool {
        var result = false
        condition?.forEachTest { test in
            guard case .column(let table, let column) = ruleSet.names[test.slot] else { return }
            for case .exists(false) in test.onField
            where ruleSet.tables[table].rows.allSatisfy({ !$0[column].trimmed.isEmpty }) {
                result = true
            }
        }
        condition?.forEachUse {
            if asksForBlankCells(ruleSet.conditions[$0].condition) { result = true }
        }
        return result
    }

    private func reportTaken(
        _ node: Int, by takers: [Taker], _ problems: inout SettingProblems
    ) -> Bool {
        let route = tree.nodes[node].route
        let names = takers.map { self.route($0).name }
        problems.warning(
            "never-reached", at: route.position,
            "the route '\(route.name)' is never reached: \(Listing.quoted(names)) "
                + (names.count == 1 ? "takes" : "take") + " every such lead first",
            help: names.count == 1
                ? "move it before '\(names[0])', or remove it"
                : "move it before these routes, or remove it")
        return true
    }

    private func reportRest(
        _ nodes: ArraySlice<Int>, of takers: Set<Taker>, _ problems: inout SettingProblems
    ) {
        guard let first = nodes.first, let taker = singledOut(takers, first).first else { return }
        let rest = nodes.filter { !tree.nodes[$0].isOff }.map { tree.nodes[$0].route.name }
        problems.warning(
            "never-reached", at: tree.nodes[first].route.position,
            "\(rest.count == 1 ? "the route" : "the routes") \(Listing.quoted(rest)) "
                + "\(rest.count == 1 ? "is" : "are") never reached: '\(route(taker).name)' takes every lead",
            help: "move '\(route(taker).name)' to the end of the list")
    }

    private func route(_ taker: Taker) -> Route {
        tree.nodes[tree.levels[taker.level].nodes[taker.order]].route
    }

    /// Those of the earlier routes that already suffice to take everything, in order.
    private func singledOut(_ takers: Set<Taker>, _ node: Int) -> [Taker] {
        var needed = takers
        let sorted = takers.sorted { ($0.level, $0.order) < ($1.level, $1.order) }
        guard takers.count <= ReachCheck.singledOutMax else { return sorted }
        for taker in sorted.reversed() {
            var search = RouteSearch(
                ruleSet, tree, past: node, only: needed.subtracting([taker]))
            if case .closed = search.find(goals(node)) { needed.remove(taker) }
        }
        return sorted.filter(needed.contains)
    }

    /// A route that only a lead with several values in one answer reaches.
    private func checkSeveral(
        _ node: Int, _ lead: LintLead, _ problems: inout SettingProblems
    ) {
        var search = RouteSearch(ruleSet, tree, past: node, isSingle: true)
        let route = tree.nodes[node].route
        guard case .closed = search.find(goals(node)),
            Proof(ruleSet).takes(lead, route: route.name)
        else { return }
        var alone = RouteSearch(ruleSet, tree, isSingle: true)
        var message =
            "only a lead with several values in one answer reaches the route '\(route.name)'"
        var help = "for alternatives write all texts in one list: 'field: [TEXT, TEXT]'"
        if case .witness = alone.find(goals(node)) {
            let takers = search.takers.sorted { ($0.level, $0.order) < ($1.level, $1.order) }
            let names = takers.map { self.route($0).name }
            message +=
                ": \(Listing.quoted(names)) \(names.count == 1 ? "takes" : "take") the others first"
            help =
                names.count == 1
                ? "move it before '\(names[0])', or remove it"
                : "move it before these routes, or remove it"
        }
        problems.warning(
            "several-values", at: route.position, message, help: help,
            note: "such a lead is \(lead.description)")
    }
}
