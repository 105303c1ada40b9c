/// What pools remember from lead to lead: a value that `RuleSet.assign` reads and the store keeps.
///
/// It goes by names, so it outlives every edit of the rules; what no rule names any more is simply
/// not asked for.
public struct PoolState: Sendable, Equatable {
    private var members: [PoolMember: MemberRecord] = [:]
    private var counts: [CapWindow: CapCount] = [:]
    private var sticky: [StickyKey: StickyRecord] = [:]

    /// Nothing remembered.
    public init() {}

    /// What is remembered of a member.
    public subscript(member: PoolMember) -> MemberRecord {
        members[member] ?? MemberRecord(member: member)
    }

    /// How many leads a member got in an hour, day or month.
    public subscript(window: CapWindow) -> Int { counts[window]?.count ?? 0 }

    /// Who had the last lead with these answers.
    public subscript(key: StickyKey) -> StickyRecord? { sticky[key] }

    /// Remembers what changed.
    public mutating func apply(_ changes: PoolChanges) {
        for record in changes.members { members[record.member] = record }
        for count in changes.counts { counts[count.window] = count }
        for record in changes.sticky { sticky[record.key] = record }
    }

    /// Remembers all that another state does, and of what both know what that one says.
    public mutating func apply(_ later: PoolState) {
        members.merge(later.members) { $1 }
        counts.merge(later.counts) { $1 }
        sticky.merge(later.sticky) { $1 }
    }

    /// Forgets who had the last lead with these answers.
    public mutating func forget(_ key: StickyKey) { sticky[key] = nil }
}

/// What one lead changed: rows as they are now, each replacing the one of its key.
public struct PoolChanges: Sendable, Equatable {
    /// Members whose record is another now.
    public var members: [MemberRecord]
    /// Counts that are others now.
    public var counts: [CapCount]
    /// Answers that have another member now.
    public var sticky: [StickyRecord]

    /// Makes changes, none unless given.
    public init(
        members: [MemberRecord] = [], counts: [CapCount] = [], sticky: [StickyRecord] = []
    ) {
        self.members = members
        self.counts = counts
        self.sticky = sticky
    }

    /// Whether nothing changed.
    public var isEmpty: Bool { members.isEmpty && counts.isEmpty && sticky.isEmpty }

    /// Appends later changes.
    public mutating func append(_ later: PoolChanges) {
        members += later.members
        counts += later.counts
        sticky += later.sticky
    }
}

/// What must be known before a decision's pools can choose.
public struct PoolQuery: Sendable, Equatable {
    /// Pools whose members' records and counts are asked for.
    public var pools: Set<String>
    /// Answers whose last member is asked for.
    public var sticky: Set<StickyKey>

    /// Asks for what is given.
    public init(pools: Set<String> = [], sticky: Set<StickyKey> = []) {
        self.pools = pools
        self.sticky = sticky
    }

    /// Asks for what another query does, too.
    public mutating func formUnion(_ other: PoolQuery) {
        pools.formUnion(other.pools)
        sticky.formUnion(other.sticky)
    }
}

/// A member of a pool. Both names are formed as route ids, so they compare as bytes.
public struct PoolMember: Sendable, Hashable {
    /// The pool's name.
    public var pool: String
    /// The member's name.
    public var name: String

    /// Makes one.
    public init(pool: String, name: String) {
        self.pool = pool
        self.name = name
    }
}

/// What is remembered of a member.
public struct MemberRecord: Sendable, Equatable {
    /// Who.
    public var member: PoolMember
    /// The number of their last lead among all leads of the pool, from 1; 0 before the first.
    public var latest: Int64
    /// The same for the last lead that came in turn, and not because it was theirs already.
    public var latestInTurn: Int64
    /// How far they are behind their share (smooth weighted round robin).
    public var credit: Int64
    /// How many leads they have got.
    public var total: Int64
    /// When they got the last one.
    public var atMilliseconds: Int64

    /// Makes a record, of somebody new unless given.
    public init(
        member: PoolMember, latest: Int64 = 0, latestInTurn: Int64 = 0, credit: Int64 = 0,
        total: Int64 = 0, atMilliseconds: Int64 = 0
    ) {
        self.member = member
        self.latest = latest
        self.latestInTurn = latestInTurn
        self.credit = credit
        self.total = total
        self.atMilliseconds = atMilliseconds
    }
}

/// The times that a cap counts over.
public enum CapPeriod: String, Sendable, CaseIterable {
    /// From one full hour to the next.
    case hour
    /// From midnight to midnight.
    case day
    /// From the first of a month to the next.
    case month
}

/// One hour, day or month of one member.
public struct CapWindow: Sendable, Hashable {
    /// Whose.
    public var member: PoolMember
    /// Which of the three.
    public var period: CapPeriod
    /// When it begins, in seconds since 1970; for a day or month, the wall clock's.
    public var start: Int64

    /// Makes a window.
    public init(member: PoolMember, period: CapPeriod, start: Int64) {
        self.member = member
        self.period = period
        self.start = start
    }
}

/// How many leads a member got in a window.
public struct CapCount: Sendable, Equatable {
    /// The window.
    public var window: CapWindow
    /// How many.
    public var count: Int
    /// Until when it must be kept: the window is over by then everywhere.
    public var untilMilliseconds: Int64

    /// Makes a count.
    public init(window: CapWindow, count: Int, untilMilliseconds: Int64) {
        self.window = window
        self.count = count
        self.untilMilliseconds = untilMilliseconds
    }
}

/// Answers that a pool is sticky by, as a hash: the store holds nobody's address for this.
public struct StickyKey: Sendable, Hashable {
    /// The pool.
    public var pool: String
    /// 64 hexadecimal digits.
    public var hash: String

    /// Makes a key.
    public init(pool: String, hash: String) {
        self.pool = pool
        self.hash = hash
    }
}

/// Who had the last lead with the same answers.
public struct StickyRecord: Sendable, Equatable {
    /// The pool and the answers' hash.
    public var key: StickyKey
    /// The member's name.
    public var member: String
    /// Until when it counts; the store may forget it afterwards.
    public var untilMilliseconds: Int64

    /// Makes a record.
    public init(key: StickyKey, member: String, untilMilliseconds: Int64) {
        self.key = key
        self.member = member
        self.untilMilliseconds = untilMilliseconds
    }
}
