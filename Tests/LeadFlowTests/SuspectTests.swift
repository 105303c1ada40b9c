import LeadKit
import LeadStore
import Synchronization
import Testing

@testable import LeadFlow

/// Whose turn it is to try what was under way in a crash.
@Suite struct SuspectTurnsTests {
    /// So that what changes can be asked in an expectation.
    private final class Turns {
        private var turns = SuspectTurns()
        func enter(_ name: String, at up: Int64) -> Bool { turns.enter(name, at: up) }
        func leave(isLast: Bool, at up: Int64) -> String? { turns.leave(isLast: isLast, at: up) }
        func decline(_ name: String) -> String? { turns.decline(name) }
    }

    @Test func `one has the turn, and the others wait`() {
        let turns = Turns()
        #expect(turns.enter("a", at: 0))
        #expect(!turns.enter("b", at: 0))
        #expect(!turns.enter("a", at: 0))
        #expect(turns.leave(isLast: false, at: 0) == "b")
        #expect(!turns.enter("a", at: 0))
        #expect(turns.enter("b", at: 0))
    }

    @Test func `the next turn is that of who has used least time`() {
        let turns = Turns()
        for (name, took) in [("a", 30_000), ("b", 10), ("c", 20)] as [(String, Int64)] {
            #expect(turns.enter(name, at: 0))
            #expect(turns.leave(isLast: false, at: took) == nil)
        }
        #expect(turns.enter("a", at: 0))
        for name in ["a", "c", "b"] { #expect(!turns.enter(name, at: 0)) }
        #expect(turns.leave(isLast: false, at: 0) == "b")
        #expect(turns.enter("b", at: 0))
        #expect(!turns.enter("b", at: 0))
        #expect(turns.leave(isLast: false, at: 5) == "b")
        #expect(turns.enter("b", at: 0))
        #expect(turns.leave(isLast: true, at: 5) == "c")
    }

    @Test func `a turn that is declined is the next one's`() {
        let turns = Turns()
        #expect(turns.enter("a", at: 0))
        for name in ["b", "c"] { #expect(!turns.enter(name, at: 0)) }
        #expect(turns.leave(isLast: true, at: 1) == "b")
        #expect(turns.decline("c") == nil)
        #expect(!turns.enter("c", at: 1))
        #expect(turns.decline("b") == "c")
        #expect(turns.enter("c", at: 1))
        #expect(turns.leave(isLast: false, at: 1) == nil)
        #expect(turns.enter("d", at: 1))
    }
}

@Suite(.timeLimit(.minutes(1))) struct SuspectTests {
    private let clock = HandClock()

    @Test func `behind a sink that hangs others wait for one time limit`() async throws {
        let passed = Gate()
        let order = Mutex<[String]>([])
        let clock = clock
        let hung = Script { (_, _) throws(DeliveryFailure) in
            // Both lanes have asked for a turn when the other has delivered what is not suspected.
            await passed.wait()
            order.withLock { $0.append("hung") }
            clock.advance(by: .seconds(10))
            throw .retry("no answer")
        }
        let well = Script { (_, _) throws(DeliveryFailure) in
            order.withLock { $0.append("well") }
            passed.open()
        }
        let stage = try await Stage(
            sinks: [("hung", hung, "retry: {for: 1d, first: 1h}"), ("well", well, "")],
            rest: "default: {to: [well]}")
        let flow = try await stage.flow(clock: clock)
        try await stage.send(Array(0..<4), to: flow)
        try await stage.route(to: "hung")
        try await stage.crash("hung", 4)
        try await stage.send(Array(4..<8), to: flow)
        try await stage.route(to: "well")
        try await stage.crash("well", 4)
        try await stage.send([8], to: flow)
        try await stage.route(to: "well")
        try await stage.run(clock: clock) { _ in
            try await stage.until { $0.deliveries[.delivered] == 5 }
        }
        let seen = order.withLock { $0 }
        let last = try #require(seen.lastIndex(of: "well"))
        #expect(seen[..<last].count { $0 == "hung" } <= 1, "\(seen)")
    }

    @Test func `one whose sink has a slow rate is not leased, and keeps nobody waiting`()
        async throws
    {
        let (slow, other) = (Script(), Script())
        let stage = try await Stage(
            sinks: [("slow", slow, "rate: 1/h"), ("other", other, "")],
            rest: "default: {to: [other]}")
        let flow = try await stage.flow(clock: clock)
        try await stage.send(Array(0..<3), to: flow)
        try await stage.route(to: "slow")
        try await stage.crash("slow", 3)
        try await stage.send(Array(3..<8), to: flow)
        try await stage.route(to: "other")
        try await stage.crash("other", 5)
        try await stage.run(clock: clock) { _ in
            try await stage.until { $0.deliveries == [.delivered: 6, .pending: 2] }
        }
        #expect(slow.deliveries.count == 1)
        #expect(other.deliveries.count == 5)
    }
}

extension Stage {
    /// A process has died while so many deliveries of a sink were under way.
    fileprivate func crash(_ sink: String, _ count: Int) async throws {
        let leased = try await store.lease(
            LeaseRequest(
                sink: sink, token: "dead", picks: [LeasePick(destination: "", limit: count)],
                limit: count, atMilliseconds: .max, untilMilliseconds: .max))
        #expect(leased.taken.count == count)
        _ = try await store.voidLeases(
            LeaseVoid(exceptToken: "new", countsCrash: true, atMilliseconds: 0))
    }
}
