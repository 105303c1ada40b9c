internal import LeadKit

/// Makes `CompiledRules` from what the parsers made.
///
/// routes → lists, with the keys of each route (`RouteKeys`) → conditions (`ConditionCompiler`) →
/// probes. Whatever is numbered is numbered here, as it is met.
struct RuleCompiler {
    /// From how many routes on a list is worth filing.
    static let filedRoutesMin = 4

    let namedConditions: [Condition]
    let tables: [Table]
    let schedules: [Schedule]
    var names: [Name]
    var slotNumbers: [Name: Int32] = [:]
    /// Probes by slot.
    var plans: [[ProbePlan]]
    var spaceCount: Int32 = 0
    var symbolCount: Int32 = 0
    var texts = TextIndex()
    var tableSpaces: [Int32?]
    var tableFirstSymbols: [Int32]
    var tableKeys: [TableKey] = []

    var steps: [Step] = []
    var tests: [CompiledTest] = []
    var checks: [Check] = []
    var symbols: [Int32] = []
    var numbers: [ExactNumber] = []
    var times: [Timestamp] = []
    var types: [FieldType] = []
    var conditionSteps: [Int32]
    var conditionKeys: [Int: [RouteKey]] = [:]

    var lists: [CompiledList] = []
    var routes: [CompiledRoute] = []
    var generic: [Int32] = []
    var keyProbes: [KeyProbe] = []
    var postings: [(symbol: Int32, posting: Posting)] = []
    var routeNames: [String] = []
    var drops: [String?] = []
    var targets: [Target] = []
    var targetNumbers: [Int32] = []
    var numbersOfTargets: [Target: Int32] = [:]
    var holds: [HoldUntil] = []
    var decisions: [Decision] = []
    var compiledFallback: CompiledFallback
    var expectations: [ExpectedKey] = []

    var flatSlots: [CompiledSlot] = []
    var flatProbes: [Probe] = []
    var lengths: [Int32] = []
    var groups: [PatternGroup] = []

    /// How often a symbol stands in the keys of the list under way.
    private var frequencies: [Int32] = []

    /// What is compiled.
    struct Source {
        /// By slot.
        var names: [Name]
        var tables: [Table]
        var schedules: [Schedule]
        var conditions: [Condition]
        var routes: RouteList
        var fallback: Fallback
        var expectations: [(name: String, table: Int)]
    }

    static func compile(_ source: Source) -> CompiledRules {
        var compiler = RuleCompiler(source)
        compiler.addTableKeys()
        _ = compiler.list(source.routes)
        compiler.setFallback(source.fallback)
        compiler.expect(source.expectations)
        compiler.flatten()
        return CompiledRules(compiler)
    }

    private init(_ source: Source) {
        namedConditions = source.conditions
        tables = source.tables
        schedules = source.schedules
        names = source.names
        plans = names.map { _ in [] }
        tableSpaces = tables.map { _ in nil }
        tableFirstSymbols = tables.map { _ in 0 }
        conditionSteps = namedConditions.map { _ in -1 }
        compiledFallback = CompiledFallback(
            targets: nil, decision: Decision(outcome: .held, routes: [], deliveries: []))
        for (number, name) in names.enumerated() { slotNumbers[name] = Int32(number) }
    }

    /// The name's slot; a new one if nothing asked for it before.
    mutating func slot(of name: Name) -> Int32 {
        if let known = slotNumbers[name] { return known }
        let slot = Int32(names.count)
        names.append(name)
        plans.append([])
        slotNumbers[name] = slot
        return slot
    }

    private mutating func addTableKeys() {
        for (number, table) in tables.enumerated() {
            guard let match = table.match else {
                tableKeys.append(TableKey(slot: -1, probe: -1, firstSymbol: 0))
                continue
            }
            let slot = slot(of: match)
            let probe = probe(of: slot, table: number)
            tableKeys.append(
                TableKey(slot: slot, probe: probe, firstSymbol: tableFirstSymbols[number]))
        }
    }

    private mutating func expect(_ expectations: [(name: String, table: Int)]) {
        for (field, table) in expectations {
            let slot = slot(of: .field(field))
            self.expectations.append(
                ExpectedKey(
                    slot: slot, probe: probe(of: slot, table: table), field: field,
                    table: tables[table].name))
        }
    }
}

// Lists and routes.
extension RuleCompiler {
    /// The list's number.
    mutating func list(_ list: RouteList) -> Int32 {
        let number = Int32(lists.count)
        let first = routes.count
        // Routes are looked at where they are: copying a hundred thousand takes its time.
        var members: [Int] = []
        for index in list.routes.indices where !list.routes[index].isDisabled {
            members.append(index)
            add(list.routes[index])
        }
        let keys = chosenKeys(list.routes, members)
        lists.append(file(keys, from: first, list: number, isFirstMatch: list.match == .first))
        for (offset, index) in members.enumerated() {
            if keys[offset]?.isCertain != true, let condition = list.routes[index].condition {
                routes[first + offset].condition = root(condition)
            }
            if let children = list.routes[index].routes {
                routes[first + offset].children = self.list(children)
            }
        }
        return number
    }

