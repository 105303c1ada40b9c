internal import LeadKit

/// Walks compiled routes for one lead after the other (RULES section 4).
///
/// The same walk as `RouteWalk`, but of each list it looks only at the generic routes and at those
/// filed under the symbols that the lead's values have. What is reached is noted as numbers, and
/// made a `Decision` at the end.
struct CompiledWalk: ~Copyable {
    let rules: CompiledRules
    var values: LeadValues
    /// The truth of named conditions, and for which lead it is known.
    var conditionTruths: Scratch<ConditionTruth>
    private(set) var leadNumber: UInt64 = 0
    private var reached = Scratch<Reached>(count: 32, filler: Reached(route: 0, isDecision: false))
    private var reachedCount = 0
    /// Routes to look at, of the lists under way, each list's on top of those above it.
    private var candidates = Scratch<Candidate>(
        count: 64, filler: Candidate(route: 0, isCertain: false))
    private var candidateCount = 0
    private var memo = DecisionMemo()
    private var targetMarks: Scratch<UInt64>
    private var markNumber: UInt64 = 0

    struct ConditionTruth {
        var lead: UInt64
        var truth: Truth
    }

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
        conditionTruths = Scratch(
            count: rules.conditions.count, filler: ConditionTruth(lead: 0, truth: .unknown))
        targetMarks = Scratch(count: rules.targets.count, filler: 0)
    }

    mutating func decide(
        _ lead: UnsafePointer<Lead>, at now: Timestamp, isDuplicate: Bool
    ) -> Decision {
        values.begin(lead, at: now, isDuplicate: isDuplicate)
        leadNumber += 1
        reachedCount = 0
        let isDecided = walk(0)
        return decision(isDecided)
    }

    /// The fields whose values should be keys of a table and are not.
    mutating func unexpectedFields(
        of lead: UnsafePointer<Lead>
    ) -> [(field: String, table: String)] {
        guard !rules.expectations.isEmpty else { return [] }
        values.begin(lead, at: Timestamp(seconds: 0), isDuplicate: false)
        return unexpectedFieldsOfLead()
    }

    /// The same, of the lead under way: what is known of its values is used again.
    mutating func unexpectedFieldsOfLead() -> [(field: String, table: String)] {
        var result: [(field: String, table: String)] = []
        for item in rules.expectations {
            for value in values.values(of: Int(item.slot))
            where values.found(for: value, slot: Int(item.slot), probe: Int(item.probe)).isEmpty {
                result.append((item.field, item.table))
                break
            }
        }
        return result
    }

    /// Whether some route of the list decided.
    private mutating func walk(_ number: Int) -> Bool {
        let list = rules.lists[number]
        let first = candidateCount
        defer { candidateCount = first }
        var filed = first
        var generic = Int(list.firstGeneric)
        let genericEnd = generic + Int(list.genericCount)
        var probe = Int(list.firstKeyProbe)
        let probeEnd = probe + Int(list.keyProbeCount)

        var isDecided = false
        while true {
            var next = Candidate(route: .max, isCertain: false)
            if generic < genericEnd { next.route = rules.generic[generic] }
            var isFiled = false
            if filed < candidateCount, candidates[filed].route < next.route {
                next = candidates[filed]
                isFiled = true
            }
            if probe < probeEnd, rules.keyProbes[probe].firstRoute <= next.route {
                gather(rules.keyProbes[probe], Int32(number), from: filed)
                probe += 1
                continue
            }
            guard next.route < .max else { return isDecided }
            if isFiled { filed += 1 } else { generic += 1 }
            guard visit(next) else { continue }
            isDecided = true
            if list.isFirstMatch { return true }
        }
    }

    /// Whether the route decided.
    private mutating func visit(_ candidate: Candidate) -> Bool {
        let route = rules.routes[Int(candidate.route)]
        if !candidate.isCertain, route.condition >= 0 {
            guard truth(Int(route.condition)) == .yes else { return false }
        }
        if route.copyCount > 0 { reach(candidate.route, isDecision: false) }
        if route.children >= 0, walk(Int(route.children)) { return true }
        guard route.decides else { return false }
        reach(candidate.route, isDecision: true)
        return true
    }

    private mutating func reach(_ route: Int32, isDecision: Bool) {
        reached.reserve(reachedCount + 1)
        reached[reachedCount] = Reached(route: route, isDecision: isDecision)
        reachedCount += 1
    }
}

// Candidates.
extension CompiledWalk {
    /// Collects the list's routes that are filed under what the probe finds, in their order, among
    /// those from `first` on.
    private mutating func gather(
        _ key: KeyProbe, _ list: Int32, from first: Int
    ) {
        for value in values.values(of: Int(key.slot)) {
            let found = values.found(for: value, slot: Int(key.slot), probe: Int(key.probe))
            for place in found { add(values.symbol(place), list, from: first) }
        }
    }

