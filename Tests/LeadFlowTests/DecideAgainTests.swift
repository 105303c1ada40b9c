import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Synchronization
import Testing

@testable import LeadFlow

/// A held lead of which something went out is given to other rules.
@Suite(.timeLimit(.minutes(1))) struct DecideAgainTests {
    private static let sinks = ["main", "a", "b", "c"].map {
        (name: $0, script: Script(), options: "")
    }

    /// Decides a lead by the first rules, ends its deliveries so, decides it again by the second, and
    /// answers what there is to send then.
    private func decide(
        _ first: String, then second: String, ends: AttemptRecord.Result = .delivered(receipt: "ok")
    ) async throws -> [String] {
        let stage = try await Stage(sinks: Self.sinks, rest: first)
        let store = stage.store
        _ = try await store.accept([.lead(.sample(id: "1", source: "web"))], atMilliseconds: 1)
        let clock = HandClock()
        let routing = try await stage.flow(clock: clock).routing
        try await store.record(try await routing.records(of: store.undecided(after: 0, limit: 9)))
        let held = try #require(try await store.leads(LeadFilter()).first)
        #expect(held.state == .held)
        try await end(ends, at: clock.nowMilliseconds() + 1000, store)
        let order = Order(by: "ann", atMilliseconds: 5)
        #expect(try await store.decideAgain([held.sequence], order) == [.done])
        routing.use(try Stage.configuration(Self.sinks, rest: second).ruleSet)
        try await store.record(try await routing.records(of: store.undecided(after: 0, limit: 9)))
        #expect(try await store.leads(LeadFilter()).map(\.state) == [.decided])
        let faults = Mutex<[String]>([])
        _ = try await store.verify(
            isServed: false, atMilliseconds: clock.nowMilliseconds(), progress: { _ in },
            report: {
                let fault = "\($0)"; faults.withLock { $0.append(fault) }
            })
        #expect(faults.withLock { $0 } == [])
        let entries = try await store.deliveries(DeliveryFilter())
        await store.close()
        return entries.reversed().map { entry in
            let mark = entry.generation > 0 ? " again" : ""
            return "\(entry.delivery.sink) \(entry.state)\(mark)"
        }
    }

    private func end(
        _ result: AttemptRecord.Result, at time: Int64, _ store: any LeadStore
    ) async throws {
        for sink in ["main", "a", "b", "c"] {
            let leased = try await store.lease(
                LeaseRequest(
                    sink: sink, token: "t", picks: [LeasePick(destination: "", limit: 9)],
                    limit: 9, atMilliseconds: time, untilMilliseconds: time + 1000)
            ).taken
            _ = try await store.finish(
                leased.map { one in
                    AttemptRecord(
                        sequence: one.sequence, sink: sink, token: "t", attempt: one.attempt,
                        startedMilliseconds: time, durationMilliseconds: 1, result: result,
                        destination: nil)
                })
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
            try await decide(first, then: second, ends: .dead(reason: "422", followUps: []))
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
}
