import GRDB
import LeadKit
import LeadRules
import LeadTesting
import Testing

@testable import LeadFlow
@testable import LeadStore

@Suite(.timeLimit(.minutes(1)), .enabled(if: Stage.isLongRun, "runs with scripts/test --long"))
struct RoutingTests {
    @Test(arguments: [
        ("default: {to: [main]}", "default", InboxState.decided, 1),
        ("default: {hold: nobody wants it}", "held", .held, 0),
        (
            "default: {to: [main]}\nroutes: [{id: a, always: true, to: [main]}]", "routed",
            .decided,
            1
        ),
        (
            "default: {to: [main]}\nroutes: [{id: a, always: true, drop: spam}]", "dropped",
            .decided, 0
        ),
    ])
    func `an outcome is stored with its state`(
        rules: String, outcome: String, state: InboxState, deliveries: Int
    ) async throws {
        let stage = try await Stage(sinks: [("main", Script(), "")], rest: rules)
        try await stage.run { flow in
            try await stage.send([1], to: flow)
            try await stage.until {
                $0.leads == [state: 1] && ($0.deliveries[.delivered] ?? 0) == deliveries
            }
        }
        let lead = try #require(await stage.store.leads(LeadFilter()).first)
        #expect(lead.outcome == outcome)
        #expect(lead.ruleSetHash == stage.configuration.ruleSet.hash)
        #expect((lead.reason != nil) == (deliveries == 0))
    }

    @Test func `a second lead with the same key is marked, the first is not`() async throws {
        let (main, twice) = (Script(), Script())
        let stage = try await Stage(
            sinks: [("main", main, ""), ("twice", twice, "")],
            rest: """
                dedupe: {by: [email], within: 30d}
                default: {to: [main]}
                routes: [{id: again, when: {lead.is_duplicate: true}, to: [twice]}]
                """)
        let inbox = try await stage.flow().intake.inbox
        // Both in one batch, then a third behind them.
        _ = try await inbox.accept([
            .lead(.sample(id: "1", source: "web")), .lead(.sample(id: "2", source: "web")),
        ])
        try await stage.run { flow in
            try await stage.until { $0.deliveries == [.delivered: 2] }
            try await stage.send([3], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 3] }
        }
        #expect(main.deliveries.map(\.lead.id.text) == ["1"])
        #expect(Set(twice.deliveries.map(\.lead.id.text)) == ["2", "1003"])
    }

    @Test func `a stored lead that is damaged is held and blocks nobody`() async throws {
        let stage = try await Stage(sinks: [("main", Script(), "")])
        let inbox = try await stage.flow().intake.inbox
        _ = try await inbox.accept([
            .lead(.sample(id: "1", source: "web")), .lead(.sample(id: "2", source: "web")),
        ])
        try await stage.store.write {
            try $0.execute(sql: "UPDATE inbox SET lead = CAST('{\"id' AS BLOB) WHERE lead_id = '1'")
        }
        try await stage.run { _ in
            try await stage.until { $0.deliveries == [.delivered: 1] }
        }
        let held = try await stage.store.leads(LeadFilter(state: .held))
        #expect(held.map(\.leadID.text) == ["1"])
        #expect(held.map(\.reason) == ["the stored lead cannot be read"])
    }

    @Test func `a store that fails ends the flow with its error`() async throws {
        let stage = try await Stage(
            sinks: [("main", Script(), ""), ("idle", Script(), "paused: true")])
        let flow = try await stage.flow()
        await stage.store.close()
        await #expect(throws: StoreError.self) { try await flow.run() }
    }
}
