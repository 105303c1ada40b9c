internal import LeadKit
public import LeadRules
public import LeadStore

// Leads that are decided again. The order only gives them to the rules: routing decides them as it
// decides new ones. So the plan must do what routing will do, on the same rows, and write nothing.
extension OperatorDesk {
    /// The most leads of which a plan looks at what the rules say now.
    public static let previewMax = 100_000

    /// Gives decided and held leads to the rules again; answers how many leads got which answer.
    public func decideAgain(
        _ filters: [LeadFilter], _ options: DecideAgainOptions, _ order: Order,
        progress: @Sendable (Int) -> Void = { _ in }
    ) async throws(StoreError) -> [OrderAnswer: Int] {
        try await carryOut(filters, progress) { sequences async throws(StoreError) in
            try await store.decideAgain(sequences, options, order)
        }
    }

    /// What would come of deciding leads again: `rules` are those that would decide, as far as they
    /// are known.
    public func planDeciding(
        _ filters: [LeadFilter], by rules: RuleSet?, clock: any FlowClock = SystemClock()
    ) async throws(StoreError) -> DecidingPlan {
        var plan = DecidingPlan(tally: try await plan(filters))
        guard let rules else { return plan }
        plan.preview = DecidingPreview()
        let decider = BatchDecider(ruleSet: rules, store: store, clock: clock)
        var remembered = PoolState()
        for filter in filters {
            var page = filter
            page.afterSequence = filter.afterSequence ?? 0
            page.beforeSequence = plan.tally.lastSequence + 1
            while true {
                let seen = plan.preview?.leads ?? 0
                page.limit = min(OperatorDesk.pageMax, OperatorDesk.previewMax - seen)
                guard page.limit > 0 else { return plan }
                let entries = try await store.leads(page)
                guard let last = entries.last else { break }
                try await preview(entries, decider, &remembered, in: &plan)
                page.afterSequence = last.sequence
            }
        }
        return plan
    }

    private func preview(
        _ entries: [InboxEntry], _ decider: BatchDecider, _ remembered: inout PoolState,
        in plan: inout DecidingPlan
    ) async throws(StoreError) {
        var sound: [InboxEntry] = []
        for var entry in entries where [.decided, .held].contains(entry.state) {
            guard try await isIntact(entry) else {
                plan.addDamaged()
                continue
            }
            // As the order will leave it.
            entry.decidedMilliseconds = entry.decidedMilliseconds ?? entry.receivedMilliseconds
            sound.append(entry)
        }
        for answer in try await decider.answers(to: sound, remembered: &remembered) {
            guard case .decided(let lead, let assigned) = answer else {
                plan.addDamaged()
                continue
            }
            plan.preview?.add(lead, assigned.decision)
        }
    }

    /// Whether the lead and what it was given are as they were written.
    private func isIntact(_ entry: InboxEntry) async throws(StoreError) -> Bool {
        guard try await store.damage(ofLead: entry.sequence) == nil, !entry.lead.isEmpty else {
            return false
        }
        let given = try await store.deliveries(
            DeliveryFilter(leadID: entry.leadID, source: entry.source, limit: .max))
        return try await store.damage(ofDeliveries: given.map(\.sequence)).isEmpty
    }
}
