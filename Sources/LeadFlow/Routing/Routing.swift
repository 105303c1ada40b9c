public import LeadKit
public import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

/// Inbox → Routing → Outbox.
///
/// Takes received leads in order of arrival, in batches, and those that operators have decided again
/// when no new one is left; decides each with one immutable rule set; lets pools choose members; then,
/// in one transaction, marks the rows decided, inserts their deliveries, keeps what the pools
/// remember, and reads the next batch. With none left it waits for the inbox's bell.
///
/// Deciding and choosing are pure and a delivery's key is made from what was decided, so a batch that
/// is decided twice (after a crash before the commit) gives the same rows. A lead that cannot be read
/// back is held with the reason and blocks nobody; so is one of which the last process died.
public final class Routing: Sendable {
    /// The most leads of one transaction.
    static let batchMax = 256

    private let rules: Mutex<RuleSet>
    private let store: any LeadStore
    private let clock: any FlowClock
    private let bells: Bells
    private let logger: Logger

    init(
        ruleSet: RuleSet, store: any LeadStore, clock: any FlowClock, bells: Bells, logger: Logger
    ) {
        rules = Mutex(ruleSet)
        self.store = store
        self.clock = clock
        self.bells = bells
        self.logger = logger
    }

    /// The rules that decide the next batch.
    public var ruleSet: RuleSet { rules.withLock { $0 } }

    /// Decides with other rules from the next batch on.
    func use(_ ruleSet: RuleSet) { rules.withLock { $0 = ruleSet } }

    func run() async throws {
        // What is known to be undecided: nil when that must be looked for.
        var known: [InboxEntry]?
        // Once: whoever gives it to the rules again may have mended what it died of.
        var poison = await store.leadOfCrash
        while !bells.isStopped {
            try Task.checkCancellation()
            let entries =
                if let known { known } else {
                    try await store.undecided(after: 0, limit: Routing.batchMax)
                }
            guard !entries.isEmpty else {
                // A lead that is stored rings once that is certain, and a ring is kept.
                await bells.inbox.wait(atMost: clock.longestRest, clock: clock)
                known = nil
                continue
            }
            let others = entries.filter { $0.sequence != poison }
            var records = try await records(of: others)
            if let entry = entries.first(where: { $0.sequence == poison }) {
                records.append(held(entry))
                poison = nil
            }
            known = try await store.record(records, thenUndecided: Routing.batchMax)
            tellHeld(records)
            for sink in Set(records.flatMap { $0.deliveries.map(\.sink) + $0.anew.map(\.sink) }) {
                bells.lane(sink).ring()
            }
        }
    }

    /// Nothing is sent until somebody mends the rules: told once a batch, for each reason.
    private func tellHeld(_ records: [DecisionRecord]) {
        var counts: [String: Int] = [:]
        for record in records where record.state == .held {
            counts[record.reason ?? "", default: 0] += 1
        }
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
            logger.notice("leads held", metadata: ["count": "\(count)", "reason": "\(reason)"])
        }
    }

    /// What is to be stored for a batch: the same again as long as nothing of it is stored.
    func records(of entries: [InboxEntry]) async throws(StoreError) -> [DecisionRecord] {
        // One rule set decides a batch, whatever is put in force meanwhile.
        let ruleSet = self.ruleSet
        var remembered = PoolState()
        let answers = try await BatchDecider(ruleSet: ruleSet, store: store, clock: clock)
            .answers(to: entries, remembered: &remembered)
        return answers.map { answer in
            switch answer {
            case .decided(let decided, let assigned):
                return RoutingRecord.decided(decided, assigned, ruleSet: ruleSet)
            case .unreadable(let entry, let now):
                logger.error(
                    "lead cannot be read back from the store; it is held",
                    metadata: ["source": "\(entry.source)", "lead": "\(entry.leadID)"])
                return RoutingRecord.held(
                    entry, because: RoutingRecord.unreadableReason, ruleSet: ruleSet, at: now)
            }
        }
    }

    /// One of which the last process died.
    private func held(_ entry: InboxEntry) -> DecisionRecord {
        logger.critical(
            "lead held: \(RoutingRecord.crashReason)",
            metadata: ["source": "\(entry.source)", "lead": "\(entry.leadID)"])
        return RoutingRecord.held(
            entry, because: RoutingRecord.crashReason, ruleSet: ruleSet,
            at: clock.nowMilliseconds())
    }
}

extension Lead {
    /// When the form was submitted, in seconds since 1970; nil when the source did not say.
    public var createdSeconds: Int64? { self[.createdTime].flatMap { Timestamp($0) }?.seconds }
}
