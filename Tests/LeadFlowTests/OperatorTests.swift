import LeadKit
import LeadMemory
import LeadRules
import LeadStore
import LeadTesting
import Logging
import Synchronization
import Testing

@testable import LeadFlow

@Suite(.timeLimit(.minutes(1)))
struct OperatorTests {
    private let order = Order(by: "ann", atMilliseconds: 5000)

    /// So many leads, routed to a sink and given up.
    private func storeOfDead(_ count: Int, at time: Int64 = 1) async throws -> MemoryStore {
        let store = MemoryStore()
        _ = try await store.accept(
            (1...count).map { .lead(.sample(id: String($0))) }, atMilliseconds: time)
        let entries = try await store.undecided(after: 0, limit: count)
        try await store.record(
            entries.map { entry in
                DecisionRecord(
                    sequence: entry.sequence, state: .decided, outcome: "routed", reason: nil,
                    decision: "{}", ruleSetHash: "hash",
                    deliveries: [
                        NewDelivery(
                            key: DeliveryKey(
                                source: entry.source, lead: entry.leadID, route: "r",
                                target: "crm"), sink: "crm", route: "r", isCopy: false)
                    ], atMilliseconds: time)
            })
        let leased = try await store.lease(
            LeaseRequest(
                sink: "crm", token: "t", picks: [LeasePick(destination: "", limit: count)],
                limit: count, atMilliseconds: time, untilMilliseconds: 99_999)
        ).taken
        _ = try await store.finish(
            leased.map { one in
                AttemptRecord(
                    sequence: one.sequence, sink: one.delivery.sink, token: "t", attempt: 1,
                    startedMilliseconds: time,
                    durationMilliseconds: 1, result: .dead(reason: "550", followUps: []))
            })
        return store
    }

    @Test func `an order over many pages reaches every row once, and rings their sinks`()
        async throws
    {
        let count = 2 * OperatorDesk.pageMax + 7
        let store = try await storeOfDead(count)
        let rung = Mutex<Set<String>>([])
        let desk = OperatorDesk(store: store) { sinks in rung.withLock { $0.formUnion(sinks) } }
        // New rows match this filter, too: they come later, and are not meant.
        let filter = DeliveryFilter(sink: "crm")
        let plan = try await desk.plan(.redeliver, [filter])
        #expect(plan.doneCount == count)
        #expect(try await desk.carryOut(.redeliver, [filter], order) == [.done: count])
        #expect(try await store.stats().deliveries == [.dead: count, .pending: count])
        #expect(rung.withLock { $0 } == ["crm"])
        // Given again, it does nothing twice.
        let again = try await desk.carryOut(.redeliver, [filter], order)
        #expect(again == [.superseded: count, .open: count])
        #expect(try await desk.carryOut(.cancel, [filter], order) == [.done: count, .over: count])
    }

    @Test func `a plan says what would become of each kind`() async throws {
        let store = try await storeOfDead(2)
        _ = try await store.redeliver([1], order)
        let desk = OperatorDesk(store: store)
        let redeliver = try await desk.plan(.redeliver, [DeliveryFilter()])
        let lines = redeliver.lines.map { "\($0.count) \($0.kind.state) \($0.answer)" }
        #expect(lines == ["1 dead done", "1 dead superseded", "1 pending open"])
        let cancel = try await desk.plan(.cancel, [DeliveryFilter()])
        #expect(cancel.doneCount == 1)
        #expect(cancel.count == 3)
    }

    @Test func `forgetting goes page by page`() async throws {
        let count = OperatorDesk.pageMax + 3
        let store = try await storeOfDead(count)
        let desk = OperatorDesk(store: store)
        #expect(try await desk.plan([LeadFilter()]).leads == [.decided: count])
        let answers = try await desk.forget([LeadFilter()], ForgetOptions(), order)
        #expect(answers == [.done: count])
        #expect(try await store.stats().leads == [.forgotten: count])
    }

    @Test func `retention forgets what is over for so long, and nothing else`() async throws {
        let day: Int64 = 86_400_000
        let store = try await storeOfDead(Retention.pageMax + 5, at: 10 * day)
        _ = try await store.accept([.lead(.sample(id: "waits"))], atMilliseconds: 10 * day)
        func pass(_ limit: Duration, at time: Int64) async throws -> Int {
            return try await Retention(
                settings: {
                    var settings = RetentionSettings()
                    settings.dead = limit
                    return settings
                }, oldEnough: { time - $0.milliseconds }, store: store,
                clock: StillClock(time: time),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ).pass()
        }
        #expect(try await pass(.seconds(90 * 86_400), at: 100 * day) == 0)
        #expect(try await pass(.seconds(90 * 86_400), at: 100 * day + 1) == Retention.pageMax + 5)
        let stats = try await store.stats()
        #expect(stats.leads == [.forgotten: Retention.pageMax + 5, .received: 1])
        #expect(stats.deliveries == [.dead: Retention.pageMax + 5])
        // The control: of another end nothing is old enough to be asked for.
        #expect(try await pass(.seconds(3600), at: 200 * day) == 0)
    }
}

/// Time stands still, and nobody waits.
private struct StillClock: FlowClock {
    var time: Int64
    func nowMilliseconds() -> Int64 { time }
    func sleep(for duration: Duration) async throws {}
}
