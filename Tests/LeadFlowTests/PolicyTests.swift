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
        random: Double = 0.5, followUps: [NewDelivery] = []
    ) -> AttemptRecord.Result {
        RetryPolicy(retry: RetrySettings()).result(
            of: failure, attempt: attempt, createdMilliseconds: 0, nowMilliseconds: ageMilliseconds,
            random: random, followUps: followUps)
    }

    @Test(
        arguments: [
            (1, 10_000), (2, 20_000), (3, 40_000), (4, 80_000), (12, 20_480_000), (13, 21_600_000),
            (60, 21_600_000),
        ] as [(Int, Int64)])
    func `waits double up to the longest`(attempt: Int, milliseconds: Int64) {
        #expect(
            RetryPolicy(retry: RetrySettings()).wait(afterAttempt: attempt, random: 0.5)
                == milliseconds)
    }

    @Test func `waits are spread by a fifth to either side`() {
        let policy = RetryPolicy(retry: RetrySettings())
        #expect(policy.wait(afterAttempt: 1, random: 0) == 8_000)
        #expect(policy.wait(afterAttempt: 1, random: 1) == 12_000)
    }

    @Test func `the other side's wait counts when it is longer, up to an hour`() {
        #expect(
            result(.retry(after: .seconds(60), "x")) == .retry(dueMilliseconds: 60_000, reason: "x")
        )
        #expect(
            result(.retry(after: .seconds(1), "x")) == .retry(dueMilliseconds: 10_000, reason: "x"))
        #expect(
            result(.retry(after: .seconds(1_000_000), "x"))
                == .retry(dueMilliseconds: 3_600_000, reason: "x"))
    }

    @Test func `a delivery is given up by age, and never before three attempts`() {
        let old: Int64 = 8 * 86_400_000
        guard case .retry = result(.retry("x"), attempt: 2, ageMilliseconds: old) else {
            Issue.record("a clock that jumped forward made a dead letter")
            return
        }
        #expect(
            result(.retry("x"), attempt: 3, ageMilliseconds: old)
                == .dead(reason: "given up after 3 attempts: x", followUps: []))
    }

    @Test func `a refusal is final and a halt spends no attempt`() {
        #expect(result(.reject("x")) == .dead(reason: "x", followUps: []))
        #expect(result(.halt("x")) == .released(dueMilliseconds: 30_000, reason: "x"))
    }

    @Test func `a rate spaces attempts and a clock set back does not stall it`() {
        let rate = Rate(count: 10, period: .seconds(1))
        var pace = Pace()
        let answers = [1_000_000, 1_000_050].map { pace.allows(rate, atMilliseconds: $0) }
        #expect(answers == [true, false])
        #expect(pace.waitMilliseconds(rate, atMilliseconds: 1_000_050) == 50)
        let later = [1_000_100, 0].map { pace.allows(rate, atMilliseconds: $0) }
        #expect(later == [true, false])
        #expect(pace.waitMilliseconds(rate, atMilliseconds: 0) <= 1_000)
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
