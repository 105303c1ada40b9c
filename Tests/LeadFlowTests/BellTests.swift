import Synchronization
import Testing

@testable import LeadFlow

@Suite(.timeLimit(.minutes(1)))
struct BellTests {
    @Test func `a ring before anybody waits is kept, once`() async throws {
        let bell = Bell()
        bell.ring()
        bell.ring()
        await bell.wait()
        let clock = HandClock()
        let second = Task { await bell.wait(atMost: .seconds(1), clock: clock) }
        // Only a wait that really waits asks the clock and stays.
        try await clock.waitForSleepers(1)
        bell.ring()
        await second.value
    }

    /// A wait that ends must leave no ring behind, or the loop around it never sleeps again.
    @Test func `a wait that was rung leaves the next one waiting`() async throws {
        let bell = Bell()
        let clock = HandClock()
        for _ in 0..<3 {
            let waiting = Task { await bell.wait(atMost: .seconds(1), clock: clock) }
            try await clock.waitForSleepers(1)
            bell.ring()
            await waiting.value
            #expect(!bell.isRungNow)
        }
    }

    @Test func `a wait ends with its time and leaves no ring`() async throws {
        let bell = Bell()
        let clock = HandClock()
        let waiting = Task { await bell.wait(atMost: .seconds(1), clock: clock) }
        try await clock.waitForSleepers(1)
        clock.advance(by: .seconds(1))
        await waiting.value
        #expect(!bell.isRungNow)
    }

    @Test func `a time that is over before the wait listens ends it`() async throws {
        let bell = Bell()
        await bell.wait(atMost: .zero, clock: LateClock(ringsAtOnce: true))
        #expect(!bell.isRungNow)
    }

    @Test func `the alarm of an earlier wait does not end a later one`() async throws {
        let bell = Bell()
        let clock = LateClock(ringsAtOnce: false)
        for number in 1...2 {
            let waiting = Task { await bell.wait(atMost: .seconds(1), clock: clock) }
            while clock.alarms.withLock({ $0.count }) < number { try await aMoment() }
            // Of the second wait, this is the first one's alarm.
            if number == 2 { clock.alarms.withLock { $0[0] }() }
            bell.ring()
            await waiting.value
            // A ring that finds nobody is kept.
            #expect(!bell.isRungNow)
        }
    }

    @Test func `a cancelled wait ends and leaves no ring`() async throws {
        let bell = Bell()
        let clock = HandClock()
        let waiting = Task { await bell.wait(atMost: .seconds(1), clock: clock) }
        try await clock.waitForSleepers(1)
        waiting.cancel()
        await waiting.value
        #expect(!bell.isRungNow)
    }

    @Test func `no wake-up is lost under 10,000 concurrent rings`() async throws {
        let bell = Bell()
        let clock = HandClock()
        let work = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10_000 {
                group.addTask {
                    work.add(1)
                    bell.ring()
                }
            }
            group.addTask {
                // The clock stands still: only rings end a wait.
                var seen = 0
                while seen < 10_000 {
                    await bell.wait(atMost: .seconds(1), clock: clock)
                    seen = work.value
                }
            }
        }
        #expect(work.value == 10_000)
    }

    @Test func `a stop ends every wait`() async throws {
        let bells = Bells()
        let clock = HandClock()
        let waits = [bells.inbox, bells.lane("a"), bells.lane("b"), bells.references("x")]
            .map { bell in Task { await bell.wait(atMost: .seconds(1), clock: clock) } }
        try await clock.waitForSleepers(4)
        bells.stop()
        for wait in waits { await wait.value }
        #expect(bells.isStopped)
    }
}

/// A clock whose alarms cannot be cancelled, and ring at once or when the test says so.
private final class LateClock: FlowClock {
    private let ringsAtOnce: Bool
    let alarms = Mutex<[@Sendable () -> Void]>([])

    init(ringsAtOnce: Bool) { self.ringsAtOnce = ringsAtOnce }

    func nowMilliseconds() -> Int64 { 0 }
    func sleep(for duration: Duration) async throws {}

    func alarm(after duration: Duration, _ ring: @escaping @Sendable () -> Void) -> Alarm {
        alarms.withLock { $0.append(ring) }
        if ringsAtOnce { ring() }
        return Alarm {}
    }
}
