public import LeadKit

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
    /// Called off by an operator before it was delivered.
    case cancelled
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
    /// When it is first due; nil for at once.
    public var notBeforeMilliseconds: Int64?
    /// The pool that chose the sink.
    public var pool: String?
    /// The member that it chose.
    public var member: String?

    /// Makes one.
    public init(
        key: DeliveryKey, sink: String, route: String, isCopy: Bool, with: String = "",
        notBeforeMilliseconds: Int64? = nil, pool: String? = nil, member: String? = nil
    ) {
        self.key = key
        self.sink = sink
        self.route = route
        self.isCopy = isCopy
        self.with = with
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.pool = pool
        self.member = member
    }

    /// When a delivery that is made at a time is first due.
    public func dueMilliseconds(madeAt time: Int64) -> Int64 {
        max(time, notBeforeMilliseconds ?? time)
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
    /// The destination that it had last; empty when it is not known yet.
    public var destination: String
    /// Whether an earlier attempt ended, spent or not: it may have left something behind.
    public var wasTried: Bool
    /// How often in a row a process died of itself while it was under way.
    public var crashes: Int
    /// When it was first due: what retries count from.
    public var firstDueMilliseconds: Int64 {
        delivery.dueMilliseconds(madeAt: createdMilliseconds)
    }
    /// The lease's token.
    public var token: String

    /// Makes one.
    public init(
        sequence: Int64, delivery: NewDelivery, source: String, lead: [UInt8],
        receivedMilliseconds: Int64, isDuplicate: Bool = false, attempt: Int,
        createdMilliseconds: Int64, destination: String = "", wasTried: Bool = false,
        crashes: Int = 0, token: String
    ) {
        self.wasTried = wasTried
        self.destination = destination
        self.crashes = crashes
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
        /// Back to pending without having spent the attempt, due when it was, or later. Of several
        /// in a row the history keeps the last.
        case released(dueMilliseconds: Int64?, reason: String)
        /// Back to pending: the attempt was not begun. Due when it was, and no history.
        case returned
        /// Given up without an attempt: its destination has been sick for too long.
        case expired(reason: String, followUps: [NewDelivery])
    }

    /// The row.
    public var sequence: Int64
    /// The sink of the delivery.
    public var sink: String
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
    /// The destination as it turned out; nil when it is not known.
    public var destination: String?
    /// To whom or where it went, or was to go; stands in the history behind receipt or reason.
    public var recipient: String
    /// What the other side said; stands in the history behind that.
    public var answer: String

    /// Makes one.
    public init(
        sequence: Int64, sink: String, token: String, attempt: Int, startedMilliseconds: Int64,
        durationMilliseconds: Int64, result: Result, destination: String? = nil,
        recipient: String = "", answer: String = ""
    ) {
        self.answer = answer
        self.recipient = recipient
        self.sink = sink
        self.destination = destination
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
    /// How often an operator has ordered it anew, from 0.
    public var generation: Int
    /// The row of the generation before.
    public var previousSequence: Int64?
    /// Whether there is a later generation.
    public var isSuperseded: Bool
    /// The destination that it had last; empty when it is not known yet.
    public var destination: String

    /// Makes a row.
    public init(
        sequence: Int64, delivery: NewDelivery, source: String, leadID: LeadID,
        state: DeliveryState, attempts: Int, createdMilliseconds: Int64, dueMilliseconds: Int64,
        detail: String?, generation: Int = 0, previousSequence: Int64? = nil,
        isSuperseded: Bool = false, destination: String = ""
    ) {
        self.destination = destination
        self.generation = generation
        self.previousSequence = previousSequence
        self.isSuperseded = isSuperseded
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
    /// The receipt or the reason, and what the other side said.
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
