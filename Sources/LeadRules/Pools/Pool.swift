internal import LeadKit

/// A group that shares leads: each goes to one member.
struct Pool: Sendable {
    var name: String
    var choose: Choice
    var members: [Member]
    var sticky: Sticky?
    /// When days and months begin; UTC when no cap asks.
    var zone: ZoneOffsets
    var whenFull: WhenFull
    var whenNobody: WhenNobody

    enum Choice: String, CaseIterable {
        case roundRobin = "round_robin"
        case weighted
        case leastRecent = "least_recent"
    }

    struct Member: Sendable {
        var name: String
        var target: Target
        var weight: Int64 = 1
        /// Their schedule, by number; nil for always open.
        var schedule: Int?
        var caps: [Cap] = []
        var isDisabled = false
        var position: Position
    }

    /// The most leads in an hour, day or month.
    struct Cap: Sendable {
        var period: CapPeriod
        var most: Int
    }

    /// The same answers go to the same member.
    struct Sticky: Sendable {
        var names: [Name]
        var forSeconds: Int64
    }

    /// What happens when the member whose turn it is has reached a cap.
    enum WhenFull: String, CaseIterable {
        case next
        case fallback
        case hold
    }

    /// What happens when nobody is left.
    enum WhenNobody: Sendable {
        case fallback([Target])
        case hold(String)
    }

    /// Whether it may hold a lead.
    var canHold: Bool {
        if case .hold = whenNobody { true } else { whenFull == .hold }
    }
}

extension Pool {
    /// The hour, day or month of a member at a time, seconds since 1970.
    ///
    /// An hour begins when the wall clock's minutes last were zero, so the two passes of an hour
    /// that is repeated are two windows. Days and months go by the wall clock's date.
    func window(_ period: CapPeriod, of member: Member, at seconds: Int64) -> CapWindow {
        let wall = seconds + zone.segment(at: seconds).offset
        let start =
            switch period {
            case .hour: seconds - wall.modulo(3600)
            case .day: wall - wall.modulo(Schedule.daySeconds)
            case .month: Pool.monthStart(wall)
            }
        return CapWindow(
            member: PoolMember(pool: name, name: member.name), period: period, start: start)
    }

    private static func monthStart(_ wall: Int64) -> Int64 {
        let month = Timestamp(seconds: wall).dateText.utf8.prefix(8)
        return Timestamp(dateOrTime: String(decoding: month, as: UTF8.self) + "01")?.seconds ?? wall
    }

    /// When a window is over, wherever its zone is, with a day to spare.
    static func end(of window: CapWindow) -> Int64 {
        let length: Int64 =
            switch window.period {
            case .hour: 3600
            case .day: Schedule.daySeconds
            case .month: 31 * Schedule.daySeconds
            }
        return window.start + length + 2 * Schedule.daySeconds
    }
}

/// A delivery that a pool made: which pool, and for whom.
public struct PoolAssignment: Sendable, Equatable {
    /// The pool.
    public var pool: String
    /// The member chosen; nil when the pool's `fallback` got the lead.
    public var member: String?

    /// Makes an assignment.
    public init(pool: String, member: String?) {
        self.pool = pool
        self.member = member
    }
}
