public import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging

/// Inbox → Routing → Outbox.
///
/// Takes received leads in order of arrival, in batches; decides each with one immutable rule set;
/// then, in one transaction, marks the rows decided and inserts their deliveries. Deciding is pure
/// and a delivery's key is made from what was decided, so a batch that is decided twice (after a
/// crash before the commit) gives the same rows. A lead that cannot be read back is held with the
/// reason and blocks nobody.
public final class Routing: Sendable {
    /// The most leads of one transaction.
    static let batchMax = 256

    private let ruleSet: RuleSet
    private let store: any LeadStore
    private let clock: any FlowClock
    private let bells: Bells
    private let logger: Logger

    init(
        ruleSet: RuleSet, store: any LeadStore, clock: any FlowClock, bells: Bells, logger: Logger
    ) {
        self.ruleSet = ruleSet
        self.store = store
        self.clock = clock
        self.bells = bells
        self.logger = logger
    }

    func run() async throws {
        while !bells.isStopped {
            try Task.checkCancellation()
            let entries = try await store.undecided(after: 0, limit: Routing.batchMax)
            guard !entries.isEmpty else {
                await bells.inbox.wait(atMost: clock.longestRest, clock: clock)
                continue
            }
            let records = try await decide(entries)
            try await store.record(records)
            for sink in Set(records.flatMap { $0.deliveries.map(\.sink) }) {
                bells.lane(sink).ring()
            }
        }
    }

    private func decide(_ entries: [InboxEntry]) async throws(StoreError) -> [DecisionRecord] {
        let parser = JSONParser(limits: RoutingRecord.limits)
        var batchKeys: [String: Int64] = [:]
        var records: [DecisionRecord] = []
        for entry in entries {
            let now = clock.nowMilliseconds()
            guard let lead = RoutingRecord.lead(of: entry, parser: parser) else {
                records.append(RoutingRecord.unreadable(entry, ruleSet: ruleSet, at: now))
                logger.error(
                    "lead cannot be read back from the store; it is held",
                    metadata: ["source": "\(entry.source)", "lead": "\(entry.leadID)"])
                continue
            }
            var isDuplicate = false
            var dedupe: (key: String, createdSeconds: Int64)?
            if let settings = ruleSet.dedupe, let key = ruleSet.dedupeKey(of: lead) {
                let created = lead.createdSeconds ?? entry.receivedMilliseconds / 1000
                let since = created - settings.withinSeconds
                let inBatch = batchKeys[key].map { $0 >= since } ?? false
                isDuplicate =
                    if inBatch { true } else {
                        try await store.hasEarlier(dedupeKey: key, sinceSeconds: since)
                    }
                batchKeys[key] = max(batchKeys[key] ?? created, created)
                dedupe = (key, created)
            }
            let decision = ruleSet.decide(
                lead, at: Timestamp(milliseconds: now), isDuplicate: isDuplicate)
            var record = RoutingRecord.decided(entry, lead, decision, ruleSet: ruleSet, at: now)
            record.isDuplicate = isDuplicate
            record.dedupe = dedupe
            records.append(record)
        }
        return records
    }
}

/// What routing writes: values made from a decision, without I/O.
enum RoutingRecord {
    /// Our own rows: what was taken in within limits has a few values more as we write it.
    static let limits = JSONDocument.Limits(depthMax: 64, valuesMax: 16_000_000)

    /// The lead of a row as it was taken in; nil when the row is damaged.
    static func lead(
        of entry: InboxEntry, parser: JSONParser = JSONParser(limits: RoutingRecord.limits)
    ) -> Lead? {
        lead(
            entry.lead, source: entry.source, receivedMilliseconds: entry.receivedMilliseconds,
            parser: parser)
    }

    static func lead(
        _ json: [UInt8], source: String, receivedMilliseconds: Int64,
        parser: JSONParser = JSONParser(limits: RoutingRecord.limits)
    ) -> Lead? {
        let reader = LeadReader(
            source: source, receivedTime: Timestamp(milliseconds: receivedMilliseconds))
        guard let document = try? parser.parse(json) else { return nil }
        return try? reader.graph(document.root, raw: json)
    }

    static func decided(
        _ entry: InboxEntry, _ lead: Lead, _ decision: Decision, ruleSet: RuleSet, at now: Int64
    ) -> DecisionRecord {
        var writer = JSONWriter()
        decision.write(leadID: lead.id.text, to: &writer)
        return DecisionRecord(
            sequence: entry.sequence, state: decision.outcome == .held ? .held : .decided,
            outcome: decision.outcome.rawValue, reason: decision.reason, decision: writer.text,
            ruleSetHash: ruleSet.hash,
            deliveries: decision.deliveries.map { planned in
                NewDelivery(
                    key: DeliveryKey(
                        source: entry.source, lead: entry.leadID, route: planned.route,
                        target: planned.target.identity),
                    sink: planned.target.sink, route: planned.route, isCopy: planned.isCopy,
                    with: planned.target.with)
            }, atMilliseconds: now)
    }

    static func unreadable(_ entry: InboxEntry, ruleSet: RuleSet, at now: Int64) -> DecisionRecord {
        DecisionRecord(
            sequence: entry.sequence, state: .held, outcome: "held",
            reason: "the stored lead cannot be read", decision: "{}", ruleSetHash: ruleSet.hash,
            deliveries: [], atMilliseconds: now)
    }
}

extension Lead {
    /// When the form was submitted, in seconds since 1970; nil when the source did not say.
    public var createdSeconds: Int64? { self[.createdTime].flatMap { Timestamp($0) }?.seconds }
}
