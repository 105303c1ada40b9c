internal import LeadKit

/// Walks compiled routes for one lead after the other (RULES section 4).
///
/// The same walk as `RouteWalk`, but of each list it looks only at the generic routes and at those
/// filed under the symbols that the lead's values have. What is reached is noted as numbers, and
/// made a `Decision` at the end.
struct CompiledWalk {
    let rules: CompiledRules
    var values: LeadValues
    /// The truth of named conditions for this lead, and for which lead it is known.
    var conditionTruths: [(lead: UInt64, truth: Truth)]
    private(set) var leadNumber: UInt64 = 0
    private var reached: [Reached] = []
    /// Routes to look at, of the lists under way, each list's on top of those above it.
    private var candidates: [Candidate] = []
    private var targetMarks: [UInt64]
    private var markNumber: UInt64 = 0

    /// A route whose copies, or whose own `to` or `drop`, are reached.
    private struct Reached {
        var route: Int32
        var isDecision: Bool
    }

    private struct Candidate {
        var route: Int32
        var isCertain: Bool
    }

    init(_ rules: CompiledRules) {
        self.rules = rules
        values = LeadValues(rules)
        conditionTruths = rules.conditions.map { _ in (0, .unknown) }
        targetMarks = rules.targets.map { _ in 0 }
    }

    mutating func decide(_ lead: Lead, at now: Timestamp, isDuplicate: Bool) -> Decision {
        values.begin(lead, at: now, isDuplicate: isDuplicate)
        leadNumber += 1
        if !reached.isEmpty { reached.removeAll(keepingCapacity: true) }
        let isDecided = walk(0, lead)
        return decision(isDecided)
    }

    /// The fields whose values should be keys of a table and are not.
    mutating func unexpectedFields(of lead: Lead) -> [(field: String, table: String)] {
        guard !rules.expectations.isEmpty else { return [] }
        values.begin(lead, at: Timestamp(seconds: 0), isDuplicate: false)
        var result: [(field: String, table: String)] = []
        for item in rules.expectations {
            for value in values.values(of: Int(item.slot), lead)
            where values.found(for: value, slot: Int(item.slot), probe: Int(item.probe)).isEmpty {
                result.append((item.field, item.table))
                break
            }
        }
        return result
    }

    /// Whether some route of the list decided.
    private mutating func walk(_ number: Int, _ lead: Lead) -> Bool {
        let list = rules.lists[number]
        let first = candidates.count
        if list.keyProbeCount > 0 { gather(list, Int32(number), lead) }
        let end = candidates.count
        defer { candidates.removeLast(end - first) }

        var isDecided = false
        var filed = first
        var generic = Int(list.firstGeneric)
        let genericEnd = generic + Int(list.genericCount)
        while filed < end || generic < genericEnd {
            let isFiledNext =
                filed < end
                && (generic == genericEnd || candidates[filed].route < rules.generic[generic])
            let next: Candidate
            if isFiledNext {
                next = candidates[filed]
                filed += 1
            } else {
                next = Candidate(route: rules.generic[generic], isCertain: false)
                generic += 1
            }
            guard visit(next, lead) else { continue }
            isDecided = true
            if list.isFirstMatch { break }
        }
        return isDecided
    }

    /// Whether the route decided.
    private mutating func visit(_ candidate: Candidate, _ lead: Lead) -> Bool {
        let route = rules.routes[Int(candidate.route)]
        if !candidate.isCertain, route.condition >= 0 {
            guard truth(Int(route.condition), lead) == .yes else { return false }
        }
        if route.copyCount > 0 {
            reached.append(Reached(route: candidate.route, isDecision: false))
        }
        if route.children >= 0, walk(Int(route.children), lead) { return true }
        guard route.decision >= 0 else { return false }
        reached.append(Reached(route: candidate.route, isDecision: true))
        return true
    }
}

