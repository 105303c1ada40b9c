public import LeadKit

/// A loaded version of the rules: immutable, and swapped whole.
public struct RuleSet: Sendable {
    /// Identifies the meaning: a hash over the files and tables it was read from.
    public let hash: String
    let names: [Name]
    let tables: [Table]
    let schedules: [Schedule]
    let pools: [String: Pool]
    let conditions: [(name: String, condition: Condition)]
    let routes: RouteList
    let fallback: Fallback
    /// What makes a lead a duplicate of an earlier one; nil without a `dedupe` setting.
    public let dedupe: DedupeSettings?
    let templates: TemplateLibrary
    /// Fields whose values are expected to be keys of a table (`expect_in`).
    let expectations: [(name: String, table: Int)]
    /// The same in the form that deciding runs.
    let compiled: CompiledRules

    init(
        hash: String, names: [Name], tables: [Table], schedules: [Schedule], pools: [String: Pool],
        conditions: [(name: String, condition: Condition)], routes: RouteList, fallback: Fallback,
        dedupe: DedupeSettings?, templates: TemplateLibrary,
        expectations: [(name: String, table: Int)]
    ) {
        self.hash = hash
        self.names = names
        self.tables = tables
        self.schedules = schedules
        self.pools = pools
        self.conditions = conditions
        self.routes = routes
        self.fallback = fallback
        self.dedupe = dedupe
        self.templates = templates
        self.expectations = expectations
        compiled = RuleCompiler.compile(
            RuleCompiler.Source(
                names: names, tables: tables, schedules: schedules,
                conditions: conditions.map(\.condition), routes: routes, fallback: fallback,
                expectations: expectations))
    }

    /// How many routes there are, on all levels, without those that are disabled.
    public var routeCount: Int { compiled.routes.count }

    /// What of a lead deciding it can depend on: for commands that decide many and show none.
    public internal(set) var asked = LeadSelection.everything

    /// Decides a lead: pure, without I/O or clock. `now` is what schedules are asked at;
    /// `isDuplicate` is what the caller found out with `dedupeKey(of:)`.
    public func decide(_ lead: Lead, at now: Timestamp, isDuplicate: Bool = false) -> Decision {
        decider().decide(lead, at: now, isDuplicate: isDuplicate)
    }

    /// What decides many leads one after the other; much faster than `decide(_:at:isDuplicate:)`,
    /// which makes a new one each time.
    public func decider() -> Decider { Decider(compiled) }

    /// Decides a lead and explains it: every route visited, every condition with what the lead
    /// said.
    public func explain(
        _ lead: Lead, at now: Timestamp, isDuplicate: Bool = false
    ) -> (Decision, Explanation) {
        var walk = RouteWalk(ruleSet: self, view: view(lead, now, isDuplicate))
        let decision = walk.decide()
        return (decision, Explanation(routes: walk.trace))
    }

    /// The lead's `dedupe` key: a hash over what it says in the `by` fields, compared as text is;
    /// nil without a `dedupe` setting or when all of them are missing.
    public func dedupeKey(of lead: Lead) -> String? {
        guard let dedupe else { return nil }
        let view = view(lead, RuleSet.anyTime, false)
        let parts = dedupe.names.map {
            view.values(of: $0).map(\.folded).joined(separator: "\u{0}")
        }
        guard parts.contains(where: { !$0.isEmpty }) else { return nil }
        return Digest.sha256Hex(parts: parts)
    }

    /// The fields of the lead whose values should be keys of a table (`expect_in`) and are not.
    public func unexpectedFields(of lead: Lead) -> [(field: String, table: String)] {
        expectations.isEmpty ? [] : decider().unexpectedFields(of: lead)
    }

    /// Fills in the settings of a sink for one delivery.
    public func render(
        _ target: Target, of decision: RenderContext
    ) throws(RenderFailure) -> [RenderedSetting] {
        try templates.render(
            target, context: decision,
            view: view(decision.lead, RuleSet.anyTime, decision.isDuplicate),
            tables: tables)
    }

    /// For what does not depend on the time.
    private static let anyTime = Timestamp(seconds: 0)

    func view(_ lead: Lead, _ now: Timestamp, _ isDuplicate: Bool) -> LeadView {
        LeadView(
            lead: lead, now: now, isDuplicate: isDuplicate, names: names, tables: tables,
            schedules: schedules)
    }

    /// For what depends neither on the time nor on earlier leads.
    func view(of lead: Lead) -> LeadView { view(lead, RuleSet.anyTime, false) }
}

/// `dedupe: {by: [email, phone_number], within: 30d}`.
public struct DedupeSettings: Sendable {
    let names: [Name]
    /// How far back an earlier lead counts, in seconds.
    public let withinSeconds: Int64
}

/// Walks the routes for one lead and notes what it sees (RULES section 4). `CompiledWalk` decides
/// the same without looking at every route.
///
/// A list of routes is asked in order. A route that is taken sends its copies, then asks its own
/// children; if none of them decided, its own `to` or `drop` decides. Under `first` a decision
/// ends the list. What is reached is collected and put in order at the end.
struct RouteWalk {
    private let ruleSet: RuleSet
    private let evaluator: Evaluator
    private var decided: [Decided] = []
    private var reached: [Reached] = []
    private(set) var trace: [RouteTrace] = []

