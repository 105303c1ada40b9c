import LeadKit
import LeadStore

extension DecisionRecord {
    /// A decision that sends a lead to sinks.
    static func routing(_ entry: InboxEntry, to sinks: [String], at time: Int64 = 1) -> Self {
        DecisionRecord(
            sequence: entry.sequence, state: .decided, outcome: "routed", reason: nil,
            decision: "{}", ruleSetHash: "hash",
            deliveries: sinks.map { sink in
                NewDelivery(
                    key: DeliveryKey(
                        source: entry.source, lead: entry.leadID, route: "r", target: sink),
                    sink: sink, route: "r", isCopy: false)
            }, atMilliseconds: time)
    }
}

extension LeadStore {
    /// Leases what is due, for a while.
    func lease(
        _ limit: Int, of sink: String, token: String, at time: Int64, until: Int64 = 99
    ) async throws -> [LeasedDelivery] {
        try await lease(
            LeaseRequest(
                sink: sink, token: token, picks: [LeasePick(destination: "", limit: limit)],
                limit: limit, atMilliseconds: time, untilMilliseconds: until)
        ).taken
    }

    /// Accepts a lead and routes it; answers its row.
    @discardableResult
    func route(_ id: String, to sinks: [String], at time: Int64 = 1) async throws -> InboxEntry {
        _ = try await accept([.lead(.sampleNamed(id))], atMilliseconds: time)
        let entry = try await undecided(after: 0, limit: 1)[0]
        try await record([.routing(entry, to: sinks, at: time)])
        return entry
    }
}

extension Lead {
    /// A lead with an id and nothing else.
    static func sampleNamed(_ id: String) -> Lead {
        guard let id = LeadID(id) else { preconditionFailure("'\(id)' is no id") }
        return Lead(id: id, source: "facebook", fieldData: [Field("email", "zoe@example.com")])
    }
}
