public import LeadKit

/// Remembers the `dedupe` keys of the leads before, to say which lead is a duplicate.
///
/// One entry for each key, 16 bytes of it: a million leads take some 50 MB. Nothing is kept without
/// a `dedupe` setting.
public struct EarlierLeads: Sendable {
    private struct Key: Hashable {
        var high: UInt64
        var low: UInt64

        init(_ digest: String) {
            let digits = Array(digest.utf8.prefix(32))
            high = Key.number(digits.prefix(16))
            low = Key.number(digits.dropFirst(16))
        }

        private static func number(_ digits: ArraySlice<UInt8>) -> UInt64 {
            digits.reduce(0) { $0 << 4 | UInt64($1 < 0x3A ? $1 - 0x30 : $1 - 0x57) }
        }
    }

    private var latest: [Key: Int64] = [:]

    /// No leads yet.
    public init() {}

    /// Whether an earlier lead had the same key within the time; remembers this one. A lead that
    /// does not say when it was made counts as made at `now`.
    public mutating func holdsDuplicate(
        of lead: Lead, for ruleSet: RuleSet, at now: Timestamp
    ) -> Bool {
        guard let dedupe = ruleSet.dedupe, let text = ruleSet.dedupeKey(of: lead) else {
            return false
        }
        let key = Key(text)
        let created = lead[.createdTime].flatMap { Timestamp($0) }?.seconds ?? now.seconds
        let isDuplicate = latest[key].map { $0 >= created - dedupe.withinSeconds } ?? false
        latest[key] = max(latest[key] ?? created, created)
        return isDuplicate
    }
}
