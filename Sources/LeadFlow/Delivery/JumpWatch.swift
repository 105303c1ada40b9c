internal import LeadKit
internal import LeadStore
internal import Synchronization

/// What both clocks show.
struct TimeReading: Sendable, Equatable {
    /// The wall: milliseconds since 1970. Due dates are on it, since they outlive the process.
    var wall: Int64
    /// The clock that only goes forward: everything that lives in memory is on it.
    var up: Int64
}

/// Reads the wall clock beside the one that only goes forward, and notices when the wall jumps.
///
/// Every reading of the delivery loop goes through here, so no decision is made on a time that
/// jumped without being noticed. A jump forward must give nothing up early: the age of a delivery
/// does not count it. A jump back must keep nothing waiting: see `Lane.limitDue`, and
/// `Intake.limitDueDates` for what is announced.
final class JumpWatch: Sendable {
    /// Smaller steps are a clock that is being corrected, or a process that had to wait.
    static let jumpMin: Int64 = 2_000
    /// Larger ones are told to operators.
    static let toldMin: Int64 = 300_000
    /// At the start, a longer time since the last process is told: it was off, or a clock is wrong.
    static let gapToldMin: Int64 = 86_400_000

    private struct State {
        var offset: Int64?
        var jumps: Jumps
        var backCount = 0
    }

    private let clock: any FlowClock
    private let state: Mutex<State>
    private let onJump: @Sendable (ClockJump) -> Void

    init(_ clock: any FlowClock, onJump: @escaping @Sendable (ClockJump) -> Void = { _ in }) {
        self.clock = clock
        self.onJump = onJump
        state = Mutex(State(jumps: JumpWatch.none(clock)))
    }

    /// Takes over what an earlier process noted.
    func remember(_ jumps: [ClockJump]) {
        state.withLock { state in
            let own = state.jumps
            state.jumps = JumpWatch.none(clock)
            for jump in jumps + own.noted { state.jumps.note(jump) }
        }
    }

    /// Between two marks of a process there is twice the time when the loop is late.
    private static func none(_ clock: any FlowClock) -> Jumps {
        Jumps(slackMilliseconds: 2 * DeliveryLoop.markEveryMilliseconds(clock))
    }

    func read() -> TimeReading {
        // Under the lock, so that readings are looked at in the order in which they were made.
        let (reading, jump) = state.withLock { state -> (TimeReading, ClockJump?) in
            let reading = JumpWatch.both(clock)
            let offset = reading.wall - reading.up
            defer { state.offset = offset }
            guard let before = state.offset, abs(offset - before) >= JumpWatch.jumpMin else {
                return (reading, nil)
            }
            let jump = ClockJump(
                expectedMilliseconds: reading.up + before, byMilliseconds: offset - before)
            state.jumps.note(jump)
            if jump.byMilliseconds < 0 { state.backCount += 1 }
            return (reading, jump)
        }
        if let jump { onJump(jump) }
        return reading
    }

    /// Both at one moment: whoever is held up between the two readings reads again.
    private static func both(_ clock: any FlowClock) -> TimeReading {
        var before = clock.upMilliseconds
        for _ in 0..<5 {
            let wall = clock.nowMilliseconds()
            let after = clock.upMilliseconds
            if after - before < jumpMin / 4 { return TimeReading(wall: wall, up: after) }
            before = after
        }
        return TimeReading(wall: clock.nowMilliseconds(), up: clock.upMilliseconds)
    }

    /// How often the wall was seen to jump back, until now.
    var jumpsBack: Int {
        _ = read()
        return state.withLock { $0.backCount }
    }

    /// How long ago a time was, as far as time really went by.
    func age(of time: Int64, at now: Int64) -> Int64 {
        state.withLock { $0.jumps.age(of: time, at: now) }
    }

    /// The time that is an age ago: what is older by the wall is surely so old.
    func time(ofAge age: Int64, at now: Int64) -> Int64 {
        state.withLock { $0.jumps.time(ofAge: age, at: now) }
    }
}

/// The clock for whatever writes times down whose age is looked at later: each reading of the wall
/// goes through the watch, so that no time is of a stretch that nobody noticed.
struct WatchedClock: FlowClock {
    let watch: JumpWatch
    let clock: any FlowClock

    func nowMilliseconds() -> Int64 { watch.read().wall }
    var jumpsBack: Int { watch.jumpsBack }
    var upMilliseconds: Int64 { clock.upMilliseconds }
    var longestRest: Duration { clock.longestRest }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
    func alarm(after duration: Duration, _ ring: @escaping @Sendable () -> Void) -> Alarm {
        clock.alarm(after: duration, ring)
    }
}

/// The jumps of the wall clock that are known, and what they mean for ages.
///
/// Between two jumps the wall went as time did: a *stretch*. A time that was written down belongs to
/// one of them, and its age is what is left of that one and the length of those that followed. After
/// a jump back the same times are shown again, and which stretch a time belongs to cannot be told: the
/// latest one that shows it, or comes nearest to it, is taken. So an age may be too low, and is never
/// too high: nothing is given up early.
struct Jumps: Sendable {
    private(set) var noted: [ClockJump] = []
    /// Those that are over, oldest first; the first one has no beginning.
    private var past: [(start: Int64, end: Int64)] = []
    /// Where the present one began.
    private var start = Int64.min
    /// How much later than it is known a stretch may have ended.
    private let slackMilliseconds: Int64

    init(slackMilliseconds: Int64 = 2 * DeliveryLoop.markMilliseconds) {
        self.slackMilliseconds = slackMilliseconds
    }

    mutating func note(_ jump: ClockJump) {
        noted.append(jump)
        past.append((start, max(start, jump.expectedMilliseconds)))
        start = jump.expectedMilliseconds + jump.byMilliseconds
        guard noted.count > ClockJump.countMax else { return }
        noted.removeFirst()
        past.removeFirst()
        past[0].start = .min
    }

    func age(of time: Int64, at now: Int64) -> Int64 {
        // What followed the stretch that is looked at.
        var since: Int64 = 0
        var best = (distance: Int64.max, age: Int64(0))
        var nextStart = Int64.min
        for (start, end) in stretches(until: now) {
            // What lies at the beginning of a leap forward was written when the stretch before it had
            // not quite ended: of a process that died, the end is only known to the last mark.
            let reach = max(end, min(nextStart, end + slackMilliseconds))
            let distance = time < start ? start - time : max(0, time - reach)
            nextStart = start
            if distance < best.distance {
                best = (distance, since + end - min(max(time, start), end))
                if distance == 0 { break }
            }
            // The first one, which has no beginning, is the last that is looked at.
            if start > .min { since += end - start }
        }
        return best.age
    }

    /// The latest time such that everything up to it is so old.
    func time(ofAge age: Int64, at now: Int64) -> Int64 {
        var since: Int64 = 0
        var latest = Int64.max
        for (start, end) in stretches(until: now) {
            // All of this one, and of those before it, is old enough.
            if since >= age { break }
            let isWhole = start == .min || since + end - start >= age
            latest = min(latest, isWhole ? end - (age - since) : start - 1)
            if start > .min { since += end - start }
        }
        return min(latest, now - age)
    }

    /// Latest first.
    private func stretches(until now: Int64) -> some Sequence<(start: Int64, end: Int64)> {
        [(start: start, end: max(start, now))] + past.reversed()
    }
}
