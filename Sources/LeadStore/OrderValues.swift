public import LeadKit

/// Who ordered something, when and why. Kept in the ledger; never lead data.
public struct Order: Sendable, Equatable {
    /// Who: a name of the operator's machine, or `retention`.
    public var by: String
    /// Why; empty when nobody said.
    public var reason: String
    /// When.
    public var atMilliseconds: Int64

    /// Makes an order; texts become one line of at most `textBytesMax` bytes.
    public init(by: String, reason: String = "", atMilliseconds: Int64) {
        self.by = Order.line(by)
        self.reason = Order.line(reason)
        self.atMilliseconds = atMilliseconds
    }

    /// What is made anew or called off because its lead is decided again.
    public static func decidingAgain(at milliseconds: Int64) -> Order {
        Order(by: "rules", reason: "the lead was decided again", atMilliseconds: milliseconds)
    }

    /// The most bytes of who and of why.
    public static let textBytesMax = 500

    /// `by NAME: REASON`
    var text: String { reason.utf8.isEmpty ? "by \(by)" : "by \(by): \(reason)" }

    private static func line(_ text: String) -> String {
        let line = Template.Place.oneLine(text)
        return line.utf8.count <= textBytesMax
            ? line : String(decoding: line.utf8.prefix(textBytesMax), as: UTF8.self)
    }
}

/// What became of an order about one row.
public enum OrderAnswer: String, Sendable, CaseIterable {
    /// It was done.
    case done
    /// Not done: it is pending, or the lead is not decided, or has a pending delivery.
    case open
    /// Not done: an attempt is under way.
    case underWay = "under-way"
    /// Not done: it is delivered, dead or cancelled, so there is nothing to call off.
    case over
    /// Not done: it was redelivered already; the newest generation is another row.
    case superseded
    /// Not done: the lead is forgotten.
    case forgotten
    /// Not done: what is stored is not what was written, or cannot be read.
    case damaged
    /// There is no such row.
    case unknown
}

/// How a lead is to be forgotten.
public struct ForgetOptions: Sendable, Equatable {
    /// Whether a lead that is still to be decided or delivered is called off first; else it stays.
    public var cancelsPending: Bool
    /// Whether the same id may come in again afterwards; else it stays known as a duplicate.
    public var allowsAgain: Bool

    /// Makes options.
    public init(cancelsPending: Bool = false, allowsAgain: Bool = false) {
        self.cancelsPending = cancelsPending
        self.allowsAgain = allowsAgain
    }
}

/// How leads are to be decided again.
public struct DecideAgainOptions: Sendable, Equatable {
    /// Whether pending deliveries that the new decision does not ask for are called off; else they
    /// stay, and are sent.
    public var cancelsOthers: Bool

    /// Makes options.
    public init(cancelsOthers: Bool = false) { self.cancelsOthers = cancelsOthers }
}

/// A decision about a lead that was given to the rules again since. Kept in the ledger until the lead
/// is forgotten.
public struct EarlierDecision: Sendable, Equatable {
    /// The most decisions of one lead that are kept beside the one that holds: the latest.
    public static let keptMax = 20

    /// When it was made.
    public var decidedMilliseconds: Int64
    /// When the lead was given to the rules again.
    public var endedMilliseconds: Int64
    /// `routed`, `default`, `held` or `dropped`.
    public var outcome: String
    /// The reason of a drop or hold.
    public var reason: String?
    /// The decision as JSON.
    public var decision: String?
    /// The hash of the rule set that decided.
    public var ruleSetHash: String
    /// Whether what was pending was to be called off unless the next decision asked for it, too.
    public var cancelsOthers: Bool

    /// Makes one.
    public init(
        decidedMilliseconds: Int64, endedMilliseconds: Int64, outcome: String, reason: String?,
        decision: String?, ruleSetHash: String, cancelsOthers: Bool
    ) {
        self.decidedMilliseconds = decidedMilliseconds
        self.endedMilliseconds = endedMilliseconds
        self.outcome = outcome
        self.reason = reason
        self.decision = decision
        self.ruleSetHash = ruleSetHash
        self.cancelsOthers = cancelsOthers
    }
}

