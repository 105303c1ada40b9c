import LeadFlow
import Synchronization

/// A simulated computer: runs tasks one step at a time, in an order that the seed draws, on the
/// calling thread; time passes only when nothing can run.
///
/// Every task of a simulation is started with this machine as its executor, and child tasks
/// inherit it, so the loops run exactly as they are. Two clocks: `sleep` waits on the one that only
/// goes forward; `nowMilliseconds` is the wall, which jumps when somebody sets it.
///
/// `@unchecked Sendable`: all that changes is guarded by the mutex.
final class Machine: TaskExecutor, FlowClock, @unchecked Sendable {
    /// What is done when a time has come.
    private enum Sleeper {
        case task(UnsafeContinuation<Void, any Error>)
        case call(@Sendable () -> Void)
    }

    /// What can run.
    private enum Step {
        case job(UnownedJob)
        /// A task that let others come first.
        case task(UnsafeContinuation<Void, Never>)
    }

    private struct State {
        var chance: Chance
        var ready: [Step] = []
        var sleepers: [Int: Sleeper] = [:]
        var due: [Due] = []
        var sleepersSoFar = 0
        var upMilliseconds: Int64 = 0
        var wallOffsetMilliseconds: Int64 = 1_760_000_000_000
        var steps = 0
        var trace: UInt64 = 0

        mutating func nextID() -> Int {
            sleepersSoFar += 1
            return sleepersSoFar
        }

        mutating func add(_ sleeper: Sleeper, _ id: Int, afterMilliseconds: Int64) {
            sleepers[id] = sleeper
            // Most are cancelled long before they are due.
            if due.count > 2 * sleepers.count + 16 {
                let sleepers = sleepers
                due.removeAll { sleepers[$0.id] == nil }
                due.sort(by: Machine.isBefore)
            }
            due.append(Due(untilMilliseconds: upMilliseconds + afterMilliseconds, id: id))
            Machine.siftUp(&due)
        }

        /// FNV-1a over whole words.
        mutating func note(_ word: UInt64) { trace = (trace ^ word) &* 0x100_0000_01B3 }
    }

    /// Stands for all that happened and when: two runs that differ anywhere differ here.
    var trace: UInt64 { state.withLock { $0.trace } }

    private struct Due {
        var untilMilliseconds: Int64
        var id: Int
    }

    private let state: Mutex<State>
    /// The most steps of one seed: beyond them something runs in circles.
    static let stepsMax = 20_000_000

    init(seed: UInt64) {
        var chance = Chance(seed: seed)
        longestRest = .seconds(3600 * chance.one(of: [1, 6, 12, 12]))
        state = Mutex(State(chance: chance))
    }

    // MARK: Time

    /// How long the machine has run, in milliseconds.
    var upMilliseconds: Int64 { state.withLock { $0.upMilliseconds } }

    /// Long, since a seed has no time for idle looks; still far below the checks' bounds.
    let longestRest: Duration

    func nowMilliseconds() -> Int64 {
        state.withLock { $0.upMilliseconds + $0.wallOffsetMilliseconds }
    }

    /// Sets the wall clock forward or back.
    func jump(byMilliseconds offset: Int64) {
        state.withLock { $0.wallOffsetMilliseconds += offset }
    }

    func sleep(for duration: Duration) async throws {
        try await sleep(milliseconds: max(0, duration.milliseconds))
    }

    func sleep(milliseconds: Int64) async throws {
        let id = state.withLock { $0.nextID() }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    state.add(.task(continuation), id, afterMilliseconds: milliseconds)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            guard case .task(let continuation) = remove(id) else { return }
            continuation.resume(throwing: CancellationError())
        }
    }

    /// Calls `body` when the time has come; answers a number to cancel it by.
    @discardableResult
    func call(afterMilliseconds milliseconds: Int64, _ body: @escaping @Sendable () -> Void) -> Int
    {
        state.withLock { state in
            let id = state.nextID()
            state.add(.call(body), id, afterMilliseconds: milliseconds)
            return id
        }
    }

    func alarm(after duration: Duration, _ ring: @escaping @Sendable () -> Void) -> Alarm {
        let id = call(afterMilliseconds: max(0, duration.milliseconds), ring)
        return Alarm { _ = self.remove(id) }
    }

    private func remove(_ id: Int) -> Sleeper? {
        state.withLock { $0.sleepers.removeValue(forKey: id) }
    }

    // MARK: Running

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.ready.append(.job(job)) }
    }

    /// Goes on some time later, after any number of others.
    func letOthersCome() async {
        await withUnsafeContinuation { continuation in
            state.withLock { $0.ready.append(.task(continuation)) }
        }
    }

    /// Why a run ended before its work was done.
    enum Stall: Error {
        /// Nothing can run and nobody sleeps.
        case nothingToDo
        /// Something runs in circles.
        case tooManySteps
    }

    /// Runs until `isDone`.
    func run(until isDone: () -> Bool) throws(Stall) {
        let executor = asUnownedTaskExecutor()
        while !isDone() {
            let step = state.withLock { state -> Step? in
                guard !state.ready.isEmpty else { return nil }
                state.steps += 1
                // Any order of what is ready is possible on a real machine.
                let index = state.chance.number(0...(state.ready.count - 1))
                state.note(UInt64(state.ready.count) << 32 | UInt64(index))
                state.ready.swapAt(index, state.ready.count - 1)
                return state.ready.removeLast()
            }
            if let step {
                switch step {
                case .job(let job): job.runSynchronously(on: executor)
                case .task(let continuation): continuation.resume()
                }
                if state.withLock({ $0.steps }) > Machine.stepsMax { throw .tooManySteps }
            } else if !wakeNext() {
                throw .nothingToDo
            }
        }
    }

    /// Lets time pass until the next sleeper wakes; false when nobody sleeps.
    private func wakeNext() -> Bool {
        while true {
            let (isEmpty, sleeper) = state.withLock { state -> (Bool, Sleeper?) in
                guard let due = Machine.popFirst(&state.due) else { return (true, nil) }
                guard let sleeper = state.sleepers.removeValue(forKey: due.id) else {
                    return (false, nil)
                }
                state.upMilliseconds = max(state.upMilliseconds, due.untilMilliseconds)
                state.note(UInt64(state.upMilliseconds))
                return (false, sleeper)
            }
            if isEmpty { return false }
            switch sleeper {
            case .task(let continuation): continuation.resume()
            case .call(let body): body()
            case nil: continue
            }
            return true
        }
    }

    // A binary heap by time, then by order of falling asleep.

    private static func isBefore(_ a: Due, _ b: Due) -> Bool {
        (a.untilMilliseconds, a.id) < (b.untilMilliseconds, b.id)
    }

    private static func siftUp(_ heap: inout [Due]) {
        var child = heap.count - 1
        while child > 0, isBefore(heap[child], heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private static func popFirst(_ heap: inout [Due]) -> Due? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && isBefore(heap[child], heap[least]) { least = child }
            if least == parent { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