// Candidates.
extension CompiledWalk {
    /// Collects the list's routes that are filed under what the lead says, in their order.
    private mutating func gather(_ list: CompiledList, _ number: Int32, _ lead: Lead) {
        let first = candidates.count
        var sources = 0
        for index in Int(list.firstKeyProbe)..<Int(list.firstKeyProbe + list.keyProbeCount) {
            let key = rules.keyProbes[index]
            for value in values.values(of: Int(key.slot), lead) {
                let found = values.found(for: value, slot: Int(key.slot), probe: Int(key.probe))
                for place in found {
                    if add(values.symbol(place), number) { sources += 1 }
                }
            }
        }
        if sources > 1 { sortCandidates(from: first) }
    }

    /// Whether there are routes of the list under the symbol.
    private mutating func add(_ symbol: Int32, _ list: Int32) -> Bool {
        var index = Int(rules.postingStarts[Int(symbol)])
        let end = Int(rules.postingStarts[Int(symbol) + 1])
        if index < end, rules.postings[index].list != list {
            index = firstPosting(of: list, index, end)
        }
        let first = index
        while index < end, rules.postings[index].list == list {
            let posting = rules.postings[index]
            candidates.append(Candidate(route: posting.route, isCertain: posting.isCertain))
            index += 1
        }
        return index > first
    }

    private func firstPosting(of list: Int32, _ start: Int, _ end: Int) -> Int {
        var (low, high) = (start, end)
        while low < high {
            let middle = (low + high) / 2
            if rules.postings[middle].list < list { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// By route, each once.
    private mutating func sortCandidates(from first: Int) {
        candidates[first...].sort { $0.route < $1.route }
        var last = first
        for index in candidates.indices[(first + 1)...]
        where candidates[index].route != candidates[last].route {
            last += 1
            candidates[last] = candidates[index]
        }
        candidates.removeLast(candidates.count - last - 1)
    }
}

// The decision.
extension CompiledWalk {
    private mutating func decision(_ isDecided: Bool) -> Decision {
        guard let last = reached.last else { return rules.fallback.decision }
        let isAlone = reached.allSatisfy { $0.route == last.route }
        if isDecided, isAlone {
            return rules.decisions[Int(rules.routes[Int(last.route)].decision)]
        }
        return assembled(isDecided)
    }

    private mutating func assembled(_ isDecided: Bool) -> Decision {
        markNumber += 1
        var deliveries: [PlannedDelivery] = []
        deliveries.reserveCapacity(reached.count)
        for item in reached where item.isDecision {
            let route = rules.routes[Int(item.route)]
            let first = Int(route.firstTarget + route.copyCount)
            let name = rules.routeNames[Int(item.route)]
            for index in first..<(first + Int(route.toCount)) {
                plan(rules.targetNumbers[index], name, false, &deliveries)
            }
        }
        if !isDecided {
            for target in rules.fallback.targets ?? [] {
                plan(target, "default", false, &deliveries)
            }
        }
        for item in reached where !item.isDecision {
            let route = rules.routes[Int(item.route)]
            let first = Int(route.firstTarget)
            let name = rules.routeNames[Int(item.route)]
            for index in first..<(first + Int(route.copyCount)) {
                plan(rules.targetNumbers[index], name, true, &deliveries)
            }
        }
        guard isDecided else {
            var decision = rules.fallback.decision
            decision.deliveries = deliveries
            return decision
        }
        return decided(deliveries)
    }

    /// One delivery a target, credited to whoever reached it first.
    private mutating func plan(
        _ target: Int32, _ route: String, _ isCopy: Bool, _ deliveries: inout [PlannedDelivery]
    ) {
        guard targetMarks[Int(target)] != markNumber else { return }
        targetMarks[Int(target)] = markNumber
        deliveries.append(
            PlannedDelivery(target: rules.targets[Int(target)], route: route, isCopy: isCopy))
    }

    private func decided(_ deliveries: [PlannedDelivery]) -> Decision {
        let deciding = reached.filter(\.isDecision).map { Int($0.route) }
        let isDropped = deciding.allSatisfy { rules.drops[$0] != nil }
        return Decision(
            outcome: isDropped ? .dropped : .routed, routes: deciding.map { rules.routeNames[$0] },
            deliveries: deliveries,
            reason: isDropped ? deciding.first.flatMap { rules.drops[$0] } : nil)
    }
}
