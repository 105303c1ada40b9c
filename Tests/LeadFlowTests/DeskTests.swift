import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Testing

@testable import LeadFlow

/// Whose deliveries are leased and begun.
@Suite struct DeskTests {
    private let now = TimeReading(wall: 1_000_000, up: 500_000)

    private func desk(
        _ all: Int = 16, each: Int? = nil, hasOne: Bool = false, due names: [String] = []
    ) -> Desk {
        var options = SinkOptions()
        options.maxInFlight = all
        options.maxInFlightPerDestination = each
        var desk = Desk(caps: Caps(options, hasOneDestination: hasOne))
        desk.learn(names.map { PendingDestination(name: $0, dueMilliseconds: 0) })
        return desk
    }

    private func prepared(
        _ destination: String, _ number: Int64 = 1, crashes: Int = 0
    ) -> Prepared {
        let lead = Lead.sample(id: String(number))
        return Prepared(
            leased: LeasedDelivery(
                sequence: number,
                delivery: NewDelivery(
                    key: .numbered(Int(number)), sink: "s", route: "r", isCopy: false),
                source: "s", lead: [], receivedMilliseconds: 0, attempt: 1, createdMilliseconds: 0,
                crashes: crashes, token: "t"), lead: lead, rendered: [:], destination: destination)
    }

    /// Begins so many attempts at a destination; their tickets.
    private func begin(
        _ count: Int, at destination: String, _ desk: inout Desk
    ) -> [Breaker.Ticket] {
        (0..<count).compactMap { number in
            _ = desk.place(prepared(destination, Int64(number + 1)), at: now)
            return desk.begin(at: now)?.ticket
        }
    }

    private func fail(_ destination: String, _ desk: inout Desk) {
        for _ in 0..<Breaker.failuresMax {
            guard let ticket = begin(1, at: destination, &desk).first else { continue }
            _ = desk.note(
                .failed(waitMilliseconds: 0), ticket, of: 1, at: destination, reason: "down",
                rests: 30_000...600_000, at: now)
            desk.ended(at: destination, after: 0, nextDue: 0, now: now)
        }
    }

    @Test func `what was under way in a crash stands first, however many wait`() {
        var desk = desk(4, each: 1)
        for number in 1...3 { _ = desk.place(prepared("x", Int64(number)), at: now) }
        let placed = [
            desk.place(prepared("x", 4), at: now),
            desk.place(prepared("x", 5, crashes: 1), at: now),
        ]
        #expect(placed == [false, true])
        let first = desk.begin(at: now)
        #expect(first?.prepared.leased.sequence == 5)
    }

    @Test func `what was under way in a crash does not wait where attempts are slow`() {
        var desk = desk(4, each: 1)
        _ = begin(1, at: "x", &desk)
        let early = desk.place(prepared("x", 2, crashes: 1), at: now)
        let back = desk.takeBack(all: true, at: now)
        let later = TimeReading(wall: now.wall + 1_000, up: now.up + 1_000)
        let stuck = desk.place(prepared("x", 2, crashes: 1), at: later)
        desk.ended(at: "x", after: 1_000, nextDue: nil, now: later)
        let free = desk.place(prepared("x", 2, crashes: 1), at: later)
        #expect([early, stuck, free] == [true, false, true])
        #expect(back.map(\.isSuspect) == [true])
    }

    @Test(
        arguments: [
            (4, nil, false, 1), (8, nil, false, 2), (16, nil, false, 4), (256, nil, false, 4),
            (4, nil, true, 4), (256, nil, true, 256), (16, 2, true, 2), (16, 16, false, 16),
        ] as [(Int, Int?, Bool, Int)])
    func `a destination has its share, and the only one has all`(
        all: Int, each: Int?, hasOne: Bool, cap: Int
    ) {
        #expect(desk(all, each: each, hasOne: hasOne).cap == cap)
        #expect(desk(all, each: each, hasOne: hasOne, due: ["x"]).cap == cap)
        #expect(desk(all, each: each, hasOne: hasOne, due: ["x", "y"]).cap <= max(4, each ?? 0))
    }

