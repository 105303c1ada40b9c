internal import LeadKit

extension RuleTest {
    /// Decides the test's lead and compares: pure, without I/O or clock. Pools remember nothing
    /// when a test begins. `sinks` say which deliveries they would never send.
    public func run(with ruleSet: RuleSet, sinks: [SinkInstance] = []) -> RuleTestResult {
        var (decision, explanation) = ruleSet.explain(lead, at: now, isDuplicate: isDuplicate)
        var pools = PoolState()
        let assigned = ruleSet.assign(decision, of: lead, at: now, state: &pools)
        decision = assigned.decision
        explanation.pools = assigned.traces
        let run = RuleTestRun(test: self, ruleSet: ruleSet, sinks: sinks, decision: decision)
        return RuleTestResult(
            test: self, decision: decision, explanation: explanation,
            mismatches: expectations.compactMap(run.mismatch))
    }
}

/// Compares what was expected with what was decided.
private struct RuleTestRun {
    let test: RuleTest
    let ruleSet: RuleSet
    let sinks: [SinkInstance]
    let decision: Decision

    func mismatch(_ expectation: Expectation) -> Mismatch? {
        guard let (expected, got) = difference(expectation.wanted) else { return nil }
        return Mismatch(
            key: expectation.key, position: expectation.position, expected: expected, got: got)
    }

    /// Nil when it holds.
    private func difference(_ wanted: Expectation.Wanted) -> (expected: String, got: String)? {
        switch wanted {
        case .outcome(let outcome):
            outcome == decision.outcome ? nil : (outcome.rawValue, decision.outcome.rawValue)
        case .routes(let routes):
            routes == decision.routes
                ? nil : (RuleTestRun.shown(routes), RuleTestRun.shown(decision.routes))
        case .sinks(let sinks, let copies): sinksDifference(sinks, copies: copies)
        case .reason(let reason):
            decision.reason.map { $0.utf8.elementsEqual(reason.utf8) } == true
                ? nil : (reason, decision.reason ?? "no reason")
        case .rendered(let sink, let setting, let text): rendered(sink, setting, text)
        case .fails(let sinks): failures(sinks)
        case .notBefore(let time): notBeforeDifference(time)
        case .member(let pool, let member): memberDifference(pool, member)
        }
    }

    private static func shown(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    /// Deliveries go out side by side, so their order says nothing.
    private func sinksDifference(
        _ sinks: [String], copies: Bool
    ) -> (expected: String, got: String)? {
        let got = decision.deliveries.filter { $0.isCopy == copies }.map(\.target.sink)
        guard got.sorted() != sinks.sorted() else { return nil }
        return (RuleTestRun.shown(sinks), RuleTestRun.shown(got))
    }

    /// All deliveries of `to` wait alike.
    private func notBeforeDifference(_ time: Timestamp?) -> (expected: String, got: String)? {
        let times = decision.deliveries.filter { !$0.isCopy }.map(\.notBefore)
        guard times.isEmpty || times.contains(where: { $0 != time }) else { return nil }
        let other = times.first { $0 != time }
        let got = times.isEmpty ? "nothing is sent" : other.flatMap { $0 }?.text ?? "none"
        return (time?.text ?? "none", got)
    }

    private func memberDifference(
        _ pool: String, _ member: String?
    ) -> (expected: String, got: String)? {
        let assignments = decision.deliveries.compactMap(\.assignment).filter { $0.pool == pool }
        if assignments.contains(where: { $0.member == member }) { return nil }
        let got = assignments.first.map { $0.member ?? "none" } ?? "nothing is sent to this pool"
        return (member ?? "none", got)
    }

    private func key(of delivery: PlannedDelivery) -> DeliveryKey {
        DeliveryKey(
            source: test.lead.source, lead: test.lead.id, route: delivery.route,
            target: delivery.identity)
    }

    private func render(_ delivery: PlannedDelivery) -> Result<[RenderedSetting], RenderFailure> {
        let key = key(of: delivery)
        let context = RenderContext(
            lead: test.lead, isDuplicate: test.isDuplicate, deliveryID: key.text,
            route: delivery.route, pool: delivery.assignment?.pool,
            member: delivery.assignment?.member)
        return Result { () throws(RenderFailure) in
            try ruleSet.render(delivery.target, of: context)
        }
    }

    private func rendered(
        _ sink: String, _ setting: String, _ wanted: RenderedText
    ) -> (expected: String, got: String)? {
        let deliveries = decision.deliveries.filter { $0.target.sink == sink }
        // A sink can get the lead twice, with different settings: one of them must be as written.
        var got = "nothing is sent to this sink"
        for delivery in deliveries {
            switch render(delivery) {
            case .failure(let failure): got = "would fail: \(failure)"
            case .success(let settings):
                guard let text = settings.first(where: { $0.name == setting })?.shown else {
                    let known = settings.map(\.name).joined(separator: ", ")
                    got = "no such setting; filled in are \(known)"
                    continue
                }
                if RuleTestRun.matches(text, wanted) { return nil }
                got = text
            }
        }
        return (RuleTestRun.shown(wanted), got)
    }

    private static func matches(_ text: String, _ wanted: RenderedText) -> Bool {
        switch wanted {
        case .whole(let whole):
            withoutLastLineEnd(text).elementsEqual(withoutLastLineEnd(whole))
        case .contains(let parts): parts.allSatisfy { ByteSearch.contains(text, $0) }
        }
    }

    /// A block scalar of YAML ends with a line end that its author may not have meant.
    private static func withoutLastLineEnd(_ text: String) -> Substring.UTF8View {
        text.utf8.last == 0x0A ? text.utf8.dropLast() : text.utf8[...]
    }

    private static func shown(_ wanted: RenderedText) -> String {
        switch wanted {
        case .whole(let text): text
        case .contains(let parts):
            "a text with " + parts.map { "'\($0)'" }.joined(separator: " and ")
        }
    }

    /// Whether it cannot be rendered, or its sink would never send it.
    private func fails(_ delivery: PlannedDelivery) -> Bool {
        guard case .success(let settings) = render(delivery) else { return true }
        let sink = sinks.first { $0.name == delivery.target.sink }
        let whole = Delivery(
            key: key(of: delivery), lead: test.lead, sink: delivery.target.sink,
            route: delivery.route, isCopy: delivery.isCopy,
            rendered: Dictionary(settings.map { ($0.name, $0.text) }, uniquingKeysWith: { $1 }))
        return sink?.blueprint.refusal(whole) != nil
    }

    private func failures(_ sinks: [String]) -> (expected: String, got: String)? {
        let failing = decision.deliveries.filter(fails).map(\.target.sink)
        guard failing.sorted() != sinks.sorted() else { return nil }
        return (RuleTestRun.shown(sinks), RuleTestRun.shown(failing))
    }
}
