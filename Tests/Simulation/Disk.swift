import LeadKit
import LeadMemory
import LeadStore
import Synchronization

/// What outlives a crash: the tables as they were at the last sync.
///
/// Writes reach the live tables at once and are kept in order until a sync has made them durable;
/// concurrent writes share a sync, and each is answered after it. A crash loses what was not
/// synced, or by chance only the tail of it: a sync that was under way may have reached the disk
/// and nobody was told.
final class Disk: Sendable {
    fileprivate typealias Write = @Sendable (inout MemoryTables) -> Void

    fileprivate struct State {
        var durable = MemoryTables()
        var unsynced: [Write] = []

        mutating func sync(_ count: Int) {
            for write in unsynced.prefix(count) { write(&durable) }
            unsynced.removeFirst(min(count, unsynced.count))
        }
    }

    /// A control that must go red: answers before anything is synced.
    let answersEarly: Bool
    fileprivate let state = Mutex(State())

    init(answersEarly: Bool) { self.answersEarly = answersEarly }

    /// The tables at the last sync, and by chance some writes behind it.
    fileprivate func afterCrash(_ chance: inout Chance) -> MemoryTables {
        state.withLock { state in
            state.sync(chance.number(0...state.unsynced.count))
            state.unsynced = []
            return state.durable
        }
    }

    /// Keeps a write until a sync.
    fileprivate func keep(_ write: @escaping Write) {
        state.withLock { $0.unsynced.append(write) }
    }

    fileprivate func sync(_ count: Int) { state.withLock { $0.sync(count) } }

    fileprivate var unsyncedCount: Int { state.withLock { $0.unsynced.count } }
}

/// The store of one process: the live tables over a disk.
final class SimulatedStore: TablesStore {
    private struct State {
        var isDead = false
        var isSyncing = false
        /// Those who wait for the next sync; the group under way is not among them.
        var waiting: [UnsafeContinuation<Void, any Error>] = []
        var underWay: [UnsafeContinuation<Void, any Error>] = []
        var chance: Chance

        /// Whether nobody syncs yet; then somebody does.
        var startsSync: Bool {
            mutating get {
                defer { isSyncing = true }
                return !isSyncing
            }
        }
    }

    private let disk: Disk
    private let live: Mutex<MemoryTables>
    private let machine: Machine
    private let state: Mutex<State>

    /// Opens the disk as a crash, or a clean stop, has left it.
    init(_ disk: Disk, on machine: Machine, _ chance: inout Chance) {
        self.disk = disk
        live = Mutex(disk.afterCrash(&chance))
        self.machine = machine
        state = Mutex(State(chance: Chance(seed: chance.next())))
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

    func read<T: Sendable>(
        _ body: @Sendable (MemoryTables) -> T
    ) async throws(StoreError) -> T {
        let before = state.withLock { $0.chance.thousandth(500) }
        try await letOthersCome(before)
        let result = live.withLock { body($0) }
        try await letOthersCome(!before)
        return result
    }

    func write<T: Sendable>(
        _ body: @escaping @Sendable (inout MemoryTables) -> T
    ) async throws(StoreError) -> T {
        try await letOthersCome(true)
        let (result, isNew) = live.withLock { tables in
            let version = tables.version
            return (body(&tables), tables.version > version)
        }
        // What changed nothing writes nothing.
        guard isNew else { return result }
        disk.keep { _ = body(&$0) }
        if disk.answersEarly {
            if state.withLock({ $0.startsSync }) { sync() }
            return result
        }
        do {
            try await synced()
        } catch {
            throw .killed
        }
        return result
    }

    /// A call takes a while: by chance others come before it, or before its answer is seen.
    private func letOthersCome(_ mayCome: Bool) async throws(StoreError) {
        if mayCome, state.withLock({ $0.chance.thousandth(500) }) {
            await machine.letOthersCome()
        }
        if state.withLock({ $0.isDead }) { throw .killed }
    }

    /// Waits for the sync that makes what was written so far durable.
    private func synced() async throws {
        try await withUnsafeThrowingContinuation { continuation in
            let (isDead, starts) = state.withLock { state -> (Bool, Bool) in
                if state.isDead { return (true, false) }
                state.waiting.append(continuation)
                return (false, state.startsSync)
            }
            if isDead { continuation.resume(throwing: Killed()) }
            if starts { sync() }
        }
    }

    /// Syncs, again and again until nothing is left to be synced.
    private func sync() {
        let (delay, writes) = state.withLock { state in
            state.underWay = state.waiting
            state.waiting = []
            let delay = state.chance.thousandth(5) ? 900 : state.chance.number(0...4)
            return (Int64(delay), disk.unsyncedCount)
        }
        machine.call(afterMilliseconds: delay) { self.synced(writes) }
    }

    private func synced(_ writes: Int) {
        if state.withLock({ $0.isDead }) { return }
        disk.sync(writes)
        let (synced, isDone) = state.withLock { state in
            state.isSyncing = disk.unsyncedCount > 0
            defer { state.underWay = [] }
            return (state.underWay, !state.isSyncing)
        }
        for continuation in synced { continuation.resume() }
        if !isDone { sync() }
    }
}

extension StoreError {
    fileprivate static let killed = StoreError.failed("the process was killed")
}
