internal import DequeModule
internal import LeadStore

extension Desk {
    /// What a lane knows of one destination, and what follows from that: how much may be leased for
    /// it, how much may wait here, and when that changes. `cap` is always the most attempts that may
    /// be under way there.
    struct Destination: Sendable {
        var breaker = Breaker()
        var inFlight = 0
        var waiting: Deque<Prepared> = []
        var tempo = Tempo()
        /// When its next delivery in the store is due, by the wall; nil for none.
        var nextDue: Int64?
        /// The delivery that asked it last whether it is well again.
        var probe: Int64?
        /// The deliveries that halted it since it was well.
        var halters: Set<Int64> = []
        /// Those that halted it while another passed: what they get is about them.
        var culprits: Set<Int64> = []
        /// Whether deliveries may be too old by now.
        var mayHaveAged = false
        /// Not leased from before, by the clock that goes forward.
        var notBeforeUp: Int64 = .min
        /// What operators are told: the last trouble, and since when it rests, by the wall.
        var reason: String?
        var since: Int64?

        /// Whether its last attempt failed, and not often enough to leave it alone.
        var isFailing: Bool { !breaker.isOpen && breaker.failuresInARow > 0 }

        func isStuck(at now: TimeReading) -> Bool { inFlight > 0 && tempo.isStuck(at: now.up) }

        var isIdle: Bool {
            breaker.isIdle && inFlight == 0 && waiting.isEmpty && nextDue == nil && culprits.isEmpty
        }

        /// Whether the store has something for it that may be leased now.
        func mayBeLeased(at now: TimeReading) -> Bool {
            guard let due = nextDue, notBeforeUp <= now.up else { return false }
            return due <= now.wall || breaker.isOpen
        }

        /// How many more may be leased for it.
        func leaseRoom(cap: Int, at now: TimeReading) -> Int {
            let held = inFlight + waiting.count
            switch breaker.phase {
            case .closed:
                let ahead = tempo.isSlow || isStuck(at: now) ? 0 : Desk.ahead
                return max(0, cap * (1 + ahead) - held)
            case .starting(let width, _): return max(0, min(width, cap) - held)
            // Attempts from before the rest may still be under way.
            case .open, .probing:
                return waiting.isEmpty ? breaker.room(inFlight: 0, cap: cap, at: now.up) : 0
            }
        }

        /// Whether what stands first there begins within a moment, however many wait.
        func isQuick(at now: TimeReading) -> Bool {
            !breaker.isOpen && !tempo.isSlow && !isStuck(at: now)
        }

        /// How many may wait for their turn.
        func mayWait(cap: Int, at now: TimeReading) -> Int {
            if breaker.isOpen { return breaker.restLeft(at: now.up) == 0 ? 1 : 0 }
            return isStuck(at: now) ? max(0, cap - inFlight) : .max
        }

        /// How long nothing can be leased for it, when its next one is due then.
        func untilLease(cap: Int, due: Int64, at now: TimeReading) -> Int64 {
            let held = notBeforeUp == .min ? 0 : notBeforeUp - now.up
            if let left = breaker.restLeft(at: now.up) { return max(left, held) }
            guard leaseRoom(cap: cap, at: now) > 0 else { return .max }
            return max(due - now.wall, held, 0)
        }
    }
}
