/// Which deliveries to take for attempts.
public struct LeaseRequest: Sendable, Equatable {
    /// The sink.
    public var sink: String
    /// The owner's token.
    public var token: String
    /// What to take, the first first. The same may stand there twice: what was taken is gone.
    public var picks: [LeasePick]
    /// At most so many over all picks.
    public var limit: Int
    /// Now.
    public var atMilliseconds: Int64
    /// How long the leases hold.
    public var untilMilliseconds: Int64

    /// Makes a request.
    public init(
        sink: String, token: String, picks: [LeasePick], limit: Int, atMilliseconds: Int64,
        untilMilliseconds: Int64
    ) {
        self.sink = sink
        self.token = token
        self.picks = picks
        self.limit = limit
        self.atMilliseconds = atMilliseconds
        self.untilMilliseconds = untilMilliseconds
    }
}

/// A part of a lease: pending deliveries of one destination, oldest due first.
///
/// A delivery that was under way when a process crashed is taken by `.suspect` only.
public struct LeasePick: Sendable, Equatable {
    /// Which of them.
    public enum Kind: Sendable, Equatable {
        /// Those that are due.
        case due
        /// Those that came due after a time.
        case dueSince(milliseconds: Int64)
        /// One to ask with whether the destination is well again: the latest that is due, since those
        /// before it may be what the other side cannot stand; or else the next, due or not, unless it
        /// waits for a time of its own (`notBefore`).
        case probe
        /// Those that were first due by a time, whenever they are due now.
        case agedBy(milliseconds: Int64)
        /// Those that were under way in a crash and are due, whatever their destination.
        case suspect
    }

    /// The destination; empty for those whose destination is not known yet.
    public var destination: String
    /// Which of them.
    public var kind: Kind
    /// At most so many.
    public var limit: Int

    /// Makes a pick.
    public init(destination: String, kind: Kind = .due, limit: Int) {
        self.destination = destination
        self.kind = kind
        self.limit = limit
    }
}

/// What a lease took.
public struct LeasedDeliveries: Sendable, Equatable {
    /// The deliveries, in the order of the picks.
    public var taken: [LeasedDelivery]
    /// For each destination picked, when the next of its pending deliveries is due; without those
    /// that have none left.
    public var nextDueMilliseconds: [String: Int64]

    /// Makes one.
    public init(taken: [LeasedDelivery] = [], nextDueMilliseconds: [String: Int64] = [:]) {
        self.taken = taken
        self.nextDueMilliseconds = nextDueMilliseconds
    }
}

/// A destination for which deliveries wait.
public struct PendingDestination: Sendable, Equatable {
    /// Its name; see `Sink.destination(of:)`.
    public var name: String
    /// When the first of them is due.
    public var dueMilliseconds: Int64

    /// Makes one.
    public init(name: String, dueMilliseconds: Int64) {
        self.name = name
        self.dueMilliseconds = dueMilliseconds
    }
}

/// Names a lease beside its token.
public struct LeaseName: Sendable, Hashable {
    /// The row.
    public var sequence: Int64
    /// Which attempt it is for.
    public var attempt: Int

    /// Makes a name.
    public init(sequence: Int64, attempt: Int) {
        self.sequence = sequence
        self.attempt = attempt
    }
}

/// Which leases to give back.
public struct LeaseVoid: Sendable, Equatable {
    /// Whose leases stay.
    public var exceptToken: String
    /// Only those that ran out by this time; nil for all.
    public var ranOutByMilliseconds: Int64?
    /// Whether the owner died of itself.
    public var countsCrash: Bool
    /// When it is done.
    public var atMilliseconds: Int64
    /// So many crashes in a row make a delivery dead.
    public static let crashesMax = 3

    /// Makes one.
    public init(
        exceptToken: String, ranOutByMilliseconds: Int64? = nil, countsCrash: Bool = false,
        atMilliseconds: Int64
    ) {
        self.exceptToken = exceptToken
        self.ranOutByMilliseconds = ranOutByMilliseconds
        self.countsCrash = countsCrash
        self.atMilliseconds = atMilliseconds
    }

