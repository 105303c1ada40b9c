internal import LeadKit
internal import LeadStore

/// Steps that many checks take. Times are milliseconds, small ones, to be read easily.
extension LeadStore {
    /// Accepts leads of the ids at a time.
    func acceptLeads(_ ids: [String], at time: Int64 = 1000) async throws -> [Acceptance] {
        try await accept(ids.map { .lead(.sample(id: $0)) }, atMilliseconds: time)
    }

    /// Accepts one lead, and decides it with a delivery for each sink, due at the time. Returns
    /// the lead's row.
    @discardableResult
    func route(_ id: String, to sinks: [String], at time: Int64 = 1000) async throws -> InboxEntry {
        _ = try await acceptLeads([id], at: time)
        let entries = try await undecided(after: 0, limit: 1000)
        let entry = try requireValue(
            entries.first { $0.leadID.text == id }, "an accepted lead is not undecided")
        try await record([.sample(entry, sinks: sinks, at: time)])
        return entry
    }

    /// Leases what is due and has no destination yet, with a limit of 10 and for 1,000 ms.
    func lease(
        _ sink: String = "a", as token: String = "t1", at time: Int64, limit: Int = 10
    ) async throws -> [LeasedDelivery] {
        try await lease(
            picks: [LeasePick(destination: "", limit: limit)], of: sink, as: token, at: time,
            limit: limit
        ).taken
    }

    /// Leases by picks, for 1,000 ms.
    func lease(
        picks: [LeasePick], of sink: String = "a", as token: String = "t1", at time: Int64,
        limit: Int = 10
    ) async throws -> LeasedDeliveries {
        try await lease(
            LeaseRequest(
                sink: sink, token: token, picks: picks, limit: limit, atMilliseconds: time,
                untilMilliseconds: time + 1000))
    }

    /// The leads that picks take.
    func take(_ picks: [LeasePick], at time: Int64, limit: Int = 10) async throws -> [Int64] {
        try await lease(picks: picks, at: time, limit: limit).taken.map(\.sequence)
    }

    /// Leases exactly one delivery.
    func leaseOne(
        _ sink: String = "a", as token: String = "t1", at time: Int64
    ) async throws -> LeasedDelivery {
        let leased = try await lease(sink, as: token, at: time)
        try requireEqual(leased.count, 1, "leased deliveries")
        return leased[0]
    }

    /// Ends one attempt; whether the lease was still held.
    func finish(
        _ leased: LeasedDelivery, _ result: AttemptRecord.Result, at time: Int64 = 2000,
        destination: String? = nil, answer: String = ""
    ) async throws -> Bool {
        let record = AttemptRecord(
            sequence: leased.sequence, sink: leased.delivery.sink, token: leased.token,
            attempt: leased.attempt,
            startedMilliseconds: time, durationMilliseconds: 5, result: result,
            destination: destination, answer: answer)
        let answers = try await finish([record])
        try requireEqual(answers.count, 1, "answers to one attempt")
        return answers[0]
    }

    /// The one delivery of a sink, as operators see it.
    func entry(of sink: String) async throws -> DeliveryEntry {
        let entries = try await deliveries(DeliveryFilter(sink: sink))
        try requireEqual(entries.count, 1, "deliveries of '\(sink)'")
        return entries[0]
    }
}

extension DecisionRecord {
    /// A decision that sends a lead to sinks, with the keys that these always have.
    static func sample(_ entry: InboxEntry, sinks: [String], at time: Int64) -> DecisionRecord {
        DecisionRecord(
            sequence: entry.sequence, state: .decided, outcome: "routed", reason: nil,
            decision: #"{"route":"cars"}"#, ruleSetHash: "hash-1",
            deliveries: sinks.map { .sample(entry, sink: $0) }, atMilliseconds: time)
    }
}

extension NewDelivery {
    /// A delivery of a lead to a sink.
    static func sample(_ entry: InboxEntry, sink: String) -> NewDelivery {
        NewDelivery(
            key: DeliveryKey(
                source: entry.source, lead: entry.leadID, route: "cars", target: sink),
            sink: sink, route: "cars", isCopy: false, with: #"{"to":"x"}"#)
    }
}

extension LeadReference {
    /// The announcement of a lead.
    static func sample(_ id: String, source: String = "facebook") -> LeadReference {
        guard let id = LeadID(id) else { preconditionFailure("'\(id)' is no id of a lead") }
        return LeadReference(
            source: source, id: id, envelope: Envelope([.pageID: "106000000000001"]))
    }
}
