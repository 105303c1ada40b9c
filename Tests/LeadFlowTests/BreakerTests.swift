import Testing

@testable import LeadFlow

/// When a destination is left alone, and how it comes back.
@Suite struct BreakerTests {
    private let rests: ClosedRange<Int64> = 30_000...600_000

    /// A breaker and what operators were told.
    private struct Trial {
        var breaker = Breaker()
        var told: [Breaker.Change] = []
        var now: Int64 = 0
        let rests: ClosedRange<Int64>
        var cap = 8

        mutating func attempt(_ answer: Breaker.Answer) {
            let ticket = breaker.began()
            end(answer, ticket)
        }

        mutating func end(_ answer: Breaker.Answer, _ ticket: Breaker.Ticket) {
            let change = breaker.note(answer, ticket, cap: cap, rests: rests, at: now)
            if let change { told.append(change) }
        }

        func room(_ inFlight: Int = 0) -> Int {
            breaker.room(inFlight: inFlight, cap: cap, at: now)
        }

        mutating func fail(_ times: Int) {
            for _ in 0..<times { attempt(.failed(waitMilliseconds: 0)) }
        }
    }

    private var trial: Trial { Trial(rests: rests) }

    @Test func `five failures in a row open it, four and an answer do not`() {
        var trial = trial
        trial.fail(4)
        trial.attempt(.answered)
        trial.fail(4)
        #expect(trial.room() == 8)
        trial.fail(1)
        #expect(trial.room() == 0)
        #expect(trial.told == [.opened(failures: 5)])
        #expect(trial.breaker.restLeft(at: 0) == 30_000)
    }

    @Test func `half of twenty within a minute open it`() {
        var trial = trial
        for number in 0..<19 {
            trial.now += 3_000
            trial.attempt(number % 2 == 0 ? .answered : .failed(waitMilliseconds: 0))
        }
        #expect(trial.room() == 8, "nineteen are too few")
        trial.attempt(.failed(waitMilliseconds: 0))
        #expect(trial.room() == 0)
    }

    @Test func `half of twenty within an hour do not`() {
        var trial = trial
        for number in 0..<100 {
            trial.now += 36_000
            trial.attempt(number % 2 == 0 ? .answered : .failed(waitMilliseconds: 0))
        }
        #expect(trial.told == [])
    }

    @Test func `one probe goes out after each rest, and rests double to ten minutes`() {
        var trial = trial
        trial.fail(5)
        var rested: [Int64] = []
        for _ in 0..<7 {
            let rest = trial.breaker.restLeft(at: trial.now) ?? 0
            rested.append(rest / 1000)
            trial.now += rest - 1
            #expect(trial.room() == 0)
            trial.now += 1
            #expect(trial.room() == 1)
            let probe = trial.breaker.began()
            #expect(probe.isProbe)
            #expect(trial.room() == 0, "one at a time")
            trial.end(.failed(waitMilliseconds: 0), probe)
        }
        #expect(rested == [30, 60, 120, 240, 480, 600, 600])
        #expect(trial.told == [.opened(failures: 5)], "operators are told once")
    }

    @Test func `a recovery starts with one, then two, four, up to the cap`() {
        var trial = trial
        trial.fail(5)
        trial.now = 30_000
        trial.attempt(.answered)
        #expect(trial.told.last == .closed)
        var rooms: [Int] = []
        for _ in 0..<7 {
            rooms.append(trial.room())
            trial.attempt(.answered)
        }
        #expect(rooms == [2, 2, 4, 4, 4, 4, 8])
        #expect(trial.room(3) == 5)
    }

    @Test func `a failure while it starts begins with one again, and rests stay long`() {
        var trial = trial
        trial.fail(5)
        trial.now = 30_000
        trial.attempt(.answered)
        trial.fail(1)
        #expect(trial.room() == 1)
        trial.fail(4)
        #expect(trial.breaker.restLeft(at: trial.now) == 60_000)
    }

    @Test func `a halt where others were answered asks another at once, and rests when that fails`()
    {
        var trial = trial
        trial.attempt(.answered)
        trial.now += 59_000
        trial.attempt(.halted)
        #expect(trial.breaker.restLeft(at: trial.now) == Breaker.secondOpinionMilliseconds)
        trial.now += Breaker.secondOpinionMilliseconds
        trial.attempt(.halted)
        #expect(trial.breaker.restLeft(at: trial.now) == 30_000)
        // Where nobody was answered for a minute nothing speaks against the halt.
        var other = self.trial
        other.attempt(.answered)
        other.now += 61_000
        other.attempt(.halted)
        #expect(other.breaker.restLeft(at: other.now) == 30_000)
    }

    @Test func `a halt opens it at once, and is told once`() {
        var trial = trial
        trial.attempt(.halted)
        #expect(trial.breaker.isHalted && trial.room() == 0)
        for rest: Int64 in [30_000, 60_000, 120_000] {
            #expect(trial.breaker.restLeft(at: trial.now) == rest)
            trial.now += rest
            trial.attempt(.halted)
        }
        #expect(trial.told == [.halted])
        trial.now += 600_000
        trial.attempt(.answered)
        #expect(trial.told == [.halted, .closed] && !trial.breaker.isHalted)
    }

    @Test func `attempts that were under way together are one fault`() {
        var trial = trial
        let tickets = (0..<8).map { _ in trial.breaker.began() }
        for ticket in tickets { trial.end(.halted, ticket) }
        #expect(trial.breaker.restLeft(at: 0) == 30_000)
        trial.now = 30_000
        let probe = trial.breaker.began()
        trial.end(.failed(waitMilliseconds: 0), tickets[0])
        #expect(trial.breaker.restLeft(at: 30_000) == nil, "a late failure is not the probe's")
        trial.end(.answered, probe)
        #expect(trial.room() == 2)
    }

    @Test func `a probe that was broken off is asked again`() {
        var trial = trial
        trial.fail(5)
        trial.now = 30_000
        trial.attempt(.unknown)
        #expect(trial.room() == 1)
    }

    @Test func `it rests as long as the other side asks`() {
        var trial = trial
        trial.fail(4)
        trial.attempt(.failed(waitMilliseconds: 900_000))
        #expect(trial.breaker.restLeft(at: 0) == 900_000)
        trial.breaker.endRest(at: 0)
        #expect(trial.room() == 1, "an operator may ask before")
    }

    @Test func `turns go round, and those who join come last`() {
        var turns = Turns()
        for name in ["a", "b", "c"] { turns.add(name) }
        func take(_ count: Int, where mayHave: (String) -> Bool = { _ in true }) -> [String?] {
            (0..<count).map { _ in turns.next(where: mayHave) }
        }
        let first = take(4)
        #expect(first == ["a", "b", "c", "a"])
        turns.add("d")
        let second = take(4)
        #expect(second == ["b", "c", "a", "d"])
        turns.remove("c")
        let third = take(3) { $0 != "a" }
        #expect(third == ["b", "d", "b"])
        let none = take(1) { _ in false }
        #expect(none == [nil])
    }

    @Test func `a share is fair, and nobody gets more than his room`() {
        var turns = Turns()
        for name in ["big", "small", "none"] { turns.add(name) }
        let shares = turns.share(10, among: ["big": 100, "small": 3, "none": 0])
        #expect(shares.map(\.name) == ["big", "small"])
        #expect(shares.map(\.count) == [7, 3])
        let none = turns.share(5, among: [:])
        #expect(none.isEmpty)
    }
}
