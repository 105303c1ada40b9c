import LeadKit
import LeadStore
import LeadTesting
import Testing

@testable import LeadFlow

@Suite(.timeLimit(.minutes(1)), .enabled(if: Stage.isLongRun, "runs with scripts/test --long"))
struct FlowTests {
    @Test func `a lead goes through`() async throws {
        let main = Script()
        let stage = try await Stage(sinks: [("main", main, "")])
        try await stage.run { flow in
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 1] }
        }
        #expect(main.deliveries.map(\.lead.id.text) == ["1001"])
        #expect(try await stage.store.stats().outcomes == ["default": 1])
        let entries = try await stage.store.deliveries(DeliveryFilter())
        #expect(entries.map(\.detail) == ["taken 1"])
    }

    @Test func `the same lead a hundred times at once gives one delivery a sink`() async throws {
        let (main, copy) = (Script(), Script())
        let stage = try await Stage(
            sinks: [("main", main, ""), ("copy", copy, "")],
            rest: "default: {to: [main, copy]}")
        try await stage.run { flow in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 { group.addTask { try await stage.send([1], to: flow) } }
                try await group.waitForAll()
            }
            try await stage.until { $0.deliveries == [.delivered: 2] }
        }
        #expect(main.deliveries.count == 1)
        #expect(copy.deliveries.count == 1)
    }

    @Test func `a retry keeps the delivery key and counts`() async throws {
        let main = Script { (_, call) throws(DeliveryFailure) in
            if call < 3 { throw .retry("busy") }
        }
        let stage = try await Stage(sinks: [("main", main, "retry: {first: 1s}")])
        try await stage.run { flow in
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 1] }
        }
        #expect(main.deliveries.map(\.attempt) == [1, 2, 3])
        #expect(Set(main.deliveries.map(\.key)).count == 1)
        let sequence = try #require(await stage.store.deliveries(DeliveryFilter()).first?.sequence)
        let attempts = try await stage.store.attempts(of: sequence)
        #expect(attempts.map(\.outcome) == ["retry", "retry", "delivered"])
    }

    @Test func `a refusal is dead and its fallback is delivered`() async throws {
        let main = Script { (_, _) throws(DeliveryFailure) in throw .reject("no such store") }
        let fallback = Script()
        let stage = try await Stage(
            sinks: [("main", main, "on_failure: [fallback]"), ("fallback", fallback, "")])
        try await stage.run { flow in
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.dead: 1, .delivered: 1] }
        }
        #expect(main.deliveries.count == 1)
        #expect(fallback.deliveries.map(\.lead.id) == main.deliveries.map(\.lead.id))
        #expect(fallback.deliveries.map(\.key) != main.deliveries.map(\.key))
    }

    @Test func `a halt rests its own sink, spends no attempt, and passes`() async throws {
        let main = Script { (_, call) throws(DeliveryFailure) in
            if call < 3 { throw .halt("bad password") }
        }
        let other = Script()
        let stage = try await Stage(
            sinks: [("main", main, "max_in_flight: 1"), ("other", other, "")],
            rest: "default: {to: [main, other]}")
        try await stage.run { flow in
            try await stage.send([1, 2, 3], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 6] }
        }
        #expect(main.deliveries.count == 5)
        let entries = try await stage.store.deliveries(DeliveryFilter())
        #expect(entries.allSatisfy { $0.attempts == 1 })
        // To the sink the next one is not the first: it may look for what the first left behind.
        #expect(main.deliveries.map(\.attempt).max() == 2)
        #expect(other.deliveries.count == 3)
    }

    @Test func `a sink that hangs is cancelled in time while others go on`() async throws {
        let never = Gate()
        // A plug-in that is broken off says so; one that answers all the same is believed.
        let main = Script { (_, call) throws(DeliveryFailure) in
            guard call == 1 else { return }
            await never.wait()
            throw .retry("cancelled", isAmbiguous: true)
        }
        let other = Script()
        let stage = try await Stage(
            sinks: [
                ("main", main, "timeout: 1s, max_in_flight: 1, retry: {first: 1s}"),
                ("other", other, ""),
            ], rest: "default: {to: [main, other]}")
        try await stage.run { flow in
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 2] }
        }
        #expect(main.deliveries.map(\.attempt) == [1, 2])
    }

    @Test(arguments: [1, 3])
    func `no more attempts are under way than allowed`(most: Int) async throws {
        let gate = Gate()
        let main = Script { (_, _) in await gate.wait() }
        let stage = try await Stage(sinks: [("main", main, "max_in_flight: \(most)")])
        try await stage.run { flow in
            try await stage.send(Array(0..<12), to: flow)
            while main.deliveries.count < most { try await aMoment() }
            gate.open()
            try await stage.until { $0.deliveries == [.delivered: 12] }
        }
        #expect(main.mostUnderWay == most)
    }

    @Test func `a paused sink is left alone`() async throws {
        let (main, other) = (Script(), Script())
        let stage = try await Stage(
            sinks: [("main", main, "paused: true"), ("other", other, "")],
            rest: "default: {to: [main, other]}")
        try await stage.run { flow in
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.pending: 1, .delivered: 1] }
        }
        #expect(main.deliveries.isEmpty)
    }

    @Test func `a slow rate delivers each lead once, however long its turn takes`() async throws {
        let main = Script()
        let stage = try await Stage(
            sinks: [("main", main, "timeout: 100ms, rate: 6/m, max_in_flight: 4")])
        try await stage.run { flow in
            try await stage.send(Array(0..<20), to: flow)
            try await stage.until { $0.deliveries == [.delivered: 20] }
        }
        #expect(main.deliveries.count == 20)
        #expect(main.deliveries.allSatisfy { $0.attempt == 1 })
    }

    @Test func `a stop lets attempts under way finish and gives the rest back`() async throws {
        let gate = Gate()
        let main = Script { (_, call) in if call <= 2 { await gate.wait() } }
        let stage = try await Stage(sinks: [("main", main, "max_in_flight: 2, timeout: 1h")])
        try await stage.run { flow in
            try await stage.send(Array(0..<6), to: flow)
            while main.deliveries.count < 2 { try await aMoment() }
            try await stage.until {
                ($0.deliveries[.pending] ?? 0) + ($0.deliveries[.leased] ?? 0) == 6
            }
            flow.stop()
            try await stage.until { $0.deliveries == [.leased: 2, .pending: 4] }
            gate.open()
        }
        #expect(try await stage.store.stats().deliveries == [.delivered: 2, .pending: 4])
        try await stage.run { _ in try await stage.until { $0.deliveries == [.delivered: 6] } }
        #expect(main.deliveries.allSatisfy { $0.attempt == 1 })
    }

    @Test func `leases of a process that died are taken over at once`() async throws {
        let main = Script()
        let paused = try await Stage(sinks: [("main", main, "")])
        let flow = try await paused.flow()
        try await paused.send([1], to: flow)
        let entries = try await paused.store.undecided(after: 0, limit: 1)
        try await paused.store.record(
            entries.map { entry in
                DecisionRecord(
                    sequence: entry.sequence, state: .decided, outcome: "default", reason: nil,
                    decision: "{}", ruleSetHash: "h",
                    deliveries: [
                        NewDelivery(
                            key: DeliveryKey(
                                source: "web", lead: entry.leadID, route: "default", target: "main"),
                            sink: "main", route: "default", isCopy: false)
                    ], atMilliseconds: 0)
            })
        let leased = try await paused.store.lease(
            LeaseRequest(
                sink: "main", token: "dead", picks: [LeasePick(destination: "", limit: 1)],
                limit: 1, atMilliseconds: 1, untilMilliseconds: .max))
        #expect(leased.taken.count == 1)
        try await paused.run { _ in try await paused.until { $0.deliveries == [.delivered: 1] } }
        #expect(main.deliveries.map(\.attempt) == [2])
    }
}
