import LeadKit
import Synchronization

@testable import LeadFlow

/// A clock that only the test moves; the wall may be set, too, which wakes nobody.
final class HandClock: FlowClock {
    private struct Sleeper {
        var until: Int64
        var continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var now: Int64 = 1_700_000_000_000
        var isSetBy: Int64 = 0
        var sleepers: [Int: Sleeper] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    func nowMilliseconds() -> Int64 { state.withLock { $0.now + $0.isSetBy } }
    var upMilliseconds: Int64 { state.withLock { $0.now } }
    func set(by duration: Duration) { state.withLock { $0.isSetBy += duration.milliseconds } }

    func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    state.sleepers[id] = Sleeper(
                        until: state.now + duration.milliseconds, continuation: continuation)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now += duration.milliseconds
            let woken = state.sleepers.filter { $0.value.until <= state.now }
            for id in woken.keys { state.sleepers[id] = nil }
            return woken.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Moves on, and gives those whom that wakes the time to do their work and sleep again.
    func advanceAndSettle(by duration: Duration) async {
        let before = sleeperCount
        advance(by: duration)
        for turn in 0..<100_000 where turn < 50 || sleeperCount < before { await Task.yield() }
    }

    func waitForSleepers(_ count: Int) async throws {
        while state.withLock({ $0.sleepers.count }) < count { try await aMoment() }
    }
}

/// A clock that runs a hundred times faster than the machine's.
struct FastClock: FlowClock {
    private let start = ContinuousClock.now

    func nowMilliseconds() -> Int64 {
        1_700_000_000_000 + (ContinuousClock.now - start).milliseconds * 100
    }

    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration / 100) }
}

final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    func add(_ number: Int) { count.add(number, ordering: .sequentiallyConsistent) }
}

/// Between two looks at what a test waits for. Every such wait goes through here: it leaves the
/// processor to those who are waited for, and ends when the time limit has cancelled the test.
func aMoment() async throws { try await Task.sleep(for: .milliseconds(1)) }

/// Lets others run who need no time, only their turn.
func nextTurn() async throws {
    try Task.checkCancellation()
    await Task.yield()
}
