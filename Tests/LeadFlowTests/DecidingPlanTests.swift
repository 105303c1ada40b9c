import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Testing

@testable import LeadFlow

/// The plan of deciding leads again: what it says is what happens.
@Suite(.timeLimit(.minutes(1))) struct DecidingPlanTests {
    private static let rules = """
        routes: [{id: cars, always: true, to: [a, b]}]
        default: {to: [main]}
        """

    private func plan(
        _ second: String, _ ends: DecideAgainTests.End
    ) async throws -> (plan: DecidingPlan, made: [String]) {
        let again = try await Again(Self.rules, ends)
        let store = again.stage.store
        let ruleSet = try Stage.configuration(DecideAgainTests.sinks, rest: second).ruleSet
        let desk = OperatorDesk(store: store)
        let filter = LeadFilter(state: .decided)
        let before = try await store.deliveries(DeliveryFilter()).count
        let plan = try await desk.planDeciding([filter], by: ruleSet)
        #expect(try await store.deliveries(DeliveryFilter()).count == before, "a plan writes")
        #expect(try await store.leads(LeadFilter()).map(\.state) == [.decided], "a plan writes")
        let order = Order(by: "ann", atMilliseconds: 5)
        #expect(try await desk.decideAgain([filter], .init(), order) == [.done: 1])
        again.routing.use(ruleSet)
        try await store.record(
            try await again.routing.records(of: store.undecided(after: 0, limit: 9)))
        let made = try await store.deliveries(DeliveryFilter(afterSequence: Int64(before)))
        await store.close()
        return (plan, made.map(\.delivery.sink))
    }

    private func lines(_ plan: DecidingPlan) -> [String] {
        (plan.preview?.lines ?? []).map { line, count in
            "\(count) \(line.kind.rawValue) \(line.sink) \(line.route)"
        }
    }

    @Test func `it tells what is new, and what is no longer asked for`() async throws {
        let second = "routes: [{id: vans, always: true, to: [b, c]}]\ndefault: {to: [main]}"
        let (plan, made) = try await plan(second) { one in
            one.delivery.sink == "a" ? .delivered(receipt: "ok") : nil
        }
        #expect(plan.answers.filter { $0.value > 0 } == [.done: 1])
        #expect(plan.preview?.leads == 1)
        #expect(plan.preview?.unchanged == 0)
        #expect(plan.preview?.outcomes == [.init(before: "routed", after: "routed"): 1])
        #expect(lines(plan) == ["1 new c vans", "1 delivered a cars"])
        #expect(made == ["c"])
    }

    @Test func `what is pending and no longer asked for stands by itself`() async throws {
        let second = "routes: [{id: no, always: true, drop: spam}]\ndefault: {to: [main]}"
        let (plan, made) = try await plan(second) { _ in nil }
        #expect(lines(plan) == ["1 pending a cars", "1 pending b cars"])
        #expect(plan.preview?.outcomes == [.init(before: "routed", after: "dropped"): 1])
        #expect(made == [])
    }

    @Test func `an unchanged decision has nothing to make`() async throws {
        let (plan, made) = try await plan(Self.rules, DecideAgainTests.delivered)
        #expect(plan.preview?.unchanged == 1)
        #expect(lines(plan) == [])
        #expect(made == [])
    }

    @Test func `what was given up is told apart`() async throws {
        let (plan, made) = try await plan(Self.rules) { one in
            one.delivery.sink == "a" ? .dead(reason: "422", followUps: []) : nil
        }
        #expect(lines(plan) == ["1 anew a cars"])
        #expect(made == ["a"])
    }

    @Test func `without rules there are counts and no preview`() async throws {
        let again = try await Again(Self.rules, DecideAgainTests.delivered)
        let plan = try await OperatorDesk(store: again.stage.store)
            .planDeciding([LeadFilter(state: .decided)], by: nil)
        #expect(plan.answers == [.done: 1])
        #expect(plan.preview == nil)
        await again.stage.store.close()
    }
}
