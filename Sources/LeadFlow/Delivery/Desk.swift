internal import DequeModule
internal import LeadStore

/// What a lane knows of its destinations, and whose turn it is: the decisions of a lane as a value.
///
/// Each destination has its breaker, its attempts under way, its deliveries that wait for their
/// turn, and a note of when the next one in the store is due. The empty name stands for deliveries
/// whose destination nobody knows yet: they are leased and rendered first.
///
/// Of a lease one half goes to deliveries that have just come due for the first time, and one half
/// to all others, in turn over the destinations that may have some: a backlog, or a sick
/// destination, does not keep a new lead waiting, and new leads do not keep a backlog for ever. A
/// destination that rests, or whose share is used, is left out. What one half does not use is the
/// other's.
///
/// More is leased than may begin, so that attempts share commits, but only where attempts are short:
/// see `Tempo`. What is leased is under way within a second, or goes back.
struct Desk: Sendable {
    /// How many deliveries wait here per attempt that may be under way: a commit leases several.
    static let ahead = 2
    /// A delivery is new for so long.
    static let newMilliseconds: Int64 = 10_000
    /// The most destinations that are remembered; of others the store knows.
    static let destinationsMax = 10_000
    /// The most destinations that one lease asks.
    static let picksMax = 64
    /// The most deliveries of unknown destination that one lease looks at.
    static let lookMax = 512
    /// The most deliveries that are remembered as having halted a destination.
    static let haltersMax = 256
    /// After a probe for which the store had nothing, it is asked again only so much later.
    static let emptyMilliseconds: Int64 = 5_000

    var caps: Caps {
        didSet { (hadSeveral, first) = (destinations.count > 1, destinations.keys.first) }
    }
    /// Whether there were ever two destinations with these caps: rules may name others than the sink
    /// (`with`), and one that is idle is forgotten.
    private var hadSeveral = false
    private var first: String?
    private(set) var destinations: [String: Destination] = [:]
    /// When those answered last that were well and are forgotten.
    private var answered: [String: Int64] = [:]
    /// Those that have become well again, and the deliveries that found it out.
    private var wellAgain: [(destination: String, probe: Int64?)] = []
    private(set) var inFlight = 0
    private(set) var waitingCount = 0
    /// That of all attempts of the lane.
    private var tempo = Tempo()
    /// When the next delivery without a destination is due.
    private(set) var unknownDue: Int64?
    /// How many times as many of unknown destination are looked at as have room: more and more
    /// while most of them go back, so that a backlog for a sick destination is soon known.
    private var lookFactor = 1
    /// Whether new deliveries come first in the next lease: when there is room for one only, they
    /// and all others have it by turns.
    private var isNewFirst = true
    private var leaseTurns = Turns()
    /// Those for which something waits here.
    private var startTurns = Turns()

    init(caps: Caps) {
        self.caps = caps
        leaseTurns.add("")
    }

    /// The most attempts that may be under way at one destination.
    var cap: Int {
        caps.hasOneDestination && !hadSeveral ? caps.all : min(caps.each, caps.all)
    }

    subscript(name: String) -> Destination? { destinations[name] }

    // MARK: Leasing

    /// Deliveries were stored, or may have been: their destination is not known yet.
    mutating func ring(at wall: Int64) { unknownDue = min(unknownDue ?? wall, wall) }

    /// What the store says of destinations.
    mutating func learn(_ pending: [PendingDestination]) {
        for one in pending where prepare(one.name) {
            destinations[one.name]?.nextDue = one.dueMilliseconds
        }
    }

