internal import LeadKit
internal import LeadRules
internal import LeadStore

/// A lead of a batch and what the rules answered. An object, since it is handed through several lists
/// and a copy of all its parts would cost more than deciding.
final class DecidedLead: Sendable {
    let entry: InboxEntry
    let lead: Lead
    let decision: Decision
    let isDuplicate: Bool
    /// What it was given before; nil for a lead that is decided for the first time.
    let earlier: EarlierDeliveries?
    let dedupe: (key: String, createdSeconds: Int64)?
    let atMilliseconds: Int64

    init(
        entry: InboxEntry, lead: Lead, decision: Decision, isDuplicate: Bool,
        earlier: EarlierDeliveries?, dedupe: (key: String, createdSeconds: Int64)?,
        atMilliseconds: Int64
    ) {
        self.entry = entry
        self.lead = lead
        self.decision = decision
        self.isDuplicate = isDuplicate
        self.earlier = earlier
        self.dedupe = dedupe
        self.atMilliseconds = atMilliseconds
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
        _ decided: DecidedLead, _ assigned: AssignedDecision, ruleSet: RuleSet
    ) -> DecisionRecord {
        let (entry, decision) = (decided.entry, assigned.decision)
        var writer = JSONWriter()
        decision.write(leadID: decided.lead.id.text, to: &writer)
        let missing = decided.earlier?.missing(of: decision.deliveries)
        let others = entry.cancelsOthers ? decided.earlier?.others(than: decision.deliveries) : nil
        return DecisionRecord(
            sequence: entry.sequence, state: decision.outcome == .held ? .held : .decided,
            outcome: decision.outcome.rawValue, reason: decision.reason, decision: writer.text,
            ruleSetHash: ruleSet.hash, isDuplicate: decided.isDuplicate, dedupe: decided.dedupe,
            deliveries: (missing?.new ?? decision.deliveries).map { planned in
                NewDelivery(
                    key: DeliveryKey(
                        source: entry.source, lead: entry.leadID, route: planned.route,
                        target: planned.identity),
                    sink: planned.target.sink, route: planned.route, isCopy: planned.isCopy,
                    with: planned.target.with,
                    notBeforeMilliseconds: planned.notBeforeMilliseconds,
                    pool: planned.assignment?.pool, member: planned.assignment?.member)
            }, anew: missing?.anew ?? [],
            cancels: (others ?? []).filter { $0.state == .pending }.map(\.sequence),
            pools: assigned.changes,
            atMilliseconds: decided.atMilliseconds)
    }

    /// What the ledger says of a lead that could not be decided.
    static let unreadableReason = "the stored lead cannot be read"
    /// The same of one of which the process died.
    static let crashReason =
        "the process crashed while it decided this lead; report it, with the rules"

    static func held(
        _ entry: InboxEntry, because reason: String, ruleSet: RuleSet, at now: Int64
    ) -> DecisionRecord {
        DecisionRecord(
            sequence: entry.sequence, state: .held, outcome: "held", reason: reason, decision: "{}",
            ruleSetHash: ruleSet.hash, deliveries: [], atMilliseconds: now)
    }
}
