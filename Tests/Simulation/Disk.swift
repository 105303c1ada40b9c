import LeadKit
import LeadStore
import LeadTesting
import Synchronization

/// What outlives a crash: the tables as they were at the last sync.
///
/// Writes reach the live tables at once and are kept in order until a sync has made them durable;
/// concurrent writes share a sync, and each is answered after it. A crash loses what was not
/// synced, or by chance only the tail of it: a sync that was under way may have reached the disk
/// and nobody was told.
final class Disk: Sendable {
    fileprivate typealias Write = @Sendable (MemoryStore) async -> Void

    fileprivate struct State {
        var durable = MemoryStore()
        var unsynced: [Write] = []
    }

    /// A control that must go red: answers before anything is synced.
    let answersEarly: Bool
    fileprivate let state = Mutex(State())

    init(answersEarly: Bool) { self.answersEarly = answersEarly }

    /// The tables at the last sync, and by chance some writes behind it.
    fileprivate func afterCrash(_ chance: inout Chance) async -> MemoryStore {
        let (durable, unsynced) = state.withLock { state in
            defer { state.unsynced = [] }
            return (state.durable, state.unsynced)
        }
        for write in unsynced.prefix(chance.number(0...unsynced.count)) { await write(durable) }
        return durable
    }
}

/// The store of one process: the live tables over a disk.
final class SimulatedStore: LeadStore {
    private struct State {
        var isDead = false
        var isSyncing = false
        /// Those who wait for the next sync; the group under way is not among them.
        var waiting: [CheckedContinuation<Void, any Error>] = []
        var underWay: [CheckedContinuation<Void, any Error>] = []
        var chance: Chance
    }

    private let disk: Disk
    private let live: MemoryStore
    private let machine: Machine
    private let state: Mutex<State>

    /// Opens the disk as a crash, or a clean stop, has left it.
    static func open(_ disk: Disk, on machine: Machine, _ chance: inout Chance) async
        -> SimulatedStore
    {
        let durable = await disk.afterCrash(&chance)
        return SimulatedStore(
            disk: disk, live: await durable.copy(), machine: machine, seed: chance.next())
    }

    private init(disk: Disk, live: MemoryStore, machine: Machine, seed: UInt64) {
        self.disk = disk
        self.live = live
        self.machine = machine
        state = Mutex(State(chance: Chance(seed: seed)))
    }

    /// The process is gone: whatever it still asks for fails, and what waits for a sync is lost.
    func kill() {
        let waiting = state.withLock { state in
            state.isDead = true
            defer {
                state.waiting = []
                state.underWay = []
            }
            return state.waiting + state.underWay
        }
        for continuation in waiting { continuation.resume(throwing: Killed()) }
    }

    private struct Killed: Error {}
    private static let dead = StoreError.failed("the process was killed")

    private func read<T: Sendable>(
        _ body: @Sendable (MemoryStore) async throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        if state.withLock({ $0.isDead }) { throw SimulatedStore.dead }
        let result = try await body(live)
        if state.withLock({ $0.isDead }) { throw SimulatedStore.dead }
        return result
    }

    private func write<T: Sendable>(
        _ body: @escaping @Sendable (MemoryStore) async throws(StoreError) -> T
    ) async throws(StoreError) -> T {
        if state.withLock({ $0.isDead }) { throw SimulatedStore.dead }
        let result = try await body(live)
        disk.state.withLock { $0.unsynced.append { store in _ = try? await body(store) } }
        // The machine never runs out of sleepers, so nobody awaits this.
        if disk.answersEarly {
            Task(executorPreference: machine) { try? await self.synced() }
            return result
        }
        do {
            try await synced()
        } catch {
            throw SimulatedStore.dead
        }
        return result
    }

    /// Waits for the sync that makes what was written so far durable.
    private func synced() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let (isDead, starts) = state.withLock { state -> (Bool, Bool) in
                if state.isDead { return (true, false) }
                state.waiting.append(continuation)
                defer { state.isSyncing = true }
                return (false, !state.isSyncing)
            }
            if isDead { continuation.resume(throwing: Killed()) }
            // Ends by itself when nobody waits or the process is dead; nobody else needs it.
            if starts { Task(executorPreference: machine) { await self.syncUntilNobodyWaits() } }
        }
    }

    private func syncUntilNobodyWaits() async {
        while true {
            let (delay, writes) = state.withLock { state -> (Int64, Int) in
                state.underWay = state.waiting
                state.waiting = []
                let delay = state.chance.thousandth(5) ? 900 : state.chance.number(0...4)
                return (Int64(delay), disk.state.withLock { $0.unsynced.count })
            }
            try? await machine.sleep(milliseconds: delay)
            if state.withLock({ $0.isDead }) { return }
            await makeDurable(writes)
            let (synced, isDone) = state.withLock { state in
                if state.waiting.isEmpty { state.isSyncing = false }
                defer { state.underWay = [] }
                return (state.underWay, state.waiting.isEmpty)
            }
            for continuation in synced { continuation.resume() }
            if isDone { return }
        }
    }

    private func makeDurable(_ count: Int) async {
        let (durable, writes) = disk.state.withLock { state in
            defer { state.unsynced.removeFirst(min(count, state.unsynced.count)) }
            return (state.durable, Array(state.unsynced.prefix(count)))
        }
        for write in writes { await write(durable) }
    }
}

