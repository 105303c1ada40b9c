internal import LeadKit
internal import LeadRules
internal import LeadStore

/// What follows from an attempt: decided in a value, tested without I/O.
///
/// The waits are a ladder, dense at first because a lead is worth most in the first minutes. With
/// the defaults (`first: 10s, most: 6h, for: 7d`): 10 s, 1 m, 5 m, 15 m, 30 m, 1 h, 2 h, 4 h, then
/// 6 h: at most 36 attempts. The last attempt is made when the time is over, not a step later.
struct RetryPolicy: Sendable {
    var retry: RetrySettings
    /// A delivery is not given up by age before so many real attempts: neither a clock that jumps
    /// nor a service that was switched off for a week may turn a backlog into dead letters.
    static let attemptsMin = 3
    /// The bounds of the wait that the other side can ask for.
    static let retryAfter = Duration.seconds(1)...Duration.seconds(3600)
    /// The waits as multiples of the first.
    static let ladder: [Double] = [1, 6, 30, 90, 180, 360, 720, 1440, 2160]
    /// How far waits are spread to either side.
    static let spread = 0.2

    /// What an attempt was.
    struct Attempt {
        var number: Int
        /// How old the delivery is, as far as time really went by.
        var ageMilliseconds: Int64
        /// Whether it asked a destination that rested whether it is well again.
        var isProbe = false
        /// How long the destination rests from now on.
        var restMilliseconds: Int64 = 0
        var followUps: [NewDelivery] = []
    }

    /// `random` is from 0 to 1 and spreads waits by a fifth to either side.
    func result(
        of failure: DeliveryFailure, _ attempt: Attempt, nowMilliseconds now: Int64, random: Double
    ) -> AttemptRecord.Result {
        let reason = RetryPolicy.reason(of: failure)
        switch failure.verdict {
        case .reject: return .dead(reason: reason, followUps: attempt.followUps)
        case .halt:
            return .released(dueMilliseconds: now + 2 * attempt.restMilliseconds, reason: reason)
        case .retry(let after):
            // What is open spends no attempts; due after the rest, so that another delivery is the
            // next probe: this one may be what the other side cannot stand.
            if attempt.isProbe, !failure.isOfThisLead {
                return .released(
                    dueMilliseconds: now + 2 * attempt.restMilliseconds, reason: reason)
            }
            let left = retry.total.milliseconds - attempt.ageMilliseconds
            if left <= 0, attempt.number >= RetryPolicy.attemptsMin {
                return .dead(
                    reason: "given up after \(attempt.number) attempts: \(reason)",
                    followUps: attempt.followUps)
            }
            let planned = max(
                wait(afterAttempt: attempt.number, random: random),
                RetryPolicy.asked(after))
            let wait = left > 0 ? min(planned, max(left, retry.first.milliseconds)) : planned
            return .retry(dueMilliseconds: now + wait, reason: reason)
        }
    }

    /// What the history says of a failure.
    static func reason(of failure: DeliveryFailure) -> String {
        failure.isAmbiguous ? "may have arrived: \(failure.reason)" : failure.reason
    }

    /// Where in its spread a wait falls: from 0 to 1, by the digits of the key, which are as good as
    /// random, and another for each attempt. What happened once happens again when it is replayed.
    static func fraction(of key: DeliveryKey, attempt: Int) -> Double {
        let digits = Array(key.text.utf8)
        // Whatever the disk has made of the number of attempts.
        let start = Int(UInt(bitPattern: attempt) % UInt(digits.count)) * 7
        let number = (0..<6).reduce(0) { number, offset in
            let digit = Int(digits[(start + offset) % digits.count])
            return number * 16 + (digit > 0x39 ? digit - 0x57 : digit - 0x30)
        }
        return Double(number) / Double(0xFF_FFFF)
    }

    /// What the other side asked for, within bounds; 0 for nothing.
    static func asked(_ after: Duration?) -> Int64 {
        after.map { min(max($0, retryAfter.lowerBound), retryAfter.upperBound).milliseconds } ?? 0
    }

    /// The wait of the ladder; behind its end each is twice the one before. At most the longest,
    /// spread.
    func wait(afterAttempt attempt: Int, random: Double) -> Int64 {
        let step = max(attempt, 1) - 1
        let ladder = RetryPolicy.ladder
        let multiple =
            step < ladder.count
            ? ladder[step]
            : ladder[ladder.count - 1] * Double(1 << min(step - ladder.count + 1, 40))
        let wait = min(
            Double(retry.first.milliseconds) * multiple, Double(retry.most.milliseconds))
        return Int64(wait * (1 - RetryPolicy.spread + 2 * RetryPolicy.spread * random))
    }

    /// The longest waits after so many attempts, for `DueLimit`.
    var longestWaits: [Int64] { [0] + (1...64).map { wait(afterAttempt: $0, random: 1) } }

    /// The first and the longest rest of a destination that fails: 30 s and 5 min, or less for a
    /// sink that is told to be tried more often.
    var restMilliseconds: ClosedRange<Int64> {
        let first = min(Breaker.restMilliseconds.lowerBound, 3 * retry.first.milliseconds)
        let most = min(Breaker.restMilliseconds.upperBound, retry.most.milliseconds)
        return first...max(first, most)
    }

    /// The deliveries that take over for one that is given up: same lead, same route, the sinks of
    /// `on_failure`. The key says where it came from; the store leaves out those whose target has the
    /// lead already, or is to get it.
    static func followUps(
        _ leased: LeasedDelivery, leadID: LeadID, onFailure sinks: [String]
    ) -> [NewDelivery] {
        sinks.map { sink in
            NewDelivery(
                key: DeliveryKey(
                    source: leased.source, lead: leadID, route: leased.delivery.route,
                    standIn: sink, for: leased.delivery.key),
                sink: sink, route: leased.delivery.route, isCopy: leased.delivery.isCopy)
        }
    }
}
