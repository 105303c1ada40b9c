internal import LeadKit
internal import LeadStore

/// When to ask again for a reference: decided in a value, without I/O.
enum FetchPolicy {
    /// The most references of one call.
    static let batchMax = 50
    /// The first wait; it doubles.
    static let firstMilliseconds: Int64 = 5_000
    /// The longest wait.
    static let mostMilliseconds: Int64 = 3_600_000
    /// At the start, what is due by so much later than it could be at most is left as it is: the
    /// other side may have asked for a wait. More is a clock that was set back meanwhile.
    static let startToleranceMilliseconds = RetryPolicy.retryAfter.upperBound.milliseconds
    /// How long a fault of the whole source (token, permission) rests.
    static let haltMilliseconds: Int64 = 60_000
    /// A reference that fails by itself is given up after so long and so many attempts. A fault of
    /// the whole source never gives up: Meta keeps leads for 90 days.
    static let giveUpMilliseconds: Int64 = 7 * 86_400_000
    /// Nearly as many as the schedule makes in that time, so that a clock that jumps forward does
    /// not give anything up.
    static let giveUpAttempts = 150

    static func record(
        _ pending: PendingReference, _ result: Result<Lead, FetchFailure>,
        atMilliseconds now: Int64
    ) -> FetchRecord {
        FetchRecord(sequence: pending.sequence, result: outcome(pending, result, now))
    }

    private static func outcome(
        _ pending: PendingReference, _ result: Result<Lead, FetchFailure>, _ now: Int64
    ) -> FetchRecord.Result {
        switch result {
        case .success(let lead): return .lead(lead)
        case .failure(let failure):
            switch failure.verdict {
            case .reject: return .quarantined(reason: failure.reason)
            case .halt:
                return .again(
                    dueMilliseconds: now + haltMilliseconds, reason: failure.reason,
                    countsAttempt: false)
            case .retry(let after):
                let age = now - pending.receivedMilliseconds
                if age > giveUpMilliseconds, pending.attempts >= giveUpAttempts {
                    return .quarantined(reason: failure.reason)
                }
                return .again(
                    dueMilliseconds: now + max(backoff(pending.attempts), after?.milliseconds ?? 0),
                    reason: failure.reason, countsAttempt: true)
            }
        }
    }

    private static func backoff(_ attempts: Int) -> Int64 {
        min(mostMilliseconds, firstMilliseconds << min(attempts, 20))
    }

    /// The longest that a reference waits because it failed by itself, with so many attempts behind
    /// it. One that rests with the whole source is asked for sooner, and once more than it would be.
    static let longestWaits: [Int64] = [0] + (0...10).map(backoff)
}
