internal import LeadKit

/// One way to what is expected: a route that must be taken, or must decide.
struct Aim: Sendable {
    /// What must become of the route.
    enum Goal: Sendable {
        /// Its own `to` or `drop` applies.
        case decides
        /// It is taken, so that its copies are sent.
        case isTaken
        /// No route decides, and `default` applies.
        case fallback
    }

    var goal: Goal
    /// The route; nil for `default`.
    var path: RoutePath?

    /// The route's full name, or `default`.
    var name: String { path?.route.name ?? "default" }

    /// Whether the name is that of the route or of one above it, not of a sink.
    func isRoute(_ name: String) -> Bool {
        path?.steps.contains { $0.route.name == name } ?? (name == "default")
    }

    /// What keeps a lead away.
    struct Block {
        var kind: WhyNot.Obstacle.Kind
        /// The route it is about.
        var route: Route
        /// The condition that does not hold, or that must not hold.
        var condition: Condition?
        /// From the route that takes the lead down to the one that decides.
        var takers: [Route] = []
    }

    func isReached(by decision: Decision, _ subject: EditedLead, _ ruleSet: RuleSet) -> Bool {
        block(decision, subject, ruleSet) == nil
    }

    /// The first thing that keeps the lead away; nil when the aim is reached. `decision` must be
    /// what the rule set decides for the lead.
    func block(_ decision: Decision, _ subject: EditedLead, _ ruleSet: RuleSet) -> Block? {
        guard let path else {
            return decision.routes.isEmpty ? nil : taken(in: ruleSet.routes, by: decision)
        }
        let evaluator = subject.evaluator(for: ruleSet)
        for step in path.steps {
            let route = step.route
            if route.isDisabled { return Block(kind: .disabled, route: route) }
            if step.list.match == .first,
                let block = taken(in: step.list, before: step.index, by: decision)
            {
                return block
            }
            if let condition = route.condition, evaluator.truth(condition) != .yes {
                return Block(kind: .condition, route: route, condition: condition)
            }
        }
        guard goal == .decides, let below = path.route.routes else { return nil }
        return taken(in: below, by: decision)
    }

    /// The route of a list that decided, if it comes before a place in it.
    private func taken(
        in list: RouteList, before index: Int? = nil, by decision: Decision
    ) -> Block? {
        let candidates = list.routes[..<(index ?? list.routes.count)]
        for name in decision.routes {
            guard let taker = candidates.first(where: { $0.covers(name) }) else { continue }
            let chain = list.path(to: name)?.steps.map(\.route) ?? [taker]
            // The innermost condition is the one that a reader can do something about.
            let condition = chain.last { $0.condition != nil }?.condition
            return Block(
                kind: .takenBefore, route: chain.last ?? taker, condition: condition,
                takers: chain)
        }
        return nil
    }
}

extension RuleSet {
    /// The full name of the route that is meant, unless a sink or pool has the name as it stands.
    func expectation(_ name: String) throws(UnknownExpectation) -> String {
        let isSink = name == "default" || pools[name] != nil || namedSinks.contains(name)
        guard !isSink || routes.path(to: name) != nil else { return name }
        let meant = routes(meantBy: name)
        guard meant.count > 1 else { return meant.first ?? name }
        throw UnknownExpectation(
            description: "'\(name)' is the last part of several routes",
            help: "write one of \(Listing.quoted(meant))")
    }

    /// The ways to a route, a sink or `default`.
    func aims(for expected: String) throws(UnknownExpectation) -> [Aim] {
        if expected == "default" { return [Aim(goal: .fallback)] }
        if let path = routes.path(to: expected) { return Aim.to(path) }
        var aims: [Aim] = []
        func leads(_ targets: [Target]) -> Bool {
            targets.contains { $0.pool == expected || sinks(of: $0).contains(expected) }
        }
        routes.forEach { path in
            if leads(path.route.toTargets) {
                aims.append(Aim(goal: .decides, path: path))
            } else if leads(path.route.alsoTo) {
                aims.append(Aim(goal: .isTaken, path: path))
            }
        }
        if case .to(let targets) = fallback, leads(targets) { aims.append(Aim(goal: .fallback)) }
        if aims.isEmpty {
            throw UnknownExpectation(
                description:
                    "'\(expected)' is neither a route nor a sink or pool that one sends to",
                help: help(forRoute: expected, orNames: namedSinks + pools.keys))
        }
        return aims
    }

