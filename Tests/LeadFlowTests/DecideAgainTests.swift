import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Synchronization
import Testing

@testable import LeadFlow

/// A lead of which something went out, or waits, is given to other rules.
@Suite(.timeLimit(.minutes(1))) struct DecideAgainTests {
    static let sinks = ["main", "a", "b", "c"].map {
        (name: $0, script: Script(), options: "")
    }
    typealias End = @Sendable (LeasedDelivery) -> AttemptRecord.Result?
    static let delivered: End = { _ in .delivered(receipt: "ok") }

    /// Decides a lead by the first rules, ends its deliveries so, decides it again by the second, and
    /// answers what there is to send then.
    private func decide(
        _ first: String, then second: String, ends: End = DecideAgainTests.delivered,
        cancelsOthers: Bool = false
    ) async throws -> [String] {
        let again = try await Again(first, ends)
        let store = again.stage.store
        let options = DecideAgainOptions(cancelsOthers: cancelsOthers)
        let order = Order(by: "ann", atMilliseconds: 5)
        #expect(try await store.decideAgain([again.lead.sequence], options, order) == [.done])
        again.routing.use(try Stage.configuration(Self.sinks, rest: second).ruleSet)
        try await store.record(
            try await again.routing.records(of: store.undecided(after: 0, limit: 9)))
        #expect(try await store.leads(LeadFilter()).map(\.state) == [.decided])
        #expect(
            try await store.earlierDecisions(ofLead: again.lead.sequence).map(\.decision)
                == [again.lead.decision])
        #expect(try await again.faults() == [])
        let entries = try await store.deliveries(DeliveryFilter())
        await store.close()
        return entries.reversed().map { entry in
            let mark = entry.generation > 0 ? " again" : ""
            return "\(entry.delivery.sink) \(entry.state)\(mark)"
        }
    }

    @Test(arguments: [
        "routes: [{id: other, always: true, to: [b], also_to: [a]}]\ndefault: {to: [main]}",
        "routes: [{id: copies, always: true, to: [a, b]}]\ndefault: {to: [main]}",
        "routes: [{id: other, always: true, to: [b, a]}]\ndefault: {to: [main]}",
    ])
    func `what went out stays, whatever route or list now names its target`(second: String)
        async throws
    {
        let first = "routes: [{id: copies, always: true, also_to: [a]}]\ndefault: {hold: none}"
        #expect(try await decide(first, then: second) == ["a delivered", "b pending"])
    }

    @Test func `what was given up is made anew`() async throws {
        let first = "routes: [{id: copies, always: true, also_to: [a]}]\ndefault: {hold: none}"
        let second = "routes: [{id: copies, always: true, to: [a]}]\ndefault: {to: [main]}"
        #expect(
            try await decide(
                first, then: second, ends: { _ in .dead(reason: "422", followUps: []) })
                == ["a dead", "a pending again"])
    }

    @Test func `a target with other settings is another one`() async throws {
        let first = """
            routes: [{id: copies, always: true, also_to: [{sink: a, with: {destination: x}}]}]
            default: {hold: none}
            """
        let second = """
            routes: [{id: copies, always: true, to: [{sink: a, with: {destination: y}}]}]
            default: {hold: none}
            """
        #expect(try await decide(first, then: second) == ["a delivered", "a pending"])
    }

    @Test(arguments: [
        // The member that had it, though it is another's turn, or works no more.
        ("members: [a, b], fallback: main", "members: [a, b], fallback: main", "a"),
        ("members: [a, b], fallback: main", "members: [b], fallback: main", "a"),
        // And the fallback, though there is a member again.
        ("members: [{to: a, disabled: true}], fallback: c", "members: [a], fallback: c", "c"),
    ])
    func `what a pool chose stays chosen`(before: String, after: String, chosen: String)
        async throws
    {
        func rules(_ pool: String, _ other: String) -> String {
            """
            pools: {p: {\(pool)}, q: {members: [\(other)], hold: nobody in q}}
            routes: [{id: both, always: true, to: [{pool: p}, {pool: q}]}]
            default: {to: [main]}
            """
        }
        let found = try await decide(
            rules(before, "{to: b, disabled: true}"), then: rules(after, "b"))
        #expect(found == ["\(chosen) delivered", "b pending"])
    }

    /// What the lead has by another way is no reason to count it for somebody.
    @Test func `a pool does not choose for a lead that one of its members has`() async throws {
        let again = try await Again(Self.toB, Self.delivered)
        let store = again.stage.store
        let pool = """
            pools: {p: {members: [a, {to: b, caps: {hour: 9}}], time_zone: UTC, fallback: c}}
            routes: [{id: cars, always: true, to: [{pool: p}]}]
            default: {to: [main]}
            """
        again.routing.use(try Stage.configuration(Self.sinks, rest: pool).ruleSet)
        for time in Int64(5)...7 {
            let order = Order(by: "ann", atMilliseconds: time)
            #expect(try await store.decideAgain([again.lead.sequence], .init(), order) == [.done])
            let records = try await again.routing.records(of: store.undecided(after: 0, limit: 9))
            #expect(records.map(\.pools) == [PoolChanges()])
            try await store.record(records)
        }
        #expect(try await store.deliveries(DeliveryFilter()).map(\.delivery.sink) == ["b"])
        await store.close()
    }

    @Test func `a pool chooses when its member was given up`() async throws {
        let pool = """
            pools: {p: {members: [a, b], fallback: c}}
            routes: [{id: cars, always: true, to: [{pool: p}]}]
            default: {to: [main]}
            """
        let found = try await decide(
            Self.toB, then: pool, ends: { _ in .dead(reason: "422", followUps: []) })
        #expect(found == ["b dead", "a pending"])
    }

    @Test func `what is made anew waits as long as the decision says`() async throws {
        let again = try await Again(Self.toA) { _ in .dead(reason: "422", followUps: []) }
        let store = again.stage.store
        let waits = """
            schedules: {night: {time_zone: UTC, open: {mon-sun: "03:00-03:01"}}}
            routes: [{id: cars, always: true, to: [a], hold_until: {schedule: night, at_most: 30h}}]
            default: {to: [main]}
            """
        again.routing.use(try Stage.configuration(Self.sinks, rest: waits).ruleSet)
        let order = Order(by: "ann", atMilliseconds: 5)
        _ = try await store.decideAgain([again.lead.sequence], .init(), order)
        let records = try await again.routing.records(of: store.undecided(after: 0, limit: 9))
        let notBefore = try #require(records.first?.anew.first?.notBeforeMilliseconds)
        #expect(notBefore > (records.first?.atMilliseconds ?? .max))
        try await store.record(records)
        let anew = try #require(try await store.deliveries(DeliveryFilter()).first)
        #expect(anew.generation == 1 && anew.dueMilliseconds == notBefore)
        await store.close()
    }

    @Test(arguments: [("drop: twice", false), ("also_to: [b]", true)])
    func `without a dedupe nothing is a duplicate any more, but for what was sent as one`(
        does: String, stays: Bool
    ) async throws {
        let rules = """
            routes: [{id: twice, when: {lead.is_duplicate: true}, \(does)}]
            default: {to: [a]}
            """
        let dedupe = "dedupe: {by: [email], within: 30d}\n"
        let stage = try await Stage(sinks: Self.sinks, rest: dedupe + rules)
        let (store, routing) = (stage.store, try await stage.flow(clock: HandClock()).routing)
        let leads = ["1", "2"].map { Lead.sample(id: $0, source: "web") }
        _ = try await store.accept(leads.map { .lead($0) }, atMilliseconds: 1)
        try await store.record(try await routing.records(of: store.undecided(after: 0, limit: 9)))
        let second = try #require(try await store.leads(LeadFilter()).first)
        #expect(second.isDuplicate)
        routing.use(try Stage.configuration(Self.sinks, rest: rules).ruleSet)
        let order = Order(by: "ann", atMilliseconds: 5)
        #expect(try await store.decideAgain([second.sequence], .init(), order) == [.done])
        try await store.record(try await routing.records(of: store.undecided(after: 0, limit: 9)))
        let last = try #require(try await store.leads(LeadFilter()).first)
        #expect(last.isDuplicate == stays)
        let new = try await store.deliveries(DeliveryFilter(sink: "a", leadID: second.leadID))
        #expect(new.map(\.state) == [.pending])
        await store.close()
    }

    // MARK: Decided leads

    private static let toA = "routes: [{id: cars, always: true, to: [a]}]\ndefault: {to: [main]}"
    private static let toB = "routes: [{id: cars, always: true, to: [b]}]\ndefault: {to: [main]}"
    private static let waits: End = { _ in nil }

    @Test func `what a decided lead was sent stays, and where it should have gone gets it`()
        async throws
    {
        let found = try await decide(Self.toA, then: Self.toB, cancelsOthers: true)
        #expect(found == ["a delivered", "b pending"])
    }

    @Test func `the same decision sends nothing`() async throws {
        let renamed = Self.toA.replacing("cars", with: "renamed")
        for rules in [Self.toA, renamed] {
            #expect(try await decide(Self.toA, then: rules) == ["a delivered"])
            let waiting = try await decide(
                Self.toA, then: rules, ends: Self.waits, cancelsOthers: true)
            #expect(waiting == ["a pending"])
        }
    }

    @Test func `what is pending and no longer asked for is called off only when that is said`()
        async throws
    {
        let kept = try await decide(Self.toA, then: Self.toB, ends: Self.waits)
        #expect(kept == ["a pending", "b pending"])
        let called = try await decide(
            Self.toA, then: Self.toB, ends: Self.waits, cancelsOthers: true)
        #expect(called == ["a cancelled", "b pending"])
        let dropped = try await decide(
            Self.toA, then: "routes: [{id: no, always: true, drop: spam}]\ndefault: {to: [main]}",
            ends: Self.waits, cancelsOthers: true)
        #expect(dropped == ["a cancelled"])
    }

    /// The first ends dead, and `c` stands in for it.
    private static let handsOver: End = { leased in
        guard leased.delivery.sink == "a", let id = LeadID("1") else { return nil }
        let key = DeliveryKey(
            source: leased.source, lead: id, route: leased.delivery.route, standIn: "c",
            for: leased.delivery.key)
        let standIn = NewDelivery(key: key, sink: "c", route: "cars", isCopy: false)
        return .dead(reason: "422", followUps: [standIn])
    }

    @Test func `what another sink stands in for is not made anew`() async throws {
        let found = try await decide(
            Self.toA, then: Self.toA, ends: Self.handsOver, cancelsOthers: true)
        #expect(found == ["a dead", "c pending"])
    }

    @Test func `a stand-in goes with what it stands in for`() async throws {
        let found = try await decide(
            Self.toA, then: Self.toB, ends: Self.handsOver, cancelsOthers: true)
        #expect(found == ["a dead", "c cancelled", "b pending"])
    }
}

