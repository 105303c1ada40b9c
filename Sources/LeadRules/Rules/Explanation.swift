public import LeadKit

/// Why a lead went where it went: every route visited, in order.
public struct Explanation: Sendable {
    /// The routes of the root, as far as the search went.
    public let routes: [RouteTrace]
    /// How the pools chose that the decision sends to, once they have: `AssignedDecision.traces`.
    public var pools: [PoolTrace] = []
}

/// A route that was visited.
public struct RouteTrace: Sendable {
    /// The full name.
    public let name: String
    /// Where it stands in the rules.
    public let position: Position
    /// The author's note.
    public let note: String?
    /// Whether it is switched off.
    public let isDisabled: Bool
    /// What it does: `to store-email`, `drop: …`, `copy to archive`.
    public let effect: String
    /// The condition; nil for `always: true`.
    public internal(set) var condition: ConditionTrace?
    /// Whether it was taken.
    public internal(set) var truth: Truth = .unknown
    /// What `hold_until` says of its deliveries; nil without one, and when `to` was not reached.
    public internal(set) var hold: String?
    /// Whether it, or one below it, decided.
    public internal(set) var isDecided = false
    /// The routes below that were visited.
    public internal(set) var routes: [RouteTrace] = []

    init(_ route: Route) {
        name = route.name
        position = route.position
        note = route.note
        isDisabled = route.isDisabled
        var effects: [String] = []
        if !route.to.isEmpty {
            effects.append("to " + route.to.map(\.shown).joined(separator: ", "))
        }
        if let drop = route.drop { effects.append("drop: " + drop) }
        if !route.alsoTo.isEmpty {
            effects.append("copy to " + route.alsoTo.map(\.shown).joined(separator: ", "))
        }
        effect = effects.joined(separator: "; ")
    }
}

/// A condition with what the lead said.
public struct ConditionTrace: Sendable {
    /// What was asked: `car_make equals Honda`, `all of`, `any of`, `not`, `condition 'x'`.
    public let text: String
    /// Whether it holds.
    public let truth: Truth
    /// For a field: the values seen, trimmed; nil for combinators.
    public let values: [String]?
    /// Where unknown came from: `missing`, `not a number`, `not a time`.
    public let reason: String?
    /// The parts of a combinator.
    public internal(set) var parts: [ConditionTrace]
    /// Where it stands in the rules; nil for combinators.
    public var position: Position?
    /// The field asked; nil for combinators. `text` goes on with what it was asked for.
    public internal(set) var name: String?
}

extension Evaluator {
    /// Evaluates without short cuts, so that every part says what it saw.
    func explain(_ condition: Condition) -> ConditionTrace {
        switch condition {
        case .all(let parts):
            let traces = parts.map(explain)
            return combined("all of", Evaluator.all(traces.map(\.truth)), traces)
        case .any(let parts):
            let traces = parts.map(explain)
            return combined("any of", Evaluator.any(traces.map(\.truth)), traces)
        case .not(let part):
            let trace = explain(part)
            return combined("not", trace.truth.negated, [trace])
        case .use(let number):
            let trace = explain(ruleSet.conditions[number].condition)
            return combined("condition '\(ruleSet.conditions[number].name)'", trace.truth, [trace])
        case .test(let test): return explain(test)
        }
    }

    private func combined(_ text: String, _ truth: Truth, _ parts: [ConditionTrace])
        -> ConditionTrace
    {
        ConditionTrace(text: text, truth: truth, values: nil, reason: nil, parts: parts)
    }

    private func explain(_ test: Test) -> ConditionTrace {
        let values = view.values(slot: test.slot)
        let truth = truth(test)
        return ConditionTrace(
            text: "\(test.name) \(test.text)", truth: truth, values: values.map(\.exact),
            reason: reason(test, values, truth), parts: [], position: test.position,
            name: test.name)
    }

    private func reason(_ test: Test, _ values: [Value], _ truth: Truth) -> String? {
        if values.isEmpty { return "missing" }
        guard truth == .unknown else { return nil }
        for op in test.onValue
        where values.contains(where: { op.holds(for: $0, tables: ruleSet.tables) == .unknown }) {
            return op.unknownReason
        }
        return nil
    }
}

extension Explanation {
    /// Writes the `trace` array of the NDJSON format.
    public func write(to writer: inout JSONWriter) {
        writer.array { writer in for route in routes { Explanation.write(route, to: &writer) } }
    }

    /// Writes the member `pools` of the NDJSON format when pools have chosen.
    public func writePools(to writer: inout JSONWriter) {
        guard !pools.isEmpty else { return }
        writer.name("pools")
        writer.array { writer in for pool in pools { pool.write(to: &writer) } }
    }

    private static func write(_ route: RouteTrace, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("route")
            writer.string(route.name)
            writer.name("taken")
            writer.string(route.isDisabled ? "disabled" : route.truth.rawValue)
            writer.name("decided")
            writer.bool(route.isDecided)
            if let note = route.note {
                writer.name("note")
                writer.string(note)
            }
            if let hold = route.hold {
                writer.name("hold_until")
                writer.string(hold)
            }
            if let condition = route.condition {
                writer.name("when")
                write(condition, to: &writer)
            }
            if !route.routes.isEmpty {
                writer.name("routes")
                writer.array { writer in for child in route.routes { write(child, to: &writer) } }
            }
        }
    }

    fileprivate static func write(_ condition: ConditionTrace, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("asked")
            writer.string(condition.text)
            writer.name("result")
            writer.string(condition.truth.rawValue)
            if let values = condition.values {
                writer.name("values")
                writer.array { writer in values.forEach { writer.string($0) } }
            }
            if let reason = condition.reason {
                writer.name("reason")
                writer.string(reason)
            }
            if !condition.parts.isEmpty {
                writer.name("parts")
                writer.array { writer in for part in condition.parts { write(part, to: &writer) } }
            }
        }
    }
}

extension ConditionTrace {
    /// Writes the object that `trace` has for a condition.
    public func write(to writer: inout JSONWriter) { Explanation.write(self, to: &writer) }
}
