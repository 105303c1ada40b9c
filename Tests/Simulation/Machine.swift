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
    private struct Sleeper {
        var untilMilliseconds: Int64
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var chance: Chance
        var ready: [UnownedJob] = []
        var sleepers: [Int: Sleeper] = [:]
        var alarms: [Alarm] = []
        var sleepersSoFar = 0
        var upMilliseconds: Int64 = 0
        var wallOffsetMilliseconds: Int64 = 1_760_000_000_000
        var steps = 0
    }

    private struct Alarm {
        var untilMilliseconds: Int64
        var id: Int
    }

    private let state: Mutex<State>
    /// The most steps of one seed: beyond them something runs in circles.
    static let stepsMax = 20_000_000

    init(seed: UInt64) { state = Mutex(State(chance: Chance(seed: seed))) }

    // MARK: Time

    /// How long the machine has run, in milliseconds.
    var upMilliseconds: Int64 { state.withLock { $0.upMilliseconds } }

    /// Long, since a seed has no time for idle looks; still far below the checks' bounds.
    var longestRest: Duration { .seconds(3600) }

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
        let id = state.withLock { state in
            state.sleepersSoFar += 1
            return state.sleepersSoFar
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    let until = state.upMilliseconds + milliseconds
                    state.sleepers[id] = Sleeper(
                        untilMilliseconds: until, continuation: continuation)
                    state.alarms.append(Alarm(untilMilliseconds: until, id: id))
                    Machine.siftUp(&state.alarms)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    // MARK: Running

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.ready.append(job) }
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
            let job = state.withLock { state -> UnownedJob? in
                guard !state.ready.isEmpty else { return nil }
                state.steps += 1
                // Any order of what is ready is possible on a real machine.
                let index = state.chance.number(0...(state.ready.count - 1))
                state.ready.swapAt(index, state.ready.count - 1)
                return state.ready.removeLast()
            }
            if let job {
                job.runSynchronously(on: executor)
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
                guard let alarm = Machine.popFirst(&state.alarms) else { return (true, nil) }
                guard let sleeper = state.sleepers.removeValue(forKey: alarm.id) else {
                    return (false, nil)
                }
                state.upMilliseconds = max(state.upMilliseconds, alarm.untilMilliseconds)
                return (false, sleeper)
            }
            if isEmpty { return false }
            if let sleeper {
                sleeper.continuation.resume()
                return true
            }
        }
    }

    // A binary heap by time, then by order of falling asleep.

    private static func isBefore(_ a: Alarm, _ b: Alarm) -> Bool {
        (a.untilMilliseconds, a.id) < (b.untilMilliseconds, b.id)
    }

    private static func siftUp(_ heap: inout [Alarm]) {
        var child = heap.count - 1
        while child > 0, isBefore(heap[child], heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private static func popFirst(_ heap: inout [Alarm]) -> Alarm? {
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
