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
/// does not count it. A jump back must keep nothing waiting: see `Lane.limitDue`.
final class JumpWatch: Sendable {
    /// Smaller steps are a clock that is being corrected, or a process that had to wait.
    static let jumpMin: Int64 = 2_000
    /// Larger ones are told to operators.
    static let toldMin: Int64 = 300_000

    private struct State {
        var offset: Int64?
        var jumps = Jumps()
        var isNew = false
    }

    private let clock: any FlowClock
    private let state = Mutex(State())
    private let onJump: @Sendable (ClockJump) -> Void

    init(_ clock: any FlowClock, onJump: @escaping @Sendable (ClockJump) -> Void = { _ in }) {
        self.clock = clock
        self.onJump = onJump
    }

    /// Takes over what an earlier process noted.
    func remember(_ jumps: [ClockJump]) {
        state.withLock { state in
            let own = state.jumps
            state.jumps = Jumps()
            for jump in jumps + own.noted { state.jumps.note(jump) }
        }
    }

    func read() -> TimeReading {
        let reading = JumpWatch.both(clock)
        let jump = state.withLock { state -> ClockJump? in
            let offset = reading.wall - reading.up
            defer { state.offset = offset }
            guard let before = state.offset, abs(offset - before) >= JumpWatch.jumpMin else {
                return nil
            }
            let jump = ClockJump(
                expectedMilliseconds: reading.up + before, byMilliseconds: offset - before)
            state.jumps.note(jump)
            return jump
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

    /// How long ago a time was, as far as time really went by.
    func age(of time: Int64, at now: Int64) -> Int64 {
        state.withLock { $0.jumps.age(of: time, at: now) }
    }

    /// The time that is an age ago: what is older by the wall is surely so old.
    func time(ofAge age: Int64, at now: Int64) -> Int64 {
        state.withLock { $0.jumps.time(ofAge: age, at: now) }
    }
}

/// The jumps of the wall clock that are known, and what they mean for ages.
struct Jumps: Sendable {
    private(set) var noted: [ClockJump] = []
    /// Those that went forward, less what was set back later.
    private var forward: [ClockJump] = []

    mutating func note(_ jump: ClockJump) {
        noted.append(jump)
        if noted.count > ClockJump.countMax { noted.removeFirst() }
        if jump.byMilliseconds > 0 {
            forward.append(jump)
            if forward.count > ClockJump.countMax { forward.removeFirst() }
            return
        }
        var back = -jump.byMilliseconds
        while back > 0, let last = forward.last {
            let part = min(back, last.byMilliseconds)
            back -= part
            forward[forward.count - 1].byMilliseconds -= part
            if last.byMilliseconds == part { forward.removeLast() }
        }
    }

    func age(of time: Int64, at now: Int64) -> Int64 {
        let jumped = forward.reduce(Int64(0)) {
            $1.expectedMilliseconds >= time ? $0 + $1.byMilliseconds : $0
        }
        return max(0, now - time - jumped)
    }

    func time(ofAge age: Int64, at now: Int64) -> Int64 {
        var time = now - age
        // From the last jump to the first: one that lies within the age makes it longer by itself,
        // and with that an earlier one may lie within it, too.
        for jump in forward.reversed() {
            guard jump.expectedMilliseconds + jump.byMilliseconds > time else { break }
            time -= jump.byMilliseconds
        }
        return time
    }
}
