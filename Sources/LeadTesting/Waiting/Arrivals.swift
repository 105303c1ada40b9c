internal import Synchronization

/// What a fake has received, and who waits for more of it. Nobody polls: each arrival resumes the
/// waiters whose count is reached.
final class Arrivals<Element: Sendable>: Sendable {
    private struct State {
        var kept: [Element] = []
        var total = 0
        var waiters: [Int: (count: Int, continuation: CheckedContinuation<Void, Never>)] = [:]
        var waiterNumber = 0
    }

    private let state = Mutex(State())
    private let keptMax: Int

    /// Keeps at most so many elements, the first ones; the rest is only counted.
    init(keptMax: Int) { self.keptMax = keptMax }

    /// What was kept, in order of arrival.
    var all: [Element] { state.withLock { $0.kept } }

    /// How many arrived, those not kept included.
    var total: Int { state.withLock { $0.total } }

    /// Records an arrival and resumes whoever waited for it; answers its number, from 1.
    @discardableResult
    func append(_ make: (_ number: Int) -> Element) -> Int {
        let (number, reached) = state.withLock { state in
            state.total += 1
            if state.kept.count < keptMax { state.kept.append(make(state.total)) }
            let reached = state.waiters.filter { $0.value.count <= state.total }
            for key in reached.keys { state.waiters[key] = nil }
            return (state.total, reached.values.map(\.continuation))
        }
        for continuation in reached { continuation.resume() }
        return number
    }

    /// Forgets what was kept and starts counting from 0; whoever waits goes on waiting.
    func removeAll() {
        state.withLock { state in
            state.kept = []
            state.total = 0
        }
    }

    /// Returns what was kept as soon as `count` have arrived, or when the task is cancelled.
    func wait(for count: Int) async -> [Element] {
        let number = state.withLock { state in
            state.waiterNumber += 1
            return state.waiterNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReached = state.withLock { state in
                    if state.total >= count || Task.isCancelled { return true }
                    state.waiters[number] = (count, continuation)
                    return false
                }
                if isReached { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
        }
        return all
    }
}