    @Test func `half of a lease is for new deliveries, half for all others in turn`() throws {
        var desk = desk(8, due: ["x", "y"])
        desk.ring(at: now.wall)
        let picked = desk.picks(at: now, atMost: .max)
        let next = try #require(picked)
        #expect(next.limit == 24)
        let since = LeasePick.Kind.dueSince(milliseconds: now.wall - Desk.newMilliseconds)
        #expect(next.picks.first == LeasePick(destination: "", kind: since, limit: 12))
        #expect(next.picks.last == LeasePick(destination: "", limit: 24))
        // Each of the known has room for six; the rest is for older ones without a destination.
        let shares = next.picks.dropFirst().dropLast()
        #expect(Set(shares.map(\.destination)) == ["", "x", "y"])
        #expect(shares.allSatisfy { $0.limit == 4 && $0.kind == .due })
    }

    @Test func `when there is room for one, new ones and others have it by turns`() {
        var desk = desk(1, due: ["x"])
        _ = begin(1, at: "y", &desk)
        _ = desk.place(prepared("y", 2), at: now)
        let firsts = (0..<4).map { _ -> String in
            desk.ring(at: now.wall)
            let next = desk.picks(at: now, atMost: .max)
            #expect(next?.limit == 1)
            let first = next?.picks.first { $0.limit > 0 }
            return first?.kind == .due ? "other" : "new"
        }
        #expect(firsts == ["new", "other", "new", "other"])
    }

    @Test func `nothing to do is nothing to ask`() {
        var desk = desk()
        let nothing = desk.picks(at: now, atMost: .max) == nil
        #expect(nothing)
        #expect(desk.rest(at: now, mayLease: true) == nil)
        desk.learn([PendingDestination(name: "x", dueMilliseconds: now.wall + 700)])
        let early = desk.picks(at: now, atMost: .max) == nil
        #expect(early)
        #expect(desk.rest(at: now, mayLease: true) == 700)
    }

    @Test func `a destination that hangs keeps its share and no more`() {
        var desk = desk(16)
        let hung = begin(40, at: "hung", &desk)
        #expect(hung.count == 4)
        let others = begin(2, at: "well", &desk)
        #expect(others.count == 2, "the others have room")
        let picks = desk.picks(at: now, atMost: .max)?.picks ?? []
        #expect(!picks.contains { $0.destination == "hung" })
    }

    /// A target's `with` may name another address than the sink does.
    @Test func `a destination that is idle again keeps its place free`() {
        var desk = desk(16, hasOne: true)
        _ = begin(1, at: "well", &desk)
        desk.ended(at: "well", after: 5, nextDue: nil, now: now)
        #expect(desk["well"] == nil, "it is forgotten")
        #expect(begin(40, at: "hung", &desk).count == 4)
        #expect(begin(2, at: "well", &desk).count == 2)
    }

    @Test func `what halted a destination while another passed is known until it is over`() throws {
        var desk = desk(4)
        let first = try #require(begin(1, at: "x", &desk).first)
        _ = desk.note(.answered, first, of: 1, at: "x", reason: nil, rests: 1...1, at: now)
        desk.ended(1, at: "x", after: 5, nextDue: nil, now: now)
        #expect(desk["x"] == nil, "it is forgotten, but for when it answered")
        let second = try #require(begin(1, at: "x", &desk).first)
        _ = desk.note(.halted, second, of: 2, at: "x", reason: "403", rests: 1...1, at: now)
        desk.ended(2, at: "x", after: 5, nextDue: now.wall + 60_000, now: now)
        #expect(!desk.isCulprit(2, at: "x"), "it may be the password")
        let later = TimeReading(
            wall: now.wall + Breaker.secondOpinionMilliseconds,
            up: now.up + Breaker.secondOpinionMilliseconds)
        let isPlaced = desk.place(prepared("x", 3), at: later)
        let probe = desk.begin(at: later)
        #expect(isPlaced && probe?.ticket.isProbe == true)
        let ticket = try #require(probe?.ticket)
        _ = desk.note(.answered, ticket, of: 3, at: "x", reason: nil, rests: 1...1, at: later)
        desk.ended(3, at: "x", after: 5, nextDue: nil, now: later)
        // The store has nothing more for it: the culprit is leased.
        desk.leased(
            [LeasePick(destination: "x", limit: 1)], LeasedDeliveries(), at: later)
        #expect(desk.isCulprit(2, at: "x") && !desk.isCulprit(3, at: "x"))
        desk.ended(2, at: "x", after: 5, nextDue: nil, now: later)
        #expect(!desk.isCulprit(2, at: "x"))
    }

