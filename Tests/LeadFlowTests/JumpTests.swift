import Foundation
import LeadStore
import Synchronization
import Testing

@testable import LeadFlow

/// A wall clock that is set, beside one that only goes forward.
final class SettableClock: FlowClock {
    private let times = Mutex((wall: Int64(1_700_000_000_000), up: Int64(0)))

    func nowMilliseconds() -> Int64 { times.withLock { $0.wall } }
    var upMilliseconds: Int64 { times.withLock { $0.up } }
    func sleep(for duration: Duration) async throws {}

    func pass(_ milliseconds: Int64) {
        times.withLock { $0 = ($0.wall + milliseconds, $0.up + milliseconds) }
    }
    func set(by milliseconds: Int64) { times.withLock { $0.wall += milliseconds } }
}

/// What a wall clock that jumps does to ages and due dates.
@Suite struct JumpTests {
    private let day: Int64 = 86_400_000

    @Test func `a jump is noticed once, whichever way, and a correction is none`() {
        let clock = SettableClock()
        let seen = Mutex<[ClockJump]>([])
        let watch = JumpWatch(clock) { jump in seen.withLock { $0.append(jump) } }
        let start = watch.read().wall
        clock.pass(1000)
        clock.set(by: 1_900)
        _ = watch.read()
        clock.pass(1000)
        clock.set(by: day)
        _ = watch.read()
        _ = watch.read()
        clock.set(by: -2 * day)
        _ = watch.read()
        let jumps = seen.withLock { $0 }
        #expect(jumps.map(\.byMilliseconds) == [day, -2 * day])
        #expect(jumps.map(\.expectedMilliseconds) == [start + 3_900, start + 3_900 + day])
    }

    @Test func `a jump forward makes nothing older, and what comes later is not younger`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let early = watch.read().wall
        clock.pass(10_000)
        _ = watch.read()
        clock.set(by: 3650 * day)
        let now = watch.read().wall
        #expect(watch.age(of: early, at: now) == 10_000)
        let late = now
        clock.pass(5_000)
        let later = watch.read().wall
        #expect(watch.age(of: late, at: later) == 5_000)
        #expect(watch.age(of: early, at: later) == 15_000)
    }

    @Test func `what is set back is not counted twice`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let early = watch.read().wall
        clock.set(by: day)
        _ = watch.read()
        clock.set(by: -day)
        _ = watch.read()
        clock.pass(60_000)
        #expect(watch.age(of: early, at: watch.read().wall) == 60_000)
    }

    @Test func `nothing expires before its time has really gone by`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let early = watch.read().wall
        clock.pass(day)
        _ = watch.read()
        clock.set(by: 30 * day)
        var now = watch.read().wall
        #expect(watch.time(ofAge: 7 * day, at: now) < early)
        clock.pass(6 * day + 1000)
        now = watch.read().wall
        #expect(watch.time(ofAge: 7 * day, at: now) >= early)
    }

    @Test func `two jumps long after each other do not make a day a week`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let early = watch.read().wall
        for _ in 1...2 {
            clock.pass(day / 2)
            _ = watch.read()
            clock.set(by: 30 * day)
            _ = watch.read()
        }
        var now = watch.read().wall
        #expect(watch.age(of: early, at: now) == day)
        #expect(watch.time(ofAge: 7 * day, at: now) < early)
        #expect(watch.time(ofAge: day, at: now) == early)
        clock.pass(7 * day)
        now = watch.read().wall
        #expect(watch.time(ofAge: 7 * day, at: now) > early)
    }

    @Test func `what an earlier process noted counts`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let now = watch.read().wall
        watch.remember([ClockJump(expectedMilliseconds: now - day, byMilliseconds: day / 2)])
        #expect(watch.age(of: now - 2 * day, at: now) == 3 * day / 2)
    }

    @Test func `a jump back and a larger one forward make nothing older`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let early = watch.read().wall
        clock.pass(1_000)
        _ = watch.read()
        clock.set(by: -day)
        _ = watch.read()
        clock.pass(1_000)
        _ = watch.read()
        clock.set(by: 3650 * day)
        let now = watch.read().wall
        #expect(watch.age(of: early, at: now) == 2_000)
        #expect(watch.time(ofAge: 7 * day, at: now) < early)
    }

    /// The last minute of a process that died is in no stretch, and an earlier one may show its times.
    @Test func `what was written just before a process died is not of long ago`() {
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        let now = watch.read().wall
        watch.remember([
            ClockJump(expectedMilliseconds: now + 30 * day, byMilliseconds: -31 * day),
            ClockJump(expectedMilliseconds: now - 600_000, byMilliseconds: 600_000),
        ])
        #expect(watch.age(of: now - 590_000, at: now) == 0)
        #expect(watch.age(of: now - 700_000, at: now) == 100_000)
        #expect(watch.time(ofAge: 50_000, at: now) == now - 650_000)
    }

    @Test(arguments: 0..<200)
    func `whatever the clock does, nothing is older than it is`(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        let clock = SettableClock()
        let watch = JumpWatch(clock)
        var written: [(wall: Int64, up: Int64)] = []
        for _ in 0..<60 {
            clock.pass(.random(in: 0...day, using: &chance))
            let reading = watch.read()
            written.append((reading.wall, reading.up))
            let size = Int64(pow(10, Double.random(in: 3.4...11.5, using: &chance)))
            clock.set(by: Bool.random(using: &chance) ? size : -size)
            let now = watch.read()
            let limit = Int64.random(in: 0...20 * day, using: &chance)
            let latest = watch.time(ofAge: limit, at: now.wall)
            for (wall, up) in written {
                let age = watch.age(of: wall, at: now.wall)
                // A jump that is smaller than what counts as one may be in it.
                #expect(age <= now.up - up, "seed \(seed)")
                if wall <= latest { #expect(age >= limit, "seed \(seed)") }
            }
        }
    }

    @Test func `jumps are bounded`() {
        var jumps = Jumps()
        for number in 0..<5_000 {
            jumps.note(ClockJump(expectedMilliseconds: Int64(number), byMilliseconds: 5_000))
        }
        #expect(jumps.noted.count == ClockJump.countMax)
    }
}

/// SplitMix64: the same numbers for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
