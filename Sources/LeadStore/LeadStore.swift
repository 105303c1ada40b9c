public import LeadKit

/// The two durable tables, inbox and outbox, behind one contract.
///
/// All times are milliseconds since 1970 in UTC (`…Milliseconds`). Every call that writes is one
/// transaction and returns only when it is on disk; concurrent writes share a commit.
public protocol LeadStore: Sendable {
    // Intake

    /// Stores new items; the answers are in the items' order. Unique by (source, lead id): a known
    /// lead is `.duplicate`, except that a whole lead fills in its own earlier reference.
    func accept(_ items: [InboxItem], atMilliseconds: Int64) async throws(StoreError) -> [Acceptance]

    /// The references of a source that are due to be read, oldest due first.
    func dueReferences(
        source: String, atMilliseconds: Int64, limit: Int
    ) async throws(StoreError) -> [PendingReference]

    /// Records what became of references: filled in, to be asked for again, or given up.
    func record(_ fetches: [FetchRecord]) async throws(StoreError)

    // Routing

    /// Leads that are received and not decided, in order of arrival, behind a sequence number.
    func undecided(after sequence: Int64, limit: Int) async throws(StoreError) -> [InboxEntry]

    /// Whether an earlier decided lead had the `dedupe` key and was created at or after the time.
    func hasEarlier(dedupeKey: String, sinceSeconds: Int64) async throws(StoreError) -> Bool

    /// In one transaction: marks the inbox rows decided and inserts their deliveries. A row that is
    /// no longer `received` is skipped with its deliveries, so deciding twice is harmless.
    func record(_ decisions: [DecisionRecord]) async throws(StoreError)

    // Delivery

    /// Takes due deliveries of a sink, oldest due first: counts the attempt, and marks them leased
    /// until the given time under `token`. A lease of another token that has run out is taken over.
    func lease(
        sink: String, limit: Int, token: String, atMilliseconds: Int64, untilMilliseconds: Int64
    ) async throws(StoreError) -> [LeasedDelivery]

    /// Gives back at once every lease that is not of `token`: at start, when no other process can
    /// be alive. Returns how many.
    func voidLeases(exceptToken token: String) async throws(StoreError) -> Int

    /// Records how attempts ended, each only if its lease is still held under its token (fencing).
    /// Answers in order whether it was.
    func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool]

    /// When the next pending delivery of each sink is due; sinks without pending ones are absent.
    func nextDueMilliseconds() async throws(StoreError) -> [String: Int64]

    // Operators

    /// Counts for both sides of the books.
    func stats() async throws(StoreError) -> StoreStats
    /// Leads, newest first.
    func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry]
    /// Deliveries, newest first.
    func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry]
    /// The attempts of a delivery, first first.
    func attempts(of sequence: Int64) async throws(StoreError) -> [AttemptEntry]

    /// Finishes writing and closes. May be called twice.
    func close() async
}

/// Why the store did not do what it was asked to.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// More writes wait than the store takes; try again.
    case overloaded
    /// Another process owns the store.
    case locked(String)
    /// The file cannot be used: damaged, of a newer version, or not writable as it must be.
    case unusable(String)
    /// A read or write failed. After a failed write nothing of it is stored; the process must not
    /// go on acknowledging.
    case failed(String)

    /// One sentence, without lead data.
    public var description: String {
        switch self {
        case .overloaded: "the store has too many writes waiting"
        case .locked(let text), .unusable(let text), .failed(let text): text
        }
    }
}

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
}

/// The states of a delivery.
public enum DeliveryState: String, Sendable, CaseIterable {
    /// Waiting until it is due.
    case pending
    /// An attempt is under way.
    case leased
    /// Done, with a receipt.
    case delivered
    /// Given up, with all its attempts.
    case dead
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

