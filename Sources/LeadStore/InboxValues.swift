public import LeadKit

/// The states of an inbox row.
public enum InboxState: String, Sendable, CaseIterable {
    /// A reference whose lead is not read yet.
    case announced
    /// A whole lead, not decided yet.
    case received
    /// Decided: `outcome` says how.
    case decided
    /// Held with a reason: by the rules, by a source that cannot read it, or because deciding it
    /// failed.
    case held
    /// Kept aside: authentic, but no usable lead.
    case quarantined
    /// Erased: nothing of the lead is left but its id, so that it does not come in again.
    case forgotten
}

/// A reference that waits to be read.
public struct PendingReference: Sendable, Equatable {
    /// Its row.
    public var sequence: Int64
    /// What to read.
    public var reference: LeadReference
    /// Attempts so far.
    public var attempts: Int
    /// When it was announced.
    public var receivedMilliseconds: Int64

    /// Makes one.
    public init(
        sequence: Int64, reference: LeadReference, attempts: Int, receivedMilliseconds: Int64
    ) {
        self.sequence = sequence
        self.reference = reference
        self.attempts = attempts
        self.receivedMilliseconds = receivedMilliseconds
    }
}

/// What became of a reference.
public struct FetchRecord: Sendable {
    /// How the read ended.
    public enum Result: Sendable {
        /// The lead; the row becomes `received`.
        case lead(Lead)
        /// To be asked for again when due; `countsAttempt` is false for faults of the whole source.
        case again(dueMilliseconds: Int64, reason: String, countsAttempt: Bool)
        /// Given up; the row becomes `quarantined`.
        case quarantined(reason: String)
    }

    /// The row.
    public var sequence: Int64
    /// How the read ended.
    public var result: Result

    /// Makes one.
    public init(sequence: Int64, result: Result) {
        self.sequence = sequence
        self.result = result
    }
}

/// A row of the inbox.
public struct InboxEntry: Sendable, Equatable {
    /// The row's number, in order of arrival.
    public var sequence: Int64
    /// The configured source.
    public var source: String
    /// The source's id of the lead; for a quarantined item without id, a hash of its content.
    public var leadID: LeadID
    /// The state.
    public var state: InboxState
    /// When it was taken in.
    public var receivedMilliseconds: Int64
    /// The lead as `Lead.json` wrote it; empty until a whole lead is there.
    public var lead: [UInt8]
    /// The bytes as received, when they differ from `lead`.
    public var raw: [UInt8]
    /// `routed`, `default`, `held` or `dropped` once decided.
    public var outcome: String?
    /// The decision as JSON once decided.
    public var decision: String?
    /// The hash of the rule set that decided.
    public var ruleSetHash: String?
    /// Why it was held, dropped, quarantined or not read yet.
    public var reason: String?
    /// Whether it was decided as a duplicate of an earlier lead.
    public var isDuplicate: Bool
    /// When it was decided; nil before, and in rows of earlier versions.
    public var decidedMilliseconds: Int64?
    /// Of a lead that is to be decided again: whether its pending deliveries that the new decision
    /// does not ask for are called off. Not there for operators.
    public var cancelsOthers: Bool

    /// Makes a row.
    public init(
        sequence: Int64, source: String, leadID: LeadID, state: InboxState,
        receivedMilliseconds: Int64, lead: [UInt8] = [], raw: [UInt8] = [],
        outcome: String? = nil, decision: String? = nil, ruleSetHash: String? = nil,
        reason: String? = nil, isDuplicate: Bool = false, decidedMilliseconds: Int64? = nil,
        cancelsOthers: Bool = false
    ) {
        self.cancelsOthers = cancelsOthers
        self.isDuplicate = isDuplicate
        self.decidedMilliseconds = decidedMilliseconds
        self.sequence = sequence
        self.source = source
        self.leadID = leadID
        self.state = state
        self.receivedMilliseconds = receivedMilliseconds
        self.lead = lead
        self.raw = raw
        self.outcome = outcome
        self.decision = decision
        self.ruleSetHash = ruleSetHash
        self.reason = reason
    }
}

/// A decision to store.
public struct DecisionRecord: Sendable {
    /// The inbox row.
    public var sequence: Int64
    /// `decided` or `held`.
    public var state: InboxState
    /// `routed`, `default`, `held` or `dropped`.
    public var outcome: String
    /// The reason of a drop or hold.
    public var reason: String?
    /// The decision as JSON.
    public var decision: String
    /// The hash of the rule set.
    public var ruleSetHash: String
    /// Whether an earlier lead had the same `dedupe` key.
    public var isDuplicate: Bool
    /// The lead's `dedupe` key and when it was created, if the configuration has one.
    public var dedupe: (key: String, createdSeconds: Int64)?
    /// The deliveries to make.
    public var deliveries: [NewDelivery]
    /// Deliveries of the lead that were given up or called off before it was decided again, to be
    /// made anew: each a next generation, as if ordered.
    public var anew: [Renewal]
    /// Rows of deliveries of the lead that it is decided again without: called off if they are still
    /// pending.
    public var cancels: [Int64]
    /// What the pools that it asked remember differently now; stored and skipped with it.
    public var pools: PoolChanges
    /// When it was decided: deliveries are due at once, or at their own time.
    public var atMilliseconds: Int64

    /// A delivery that is to be made anew.
    public struct Renewal: Sendable, Equatable {
        /// The row of the one that is over.
        public var sequence: Int64
        /// Its sink.
        public var sink: String
        /// When the new one is first due; nil for at once.
        public var notBeforeMilliseconds: Int64?

        /// Names one.
        public init(_ sequence: Int64, sink: String, notBeforeMilliseconds: Int64? = nil) {
            self.sequence = sequence
            self.sink = sink
            self.notBeforeMilliseconds = notBeforeMilliseconds
        }
    }

    /// Makes one.
    public init(
        sequence: Int64, state: InboxState, outcome: String, reason: String?, decision: String,
        ruleSetHash: String, isDuplicate: Bool = false,
        dedupe: (key: String, createdSeconds: Int64)? = nil, deliveries: [NewDelivery],
        anew: [Renewal] = [], cancels: [Int64] = [], pools: PoolChanges = PoolChanges(),
        atMilliseconds: Int64
    ) {
        self.sequence = sequence
        self.state = state
        self.outcome = outcome
        self.reason = reason
        self.decision = decision
        self.ruleSetHash = ruleSetHash
        self.isDuplicate = isDuplicate
        self.dedupe = dedupe
        self.deliveries = deliveries
        self.anew = anew
        self.cancels = cancels
        self.pools = pools
        self.atMilliseconds = atMilliseconds
    }
}
