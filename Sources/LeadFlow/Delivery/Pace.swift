internal import LeadKit
internal import LeadRules

/// Spaces attempts evenly for a rate. Times are of the clock that only goes forward.
struct Pace: Sendable {
    private var nextMilliseconds: Double = 0

    /// Whether an attempt may begin; then it has begun.
    mutating func allows(_ rate: Rate?, atMilliseconds now: Int64) -> Bool {
        guard let rate else { return true }
        // A rate that was changed must not leave a wait of the old one behind.
        let latest = Double(now) + Double(rate.period.milliseconds)
        nextMilliseconds = min(nextMilliseconds, latest)
        guard nextMilliseconds <= Double(now) else { return false }
        nextMilliseconds =
            max(nextMilliseconds, Double(now)) + Double(rate.period.milliseconds)
            / Double(rate.count)
        return true
    }

    /// How long none may begin.
    func waitMilliseconds(_ rate: Rate?, atMilliseconds now: Int64) -> Int64 {
        rate == nil ? 0 : max(0, Int64(nextMilliseconds.rounded(.up)) - now)
    }
}
