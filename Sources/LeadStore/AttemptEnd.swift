/// What a result makes of a delivery: the same for every store.
public struct AttemptEnd: Sendable {
    /// The state that it goes to.
    public var state: DeliveryState
    /// What the history calls it; nil when the history does not tell.
    public var outcome: String?
    /// The receipt or the reason; nil when nothing is to be told.
    public var detail: String?
    /// When it is due; nil for when it was.
    public var dueMilliseconds: Int64?
    /// Whether the attempt counts.
    public var isSpent: Bool
    /// The deliveries that take over.
    public var followUps: [NewDelivery] = []

    /// The outcome of an attempt that was not spent.
    public static let released = "released"

    /// What the history tells of the attempt: receipt or reason, to whom, and what the other side
    /// said.
    public func told(_ record: AttemptRecord) -> String {
        guard var told = detail else { return "" }
        if !record.recipient.utf8.isEmpty {
            told += state == .delivered ? " to \(record.recipient)" : " (to \(record.recipient))"
        }
        return record.answer.utf8.isEmpty ? told : "\(told); the answer: \(record.answer)"
    }

    /// Leaves out the follow-ups whose targets have the lead, or will: a target gets a lead once. What
    /// the history tells names them.
    public mutating func leaveOut(served: [NewDelivery]) {
        followUps.removeAll { one in
            let isServed = served.contains {
                $0.sink.utf8.elementsEqual(one.sink.utf8)
                    && $0.with.utf8.elementsEqual(one.with.utf8)
            }
            if isServed { detail = "\(detail ?? ""); '\(one.sink)' has the lead already" }
            return isServed
        }
    }

    /// Reads a result.
    public init(_ result: AttemptRecord.Result) {
        isSpent = true
        switch result {
        case .delivered(let receipt):
            (state, outcome, detail) = (.delivered, "delivered", receipt)
        case .retry(let due, let reason):
            (state, outcome, detail, dueMilliseconds) = (.pending, "retry", reason, due)
        case .dead(let reason, let more):
            (state, outcome, detail, followUps) = (.dead, "dead", reason, more)
        case .released(let due, let reason):
            (state, outcome, detail) = (.pending, AttemptEnd.released, reason)
            (dueMilliseconds, isSpent) = (due, false)
        case .returned:
            (state, isSpent) = (.pending, false)
        case .expired(let reason, let more):
            (state, outcome, detail, followUps) = (.dead, "dead", reason, more)
            isSpent = false
        }
    }
}