    /// What to lease now, and how many of it; nil for nothing.
    mutating func picks(at now: TimeReading, atMost most: Int) -> (picks: [LeasePick], limit: Int)?
    {
        let room = min(room(at: now), most)
        guard room > 0 else { return nil }
        var rooms: [String: Int] = [:]
        var failingRoom = failingMax - failingHeld
        for (name, one) in destinations where one.mayBeLeased(at: now) {
            rooms[name] = one.leaseRoom(cap: cap, at: now)
            guard one.isFailing, let room = rooms[name] else { continue }
            rooms[name] = max(0, min(room, failingRoom))
            failingRoom -= room
        }
        let hasUnknown = unknownDue.map { $0 <= now.wall } ?? false
        if hasUnknown { rooms[""] = room }
        guard !rooms.isEmpty else { return nil }
        defer { isNewFirst.toggle() }
        let looks = hasUnknown ? max(room, min(room * lookFactor, Desk.lookMax, most)) : 0
        let others = hasUnknown ? (room + (isNewFirst ? 0 : 1)) / 2 : room
        let shares = leaseTurns.share(others, among: rooms).prefix(Desk.picksMax)
            .map { pick($0.name, limit: $0.count) }
        guard hasUnknown else { return shares.isEmpty ? nil : (shares, room) }
        let new = LeasePick(
            destination: "", kind: .dueSince(milliseconds: now.wall - Desk.newMilliseconds),
            limit: (looks + (isNewFirst ? 1 : 0)) / 2)
        let rest = LeasePick(destination: "", limit: looks)
        return ((isNewFirst ? [new] + shares : shares + [new]) + [rest], max(room, looks))
    }

    /// How many of unknown destination a lease took, and how many of these had to go back.
    mutating func looked(at count: Int, returned: Int) {
        guard count > 0 else { return }
        lookFactor = returned * 2 > count ? min(lookFactor * 2, Desk.lookMax) : 1
    }

    private func pick(_ name: String, limit: Int) -> LeasePick {
        let isOpen = destinations[name]?.breaker.isOpen == true
        return LeasePick(destination: name, kind: isOpen ? .probe : .due, limit: limit)
    }

    /// The most that destinations whose last attempt failed may hold together, of several: what they
    /// hang on must not be all that the sink has.
    private var failingMax: Int {
        caps.hasOneDestination && !hadSeveral ? .max : max(1, caps.all / 2)
    }

    private var failingHeld: Int {
        destinations.values.reduce(0) {
            $1.isFailing ? $0 + $1.inFlight + $1.waiting.count : $0
        }
    }

    /// How many more may be leased for all.
    private func room(at now: TimeReading) -> Int {
        let isStuck = inFlight > 0 && tempo.isStuck(at: now.up)
        let ahead = tempo.isSlow || isStuck ? 0 : Desk.ahead
        return caps.all * (1 + ahead) - inFlight - waitingCount
    }

    /// What a lease has left behind.
    mutating func leased(_ picks: [LeasePick], _ result: LeasedDeliveries, at now: TimeReading) {
        for name in Set(picks.map(\.destination)) {
            let due = result.nextDueMilliseconds[name]
            if name.isEmpty {
                unknownDue = due
                continue
            }
            destinations[name]?.nextDue = due
            let taken = result.taken.contains { $0.destination.utf8.elementsEqual(name.utf8) }
            if !taken, destinations[name]?.breaker.isOpen == true {
                destinations[name]?.notBeforeUp = now.up + Desk.emptyMilliseconds
            }
            forget(name)
        }
    }

    /// Puts a leased delivery where it waits for its turn; false when it must go back.
    mutating func place(_ prepared: Prepared, at now: TimeReading) -> Bool {
        let name = prepared.destination
        guard prepare(name) else { return false }
        let isSuspect = prepared.isSuspect
        let hasRoom =
            destinations[name].map { one in
                (one.leaseRoom(cap: cap, at: now) > 0
                    && (!one.isFailing || failingHeld < failingMax))
                    || (isSuspect && one.isQuick(at: now))
            } ?? false
        guard hasRoom else {
            if !isSuspect {
                let due = destinations[name]?.nextDue ?? .max
                destinations[name]?.nextDue = min(due, now.wall)
            }
            return false
        }
        changeWaiting(of: name) { isSuspect ? $0.prepend(prepared) : $0.append(prepared) }
        return true
    }

    // MARK: Attempts

    /// The next that may begin, in turn over the destinations; it has begun then.
    mutating func begin(at now: TimeReading) -> (prepared: Prepared, ticket: Breaker.Ticket)? {
        guard inFlight < caps.all, waitingCount > 0 else { return nil }
        let cap = cap
        let name = startTurns.next { name in
            guard let one = destinations[name], !one.waiting.isEmpty else { return false }
            let underWay = one.breaker.isOpen ? 0 : one.inFlight
            return one.breaker.room(inFlight: underWay, cap: cap, at: now.up) > 0
        }
        guard let name, let ticket = destinations[name]?.breaker.began(),
            let prepared = changeWaiting(of: name, { $0.popFirst() }) ?? nil
        else { return nil }
        if ticket.isProbe { destinations[name]?.probe = prepared.leased.sequence }
        destinations[name]?.inFlight += 1
        destinations[name]?.tempo.began(at: now.up)
        inFlight += 1
        tempo.began(at: now.up)
        return (prepared, ticket)
    }