// The contract, each call on the live tables.
extension SimulatedStore {
    func accept(_ items: [InboxItem], atMilliseconds: Int64) async throws(StoreError)
        -> [Acceptance]
    {
        try await write { store async throws(StoreError) in
            try await store.accept(items, atMilliseconds: atMilliseconds)
        }
    }

    func dueReferences(
        source: String, atMilliseconds: Int64, limit: Int
    ) async throws(StoreError) -> [PendingReference] {
        try await read { store async throws(StoreError) in
            try await store.dueReferences(
                source: source, atMilliseconds: atMilliseconds, limit: limit)
        }
    }

    func nextReferenceMilliseconds(source: String) async throws(StoreError) -> Int64? {
        try await read { store async throws(StoreError) in
            try await store.nextReferenceMilliseconds(source: source)
        }
    }

    func record(_ fetches: [FetchRecord]) async throws(StoreError) {
        try await write { store async throws(StoreError) in try await store.record(fetches) }
    }

    func undecided(after sequence: Int64, limit: Int) async throws(StoreError) -> [InboxEntry] {
        try await read { store async throws(StoreError) in
            try await store.undecided(after: sequence, limit: limit)
        }
    }

    func hasEarlier(dedupeKey: String, sinceSeconds: Int64) async throws(StoreError) -> Bool {
        try await read { store async throws(StoreError) in
            try await store.hasEarlier(dedupeKey: dedupeKey, sinceSeconds: sinceSeconds)
        }
    }

    func poolState(_ query: PoolQuery) async throws(StoreError) -> PoolState {
        try await read { store async throws(StoreError) in try await store.poolState(query) }
    }

    func record(_ decisions: [DecisionRecord]) async throws(StoreError) {
        try await write { store async throws(StoreError) in try await store.record(decisions) }
    }

    func lease(_ request: LeaseRequest) async throws(StoreError) -> LeasedDeliveries {
        try await write { store async throws(StoreError) in try await store.lease(request) }
    }

    func pendingDestinations(
        sink: String, after name: String, limit: Int
    ) async throws(StoreError) -> [PendingDestination] {
        try await read { store async throws(StoreError) in
            try await store.pendingDestinations(sink: sink, after: name, limit: limit)
        }
    }

    func renew(
        _ leases: [LeaseName], token: String, untilMilliseconds: Int64
    ) async throws(StoreError) -> [Bool] {
        try await write { store async throws(StoreError) in
            try await store.renew(leases, token: token, untilMilliseconds: untilMilliseconds)
        }
    }

    func voidLeases(_ void: LeaseVoid) async throws(StoreError) -> VoidedLeases {
        try await write { store async throws(StoreError) in try await store.voidLeases(void) }
    }

    func limitDue(_ limit: DueLimit) async throws(StoreError) -> Int {
        try await write { store async throws(StoreError) in try await store.limitDue(limit) }
    }

    func clockJumps() async throws(StoreError) -> [ClockJump] {
        try await read { store async throws(StoreError) in try await store.clockJumps() }
    }

    func record(_ jump: ClockJump) async throws(StoreError) {
        try await write { store async throws(StoreError) in try await store.record(jump) }
    }

    func pauses() async throws(StoreError) -> [SinkPause] {
        try await read { store async throws(StoreError) in try await store.pauses() }
    }

    func setPause(_ pause: SinkPause?, sink: String) async throws(StoreError) {
        try await write { store async throws(StoreError) in
            try await store.setPause(pause, sink: sink)
        }
    }

    /// Whoever is killed here is killed from outside.
    var lastOwnerCrashed: Bool { false }

    func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool] {
        try await write { store async throws(StoreError) in try await store.finish(results) }
    }

    func stats() async throws(StoreError) -> StoreStats {
        try await read { store async throws(StoreError) in try await store.stats() }
    }

    func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry] {
        try await read { store async throws(StoreError) in try await store.leads(filter) }
    }

    func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry] {
        try await read { store async throws(StoreError) in try await store.deliveries(filter) }
    }

    func attempts(of sequence: Int64) async throws(StoreError) -> [AttemptEntry] {
        try await read { store async throws(StoreError) in try await store.attempts(of: sequence) }
    }

    func close() async {}
}

// What operators order.
extension SimulatedStore {
    func orders(ofLead sequence: Int64) async throws(StoreError) -> [OrderEntry] {
        try await read { store async throws(StoreError) in
            try await store.orders(ofLead: sequence)
        }
    }

    func tally(_ filter: DeliveryFilter) async throws(StoreError) -> DeliveryTally {
        try await read { store async throws(StoreError) in try await store.tally(filter) }
    }

    func tally(_ filter: LeadFilter) async throws(StoreError) -> LeadTally {
        try await read { store async throws(StoreError) in try await store.tally(filter) }
    }

    func oldestOpenMilliseconds() async throws(StoreError) -> [String: Int64] {
        try await read { store async throws(StoreError) in
            try await store.oldestOpenMilliseconds()
        }
    }

    func redeliver(
        _ sequences: [Int64], _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { store async throws(StoreError) in
            try await store.redeliver(sequences, order)
        }
    }

    func cancel(_ sequences: [Int64], _ order: Order) async throws(StoreError) -> [OrderAnswer] {
        try await write { store async throws(StoreError) in
            try await store.cancel(sequences, order)
        }
    }

    func forget(
        _ sequences: [Int64], _ options: ForgetOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { store async throws(StoreError) in
            try await store.forget(sequences, options, order)
        }
    }

    func over(_ query: OverQuery) async throws(StoreError) -> [OverLead] {
        try await read { store async throws(StoreError) in try await store.over(query) }
    }
}
