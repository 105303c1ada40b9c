import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Testing

@testable import LeadFlow

/// What follows from an attempt, and from a read.
@Suite struct PolicyTests {
    private func result(
        _ failure: DeliveryFailure, attempt: Int = 1, ageMilliseconds: Int64 = 0,
        isProbe: Bool = false, random: Double = 0.5
    ) -> AttemptRecord.Result {
        RetryPolicy(retry: RetrySettings()).result(
            of: failure,
            RetryPolicy.Attempt(
                number: attempt, ageMilliseconds: ageMilliseconds, isProbe: isProbe,
                restMilliseconds: 30_000), nowMilliseconds: 0, random: random)
    }

    @Test(
        arguments: [
            (1, 10_000), (2, 60_000), (3, 300_000), (4, 900_000), (5, 1_800_000), (6, 3_600_000),
            (7, 7_200_000), (8, 14_400_000), (9, 21_600_000), (10, 21_600_000), (60, 21_600_000),
        ] as [(Int, Int64)])
    func `waits are a ladder up to the longest`(attempt: Int, milliseconds: Int64) {
        let policy = RetryPolicy(retry: RetrySettings())
        #expect(policy.wait(afterAttempt: attempt, random: 0.5) == milliseconds)
    }

    @Test(
        arguments: [
            (["5s", "1h"], [5, 30, 150, 450, 900, 1800, 3600, 3600, 3600, 3600]),
            (["1s", "7d"], [1, 6, 30, 90, 180, 360, 720, 1440, 2160, 4320, 8640]),
            (["1h", "1m"], [60, 60, 60]),
        ] as [([String], [Int64])])
    func `the ladder is a multiple of the first wait`(settings: [String], seconds: [Int64]) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let values = settings.map { (Int($0.dropLast()) ?? 0) * (units[$0.last ?? "s"] ?? 0) }
        var retry = RetrySettings()
        (retry.first, retry.most) = (.seconds(values[0]), .seconds(values[1]))
        let waits = (1...seconds.count).map {
            RetryPolicy(retry: retry).wait(afterAttempt: $0, random: 0.5) / 1000
        }
        #expect(waits == seconds)
    }

    @Test func `a week is at most 36 attempts, however the waits are spread`() {
        let policy = RetryPolicy(retry: RetrySettings())
        for random in [0.0, 0.5, 1.0] {
            var (age, attempts): (Int64, Int) = (0, 1)
            while case .retry(let due, _) = policy.result(
                of: .retry("x"),
                RetryPolicy.Attempt(number: attempts, ageMilliseconds: age),
                nowMilliseconds: age, random: random)
            {
                age = due
                attempts += 1
            }
            #expect(age == 7 * 86_400_000, "the last attempt is when the week is over")
            #expect(attempts >= 30 && attempts <= 45)
            if random == 0.5 { #expect(attempts == 36) }
        }
    }

    @Test func `waits are spread by a fifth to either side`() {
        let policy = RetryPolicy(retry: RetrySettings())
        #expect(policy.wait(afterAttempt: 1, random: 0) == 8_000)
        #expect(policy.wait(afterAttempt: 1, random: 1) == 12_000)
        let fractions = (0..<1000).map { number in
            RetryPolicy.fraction(of: .numbered(number), attempt: number % 30 + 1)
        }
        #expect(fractions.allSatisfy { (0...1).contains($0) })
        let middle = fractions.reduce(0, +) / 1000
        #expect(middle > 0.45 && middle < 0.55)
        for attempt in [-126, .min, .max] {
            #expect((0...1).contains(RetryPolicy.fraction(of: .numbered(1), attempt: attempt)))
        }
        let attempts = Set((1...30).map { RetryPolicy.fraction(of: .numbered(1), attempt: $0) })
        #expect(attempts.count > 25, "each attempt has its own")
    }

    @Test(
        arguments: [
            (nil, 10_000), (.seconds(60), 60_000), (.seconds(1), 10_000), (.seconds(-5), 10_000),
            (.seconds(1_000_000), 3_600_000),
        ] as [(Duration?, Int64)])
    func `the other side's wait counts when it is longer, up to an hour`(
        after: Duration?, due: Int64
    ) {
        #expect(result(.retry(after: after, "x")) == .retry(dueMilliseconds: due, reason: "x"))
    }

    @Test func `a delivery is given up by age, and never before three attempts`() {
        let old: Int64 = 8 * 86_400_000
        guard case .retry = result(.retry("x"), attempt: 2, ageMilliseconds: old) else {
            Issue.record("a service that was off for a week made a dead letter")
            return
        }
        #expect(
            result(.retry("x"), attempt: 3, ageMilliseconds: old)
                == .dead(reason: "given up after 3 attempts: x", followUps: []))
    }

    @Test func `a refusal is final, a halt and a failed probe spend no attempt`() {
        #expect(result(.reject("x")) == .dead(reason: "x", followUps: []))
        let rested = AttemptRecord.Result.released(dueMilliseconds: 60_000, reason: "x")
        #expect(result(.halt("x")) == rested)
        #expect(result(.retry("x"), isProbe: true) == rested)
        #expect(
            result(.retry("x", isAmbiguous: true))
                == .retry(dueMilliseconds: 10_000, reason: "may have arrived: x"))
        let own = DeliveryFailure.retry("x", isOfThisLead: true)
        #expect(result(own, isProbe: true) == .retry(dueMilliseconds: 10_000, reason: "x"))
    }

    @Test func `rests follow the retry settings down, never up`() {
        var retry = RetrySettings()
        #expect(RetryPolicy(retry: retry).restMilliseconds == Breaker.restMilliseconds)
        (retry.first, retry.most) = (.milliseconds(100), .milliseconds(300))
        #expect(RetryPolicy(retry: retry).restMilliseconds == 300...300)
        (retry.first, retry.most) = (.seconds(3600), .seconds(60))
        #expect(RetryPolicy(retry: retry).restMilliseconds == 30_000...60_000)
    }

    @Test func `a rate spaces attempts`() {
        let rate = Rate(count: 10, period: .seconds(1))
        var pace = Pace()
        let answers = [1_000_000, 1_000_050].map { pace.allows(rate, atMilliseconds: $0) }
        #expect(answers == [true, false])
        #expect(pace.waitMilliseconds(rate, atMilliseconds: 1_000_050) == 50)
        let later = pace.allows(rate, atMilliseconds: 1_000_100)
        #expect(later)
        let unlimited = pace.allows(nil, atMilliseconds: 0)
        #expect(unlimited)
    }

    @Test func `references that fail by themselves are asked for later and later`() throws {
        let id = try #require(LeadID("1"))
        var pending = PendingReference(
            sequence: 1, reference: LeadReference(source: "s", id: id), attempts: 0,
            receivedMilliseconds: 0)
        func due(_ verdict: FetchFailure.Verdict, at now: Int64 = 0) -> (Int64, Bool)? {
            let failure = FetchFailure(verdict, "x")
            let record = FetchPolicy.record(pending, .failure(failure), atMilliseconds: now)
            guard case .again(let due, _, let counts) = record.result else { return nil }
            return (due, counts)
        }
        #expect(try #require(due(.retry(after: nil))) == (5_000, true))
        pending.attempts = 3
        #expect(try #require(due(.retry(after: nil))) == (40_000, true))
        #expect(try #require(due(.retry(after: .seconds(1800)))) == (1_800_000, true))
        // A dead token is everybody's trouble: it costs this lead nothing, however long it takes.
        #expect(try #require(due(.halt, at: 80 * 86_400_000)) == (80 * 86_400_000 + 60_000, false))
        // A clock that jumps forward gives nothing up.
        pending.attempts = 20
        #expect(due(.retry(after: nil), at: 8000 * 86_400_000) != nil)
        pending.attempts = 150
        #expect(due(.retry(after: nil), at: 8 * 86_400_000) == nil)
        #expect(due(.reject) == nil)
    }

    @Test func `a fallback keeps the route and has a key of its own`() throws {
        let id = try #require(LeadID("1"))
        let delivery = NewDelivery(
            key: DeliveryKey(source: "s", lead: id, route: "r", target: "a"), sink: "a", route: "r",
            isCopy: false)
        let leased = LeasedDelivery(
            sequence: 1, delivery: delivery, source: "s", lead: [], receivedMilliseconds: 0,
            attempt: 1, createdMilliseconds: 0, token: "t")
        let followUps = RetryPolicy.followUps(leased, leadID: id, onFailure: ["b", "c"])
        #expect(followUps.map(\.sink) == ["b", "c"])
        #expect(followUps.allSatisfy { $0.route == "r" })
        #expect(Set(followUps.map(\.key)).union([delivery.key]).count == 3)
        #expect(RetryPolicy.followUps(leased, leadID: id, onFailure: ["b", "c"]) == followUps)
    }
}

extension DeliveryKey {
    /// A key for each number.
    static func numbered(_ number: Int) -> DeliveryKey {
        DeliveryKey(
            source: "s", lead: LeadID(contentOf: Array(String(number).utf8)), route: "r",
            target: "t")
    }
}
