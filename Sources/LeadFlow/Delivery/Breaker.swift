internal import LeadKit

/// Whether one destination of a sink is left alone, and since when.
///
/// *Closed*: attempts go out up to the cap. `failuresMax` failures in a row, or half of at least
/// `windowAttemptsMin` attempts within `windowMilliseconds`, open it; `.halt` opens it at once.
/// *Open*: nothing goes out until the rest is over; then one delivery is the *probe*. If the probe
/// fails, the next rest is twice as long. If the other side answers, attempts *start slowly*: 1, 2,
/// 4, 8 … at once, up to the cap, and then it is closed again.
///
/// Where others were answered within the last minute, a `.halt` may be about the lead that got it (a
/// firewall that does not like what it says): another delivery asks after `secondOpinionMilliseconds`,
/// and only if that fails too does it rest.
///
/// A refusal of one lead is an answer: the destination is well. An attempt that was under way when
/// it opened says nothing new when it fails later: attempts under way together are one fault, not
/// several. Times are of the clock that only goes forward.
struct Breaker: Sendable {
    /// So many failures in a row open it.
    static let failuresMax = 5
    /// Half of so many attempts within the window open it, too.
    static let windowAttemptsMin = 20
    /// The window.
    static let windowMilliseconds: Int64 = 60_000
    /// The first rest and the longest: short enough for a backlog to be through ten minutes after
    /// the return.
    static let restMilliseconds: ClosedRange<Int64> = 30_000...300_000

    /// The rest after a halt where others were answered a moment ago.
    static let secondOpinionMilliseconds: Int64 = 1_000

    /// What an attempt says about the destination.
    enum Answer: Sendable, Equatable {
        /// It is well: it took the lead, or refused this one.
        case answered
        /// It is sick; `waitMilliseconds` is what it asked for.
        case failed(waitMilliseconds: Int64)
        /// Nothing will pass.
        case halted
        /// The attempt was broken off: nothing is known.
        case unknown
    }

    /// What operators are told.
    enum Change: Sendable, Equatable {
        case opened(failures: Int)
        case halted
        case closed
    }

    enum Phase: Sendable, Equatable {
        case closed
        /// So many at once, `left` answers until twice as many.
        case starting(width: Int, left: Int)
        case open(untilMilliseconds: Int64)
        case probing
    }

    /// Names the time in which an attempt began.
    struct Ticket: Sendable, Equatable {
        fileprivate(set) var generation: Int
        fileprivate(set) var isProbe: Bool
    }

    private(set) var phase = Phase.closed
    private(set) var failuresInARow = 0
    /// Whether it is open because of `.halt`.
    private(set) var isHalted = false
    /// Whether it is open only until another delivery has been asked.
    private(set) var awaitsSecondOpinion = false
    private var restsInARow = 0
    /// When it answered last.
    private(set) var answeredAt: Int64?
    private var generation = 0
    private var window = Window()

    /// Of a destination that answered last at a time.
    init(answeredAt: Int64? = nil) { self.answeredAt = answeredAt }

    var isOpen: Bool {
        switch phase {
        case .open, .probing: true
        case .closed, .starting: false
        }
    }

    /// Whether there is nothing to remember.
    var isIdle: Bool { phase == .closed && failuresInARow == 0 }

    /// How many more may begin.
    func room(inFlight: Int, cap: Int, at now: Int64) -> Int {
        switch phase {
        case .closed: max(0, cap - inFlight)
        case .starting(let width, _): max(0, min(width, cap) - inFlight)
        case .open(let until): until <= now ? 1 : 0
        case .probing: 0
        }
    }

    /// How long the rest still is; nil when it does not rest.
    func restLeft(at now: Int64) -> Int64? {
        if case .open(let until) = phase { max(0, until - now) } else { nil }
    }

    /// An attempt begins.
    mutating func began() -> Ticket {
        let isProbe = if case .open = phase { true } else { false }
        if isProbe {
            phase = .probing
            generation += 1
        }
        return Ticket(generation: generation, isProbe: isProbe)
    }