/// An order that was carried out, for operators.
public struct OrderEntry: Sendable, Equatable {
    /// What was ordered.
    public enum Verb: String, Sendable, CaseIterable {
        /// A new generation of the delivery was made.
        case redelivered
        /// The delivery was called off.
        case cancelled
        /// The lead was erased.
        case forgotten
        /// The lead was decided or held, and was given to the rules again.
        case decidedAgain = "decided-again"
    }

    /// What was ordered.
    public var verb: Verb
    /// The delivery's row; nil for an order about the lead.
    public var deliverySequence: Int64?
    /// Who, when and why.
    public var order: Order

    /// Makes one.
    public init(verb: Verb, deliverySequence: Int64?, order: Order) {
        self.verb = verb
        self.deliverySequence = deliverySequence
        self.order = order
    }
}

/// How many deliveries a filter finds.
public struct DeliveryTally: Sendable, Equatable {
    /// What is counted apart.
    public struct Kind: Sendable, Hashable {
        /// The sink.
        public var sink: String
        /// The state.
        public var state: DeliveryState
        /// Whether there is a later generation.
        public var isSuperseded: Bool

        /// Makes a kind.
        public init(sink: String, state: DeliveryState, isSuperseded: Bool = false) {
            self.sink = sink
            self.state = state
            self.isSuperseded = isSuperseded
        }
    }

    /// How many of each kind.
    public var counts: [Kind: Int] = [:]
    /// The newest row found; zero when there is none. Rows that come later are not meant.
    public var lastSequence: Int64 = 0

    /// Nothing counted.
    public init() {}
}

/// How many leads a filter finds.
public struct LeadTally: Sendable, Equatable {
    /// By state.
    public var leads: [InboxState: Int] = [:]
    /// What each would be answered if it were to be forgotten without calling anything off.
    public var answers: [OrderAnswer: Int] = [:]
    /// Their deliveries by sink and state.
    public var deliveries: [String: [DeliveryState: Int]] = [:]
    /// The newest row found; zero when there is none. Rows that come later are not meant.
    public var lastSequence: Int64 = 0

    /// Nothing counted.
    public init() {}
}

/// Which leads that are over to find.
public struct OverQuery: Sendable {
    /// How a lead is over.
    public enum End: String, Sendable, CaseIterable {
        /// Decided, and each delivery is delivered or cancelled; also one that the rules drop.
        case delivered
        /// Decided and nothing is under way any more, but a delivery is dead.
        case dead
        /// Held, with nothing under way.
        case held
        /// Kept aside.
        case quarantined
    }

    /// How it is over.
    public var end: End
    /// Taken in before this time.
    public var beforeMilliseconds: Int64
    /// Only what comes behind this one, in the order of the answer.
    public var after: OverLead?
    /// At most so many.
    public var limit: Int

    /// Makes a query.
    public init(end: End, beforeMilliseconds: Int64, after: OverLead? = nil, limit: Int) {
        self.end = end
        self.beforeMilliseconds = beforeMilliseconds
        self.after = after
        self.limit = limit
    }
}

/// A lead that is over.
public struct OverLead: Sendable, Equatable {
    /// Its row.
    public var sequence: Int64
    /// When it was taken in.
    public var receivedMilliseconds: Int64

    /// Makes one.
    public init(sequence: Int64, receivedMilliseconds: Int64) {
        self.sequence = sequence
        self.receivedMilliseconds = receivedMilliseconds
    }
}

extension DeliveryKey {
    /// The key of the generation that follows this one. It differs, so that a sink does not take
    /// what an operator sends on purpose for a repeat; and it is the same after any crash.
    public var ofNextGeneration: DeliveryKey {
        DeliveryKey.made(from: [text, "redelivery"])
    }

    /// What a key becomes when its lead is forgotten and may come in again: the new lead's
    /// deliveries will have the old keys.
    func ofForgotten(_ sequence: Int64) -> DeliveryKey {
        DeliveryKey.made(from: [text, "forgotten", String(sequence)])
    }

    /// The key of a delivery that the disk has changed so that nobody knows which it was. What it was
    /// can be made anew under the old one.
    static func ofDamaged(_ sequence: Int64) -> DeliveryKey {
        made(from: ["damaged", String(sequence)])
    }

    private static func made(from parts: [String]) -> DeliveryKey {
        guard let key = DeliveryKey(Digest.sha256Hex(parts: parts)) else {
            preconditionFailure("a digest is 64 hexadecimal digits")
        }
        return key
    }
}