    @Test func `destinations that fail hold half of the sink at most`() {
        var desk = desk(4)
        for name in ["a", "b", "c", "d"] {
            let begun = begin(1, at: name, &desk)
            for (number, ticket) in begun.enumerated() {
                _ = desk.note(
                    .failed(waitMilliseconds: 0), ticket, of: Int64(number), at: name,
                    reason: "no answer", rests: 30_000...600_000, at: now)
                desk.ended(at: name, after: 30_000, nextDue: now.wall, now: now)
            }
        }
        let picks = desk.picks(at: now, atMost: .max)?.picks ?? []
        #expect(picks.reduce(0) { $0 + $1.limit } == 2)
        var placed = 0
        for (number, name) in ["a", "b", "c", "d"].enumerated()
        where desk.place(prepared(name, Int64(10 + number)), at: now) { placed += 1 }
        #expect(placed == 2, "what has no room goes back")
        #expect(desk.rest(at: now, mayLease: true) != 0, "and nothing is asked for again and again")
        let well = desk.place(prepared("well", 20), at: now)
        #expect(well)
    }

    /// The control: without a cap for each, the hung one has everything.
    @Test func `without a cap for each, one that hangs takes all`() {
        var desk = desk(16, each: 16)
        #expect(begin(40, at: "hung", &desk).count == 16)
        #expect(begin(2, at: "well", &desk).isEmpty)
    }

    @Test func `a destination that rests is left out, and probed with one`() throws {
        var desk = desk(due: ["sick", "well"])
        fail("sick", &desk)
        #expect(desk["sick"]?.breaker.isOpen == true)
        let picks = desk.picks(at: now, atMost: .max)?.picks ?? []
        #expect(picks.map(\.destination) == ["well"])
        let placed = desk.place(prepared("sick"), at: now)
        #expect(!placed, "a new one for it goes back at once")
        let later = TimeReading(wall: now.wall + 30_000, up: now.up + 30_000)
        let probes = desk.picks(at: later, atMost: .max)?.picks ?? []
        #expect(probes.contains(LeasePick(destination: "sick", kind: .probe, limit: 1)))
        let first = desk.place(prepared("sick", 7), at: later)
        let second = desk.place(prepared("sick", 8), at: later)
        #expect(first && !second)
        let begun = desk.begin(at: later)
        let probe = try #require(begun?.ticket)
        #expect(probe.isProbe)
        _ = desk.note(
            .answered, probe, of: 7, at: "sick", reason: nil, rests: 1...1, at: later)
        desk.ended(at: "sick", after: 0, nextDue: nil, now: later)
        let well = desk.takeWellAgain()
        #expect(well?.destination == "sick" && well?.probe == 7, "what waited for it is made due")
        let none = desk.takeWellAgain()
        #expect(none == nil, "once")
        desk.hastened("sick", at: later)
        let after = desk.picks(at: later, atMost: .max)?.picks ?? []
        #expect(after.contains(LeasePick(destination: "sick", limit: 2)), "two at first")
    }

    @Test func `a backlog that goes back is looked through faster and faster`() {
        var desk = desk(4)
        func looks() -> Int {
            desk.ring(at: now.wall)
            return desk.picks(at: now, atMost: .max)?.limit ?? 0
        }
        var seen: [Int] = []
        for _ in 0..<8 {
            let count = looks()
            seen.append(count)
            desk.looked(at: count, returned: count)
        }
        #expect(seen == [12, 24, 48, 96, 192, 384, 512, 512])
        desk.looked(at: 512, returned: 200)
        #expect(looks() == 12)
    }

    @Test func `what waits for a destination that falls ill goes back`() {
        var desk = desk(8, each: 8)
        let tickets = begin(5, at: "x", &desk)
        for number in 10..<13 { _ = desk.place(prepared("x", Int64(number)), at: now) }
        #expect(desk.takeBack(all: false, at: now).isEmpty)
        for ticket in tickets {
            _ = desk.note(
                .failed(waitMilliseconds: 0), ticket, of: 1, at: "x", reason: "down",
                rests: 30_000...600_000, at: now)
        }
        let back = desk.takeBack(all: false, at: now)
        #expect(back.map(\.leased.sequence) == [10, 11, 12])
        #expect(desk.waitingCount == 0)
        let aged = desk.takeAged()
        #expect(aged == "x", "a sick destination is looked through for what is too old")
    }