    /// Why a delivery is dead after too many crashes.
    public static let reason =
        "quarantined: the process crashed \(crashesMax) times in a row while this was under way"
}

/// What became of leases that were void.
public struct VoidedLeases: Sendable, Equatable {
    /// How many were given back, the quarantined ones among them.
    public var count: Int
    /// The sequences of those that are dead now.
    public var quarantined: [Int64]

    /// Makes one.
    public init(count: Int = 0, quarantined: [Int64] = []) {
        self.count = count
        self.quarantined = quarantined
    }
}

/// How late pending deliveries of a sink may be due.
public struct DueLimit: Sendable, Equatable {
    /// The sink.
    public var sink: String
    /// Now.
    public var atMilliseconds: Int64
    /// The longest wait after so many attempts: at index 0 with none behind it, and so on; the last
    /// one counts for all further ones. A delivery that waits for a time of its own keeps that.
    public var waitsMilliseconds: [Int64]
    /// A delivery that is due by so much later at most is left as it is.
    public var toleranceMilliseconds: Int64

    /// Makes a limit.
    public init(
        sink: String, atMilliseconds: Int64, waitsMilliseconds: [Int64],
        toleranceMilliseconds: Int64 = 0
    ) {
        self.toleranceMilliseconds = toleranceMilliseconds
        self.sink = sink
        self.atMilliseconds = atMilliseconds
        self.waitsMilliseconds = waitsMilliseconds
    }

    /// When a delivery is to be due; nil when it may stay due when it is.
    public func moved(
        dueMilliseconds due: Int64, attempts: Int, notBeforeMilliseconds: Int64?
    ) -> Int64? {
        let wait =
            waitsMilliseconds.isEmpty
            ? 0 : waitsMilliseconds[min(max(attempts, 0), waitsMilliseconds.count - 1)]
        let latest = max(atMilliseconds + wait, notBeforeMilliseconds ?? .min)
        return due > latest + toleranceMilliseconds ? latest : nil
    }
}

/// What waits for its next attempt at a destination that is well again.
public struct Hastening: Sendable, Equatable {
    /// The sink.
    public var sink: String
    /// The destination.
    public var destination: String
    /// Now.
    public var atMilliseconds: Int64
    /// The delivery that has just been tried, and waits for what came of that.
    public var exceptSequence: Int64?

    /// Makes one.
    public init(
        sink: String, destination: String, atMilliseconds: Int64, exceptSequence: Int64? = nil
    ) {
        self.sink = sink
        self.destination = destination
        self.atMilliseconds = atMilliseconds
        self.exceptSequence = exceptSequence
    }
}

/// The wall clock went another way than time did; or, when it went by nothing, a mark that the
/// service was at work then: of those the last is kept.
public struct ClockJump: Sendable, Equatable {
    /// What the clock would have shown.
    public var expectedMilliseconds: Int64
    /// How far it was ahead of that; below zero when it was set back.
    public var byMilliseconds: Int64

    /// Makes a jump.
    public init(expectedMilliseconds: Int64, byMilliseconds: Int64) {
        self.expectedMilliseconds = expectedMilliseconds
        self.byMilliseconds = byMilliseconds
    }

    /// Whether it is a mark, no jump.
    public var isMark: Bool { byMilliseconds == 0 }

    /// The most that are kept.
    public static let countMax = 1000
}

/// A sink that an operator has paused: it leases nothing, and its deliveries stay pending.
public struct SinkPause: Sendable, Equatable {
    /// The sink.
    public var sink: String
    /// Since when.
    public var sinceMilliseconds: Int64
    /// Why, in the operator's words; may be empty.
    public var reason: String

    /// Makes a pause.
    public init(sink: String, sinceMilliseconds: Int64, reason: String = "") {
        self.sink = sink
        self.sinceMilliseconds = sinceMilliseconds
        self.reason = reason
    }
}
