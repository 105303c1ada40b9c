internal import LeadKit
internal import LeadRules
internal import LeadStore

/// What follows from an attempt: decided in a value, tested without I/O.
struct RetryPolicy {
    var retry: RetrySettings
    /// A delivery is not given up before so many real attempts: a clock that jumps forward must
    /// not turn a backlog into dead letters.
    static let attemptsMin = 3
    /// The longest wait that the other side can ask for.
    static let retryAfterMost = Duration.seconds(3600)
    /// How long a halted sink rests before the next probe.
    static let haltMilliseconds: Int64 = 30_000

    /// `random` is from 0 to 1 and spreads waits by a fifth to either side.
    func result(
        of failure: DeliveryFailure, attempt: Int, createdMilliseconds: Int64,
        nowMilliseconds now: Int64, random: Double, followUps: [NewDelivery]
    ) -> AttemptRecord.Result {
        switch failure.verdict {
        case .reject: return .dead(reason: failure.reason, followUps: followUps)
        case .halt:
            return .released(
                dueMilliseconds: now + RetryPolicy.haltMilliseconds, reason: failure.reason)
        case .retry(let after):
            let age = now - createdMilliseconds
            if age >= retry.total.milliseconds, attempt >= RetryPolicy.attemptsMin {
                return .dead(
                    reason: "given up after \(attempt) attempts: \(failure.reason)",
                    followUps: followUps)
            }
            let wait = wait(afterAttempt: attempt, random: random)
            let asked = min(after ?? .zero, RetryPolicy.retryAfterMost).milliseconds
            return .retry(dueMilliseconds: now + max(wait, asked), reason: failure.reason)
        }
    }

    /// The first wait doubled for each further attempt, at most the longest, spread.
    func wait(afterAttempt attempt: Int, random: Double) -> Int64 {
        let doubled = Double(retry.first.milliseconds) * Double(1 << min(max(attempt - 1, 0), 40))
        let wait = min(doubled, Double(retry.most.milliseconds))
        return Int64(wait * (0.8 + 0.4 * random))
    }

    /// The deliveries that take over for one that is given up: same lead, same route, the sinks of
    /// `on_failure`. The key says where it came from, so that the same fallback for two dead
    /// deliveries of one route stays two.
    static func followUps(
        _ leased: LeasedDelivery, leadID: LeadID, onFailure sinks: [String]
    ) -> [NewDelivery] {
        sinks.map { sink in
            NewDelivery(
                key: DeliveryKey(
                    source: leased.source, lead: leadID, route: leased.delivery.route,
                    target: "\(sink) after \(leased.delivery.key)"),
                sink: sink, route: leased.delivery.route, isCopy: leased.delivery.isCopy)
        }
    }
}
