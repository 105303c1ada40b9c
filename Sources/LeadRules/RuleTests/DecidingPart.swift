internal import LeadKit

extension RuleTestResult {
    /// The part of the explanation that says why the lead went elsewhere: the routes that decided,
    /// those that were expected to, and of a condition that did not hold only what is to blame. When
    /// there is neither, the first routes that did not take the lead.
    public func decidingPart(of ruleSet: RuleSet) -> [RouteTrace] {
        var names = decision.routes + expectedRoutes(of: ruleSet) + unexpectedCopies
        if names.isEmpty {
            let refused = explanation.routes.filter { $0.truth != .yes && !$0.isDisabled }
            names = refused.prefix(5).map(\.name)
        }
        return DecidingPart(names: names).pruned(explanation.routes)
    }

    /// The routes of copies that the test does not expect.
    private var unexpectedCopies: [String] {
        for expectation in test.expectations {
            guard case .sinks(let sinks, copies: true) = expectation.wanted else { continue }
            return decision.deliveries.filter { $0.isCopy && !sinks.contains($0.target.sink) }
                .map(\.route)
        }
        return []
    }

    /// Why an expected route was not even asked.
    public func notAsked(in ruleSet: RuleSet) -> [String] {
        expectedRoutes(of: ruleSet).compactMap { name in
            guard let path = ruleSet.routes.path(to: name) else { return nil }
            var traces = explanation.routes
            for step in path.steps {
                guard let trace = traces.first(where: { $0.name == step.route.name }) else {
                    return traces.last(where: \.isDecided).map {
                        "'\(name)' was not asked: '\($0.name)' comes before it and decided"
                    }
                }
                traces = trace.routes
            }
            return nil
        }
    }

    /// The routes named by the test, or else those that send to the sinks that it names.
    private func expectedRoutes(of ruleSet: RuleSet) -> [String] {
        var sinks: Set<String> = []
        var named: [String] = []
        for expectation in test.expectations {
            switch expectation.wanted {
            case .routes(let routes): named = routes
            case .sinks(let names, _): sinks.formUnion(names)
            default: continue
            }
        }
        sinks.subtract(decision.deliveries.map(\.target.sink))
        // Where a named route sends needs no other route to explain it.
        for name in named {
            guard let route = ruleSet.routes.path(to: name)?.route else { continue }
            sinks.subtract(route.toTargets.flatMap(ruleSet.sinks))
        }
        var names: [String] = []
        ruleSet.routes.forEach { path in
            guard names.count < 5 else { return }
            let targets = path.route.toTargets + path.route.alsoTo
            if targets.contains(where: { !sinks.isDisjoint(with: ruleSet.sinks(of: $0)) }) {
                names.append(path.route.name)
            }
        }
        return named + names
    }
}

/// Keeps of an explanation what concerns some routes.
struct DecidingPart {
    let names: [String]

    func pruned(_ traces: [RouteTrace]) -> [RouteTrace] {
        traces.compactMap { trace in
            guard names.contains(where: { DecidingPart.covers(trace.name, $0) }) else { return nil }
            var kept = trace
            kept.routes = pruned(trace.routes)
            if trace.truth != .yes { kept.condition = trace.condition.map(DecidingPart.blamed) }
            return kept
        }
    }

    private static func covers(_ parent: String, _ name: String) -> Bool {
        name == parent || ByteSearch.hasPrefix(name, parent + "/")
    }

    /// Of parts that must all hold, those that do not.
    static func blamed(_ trace: ConditionTrace) -> ConditionTrace {
        guard trace.truth != .yes, trace.text != "not" else { return trace }
        var kept = trace
        kept.parts = trace.parts.filter { $0.truth != .yes }.map(blamed)
        return kept
    }
}