    private struct Decided {
        var route: String
        var drop: String?
    }

    private struct Reached {
        var target: Target
        var route: String
        var isCopy: Bool
        var notBefore: Timestamp?
    }

    init(ruleSet: RuleSet, view: LeadView) {
        self.ruleSet = ruleSet
        evaluator = Evaluator(ruleSet: ruleSet, view: view)
    }

    mutating func decide() -> Decision {
        var traces: [RouteTrace] = []
        let isDecided = walk(ruleSet.routes, into: &traces)
        trace = traces
        if isDecided { return decision() }
        switch ruleSet.fallback {
        case .to(let targets):
            reached += targets.map { Reached(target: $0, route: "default", isCopy: false) }
            return Decision(outcome: .default, routes: [], deliveries: deliveries(), reason: nil)
        case .hold(let reason):
            return Decision(outcome: .held, routes: [], deliveries: deliveries(), reason: reason)
        }
    }

    /// Whether some route of the list decided.
    private mutating func walk(_ list: RouteList, into traces: inout [RouteTrace]) -> Bool {
        var isDecided = false
        for route in list.routes {
            guard visit(route, into: &traces) else { continue }
            isDecided = true
            if list.match == .first { break }
        }
        return isDecided
    }

    /// Whether the route decided.
    private mutating func visit(_ route: Route, into traces: inout [RouteTrace]) -> Bool {
        var trace = RouteTrace(route)
        defer { traces.append(trace) }
        guard !route.isDisabled else { return false }
        trace.condition = route.condition.map { evaluator.explain($0) }
        let truth = trace.condition?.truth ?? .yes
        trace.truth = truth
        guard truth == .yes else { return false }
        reached += route.alsoTo.map { Reached(target: $0, route: route.name, isCopy: true) }
        if let children = route.routes, walk(children, into: &trace.routes) {
            trace.isDecided = true
            return true
        }
        guard route.drop != nil || !route.to.isEmpty else { return false }
        let plan = route.holdUntil?.plan(
            for: route.to, at: evaluator.view.now, schedules: ruleSet.schedules)
        trace.hold = plan?.reason
        reached += (plan?.targets ?? route.to).map {
            Reached(target: $0, route: route.name, isCopy: false, notBefore: plan?.notBefore)
        }
        decided.append(Decided(route: route.name, drop: route.drop))
        trace.isDecided = true
        return true
    }

    private func decision() -> Decision {
        let isDropped = decided.allSatisfy { $0.drop != nil }
        return Decision(
            outcome: isDropped ? .dropped : .routed, routes: decided.map(\.route),
            deliveries: deliveries(), reason: isDropped ? decided.first?.drop : nil)
    }

    /// One delivery a target, credited to the first route, a `to` before a copy; those of `to`
    /// first, then the copies, each in the order reached.
    private func deliveries() -> [PlannedDelivery] {
        var seen: Set<Target> = []
        var result: [PlannedDelivery] = []
        for isCopy in [false, true] {
            for item in reached where item.isCopy == isCopy && seen.insert(item.target).inserted {
                result.append(
                    PlannedDelivery(
                        target: item.target, route: item.route, isCopy: isCopy,
                        notBefore: item.notBefore))
            }
        }
        return result
    }
}

/// Evaluates conditions for one lead with three values.
struct Evaluator {
    let ruleSet: RuleSet
    let view: LeadView

    func truth(_ condition: Condition) -> Truth {
        switch condition {
        case .all(let parts): Evaluator.all(parts.lazy.map(truth))
        case .any(let parts): Evaluator.any(parts.lazy.map(truth))
        case .not(let part): truth(part).negated
        case .use(let number): truth(ruleSet.conditions[number].condition)
        case .test(let test): truth(test)
        }
    }

    /// False if any part is false, else unknown if any is unknown, else true.
    static func all(_ parts: some Sequence<Truth>) -> Truth {
        var result = Truth.yes
        for part in parts {
            if part == .no { return .no }
            if part == .unknown { result = .unknown }
        }
        return result
    }

    /// True if any part is true, else unknown if any is unknown, else false.
    static func any(_ parts: some Sequence<Truth>) -> Truth {
        var result = Truth.no
        for part in parts {
            if part == .yes { return .yes }
            if part == .unknown { result = .unknown }
        }
        return result
    }

    func truth(_ test: Test) -> Truth {
        let values = view.values(slot: test.slot)
        if values.isEmpty, test.orMissing { return .yes }
        let onField = Evaluator.all(
            test.onField.lazy.map { $0.holds(for: values, tables: ruleSet.tables) })
        guard !test.onValue.isEmpty, onField != .no else { return onField }
        return Evaluator.all([onField, onValue(test, values)])
    }

    /// The operators must hold for the same value; over the values, "some" or "every".
    private func onValue(_ test: Test, _ values: [Value]) -> Truth {
        guard !values.isEmpty else { return .unknown }
        let perValue = values.lazy.map { value in
            Evaluator.all(
                test.onValue.lazy.map { $0.holds(for: value, tables: self.ruleSet.tables) })
        }
        return test.every ? Evaluator.all(perValue) : Evaluator.any(perValue)
    }
}