    /// Whether something waits that only the rate keeps from beginning.
    func couldBegin(at now: TimeReading) -> Bool {
        inFlight < caps.all
            && destinations.values.contains { one in
                !one.waiting.isEmpty
                    && one.breaker.room(
                        inFlight: one.breaker.isOpen ? 0 : one.inFlight, cap: cap, at: now.up) > 0
            }
    }

    /// Whether a delivery has halted its destination while another passed: what it gets is about it.
    func isCulprit(_ sequence: Int64, at destination: String) -> Bool {
        destinations[destination]?.culprits.contains(sequence) ?? false
    }

    /// What an attempt of a delivery says of its destination.
    mutating func note(
        _ answer: Breaker.Answer, _ ticket: Breaker.Ticket, of sequence: Int64,
        at destination: String, reason: String?, rests: ClosedRange<Int64>, at now: TimeReading
    ) -> Breaker.Change? {
        guard var one = destinations[destination] else { return nil }
        let hadRested = !one.breaker.awaitsSecondOpinion
        let change = one.breaker.note(answer, ticket, cap: cap, rests: rests, at: now.up)
        if let reason, answer != .answered { one.reason = reason }
        if answer == .halted, one.halters.count < Desk.haltersMax { one.halters.insert(sequence) }
        switch change {
        case .opened, .halted: one.since = now.wall
        case .closed:
            one.since = nil
            one.reason = nil
            one.notBeforeUp = .min
            // Nothing has waited for a second opinion: what waits has failed for itself.
            if hadRested { wellAgain.append((destination, one.probe)) }
            one.halters.remove(sequence)
            if one.culprits.count > Desk.haltersMax { one.culprits = [] }
            one.culprits.formUnion(one.halters)
            one.halters = []
        case nil: break
        }
        if one.breaker.isOpen { one.mayHaveAged = !one.breaker.isHalted }
        destinations[destination] = one
        return change
    }

    /// An attempt of a delivery is over and recorded, after so many milliseconds: its room is free.
    /// `due` is when it is to be tried again; nil for never.
    mutating func ended(
        _ sequence: Int64? = nil, at destination: String, after took: Int64, nextDue due: Int64?,
        now: TimeReading
    ) {
        inFlight -= 1
        tempo.ended(after: took, at: now.up)
        destinations[destination]?.inFlight -= 1
        destinations[destination]?.tempo.ended(after: took, at: now.up)
        if let due {
            let known = destinations[destination]?.nextDue ?? .max
            destinations[destination]?.nextDue = min(known, due)
        } else if let sequence {
            destinations[destination]?.culprits.remove(sequence)
        }
        forget(destination)
    }

    /// Takes out what waits and must not: all, or what waits for a destination that rests, or where
    /// nothing has moved for too long.
    mutating func takeBack(all: Bool, at now: TimeReading) -> [Prepared] {
        guard waitingCount > 0 else { return [] }
        let all = all || (inFlight >= caps.all && tempo.isStuck(at: now.up))
        var back: [Prepared] = []
        for (name, one) in destinations where !one.waiting.isEmpty {
            let keeps = all ? 0 : one.mayWait(cap: cap, at: now)
            guard one.waiting.count > keeps else { continue }
            back += one.waiting.dropFirst(keeps)
            changeWaiting(of: name) { $0.removeLast($0.count - keeps) }
            // Leased means due, or as good as.
            destinations[name]?.nextDue = min(one.nextDue ?? .max, now.wall)
        }
        return back
    }

    /// A destination that has become well again, and the delivery that found it out: what waits there
    /// is to be made due, once. What fails after that waits for its own next attempt.
    mutating func takeWellAgain() -> (destination: String, probe: Int64?)? { wellAgain.popLast() }

    /// What waited at a destination is due now.
    mutating func hastened(_ name: String, at now: TimeReading) {
        guard let one = destinations[name] else { return }
        destinations[name]?.nextDue = min(one.nextDue ?? .max, now.wall)
    }