    /// Makes a row.
    public init(
        sequence: Int64, source: String, leadID: LeadID, state: InboxState,
        receivedMilliseconds: Int64, lead: [UInt8] = [], raw: [UInt8] = [],
        outcome: String? = nil, decision: String? = nil, ruleSetHash: String? = nil,
        reason: String? = nil
    ) {
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
    /// When it was decided: deliveries are due at once.
    public var atMilliseconds: Int64

    /// Makes one.
    public init(
        sequence: Int64, state: InboxState, outcome: String, reason: String?, decision: String,
        ruleSetHash: String, isDuplicate: Bool = false,
        dedupe: (key: String, createdSeconds: Int64)? = nil, deliveries: [NewDelivery], atMilliseconds: Int64
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
        self.atMilliseconds = atMilliseconds
    }
}

/// A delivery to insert into the outbox.
public struct NewDelivery: Sendable, Equatable {
    /// Unique in the outbox; inserting a known key changes nothing.
    public var key: DeliveryKey
    /// The configured sink.
    public var sink: String
    /// The route credited.
    public var route: String
    /// Whether it is a copy.
    public var isCopy: Bool
    /// The target's `with:` as a JSON object of texts; empty when there is none.
    public var with: String

    /// Makes one.
    public init(key: DeliveryKey, sink: String, route: String, isCopy: Bool, with: String = "") {
        self.key = key
        self.sink = sink
        self.route = route
        self.isCopy = isCopy
        self.with = with
    }
}

/// A delivery whose attempt is under way.
public struct LeasedDelivery: Sendable, Equatable {
    /// Its row.
    public var sequence: Int64
    /// The delivery as it was inserted.
    public var delivery: NewDelivery
    /// The source of its lead.
    public var source: String
    /// The lead as `Lead.json` wrote it.
    public var lead: [UInt8]
    /// When the lead was taken in.
    public var receivedMilliseconds: Int64
    /// Whether the lead was a duplicate when it was decided.
    public var isDuplicate: Bool
    /// Which attempt this is, from 1.
    public var attempt: Int
    /// When the delivery was made.
    public var createdMilliseconds: Int64
    /// The lease's token.
    public var token: String

    /// Makes one.
    public init(
        sequence: Int64, delivery: NewDelivery, source: String, lead: [UInt8],
        receivedMilliseconds: Int64, isDuplicate: Bool = false, attempt: Int,
        createdMilliseconds: Int64, token: String
    ) {
        self.sequence = sequence
        self.delivery = delivery
        self.source = source
        self.lead = lead
        self.receivedMilliseconds = receivedMilliseconds
        self.isDuplicate = isDuplicate
        self.attempt = attempt
        self.createdMilliseconds = createdMilliseconds
        self.token = token
    }
}

/// How an attempt ended.
public struct AttemptRecord: Sendable {
    /// What becomes of the delivery.
    public enum Result: Sendable, Equatable {
        /// Done.
        case delivered(receipt: String)
        /// Again when due.
        case retry(dueMilliseconds: Int64, reason: String)
        /// Given up; the follow-ups (`on_failure`) are inserted in the same transaction.
        case dead(reason: String, followUps: [NewDelivery])
        /// Back to pending without having spent the attempt.
        case released(dueMilliseconds: Int64, reason: String)
    }

    /// The row.
    public var sequence: Int64
    /// The lease's token.
    public var token: String
    /// Which attempt it was.
    public var attempt: Int
    /// When it began.
    public var startedMilliseconds: Int64
    /// How long it took.
    public var durationMilliseconds: Int64
    /// What becomes of the delivery.
    public var result: Result

