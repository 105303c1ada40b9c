public import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

/// Inbox → Routing → Outbox.
///
/// Takes received leads in order of arrival, in batches; decides each with one immutable rule set;
/// lets pools choose members; then, in one transaction, marks the rows decided, inserts their
/// deliveries and keeps what the pools remember. Deciding and choosing are pure and a delivery's
/// key is made from what was decided, so a batch that is decided twice (after a crash before the
/// commit) gives the same rows. A lead that cannot be read back is held with the
/// reason and blocks nobody.
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

    /// Decides with other rules from the next batch on.
    func use(_ ruleSet: RuleSet) { rules.withLock { $0 = ruleSet } }

    func run() async throws {
        while !bells.isStopped {
            try Task.checkCancellation()
            let entries = try await store.undecided(after: 0, limit: Routing.batchMax)
            guard !entries.isEmpty else {
                await bells.inbox.wait(atMost: clock.longestRest, clock: clock)
                continue
            }
            let records = try await records(of: entries)
            try await store.record(records)
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
        let ruleSet = rules.withLock { $0 }
        return try await assign(try await decide(entries, with: ruleSet), with: ruleSet)
    }

    /// A lead of the batch and what the rules answered; pools have not chosen yet.
    private enum Verdict {
        case decided(DecidedLead)
        case unreadable(DecisionRecord)
    }

    private func decide(
        _ entries: [InboxEntry], with ruleSet: RuleSet
    ) async throws(StoreError) -> [Verdict] {
        let parser = JSONParser(limits: RoutingRecord.limits)
        let decider = ruleSet.decider()
        var batchKeys: [String: Int64] = [:]
        var verdicts: [Verdict] = []
        for entry in entries {
            let now = clock.nowMilliseconds()
            guard let lead = RoutingRecord.lead(of: entry, parser: parser) else {
                verdicts.append(
                    .unreadable(RoutingRecord.unreadable(entry, ruleSet: ruleSet, at: now)))
                logger.error(
                    "lead cannot be read back from the store; it is held",
                    metadata: ["source": "\(entry.source)", "lead": "\(entry.leadID)"])
                continue
            }
            // One that is decided again knows it already, and must not be its own duplicate.
            let isKnown = entry.decidedMilliseconds != nil
            var isDuplicate = isKnown && entry.isDuplicate
            var dedupe: (key: String, createdSeconds: Int64)?
            if let settings = ruleSet.dedupe, let key = ruleSet.dedupeKey(of: lead) {
                let created = lead.createdSeconds ?? entry.receivedMilliseconds / 1000
                let since = created - settings.withinSeconds
                let inBatch = batchKeys[key].map { $0 >= since } ?? false
                if !isKnown {
                    isDuplicate =
                        if inBatch { true } else {
                            try await store.hasEarlier(dedupeKey: key, sinceSeconds: since)
                        }
                }
                batchKeys[key] = max(batchKeys[key] ?? created, created)
                dedupe = (key, created)
            }
            let earlier = isKnown ? EarlierDeliveries(try await deliveries(of: entry)) : nil
            let decision = decider.decide(
                lead, at: Timestamp(milliseconds: now), isDuplicate: isDuplicate)
            verdicts.append(
                .decided(
                    DecidedLead(
                        entry: entry, lead: lead,
                        decision: earlier?.choices(in: decision) ?? decision,
                        isDuplicate: isDuplicate, earlier: earlier, dedupe: dedupe,
                        atMilliseconds: now)))
        }
        return verdicts
    }

    private func deliveries(of entry: InboxEntry) async throws(StoreError) -> [DeliveryEntry] {
        try await store.deliveries(
            DeliveryFilter(leadID: entry.leadID, source: entry.source, limit: .max))
    }

    /// Lets pools choose, in the order of arrival; what they remember is read once for the batch,
    /// and stored with the decisions.
    private func assign(
        _ verdicts: [Verdict], with ruleSet: RuleSet
    ) async throws(StoreError) -> [DecisionRecord] {
        var query = PoolQuery()
        for case .decided(let decided) in verdicts {
            guard let asked = ruleSet.poolQuery(for: decided.decision, of: decided.lead) else {
                continue
            }
            query.formUnion(asked)
        }
        var state = query.pools.isEmpty ? PoolState() : try await store.poolState(query)
        return verdicts.map { verdict in
            switch verdict {
            case .unreadable(let record): return record
            case .decided(let decided):
                let assigned = ruleSet.assign(
                    decided.decision, of: decided.lead,
                    at: Timestamp(milliseconds: decided.atMilliseconds), state: &state)
                return RoutingRecord.decided(decided, assigned, ruleSet: ruleSet)
            }
        }
    }
}

extension Lead {
    /// When the form was submitted, in seconds since 1970; nil when the source did not say.
    public var createdSeconds: Int64? { self[.createdTime].flatMap { Timestamp($0) }?.seconds }
}
