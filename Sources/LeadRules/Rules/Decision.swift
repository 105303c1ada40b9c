public import LeadKit

/// What the rules answered for a lead.
public struct Decision: Sendable, Equatable {
    /// What becomes of a lead.
    public enum Outcome: String, Sendable, CaseIterable {
        /// A route decided, with at least one `to`.
        case routed
        /// No route decided; `default` sent it.
        case `default`
        /// No route decided; `default` holds it with a reason.
        case held
        /// Every route that decided dropped it.
        case dropped
    }

    /// What becomes of the lead.
    public var outcome: Outcome
    /// The full names of the routes whose own `to` or `drop` applied, in order.
    public var routes: [String]
    /// Those of `to` first, in the order reached, then the copies.
    public var deliveries: [PlannedDelivery]
    /// The text of the drop or hold.
    public var reason: String?
}

/// A delivery that the rules ask for.
public struct PlannedDelivery: Sendable, Equatable {
    /// Where to.
    public var target: Target
    /// The route credited, or `default`.
    public var route: String
    /// Whether it is a copy.
    public var isCopy: Bool
    /// When it may be sent (`hold_until`); nil for at once.
    public var notBefore: Timestamp?
    /// The pool that chose the target; nil when the rules named it.
    public var assignment: PoolAssignment?

    /// What tells deliveries of one lead and route apart in their keys. A pool counts once, whoever
    /// it chose.
    public var identity: String {
        if let assignment, assignment.member != nil {
            return Target(pool: assignment.pool).identity
        }
        return target.identity
    }
}

extension Decision {
    /// Writes the object of RULES section 8; `extra` appends members behind the promised ones, and
    /// `settings` those of each delivery.
    public func write(
        leadID: String?, to writer: inout JSONWriter,
        settings: (Int, inout JSONWriter) -> Void = { _, _ in },
        extra: (inout JSONWriter) -> Void = { _ in }
    ) {
        writer.object { writer in
            writer.name("lead_id")
            writer.string(leadID)
            writer.name("outcome")
            writer.string(outcome.rawValue)
            writer.name("routes")
            writer.array { writer in routes.forEach { writer.string($0) } }
            writer.name("deliveries")
            writer.array { writer in
                for (index, delivery) in deliveries.enumerated() {
                    writer.object { writer in
                        writer.name("sink")
                        writer.string(delivery.target.pool == nil ? delivery.target.sink : nil)
                        writer.name("route")
                        writer.string(delivery.route)
                        writer.name("copy")
                        writer.bool(delivery.isCopy)
                        delivery.writeExtras(to: &writer)
                        settings(index, &writer)
                    }
                }
            }
            writer.name("reason")
            writer.string(reason)
            extra(&writer)
        }
    }
}

extension PlannedDelivery {
    /// What is there only when it applies: the pool with its member, and the time.
    fileprivate func writeExtras(to writer: inout JSONWriter) {
        if let pool = assignment?.pool ?? target.pool {
            writer.name("pool")
            writer.string(pool)
            writer.name("member")
            writer.string(assignment?.member)
        }
        if let notBefore {
            writer.name("not_before")
            writer.string(notBefore.text)
        }
    }
}