    /// Adds the list's routes under the symbol.
    private mutating func add(_ symbol: Int32, _ list: Int32, from first: Int) {
        let known = candidateCount
        let file = rules.files[Int(symbol)]
        if file.count <= 1 {
            if file.single.list == list { add(file.single) }
        } else {
            let end = Int(file.first + file.count)
            var index = firstPosting(of: list, Int(file.first), end)
            while index < end, rules.postings[index].list == list {
                add(rules.postings[index])
                index += 1
            }
        }
        if known > first, candidateCount > known { sortCandidates(from: first) }
    }

    private mutating func add(_ posting: Posting) {
        candidates.reserve(candidateCount + 1)
        candidates[candidateCount] = Candidate(
            route: posting.route, isCertain: posting.isCertain)
        candidateCount += 1
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
        var sorted = UnsafeMutableBufferPointer(
            start: candidates.address(first), count: candidateCount - first)
        sorted.sort { $0.route < $1.route }
        var last = 0
        for index in 1..<sorted.count where sorted[index].route != sorted[last].route {
            last += 1
            sorted[last] = sorted[index]
        }
        candidateCount = first + last + 1
    }
}

// The decision.
extension CompiledWalk {
    private mutating func decision(_ isDecided: Bool) -> Decision {
        if reachedCount == 0 { return rules.fallback.decision }
        if isDecided {
            let route = Int(reached[0].route)
            if isAlone(), rules.routes[route].hold < 0 { return rules.decisions[route] }
        }
        return remembered(isDecided) ?? assembled(isDecided)
    }

    /// The decision that was put together of the same routes before; what waits for a schedule is
    /// put together anew.
    private mutating func remembered(_ isDecided: Bool) -> Decision? {
        var key = DecisionMemo.Key(isDecided: isDecided)
        for index in 0..<reachedCount {
            let (route, isDecision) = (reached[index].route, reached[index].isDecision)
            if isDecision, rules.routes[Int(route)].hold >= 0 { return nil }
            key.add(route, isDecision)
        }
        if let known = memo[key] { return known }
        let decision = assembled(isDecided)
        memo.remember(decision, of: key)
        return decision
    }

    /// Whether a single route is reached, once for its copies perhaps, once for itself.
    private func isAlone() -> Bool {
        for index in 1..<max(1, reachedCount) where reached[index].route != reached[0].route {
            return false
        }
        return true
    }

    private mutating func assembled(_ isDecided: Bool) -> Decision {
        markNumber += 1
        var deliveries: [PlannedDelivery] = []
        deliveries.reserveCapacity(reachedCount)
        for index in 0..<reachedCount where reached[index].isDecision {
            planDeliveries(of: Int(reached[index].route), &deliveries)
        }
        if !isDecided {
            for target in rules.fallback.targets ?? [] {
                plan(target, "default", false, nil, &deliveries)
            }
        }
        for index in 0..<reachedCount where !reached[index].isDecision {
            planCopies(of: Int(reached[index].route), &deliveries)
        }
        if isDecided { return decided(deliveries) }
        var decision = rules.fallback.decision
        decision.deliveries = deliveries
        return decision
    }

    private mutating func planDeliveries(of number: Int, _ deliveries: inout [PlannedDelivery]) {
        let route = rules.routes[number]
        let first = Int(route.firstTarget + route.copyCount)
        let numbers = rules.targetNumbers[first..<(first + Int(route.toCount))]
        let name = rules.routeNames[number]
        guard route.hold >= 0 else {
            for target in numbers { plan(target, name, false, nil, &deliveries) }
            return
        }
        let hold = rules.holds[Int(route.hold)].plan(
            for: numbers.map { rules.targets[Int($0)] }, at: values.now, schedules: rules.schedules)
        for target in hold.targets {
            guard let number = rules.numbersOfTargets[target] else { continue }
            plan(number, name, false, hold.notBefore, &deliveries)
        }
    }

    private mutating func planCopies(of number: Int, _ deliveries: inout [PlannedDelivery]) {
        let route = rules.routes[number]
        let first = Int(route.firstTarget)
        let name = rules.routeNames[number]
        for target in rules.targetNumbers[first..<(first + Int(route.copyCount))] {
            plan(target, name, true, nil, &deliveries)
        }
    }

    /// One delivery a target, credited to whoever reached it first.
    private mutating func plan(
        _ target: Int32, _ route: String, _ isCopy: Bool, _ notBefore: Timestamp?,
        _ deliveries: inout [PlannedDelivery]
    ) {
        guard targetMarks[Int(target)] != markNumber else { return }
        targetMarks[Int(target)] = markNumber
        deliveries.append(
            PlannedDelivery(
                target: rules.targets[Int(target)], route: route, isCopy: isCopy,
                notBefore: notBefore))
    }

    private func decided(_ deliveries: [PlannedDelivery]) -> Decision {
        var routes: [String] = []
        var drop: String?
        var isDropped = true
        for index in 0..<reachedCount where reached[index].isDecision {
            let route = Int(reached[index].route)
            routes.append(rules.routeNames[route])
            if rules.drops[route] == nil { isDropped = false }
            drop = drop ?? rules.drops[route]
        }
        return Decision(
            outcome: isDropped ? .dropped : .routed, routes: routes, deliveries: deliveries,
            reason: isDropped ? drop : nil)
    }
}
