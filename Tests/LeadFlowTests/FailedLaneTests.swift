import LeadKit
import LeadMemory
import LeadStore
import Logging
import Testing

@testable import LeadFlow

/// A store that leases nothing of one sink.
private struct BrokenLeases: TablesStore {
    let sink: String
    let reason = StoreError.failed("SQLite 1299: NOT NULL constraint failed")
    private let inner = MemoryStore()

    init(of sink: String) { self.sink = sink }

    func read<T: Sendable>(_ body: @Sendable (MemoryTables) -> T) async throws(StoreError) -> T {
        try await inner.read(body)
    }

    func write<T: Sendable>(
        _ body: @escaping @Sendable (inout MemoryTables) -> T
    ) async throws(StoreError) -> T {
        try await inner.write(body)
    }

    func lease(_ request: LeaseRequest) async throws(StoreError) -> LeasedDeliveries {
        if request.sink == sink { throw reason }
        return try await inner.lease(request)
    }
}

/// A store that does not do what it must for one sink: whoever supervises the program must see it.
@Suite(.timeLimit(.minutes(1)))
struct FailedLaneTests {
    @Test func `the program ends when a lane does, and says why`() async throws {
        let store = BrokenLeases(of: "main")
        let stage = try await Stage(sinks: [("main", Script(), ""), ("other", Script(), "")])
        let flow = try await Flow(
            configuration: stage.configuration, store: store, clock: SystemClock(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await #expect(throws: store.reason) { try await flow.run() }
    }
}