    @Test func `what waits behind attempts that do not end goes back within a second`() {
        var desk = desk(16)
        let hung = begin(12, at: "hung", &desk)
        #expect(hung.count == 4)
        #expect(desk.waitingCount == 8, "leased ahead, to share a commit")
        #expect(desk.rest(at: now, mayLease: false) == Tempo.slowMilliseconds)
        #expect(desk.takeBack(all: false, at: now).isEmpty)
        let later = TimeReading(wall: now.wall + 1_000, up: now.up + 1_000)
        #expect(desk.takeBack(all: false, at: later).count == 8)
        let isLeft = desk.picks(at: later, atMost: .max) == nil
        #expect(isLeft, "and is not leased again while they are under way")
        // After one that was slow, as many are leased as may begin.
        desk.ended(at: "hung", after: 30_000, nextDue: nil, now: later)
        let next = desk.picks(at: later, atMost: .max)?.picks
        #expect(next == [LeasePick(destination: "hung", limit: 1)])
        // After a quick one, more.
        desk.ended(at: "hung", after: 20, nextDue: nil, now: later)
        let quick = desk.picks(at: later, atMost: .max)?.picks
        #expect(quick == [LeasePick(destination: "hung", limit: 10)])
    }

    @Test func `nobody looks again and again at what only the rate keeps waiting`() {
        var desk = desk(16)
        let hung = begin(1, at: "hung", &desk)
        #expect(hung.count == 1)
        let placed = desk.place(prepared("hung", 9), at: now)
        #expect(placed)
        #expect(desk.rest(at: now, mayLease: false) == Tempo.slowMilliseconds)
        let later = TimeReading(wall: now.wall + 1_000, up: now.up + 1_000)
        #expect(desk.takeBack(all: false, at: later).isEmpty, "it may begin")
        #expect(desk.rest(at: later, mayLease: false) == nil, "not at once: that would be for ever")
    }

    @Test func `what waits for room that others do not leave goes back`() {
        var desk = desk(4, each: 4)
        let hung = begin(4, at: "hung", &desk)
        #expect(hung.count == 4)
        let placed = desk.place(prepared("well", 9), at: now)
        #expect(placed)
        let later = TimeReading(wall: now.wall + 1_000, up: now.up + 1_000)
        #expect(desk.takeBack(all: false, at: later).map(\.destination) == ["well"])
    }

    @Test func `attempts begin in turn over the destinations`() {
        var desk = desk(16)
        for number in 1...4 { _ = desk.place(prepared("big", Int64(number)), at: now) }
        _ = desk.place(prepared("small", 9), at: now)
        let order = (0..<5).compactMap { _ in desk.begin(at: now)?.prepared.destination }
        #expect(order == ["big", "small", "big", "big", "big"])
    }

    @Test func `what is well and has nothing to do is forgotten`() {
        var desk = desk()
        for number in 0..<100 {
            let name = "d\(number)"
            for ticket in begin(1, at: name, &desk) {
                _ = desk.note(
                    .answered, ticket, of: 1, at: name, reason: nil, rests: 1...1, at: now)
                desk.ended(at: name, after: 0, nextDue: nil, now: now)
            }
        }
        #expect(desk.destinations.isEmpty)
    }

    @Test func `memory is bounded, whatever the number of destinations`() {
        var desk = desk()
        desk.learn(
            (0..<Desk.destinationsMax + 500).map {
                PendingDestination(name: "d\($0)", dueMilliseconds: 0)
            })
        #expect(desk.destinations.count == Desk.destinationsMax)
        let picks = desk.picks(at: now, atMost: .max)?.picks ?? []
        #expect(picks.count <= Desk.picksMax + 2)
    }

    @Test func `a lost lease is no longer waited for`() {
        var desk = desk(4, each: 4)
        for number in 1...3 { _ = desk.place(prepared("x", Int64(number)), at: now) }
        _ = desk.drop([LeaseName(sequence: 2, attempt: 1)])
        #expect(desk.waitingLeases.map(\.sequence) == [1, 3])
        #expect(desk.waitingCount == 2)
    }

    @Test func `a destination's name is one short line`() {
        #expect(DestinationName.bounded("", sink: "mail") == "mail")
        #expect(DestinationName.bounded("a\nb", sink: "mail") == "a b")
        let long = String(repeating: "x", count: 500)
        #expect(DestinationName.bounded(long, sink: "s").utf8.count == DestinationName.bytesMax)
        #expect(
            DestinationName.bounded(long, sink: "s")
                != DestinationName.bounded(long + "y", sink: "s")
        )
    }
}