    /// A destination whose deliveries may be too old; asked once each time it turns out sick.
    mutating func takeAged() -> String? {
        guard let name = destinations.first(where: { $0.value.mayHaveAged })?.key else {
            return nil
        }
        destinations[name]?.mayHaveAged = false
        return name
    }

    /// Asks again next time: there were more than one look takes.
    mutating func lookForAgedAgain(_ name: String) { destinations[name]?.mayHaveAged = true }

    /// The rests end: of one destination, or of all. Answers how many did.
    mutating func endRests(of name: String?, at now: TimeReading) -> Int {
        var count = 0
        for (key, one) in destinations
        where one.breaker.isOpen && (name == nil || name?.utf8.elementsEqual(key.utf8) == true) {
            destinations[key]?.breaker.endRest(at: now.up)
            destinations[key]?.notBeforeUp = .min
            count += 1
        }
        return count
    }

    /// How long nothing can be leased or begin, unless something happens; nil for ever. An attempt
    /// that ends is something.
    func rest(at now: TimeReading, mayLease: Bool) -> Int64? {
        let mayLease = mayLease && room(at: now) > 0
        let failingHasRoom = failingHeld < failingMax
        var rest = mayLease ? unknownDue.map { max(0, $0 - now.wall) } ?? .max : .max
        if waitingCount > 0, inFlight >= caps.all, let left = tempo.untilStuck(at: now.up) {
            rest = min(rest, left)
        }
        for one in destinations.values {
            if !one.waiting.isEmpty {
                if one.inFlight > 0, let left = one.tempo.untilStuck(at: now.up) {
                    rest = min(rest, left)
                }
                if let left = one.breaker.restLeft(at: now.up), left > 0 { rest = min(rest, left) }
            } else if mayLease, let due = one.nextDue {
                // What failing ones hold is free again when an attempt of theirs ends.
                if one.isFailing, !failingHasRoom { continue }
                rest = min(rest, one.untilLease(cap: cap, due: due, at: now))
            }
        }
        return rest == .max ? nil : rest
    }

    /// Forgets what waits under leases that were lost; answers what that was.
    mutating func drop(_ lost: Set<LeaseName>) -> [Prepared] {
        var dropped: [Prepared] = []
        for (name, one) in destinations
        where one.waiting.contains(where: { lost.contains($0.name) }) {
            dropped += one.waiting.filter { lost.contains($0.name) }
            changeWaiting(of: name) { $0.removeAll { lost.contains($0.name) } }
        }
        return dropped
    }

    /// The leases of what waits.
    var waitingLeases: [LeaseName] { destinations.values.flatMap { $0.waiting.map(\.name) } }

    // MARK: Remembering

    /// Makes room for a destination; false when there is none.
    private mutating func prepare(_ name: String) -> Bool {
        if destinations[name] != nil { return true }
        if destinations.count >= Desk.destinationsMax {
            let old = destinations.first { $0.value.inFlight == 0 && $0.value.waiting.isEmpty }
            guard let old else { return false }
            remove(old.key)
        }
        destinations[name] = Destination(
            breaker: Breaker(answeredAt: answered.removeValue(forKey: name)))
        if let first, first != name { hadSeveral = true }
        first = first ?? name
        leaseTurns.add(name)
        return true
    }

    /// What is well and has nothing to do needs no memory.
    private mutating func forget(_ name: String) {
        if destinations[name]?.isIdle == true { remove(name) }
    }

    private mutating func remove(_ name: String) {
        if answered.count >= Desk.destinationsMax { answered = [:] }
        answered[name] = destinations[name]?.breaker.answeredAt
        destinations[name] = nil
        leaseTurns.remove(name)
    }

    /// Changes in place what waits for a destination that is known.
    @discardableResult
    private mutating func changeWaiting<T>(
        of name: String, _ change: (inout Deque<Prepared>) -> T
    ) -> T? {
        guard let index = destinations.index(forKey: name) else { return nil }
        let before = destinations.values[index].waiting.count
        let result = change(&destinations.values[index].waiting)
        let after = destinations.values[index].waiting.count
        waitingCount += after - before
        if before == 0, after > 0 { startTurns.add(name) }
        if before > 0, after == 0 { startTurns.remove(name) }
        return result
    }
}
