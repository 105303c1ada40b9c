import LeadKit
import LeadRules

/// The leads that `dedupe` compares later ones with, within one input. A million of them take some
/// fifty megabytes: of each key's hash 16 bytes are kept, and when the latest lead was created.
struct EarlierLeads {
    private struct Key: Hashable {
        var high: UInt64
        var low: UInt64

        /// The first half of a key's 64 hexadecimal digits.
        init?(_ text: String) {
            guard let high = UInt64(text.prefix(16), radix: 16),
                let low = UInt64(text.dropFirst(16).prefix(16), radix: 16)
            else { return nil }
            self.high = high
            self.low = low
        }
    }

    private let ruleSet: RuleSet
    /// Stands in for the creation time of leads that have none.
    private let now: Timestamp
    private var latest: [Key: Int64] = [:]

    init(ruleSet: RuleSet, now: Timestamp) {
        self.ruleSet = ruleSet
        self.now = now
    }

    /// Whether an earlier lead had the same key within the time that counts; remembers the lead.
    mutating func contain(_ lead: Lead) -> Bool {
        guard let dedupe = ruleSet.dedupe,
            let key = ruleSet.dedupeKey(of: lead).flatMap(Key.init)
        else { return false }
        let created = lead[.createdTime].flatMap { Timestamp($0) }?.seconds ?? now.seconds
        let before = latest[key]
        latest[key] = max(before ?? created, created)
        return before.map { $0 >= created - dedupe.withinSeconds } ?? false
    }
}
