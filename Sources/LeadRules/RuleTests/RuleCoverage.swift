public import LeadKit

/// What the rule tests have shown of a rule set.
///
/// Counted are, of everything that is not disabled: each route taken; each route with a condition
/// refused; each test of a field true, and false, wherever a route that was asked uses it; and
/// `default`, if a lead can get there. *Unknown* (a missing value, not a number) counts for neither
/// side.
public struct RuleCoverage: Sendable {
    /// Something that a test can show.
    private enum Item: Hashable {
        case taken(String)
        case refused(String)
        case isTrue(Position)
        case isFalse(Position)
        case fallback
    }

    /// Something that no test shows.
    public struct Gap: Sendable, Equatable {
        /// Where it stands; nil for `default`.
        public let position: Position?
        /// What is not shown: `the route 'x' is never taken`.
        public let text: String
    }

    private var items: [(item: Item, gap: Gap)] = []
    private var shown: Set<Item> = []
    /// Tests of fields that were unknown at least once.
    private var unknown: Set<Position> = []

    /// Nothing shown yet.
    public init(of ruleSet: RuleSet) {
        var seen: Set<Item> = []
        func add(_ item: Item, _ position: Position?, _ text: String) {
            guard seen.insert(item).inserted else { return }
            items.append((item, Gap(position: position, text: text)))
        }
        ruleSet.routes.forEach { path in
            guard !path.isDisabled else { return }
            let route = path.route
            add(.taken(route.name), route.position, "the route '\(route.name)' is never taken")
            guard let condition = route.condition else { return }
            add(.refused(route.name), route.position, "the route '\(route.name)' is never refused")
            ruleSet.forEachTest(in: condition) { name, position in
                add(.isTrue(position), position, "'\(name)' is never true")
                add(.isFalse(position), position, "'\(name)' is never false")
            }
        }
        let isReachable = !ruleSet.routes.routes.contains(where: \.alwaysDecides)
        if isReachable { add(.fallback, nil, "no lead goes to 'default'") }
    }

    /// Adds what one lead showed.
    public mutating func add(_ decision: Decision, _ explanation: Explanation) {
        if decision.outcome == .default || decision.outcome == .held { shown.insert(.fallback) }
        explanation.routes.forEach { add($0) }
    }

    private mutating func add(_ trace: RouteTrace) {
        guard !trace.isDisabled else { return }
        shown.insert(trace.truth == .yes ? .taken(trace.name) : .refused(trace.name))
        if let condition = trace.condition { add(condition) }
        for child in trace.routes { add(child) }
    }

    private mutating func add(_ trace: ConditionTrace) {
        if let position = trace.position {
            switch trace.truth {
            case .yes: shown.insert(.isTrue(position))
            case .no: shown.insert(.isFalse(position))
            case .unknown: unknown.insert(position)
            }
        }
        for part in trace.parts { add(part) }
    }
}

// The figures.
extension RuleCoverage {
    /// How much there is to show.
    public var count: Int { items.count }
    /// How much of it is shown.
    public var shownCount: Int { items.count { shown.contains($0.item) } }
    /// The part that is shown, in percent, rounded down; 100 when there is nothing to show.
    public var percent: Int { count == 0 ? 100 : shownCount * 100 / count }

    /// What is not shown, in the order of the rules.
    public var gaps: [Gap] {
        items.compactMap { item, gap in
            guard !shown.contains(item) else { return nil }
            guard let position = gap.position, unknown.contains(position) else { return gap }
            return Gap(position: position, text: gap.text + ", only unknown")
        }
    }

    /// Whether so many percent are shown; decided on the counts, not on the rounded figure.
    public func reaches(percent: Int) -> Bool { shownCount * 100 >= percent * count }

    /// The numbers of routes: all, taken, refused (of those with a condition).
    public var routes: (count: Int, taken: Int, conditional: Int, refused: Int) {
        var result = (count: 0, taken: 0, conditional: 0, refused: 0)
        for (item, _) in items {
            switch item {
            case .taken:
                result.count += 1
                if shown.contains(item) { result.taken += 1 }
            case .refused:
                result.conditional += 1
                if shown.contains(item) { result.refused += 1 }
            default: continue
            }
        }
        return result
    }

    /// The numbers of tests of fields: all, those that were true, those that were false.
    public var tests: (count: Int, isTrue: Int, isFalse: Int) {
        var result = (count: 0, isTrue: 0, isFalse: 0)
        for (item, _) in items {
            switch item {
            case .isTrue:
                result.count += 1
                if shown.contains(item) { result.isTrue += 1 }
            case .isFalse: if shown.contains(item) { result.isFalse += 1 }
            default: continue
            }
        }
        return result
    }
}

extension RuleSet {
    /// Calls `body` with each test of a field in a condition, those of named conditions among them.
    func forEachTest(in condition: Condition, _ body: (String, Position) -> Void) {
        switch condition {
        case .all(let parts), .any(let parts): for part in parts { forEachTest(in: part, body) }
        case .not(let part): forEachTest(in: part, body)
        case .use(let number): forEachTest(in: conditions[number].condition, body)
        case .test(let test): body("\(test.name) \(test.text)", test.position)
        }
    }
}
