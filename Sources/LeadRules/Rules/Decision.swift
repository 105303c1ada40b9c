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
                        writer.string(delivery.target.sink)
                        writer.name("route")
                        writer.string(delivery.route)
                        writer.name("copy")
                        writer.bool(delivery.isCopy)
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