    /// Makes one.
    public init(
        sequence: Int64, token: String, attempt: Int, startedMilliseconds: Int64,
        durationMilliseconds: Int64, result: Result
    ) {
        self.sequence = sequence
        self.token = token
        self.attempt = attempt
        self.startedMilliseconds = startedMilliseconds
        self.durationMilliseconds = durationMilliseconds
        self.result = result
    }
}

/// A row of the outbox, for operators.
public struct DeliveryEntry: Sendable, Equatable {
    /// The row's number.
    public var sequence: Int64
    /// The delivery as it was inserted.
    public var delivery: NewDelivery
    /// Source and id of its lead.
    public var source: String
    /// The lead's id.
    public var leadID: LeadID
    /// The state.
    public var state: DeliveryState
    /// Attempts spent.
    public var attempts: Int
    /// When it was made.
    public var createdMilliseconds: Int64
    /// When it is due; meaningful while pending.
    public var dueMilliseconds: Int64
    /// The receipt when delivered, else the last reason.
    public var detail: String?

    /// Makes a row.
    public init(
        sequence: Int64, delivery: NewDelivery, source: String, leadID: LeadID,
        state: DeliveryState, attempts: Int, createdMilliseconds: Int64, dueMilliseconds: Int64,
        detail: String?
    ) {
        self.sequence = sequence
        self.delivery = delivery
        self.source = source
        self.leadID = leadID
        self.state = state
        self.attempts = attempts
        self.createdMilliseconds = createdMilliseconds
        self.dueMilliseconds = dueMilliseconds
        self.detail = detail
    }
}

/// One attempt, for operators.
public struct AttemptEntry: Sendable, Equatable {
    /// Which attempt, from 1.
    public var number: Int
    /// When it began.
    public var startedMilliseconds: Int64
    /// How long it took.
    public var durationMilliseconds: Int64
    /// `delivered`, `retry`, `dead` or `released`.
    public var outcome: String
    /// The receipt or the reason.
    public var detail: String

    /// Makes one.
    public init(
        number: Int, startedMilliseconds: Int64, durationMilliseconds: Int64, outcome: String,
        detail: String
    ) {
        self.number = number
        self.startedMilliseconds = startedMilliseconds
        self.durationMilliseconds = durationMilliseconds
        self.outcome = outcome
        self.detail = detail
    }
}

/// Which leads to list.
public struct LeadFilter: Sendable, Equatable {
    /// Only this source.
    public var source: String?
    /// Only this id.
    public var leadID: LeadID?
    /// Only this state.
    public var state: InboxState?
    /// Only this outcome.
    public var outcome: String?
    /// At most so many.
    public var limit: Int

    /// Makes a filter.
    public init(
        source: String? = nil, leadID: LeadID? = nil, state: InboxState? = nil,
        outcome: String? = nil, limit: Int = 50
    ) {
        self.source = source
        self.leadID = leadID
        self.state = state
        self.outcome = outcome
        self.limit = limit
    }
}

/// Which deliveries to list.
public struct DeliveryFilter: Sendable, Equatable {
    /// Only this sink.
    public var sink: String?
    /// Only this state.
    public var state: DeliveryState?
    /// Only of leads with this id.
    public var leadID: LeadID?
    /// Only keys that begin so.
    public var keyPrefix: String?
    /// At most so many.
    public var limit: Int

    /// Makes a filter.
    public init(
        sink: String? = nil, state: DeliveryState? = nil, leadID: LeadID? = nil,
        keyPrefix: String? = nil, limit: Int = 50
    ) {
        self.sink = sink
        self.state = state
        self.leadID = leadID
        self.keyPrefix = keyPrefix
        self.limit = limit
    }
}

/// Both sides of the books: `received = decided + held + waiting`, and
/// `deliveries = delivered + dead + pending + leased`.
public struct StoreStats: Sendable, Equatable {
    /// Inbox rows by state.
    public var leads: [InboxState: Int] = [:]
    /// Decided rows by outcome.
    public var outcomes: [String: Int] = [:]
    /// Deliveries by state.
    public var deliveries: [DeliveryState: Int] = [:]
    /// Deliveries by sink and state.
    public var sinks: [String: [DeliveryState: Int]] = [:]

    /// Nothing counted.
    public init() {}
}
