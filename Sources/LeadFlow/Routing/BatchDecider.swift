internal import LeadKit
internal import LeadRules
internal import LeadStore

/// What one immutable rule set says of a batch of leads: the same for routing, which stores it, and
/// for a plan, which only counts.
///
/// Each lead is decided by itself; then pools choose, in the order of arrival, so that what they
/// remember is read once for the batch. Nothing is written.
struct BatchDecider {
    /// A lead of the batch and what became of it.
    enum Answer {
        case decided(DecidedLead, AssignedDecision)
        /// It cannot be read back.
        case unreadable(InboxEntry, atMilliseconds: Int64)
    }

    /// The same, before pools have chosen.
    private enum Verdict {
        case decided(DecidedLead)
        case unreadable(InboxEntry, atMilliseconds: Int64)
    }

    let ruleSet: RuleSet
    let store: any LeadStore
    let clock: any FlowClock

    /// The answers in the order of the batch. What pools have chosen since their state was stored is
    /// in `remembered`, and is there afterwards with what they chose for the batch.
    func answers(
        to entries: [InboxEntry], remembered: inout PoolState
    ) async throws(StoreError) -> [Answer] {
        let verdicts = try await verdicts(on: entries)
        var query = PoolQuery()
        for case .decided(let decided) in verdicts {
            guard let asked = ruleSet.poolQuery(for: decided.decision, of: decided.lead) else {
                continue
            }
            query.formUnion(asked)
        }
        if !query.pools.isEmpty {
            var state = try await store.poolState(query)
            state.apply(remembered)
            remembered = state
        }
        return verdicts.map { verdict in
            switch verdict {
            case .unreadable(let entry, let now): return .unreadable(entry, atMilliseconds: now)
            case .decided(let decided):
                let assigned = store.deciding(decided.entry.sequence) {
                    ruleSet.assign(
                        decided.decision, of: decided.lead,
                        at: Timestamp(milliseconds: decided.atMilliseconds), state: &remembered)
                }
                return .decided(decided, assigned)
            }
        }
    }

    private func verdicts(on entries: [InboxEntry]) async throws(StoreError) -> [Verdict] {
        let parser = JSONParser(limits: RoutingRecord.limits)
        let decider = ruleSet.decider()
        var batchKeys: [String: Int64] = [:]
        var verdicts: [Verdict] = []
        let now = clock.nowMilliseconds()
        for entry in entries {
            let read = store.deciding(entry.sequence) {
                RoutingRecord.lead(of: entry, parser: parser)
            }
            guard let lead = read else {
                verdicts.append(.unreadable(entry, atMilliseconds: now))
                continue
            }
            // One that is decided again knows it already, and must not be its own duplicate.
            let isKnown = entry.decidedMilliseconds != nil
            let earlier = isKnown ? EarlierDeliveries(try await deliveries(of: entry)) : nil
            var isDuplicate = isKnown && entry.isDuplicate
            // Without `dedupe` nothing is one. The checksums of deliveries hold what it was.
            if ruleSet.dedupe == nil, earlier?.isEmpty ?? true { isDuplicate = false }
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
            let decision = store.deciding(entry.sequence) { [isDuplicate] in
                decider.decide(lead, at: Timestamp(milliseconds: now), isDuplicate: isDuplicate)
            }
            verdicts.append(
                .decided(
                    DecidedLead(
                        entry: entry, lead: lead,
                        decision: earlier?.choices(in: decision, by: ruleSet) ?? decision,
                        isDuplicate: isDuplicate, earlier: earlier, dedupe: dedupe,
                        atMilliseconds: now)))
        }
        return verdicts
    }

    private func deliveries(of entry: InboxEntry) async throws(StoreError) -> [DeliveryEntry] {
        try await store.deliveries(
            DeliveryFilter(leadID: entry.leadID, source: entry.source, limit: .max))
    }
}
