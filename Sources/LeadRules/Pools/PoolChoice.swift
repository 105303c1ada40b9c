internal import LeadKit

/// One pool chooses for one lead.
///
/// Who is disabled or closed is passed over; so is, under `when_full: next`, who is full. Of those
/// left the lead is theirs who had the same answers last; else it goes in turn. What has to be
/// remembered is collected in `changes`.
struct PoolChoice {
    private let pool: Pool
    private let time: Int64
    private let state: PoolState
    private let schedules: [Schedule]
    private let stickyKey: StickyKey?
    private var changes = PoolChanges()
    private var skipped: [PoolTrace.Skipped] = []

    enum End {
        case member(Pool.Member, reason: String)
        /// It is the turn of somebody full, and the pool does not pass over them.
        case full(Pool.Member, reason: String)
        case nobody
    }

    struct Made {
        var end: End
        var skipped: [PoolTrace.Skipped]
        var changes: PoolChanges
    }

    /// `time` is when the lead is sent, in seconds since 1970.
    static func make(
        _ pool: Pool, at time: Int64, state: PoolState, schedules: [Schedule],
        stickyKey: StickyKey?
    ) -> Made {
        var choice = PoolChoice(
            pool: pool, time: time, state: state, schedules: schedules, stickyKey: stickyKey)
        let end = choice.end()
        return Made(end: end, skipped: choice.skipped, changes: choice.changes)
    }

    private init(
        pool: Pool, time: Int64, state: PoolState, schedules: [Schedule], stickyKey: StickyKey?
    ) {
        self.pool = pool
        self.time = time
        self.state = state
        self.schedules = schedules
        self.stickyKey = stickyKey
    }

    private mutating func end() -> End {
        let working = pool.members.filter { !skips($0, because: absence(of: $0)) }
        if let member = owner(among: working), fullness(of: member) == nil {
            remember(turnOf: member, inTurn: false)
            remember(leadFor: member)
            return .member(member, reason: "had the last lead with the same answers")
        }
        let left =
            pool.whenFull == .next
            ? working.filter { !skips($0, because: fullness(of: $0)) } : working
        guard let member = next(among: left) else { return .nobody }
        if pool.choose == .weighted { pay(for: member, among: left) }
        remember(turnOf: member, inTurn: true)
        if let reason = fullness(of: member) { return .full(member, reason: reason) }
        remember(leadFor: member)
        return .member(member, reason: reason)
    }

    // MARK: Who is passed over

    private mutating func skips(_ member: Pool.Member, because reason: String?) -> Bool {
        guard let reason else { return false }
        skipped.append(PoolTrace.Skipped(member: member.name, reason: reason))
        return true
    }

    private func absence(of member: Pool.Member) -> String? {
        if member.isDisabled { return "disabled" }
        guard let schedule = member.schedule.map({ schedules[$0] }), !schedule.isOpen(at: time)
        else { return nil }
        return "schedule '\(schedule.name)' is closed"
    }

    private func fullness(of member: Pool.Member) -> String? {
        for cap in member.caps {
            let count = state[pool.window(cap.period, of: member, at: time)]
            if count >= cap.most { return "full: \(count) of \(cap.most) this \(cap.period)" }
        }
        return nil
    }

    // MARK: Whose it is

    private func owner(among members: [Pool.Member]) -> Pool.Member? {
        guard let record = stickyKey.flatMap({ state[$0] }),
            record.untilMilliseconds > time * 1000
        else { return nil }
        return members.first { $0.name == record.member }
    }

    private func next(among members: [Pool.Member]) -> Pool.Member? {
        switch pool.choose {
        case .roundRobin: nextInOrder(among: members)
        case .leastRecent: members.min { record(of: $0).latest < record(of: $1).latest }
        // The first of those that are furthest behind.
        case .weighted:
            members.max { a, b in
                let (left, right) = (credit(of: a), credit(of: b))
                return left < right
                    || left == right && place(of: a) > place(of: b)
            }
        }
    }

    /// The first behind whoever of the pool's members had the last turn.
    private func nextInOrder(among members: [Pool.Member]) -> Pool.Member? {
        let turns = pool.members.map { record(of: $0).latestInTurn }
        guard let latest = turns.max(), latest > 0, let last = turns.firstIndex(of: latest) else {
            return members.first
        }
        return members.first { place(of: $0) > last } ?? members.first
    }

    private var reason: String {
        switch pool.choose {
        case .roundRobin: "in turn"
        case .weighted: "in turn by weight"
        case .leastRecent: "has waited longest"
        }
    }

    private func place(of member: Pool.Member) -> Int {
        pool.members.firstIndex { $0.name == member.name } ?? 0
    }

    /// What a member is behind once this lead's shares are paid out.
    private func credit(of member: Pool.Member) -> Int64 {
        record(of: member).credit + member.weight
    }

    // MARK: What is remembered

    private func record(of member: Pool.Member) -> MemberRecord {
        let id = PoolMember(pool: pool.name, name: member.name)
        return changes.members.last { $0.member == id } ?? state[id]
    }

    /// Smooth weighted round robin: all who take part gain their weight, the one who is chosen
    /// pays the sum.
    private mutating func pay(for chosen: Pool.Member, among members: [Pool.Member]) {
        let sum = members.reduce(0) { $0 + $1.weight }
        for member in members {
            var record = record(of: member)
            record.credit = credit(of: member) - (member.name == chosen.name ? sum : 0)
            change(record)
        }
    }

    private mutating func remember(turnOf member: Pool.Member, inTurn: Bool) {
        var record = record(of: member)
        record.latest = 1 + (pool.members.map { self.record(of: $0).latest }.max() ?? 0)
        if inTurn { record.latestInTurn = record.latest }
        change(record)
    }

    private mutating func change(_ record: MemberRecord) {
        changes.members.removeAll { $0.member == record.member }
        changes.members.append(record)
    }

    private mutating func remember(leadFor member: Pool.Member) {
        var record = record(of: member)
        record.total += 1
        record.atMilliseconds = time * 1000
        change(record)
        for cap in member.caps {
            let window = pool.window(cap.period, of: member, at: time)
            changes.counts.append(
                CapCount(
                    window: window, count: state[window] + 1,
                    untilMilliseconds: Pool.end(of: window) * 1000))
        }
        if let stickyKey, let sticky = pool.sticky {
            changes.sticky.append(
                StickyRecord(
                    key: stickyKey, member: member.name,
                    untilMilliseconds: (time + sticky.forSeconds) * 1000))
        }
    }
}