    /// The aims that seem nearest: those with the fewest conditions that do not hold, then those
    /// whose literals are most like what the lead says.
    func nearest(_ aims: [Aim], to subject: EditedLead) -> [Aim] {
        guard aims.count > 1 else { return aims }
        let evaluator = subject.evaluator(for: self)
        let ranked = aims.enumerated().map { index, aim in
            (aim: aim, index: index, distance: Distance.of(aim, evaluator))
        }.sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }
        return ranked.prefix(WhyNot.answersMax).map(\.aim)
    }
}

extension Aim {
    /// A route, or, for one that decides nothing itself, those below it that do.
    fileprivate static func to(_ path: RoutePath) -> [Aim] {
        if path.route.decidesItself { return [Aim(goal: .decides, path: path)] }
        if !path.route.alsoTo.isEmpty { return [Aim(goal: .isTaken, path: path)] }
        var aims: [Aim] = []
        path.route.routes?.forEach { below in
            if below.route.decidesItself {
                aims.append(
                    Aim(goal: .decides, path: RoutePath(steps: path.steps + below.steps)))
            }
        }
        return aims.isEmpty ? [Aim(goal: .isTaken, path: path)] : aims
    }
}

/// How far a lead seems from a route: an estimate, to look at the nearest routes only.
struct Distance: Comparable {
    /// Tests of fields that do not hold.
    var unmet = 0
    /// Edits from what the lead says to what they ask for.
    var edits = 0

    static let farAway = Distance(unmet: 1000, edits: 0)

    static func < (a: Distance, b: Distance) -> Bool { (a.unmet, a.edits) < (b.unmet, b.edits) }

    static func + (a: Distance, b: Distance) -> Distance {
        Distance(unmet: a.unmet + b.unmet, edits: a.edits + b.edits)
    }

    static func of(_ aim: Aim, _ evaluator: Evaluator) -> Distance {
        guard let path = aim.path else { return Distance(unmet: 1, edits: 0) }
        if path.isDisabled { return farAway }
        return path.steps.reduce(Distance()) { sum, step in
            step.route.condition.map { sum + of($0, wanted: .yes, evaluator) } ?? sum
        }
    }

    private static func of(
        _ condition: Condition, wanted: Truth, _ evaluator: Evaluator
    ) -> Distance {
        guard evaluator.truth(condition) != wanted else { return Distance() }
        switch condition {
        case .all(let parts):
            let distances = parts.map { of($0, wanted: wanted, evaluator) }
            return wanted == .yes ? distances.reduce(Distance(), +) : distances.min() ?? farAway
        case .any(let parts):
            let distances = parts.map { of($0, wanted: wanted, evaluator) }
            return wanted == .yes ? distances.min() ?? farAway : distances.reduce(Distance(), +)
        case .not(let part): return of(part, wanted: wanted.negated, evaluator)
        case .use(let number):
            return of(evaluator.ruleSet.conditions[number].condition, wanted: wanted, evaluator)
        case .test(let test): return of(test, evaluator)
        }
    }

    private static func of(_ test: Test, _ evaluator: Evaluator) -> Distance {
        guard case .isOneOf(let set)? = test.onValue.first else { return Distance(unmet: 1) }
        let value = evaluator.view.values(slot: test.slot).first?.text(exact: set.isExact) ?? ""
        let nearest = set.texts.prefix(8).map { EditDistance.between(value, $0) }.min()
        return Distance(unmet: 1, edits: nearest ?? 0)
    }
}
