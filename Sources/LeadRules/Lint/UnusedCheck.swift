internal import LeadKit

/// Names that something defines and nothing uses.
struct UnusedCheck {
    let subject: LintSubject

    private var ruleSet: RuleSet { subject.ruleSet }

    func run(_ problems: inout SettingProblems) {
        let targets = self.targets
        checkSinks(targets, &problems)
        checkPools(targets, &problems)
        checkSchedules(&problems)
        checkConditions(&problems)
        checkTables(&problems)
        checkDedupe(&problems)
    }

    /// Every target that some route, the default, or a pool names.
    private var targets: Set<Target> {
        var result: Set<Target> = []
        for node in subject.tree.nodes {
            result.formUnion(node.route.to + node.route.alsoTo)
            result.formUnion(node.route.holdUntil?.then ?? [])
        }
        if case .to(let targets) = ruleSet.fallback { result.formUnion(targets) }
        for pool in ruleSet.pools.values {
            result.formUnion(pool.members.map(\.target))
            if case .fallback(let targets) = pool.whenNobody { result.formUnion(targets) }
        }
        return result
    }

    private func checkPools(_ targets: Set<Target>, _ problems: inout SettingProblems) {
        let used = Set(targets.compactMap(\.pool))
        for entry in subject.merged.named["pools"] ?? [] where !used.contains(entry.name) {
            problems.warning(
                "unused-pool", at: entry.place, "no route sends anything to the pool '\(entry.name)'",
                help: "name it in a route ('to: {pool: \(entry.name)}'), or remove it")
        }
    }

    private func checkSchedules(_ problems: inout SettingProblems) {
        var used = Set(subject.tree.nodes.compactMap(\.route.holdUntil?.schedule))
        for case .schedule(let number) in ruleSet.names { used.insert(number) }
        for pool in ruleSet.pools.values { used.formUnion(pool.members.compactMap(\.schedule)) }
        for (number, schedule) in ruleSet.schedules.enumerated() where !used.contains(number) {
            guard let place = subject.place("schedules", schedule.name) else { continue }
            problems.warning(
                "unused-schedule", at: place, "nothing asks for the schedule '\(schedule.name)'",
                help: "ask 'schedule.\(schedule.name): open' in a route, or remove it")
        }
    }

    private func checkSinks(_ targets: Set<Target>, _ problems: inout SettingProblems) {
        var used = Set(targets.map(\.sink))
        for sink in subject.configuration.sinks { used.formUnion(sink.options.onFailure) }
        for entry in subject.merged.named["sinks"] ?? [] where !used.contains(entry.name) {
            problems.warning(
                "unused-sink", at: entry.place, "no route sends anything to the sink '\(entry.name)'",
                help: "name it in a route ('to: [\(entry.name)]'), or remove it")
        }
    }

    private func checkConditions(_ problems: inout SettingProblems) {
        var used: Set<Int> = []
        for node in subject.tree.nodes { node.route.condition?.forEachUse { used.insert($0) } }
        for (_, condition) in ruleSet.conditions { condition.forEachUse { used.insert($0) } }
        for (number, (name, _)) in ruleSet.conditions.enumerated() where !used.contains(number) {
            guard let place = subject.place("conditions", name) else { continue }
            problems.warning(
                "unused-condition", at: place, "nothing uses the condition '\(name)'",
                help: "write 'use: \(name)' in a route, or remove it")
        }
    }

    private func checkTables(_ problems: inout SettingProblems) {
        var used = Set(ruleSet.expectations.map(\.table))
        func use(_ name: Name?) {
            if case .column(let table, _)? = name { used.insert(table) }
        }
        func use(_ test: Test) {
            use(ruleSet.names[test.slot])
            for case .inTable(let table) in test.onValue { used.insert(table) }
            for case .notInTable(let table) in test.onField { used.insert(table) }
        }
        for node in subject.tree.nodes { node.route.condition?.forEachTest(use) }
        for (_, condition) in ruleSet.conditions { condition.forEachTest(use) }
        for table in ruleSet.tables { use(table.match) }
        for name in ruleSet.dedupe?.names ?? [] { use(name) }
        for template in subject.templates { for name in template.names { use(name) } }
        for (number, table) in ruleSet.tables.enumerated() where !used.contains(number) {
            guard let place = subject.place("tables", table.name) else { continue }
            problems.warning(
                "unused-table", at: place, "nothing looks into the table '\(table.name)'",
                help: "ask for '\(table.name).COLUMN' or 'in_table: \(table.name)', or remove it")
        }
    }

    /// `dedupe` drops nothing by itself, which is easily forgotten.
    private func checkDedupe(_ problems: inout SettingProblems) {
        guard ruleSet.dedupe != nil, let entry = subject.merged.single["dedupe"] else { return }
        let name = Name.attribute(.isDuplicate)
        var isUsed = subject.templates.contains { $0.names.contains(name) }
        func look(_ test: Test) { if ruleSet.names[test.slot] == name { isUsed = true } }
        for node in subject.tree.nodes { node.route.condition?.forEachTest(look) }
        for (_, condition) in ruleSet.conditions { condition.forEachTest(look) }
        guard !isUsed else { return }
        problems.warning(
            "unused-dedupe", at: entry.place,
            "'dedupe' drops nothing by itself, and no route asks for 'lead.is_duplicate'",
            help: "add a route such as {id: duplicates, when: {lead.is_duplicate: true}, drop: duplicate}"
        )
    }
}