    /// Files the routes of a list, numbered from `first` on, under their keys.
    private mutating func file(
        _ keys: [RouteKey?], from first: Int, list: Int32, isFirstMatch: Bool
    ) -> CompiledList {
        var compiled = CompiledList(
            isFirstMatch: isFirstMatch, firstGeneric: Int32(generic.count), genericCount: 0,
            firstKeyProbe: Int32(keyProbes.count), keyProbeCount: 0)
        for (offset, key) in keys.enumerated() {
            let route = Int32(first + offset)
            guard let key else {
                generic.append(route)
                continue
            }
            for symbol in key.symbols {
                let posting = Posting(list: list, route: route, isCertain: key.isCertain)
                postings.append((symbol, posting))
            }
            file(route, under: key.probes, from: Int(compiled.firstKeyProbe))
        }
        compiled.genericCount = Int32(generic.count) - compiled.firstGeneric
        compiled.keyProbeCount = Int32(keyProbes.count) - compiled.firstKeyProbe
        return compiled
    }

    /// Routes come in their order, so a probe is met with its first one.
    private mutating func file(_ route: Int32, under probes: [KeyProbe], from first: Int) {
        for probe in probes
        where !keyProbes[first...].contains(where: {
            $0.slot == probe.slot && $0.probe == probe.probe
        }) {
            keyProbes.append(KeyProbe(slot: probe.slot, probe: probe.probe, firstRoute: route))
        }
    }

    private mutating func add(_ route: Route) {
        let first = Int32(targetNumbers.count)
        for target in route.alsoTo + route.to { targetNumbers.append(self.number(of: target)) }
        var compiled = CompiledRoute(
            condition: -1, children: -1, firstTarget: first, copyCount: Int32(route.alsoTo.count),
            toCount: Int32(route.to.count), decides: route.drop != nil || !route.to.isEmpty,
            hold: -1)
        decisions.append(RuleCompiler.decision(of: route))
        if let hold = route.holdUntil {
            compiled.hold = Int32(holds.count)
            holds.append(hold)
            for target in hold.then ?? [] { _ = number(of: target) }
        }
        routes.append(compiled)
        routeNames.append(route.name)
        drops.append(route.drop)
    }

    /// What the route decides when no other is reached.
    private static func decision(of route: Route) -> Decision {
        var deliveries: [PlannedDelivery] = []
        deliveries.reserveCapacity(route.to.count + route.alsoTo.count)
        for (targets, isCopy) in [(route.to, false), (route.alsoTo, true)] {
            for target in targets where !deliveries.contains(where: { $0.target == target }) {
                deliveries.append(
                    PlannedDelivery(target: target, route: route.name, isCopy: isCopy))
            }
        }
        return Decision(
            outcome: route.drop == nil ? .routed : .dropped, routes: [route.name],
            deliveries: deliveries, reason: route.drop)
    }

    private mutating func number(of target: Target) -> Int32 {
        if let known = numbersOfTargets[target] { return known }
        let number = Int32(targets.count)
        targets.append(target)
        numbersOfTargets[target] = number
        return number
    }

    private mutating func setFallback(_ fallback: Fallback) {
        switch fallback {
        case .hold(let reason):
            compiledFallback = CompiledFallback(
                targets: nil,
                decision: Decision(outcome: .held, routes: [], deliveries: [], reason: reason))
        case .to(let targets):
            var deliveries: [PlannedDelivery] = []
            for target in targets where !deliveries.contains(where: { $0.target == target }) {
                deliveries.append(
                    PlannedDelivery(target: target, route: "default", isCopy: false))
            }
            compiledFallback = CompiledFallback(
                targets: targets.map { number(of: $0) },
                decision: Decision(outcome: .default, routes: [], deliveries: deliveries))
        }
    }
}

// Keys.
extension RuleCompiler {
    /// For each member of the list the key that it is filed under; nil for generic ones.
    private mutating func chosenKeys(_ routes: [Route], _ members: [Int]) -> [RouteKey?] {
        guard members.count >= RuleCompiler.filedRoutesMin else { return members.map { _ in nil } }
        var alternatives: [[RouteKey]] = []
        alternatives.reserveCapacity(members.count)
        for index in members {
            alternatives.append(routes[index].condition.map { keys(of: $0) } ?? [])
        }
        countSymbols(of: alternatives)
        let chosen = alternatives.map { keys in
            keys.count > 1 ? keys.min { rank($0) < rank($1) } : keys.first
        }
        resetCounts(of: alternatives)
        return chosen
    }

    /// How many routes a lead with the key's commonest symbol would have to ask; a pattern costs as
    /// much as a good many. Then, how many symbols there are.
    private func rank(_ key: RouteKey) -> (Int32, Int) {
        let isPattern = key.probes.contains {
            plans[Int($0.slot)][Int($0.probe)].question.isPattern
        }
        let most = key.symbols.map { frequencies[Int($0)] }.max() ?? 0
        return (most + (isPattern ? 32 : 0), key.symbols.count)
    }

    private mutating func countSymbols(of alternatives: [[RouteKey]]) {
        let missing = Int(symbolCount) - frequencies.count
        if missing > 0 { frequencies += [Int32](repeating: 0, count: missing) }
        for keys in alternatives {
            for key in keys { for symbol in key.symbols { frequencies[Int(symbol)] += 1 } }
        }
    }

    private mutating func resetCounts(of alternatives: [[RouteKey]]) {
        for keys in alternatives {
            for key in keys { for symbol in key.symbols { frequencies[Int(symbol)] = 0 } }
        }
    }
}
