internal import LeadKit

/// Tables and what depends on their rows: keys that no route serves, rows for which a sink has no
/// recipient, addresses that are not encrypted.
struct TableCheck {
    let subject: LintSubject

    private var ruleSet: RuleSet { subject.ruleSet }
    private var tree: RouteTree { subject.tree }

    /// The most rows of a table that are searched for thoroughly.
    private static let rowsMax = 300

    func run(_ problems: inout SettingProblems) {
        for table in ruleSet.tables.indices { checkServed(table, &problems) }
        checkRecipients(&problems)
    }

    /// What a lead must say to select a row, and nothing else.
    private func selecting(_ key: String, of match: Name) -> [Name: [Demand]] {
        let test = Test(
            slot: 0, name: "", onValue: [.isOneOf(TextSet([key], isExact: true))], onField: [],
            every: true, orMissing: false, text: "", position: Position(file: ""))
        return [match: [Demand(test: test, side: .yes)]]
    }

    private func goals(_ node: Int) -> [Goal] {
        tree.path(to: node).compactMap { tree.nodes[$0].route.condition }
            .map { Goal(condition: $0, side: .yes) }
    }
}

// Keys that no route serves.
extension TableCheck {
    private func checkServed(_ table: Int, _ problems: inout SettingProblems) {
        guard let match = ruleSet.tables[table].match, let place = place(of: table) else { return }
        // Routes that ask for the key or the row are for the table's stores.
        let serving = tree.nodes.indices.filter { node in
            !tree.nodes[node].isOff && !tree.nodes[node].route.to.isEmpty
                && tree.path(to: node).contains { asks($0, table, match) }
        }
        guard !serving.isEmpty else { return }
        let keys = ruleSet.tables[table].keys
        let bare = BareLeads(tree: tree)
        let suspects = keys.indices.filter { row in
            !bare.isSent(LintLead(ruleSet: ruleSet, values: [match: [keys[row]]]))
        }
        let unserved = suspects.prefix(TableCheck.rowsMax).filter { row in
            !mayBeServed(keys[row], match, serving)
        }
        guard let first = unserved.first else { return }
        let rowPlace = Position(
            file: ruleSet.tables[table].file, line: ruleSet.tables[table].lines[first], column: 1)
        let isAll = suspects.count <= TableCheck.rowsMax
        problems.warning(
            "unserved-key", at: rowPlace.file.isEmpty ? place : rowPlace,
            "no route sends anything to \(Listing.quoted(unserved.map { keys[$0] })) of table '\(ruleSet.tables[table].name)'"
                + (isAll ? "" : " (looked at \(TableCheck.rowsMax) rows)"),
            help: "add a route for \(unserved.count == 1 ? "it" : "them"), or remove the row")
    }

    private func place(of table: Int) -> Position? {
        subject.place("tables", ruleSet.tables[table].name)
    }

    /// Whether the route itself asks for the table's key or a column.
    private func asks(_ node: Int, _ table: Int, _ match: Name) -> Bool {
        var result = false
        func look(_ condition: Condition) {
            condition.forEachTest { test in
                let name = ruleSet.names[test.slot]
                if name == match { result = true }
                if case .column(table, _) = name { result = true }
            }
            condition.forEachUse { look(ruleSet.conditions[$0].condition) }
        }
        if let condition = tree.nodes[node].route.condition { look(condition) }
        return result
    }

    private func mayBeServed(_ key: String, _ match: Name, _ serving: [Int]) -> Bool {
        guard serving.count <= TableCheck.rowsMax else { return true }
        return serving.contains { node in
            var search = RouteSearch(ruleSet, tree, past: node)
            if case .closed = search.find(goals(node), demands: selecting(key, of: match)) {
                return false
            }
            return true
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

// Sinks without a recipient.
extension TableCheck {
    private func checkRecipients(_ problems: inout SettingProblems) {
        for template in subject.templates where template.template.isRequired {
            let columns = template.names.compactMap { name -> (table: Int, column: Int)? in
                if case .column(let table, let column) = name { return (table, column) }
                return nil
            }
            for table in Set(columns.map(\.table)).sorted() {
                let needed = columns.filter { $0.table == table }.map(\.column)
                checkRecipients(of: template, table, needed, &problems)
            }
        }
    }

    private func checkRecipients(
        of template: NamedTemplate, _ table: Int, _ columns: [Int],
        _ problems: inout SettingProblems
    ) {
        guard let match = ruleSet.tables[table].match else { return }
        let rows = ruleSet.tables[table].rows
        let blank = rows.indices.filter { row in columns.contains { rows[row][$0].trimmed.isEmpty } }
        guard !blank.isEmpty else { return }
        let keys = ruleSet.tables[table].keys
        let name = template.template.name
        var found: [String] = []
        var by: [String] = []
        for row in blank.prefix(TableCheck.rowsMax) {
            let demands = selecting(keys[row], of: match)
            guard let route = routeWithoutRecipient(template, demands) else { continue }
            found.append(keys[row])
            if !by.contains(route) { by.append(route) }
        }
        guard !found.isEmpty else { return }
        problems.warning(
            "missing-recipient", at: template.template.position,
            "'\(name)' of '\(template.sink)' is blank for \(Listing.quoted(found)) of table '\(ruleSet.tables[table].name)', and "
                + "\(Listing.quoted(by)) \(by.count == 1 ? "sends" : "send") them there",
            help: "fill the cell, or ask for it in the route: '\(ruleSet.tables[table].name).\(ruleSet.tables[table].columns[columns[0]]): {exists: true}'"
        )
    }

    /// A route that sends a lead of this row to the sink, where the setting then is blank.
    private func routeWithoutRecipient(
        _ template: NamedTemplate, _ demands: [Name: [Demand]]
    ) -> String? {
        for (number, node) in tree.nodes.enumerated() where !node.isOff {
            let targets = (node.route.to + node.route.alsoTo).filter { $0.sink == template.sink }
            guard !targets.isEmpty else { continue }
            var search = RouteSearch(ruleSet, tree, past: number)
            guard case .witness(let lead) = search.find(goals(number), demands: demands),
                targets.contains(where: { isBlank(template.template.name, $0, lead, node.route) })
            else { continue }
            return node.route.name
        }
        return nil
    }

    private func isBlank(
        _ setting: String, _ target: Target, _ lead: LintLead, _ route: Route
    ) -> Bool {
        let context = RenderContext(
            lead: lead.lead, isDuplicate: lead.isDuplicate,
            deliveryID: String(repeating: "0", count: 64), route: route.name)
        do {
            _ = try ruleSet.render(target, of: context)
            return false
        } catch {
            if case .blank(let name) = error.cause { return name == setting }
            return false
        }
    }
}
