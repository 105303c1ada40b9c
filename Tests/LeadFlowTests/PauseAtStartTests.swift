import LeadKit
import LeadMemory
import LeadStore
import Logging
import Synchronization
import Testing

@testable import LeadFlow

/// A store that takes long to say which sinks are paused, once: what it says is old by then.
private final class LateStore: TablesStore {
    let asked = Gate()
    let answers = Gate()
    private let inner = MemoryStore()
    private let isFirst = Mutex(true)

    func read<T: Sendable>(_ body: @Sendable (MemoryTables) -> T) async throws(StoreError) -> T {
        try await inner.read(body)
    }

    func write<T: Sendable>(
        _ body: @escaping @Sendable (inout MemoryTables) -> T
    ) async throws(StoreError) -> T {
        try await inner.write(body)
    }

    func pauses() async throws(StoreError) -> [SinkPause] {
        let pauses = try await inner.pauses()
        let isFirst = isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
        }
        if isFirst {
            asked.open()
            await answers.wait()
        }
        return pauses
    }
}

/// The service begins, and an operator gives an order meanwhile: the order is the newer one.
@Suite(.timeLimit(.minutes(1)))
struct PauseAtStartTests {
    private let store = LateStore()

    private func begin(
        with pause: SinkPause?, _ main: Script, _ body: (Flow, Stage) async throws -> Void
    ) async throws {
        try await store.setPause(pause, sink: "main")
        let stage = try await Stage(sinks: [("main", main, "")])
        let flow = try await Flow(
            configuration: stage.configuration, store: store, clock: SystemClock(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await flow.run() }
            await store.asked.wait()
            try await body(flow, stage)
            flow.stop()
            try await group.waitForAll()
        }
    }

    @Test func `a sink that is resumed while the service begins goes on`() async throws {
        let main = Script()
        let pause = SinkPause(sink: "main", sinceMilliseconds: 1, reason: "they move house")
        try await begin(with: pause, main) { flow, stage in
            try await flow.delivery.resume(sink: "main")
            store.answers.open()
            try await stage.send([1], to: flow)
            while main.deliveries.isEmpty { try await aMoment() }
        }
    }

    @Test func `a sink that is paused before the service began stays so`() async throws {
        let main = Script()
        let pause = SinkPause(sink: "main", sinceMilliseconds: 1, reason: "they move house")
        try await begin(with: pause, main) { flow, stage in
            store.answers.open()
            try await stage.send([1], to: flow)
            while try await store.stats().outcomes.isEmpty { try await aMoment() }
            let state = try await flow.delivery.states().first
            #expect(state?.pause == .operator(sinceMilliseconds: 1, reason: "they move house"))
            #expect(main.deliveries.isEmpty)
        }
    }
}