    /// An attempt ended. `rests` are the first and the longest rest after failures.
    mutating func note(
        _ answer: Answer, _ ticket: Ticket, cap: Int, rests: ClosedRange<Int64>, at now: Int64
    ) -> Change? {
        guard ticket.generation == generation else { return nil }
        switch answer {
        case .unknown:
            if ticket.isProbe { phase = .open(untilMilliseconds: now) }
            return nil
        case .answered: return answered(ticket, cap: cap, at: now)
        case .halted:
            let isNew = !isHalted
            isHalted = true
            let wasWell = answeredAt.map { now - $0 <= Breaker.windowMilliseconds } ?? false
            if wasWell, !ticket.isProbe {
                awaitsSecondOpinion = true
                rest(until: now + Breaker.secondOpinionMilliseconds)
            } else {
                open(rests: Breaker.restMilliseconds, atLeast: 0, at: now)
            }
            return isNew ? .halted : nil
        case .failed(let wait):
            failuresInARow += 1
            window.note(isFailure: true, at: now)
            if ticket.isProbe {
                isHalted = false
                open(rests: rests, atLeast: wait, at: now)
                return nil
            }
            guard failuresInARow >= Breaker.failuresMax || window.isSick(at: now) else {
                if case .starting = phase { phase = .starting(width: 1, left: 1) }
                return nil
            }
            isHalted = false
            open(rests: rests, atLeast: wait, at: now)
            return .opened(failures: failuresInARow)
        }
    }

    /// The rest is over, because an operator says so.
    mutating func endRest(at now: Int64) {
        if case .open = phase { phase = .open(untilMilliseconds: now) }
    }

    private mutating func answered(_ ticket: Ticket, cap: Int, at now: Int64) -> Change? {
        failuresInARow = 0
        answeredAt = now
        switch phase {
        case .closed: window.note(isFailure: false, at: now)
        case .open: break
        case .probing:
            window = Window()
            grow(from: 1, cap: cap)
        case .starting(let width, let left):
            if left > 1 {
                phase = .starting(width: width, left: left - 1)
            } else {
                grow(from: width, cap: cap)
            }
        }
        guard ticket.isProbe else { return nil }
        isHalted = false
        return .closed
    }

    private mutating func grow(from width: Int, cap: Int) {
        let width = width * 2
        if width >= cap {
            phase = .closed
            restsInARow = 0
        } else {
            phase = .starting(width: width, left: width)
        }
    }

    private mutating func open(rests: ClosedRange<Int64>, atLeast wait: Int64, at now: Int64) {
        awaitsSecondOpinion = false
        let doubled = rests.lowerBound << min(restsInARow, 20)
        rest(until: now + max(min(doubled, rests.upperBound), wait))
        restsInARow += 1
    }

    private mutating func rest(until end: Int64) {
        phase = .open(untilMilliseconds: end)
        generation += 1
        window = Window()
    }
}

extension Breaker {
    /// Attempts and failures of the last minute, in slices of ten seconds.
    private struct Window {
        private static let sliceMilliseconds: Int64 = 10_000
        private static let sliceCount = windowMilliseconds / sliceMilliseconds

        private struct Slice {
            var number: Int64
            var attempts = 0
            var failures = 0
        }
        private var slices: [Slice] = []

        mutating func note(isFailure: Bool, at now: Int64) {
            let number = now / Window.sliceMilliseconds
            slices.removeAll { $0.number <= number - Window.sliceCount }
            if slices.last?.number != number { slices.append(Slice(number: number)) }
            slices[slices.count - 1].attempts += 1
            if isFailure { slices[slices.count - 1].failures += 1 }
        }

        func isSick(at now: Int64) -> Bool {
            let first = now / Window.sliceMilliseconds - Window.sliceCount
            let recent = slices.filter { $0.number > first }
            let attempts = recent.reduce(0) { $0 + $1.attempts }
            let failures = recent.reduce(0) { $0 + $1.failures }
            return attempts >= windowAttemptsMin && failures * 2 >= attempts
        }
    }
}