/// A lead that was decided by some rules, with its deliveries as they ended.
struct Again {
    let stage: Stage
    let routing: Routing
    let lead: InboxEntry
    private let clock = HandClock()

    init(_ rules: String, _ ends: DecideAgainTests.End) async throws {
        stage = try await Stage(sinks: DecideAgainTests.sinks, rest: rules)
        let store = stage.store
        _ = try await store.accept([.lead(.sample(id: "1", source: "web"))], atMilliseconds: 1)
        routing = try await stage.flow(clock: clock).routing
        try await store.record(try await routing.records(of: store.undecided(after: 0, limit: 9)))
        lead = try #require(try await store.leads(LeadFilter()).first)
        try await Again.end(ends, at: clock.nowMilliseconds() + 1000, store)
    }

    private static func end(
        _ ends: DecideAgainTests.End, at time: Int64, _ store: any LeadStore
    ) async throws {
        for sink in ["main", "a", "b", "c"] {
            let pick = LeasePick(destination: "", limit: 9)
            let leased = try await store.lease(
                LeaseRequest(
                    sink: sink, token: "t", picks: [pick], limit: 9, atMilliseconds: time,
                    untilMilliseconds: time + 1000)
            ).taken
            _ = try await store.finish(
                leased.map { one in
                    AttemptRecord(
                        sequence: one.sequence, sink: sink, token: "t", attempt: one.attempt,
                        startedMilliseconds: time, durationMilliseconds: 1,
                        result: ends(one) ?? .returned, destination: nil)
                })
        }
    }

    /// What `ledger verify` finds.
    func faults() async throws -> [String] {
        let faults = Mutex<[String]>([])
        _ = try await stage.store.verify(
            isServed: false, atMilliseconds: clock.nowMilliseconds(), progress: { _ in },
            report: {
                let fault = "\($0)"
                faults.withLock { $0.append(fault) }
            })
        return faults.withLock { $0 }
    }
}
