internal import LeadKit
internal import LeadRules
internal import LeadStore

/// What a lead that is decided again was given before: copies, and what was sent although another
/// target had it held.
///
/// A target (a sink with its `with`) gets a lead once, by whatever route and whether as a copy or
/// not, as within one decision: what went out, or is on its way, stays and is not sent again. What
/// was given up or called off is made anew, as by an order. What a pool chose stays chosen: it was
/// counted, and may have been sent.
struct EarlierDeliveries {
    /// The latest generation of each.
    private let latest: [DeliveryEntry]

    init(_ entries: [DeliveryEntry]) { latest = entries.filter { !$0.isSuperseded } }

    /// The decision with the choices of pools that were made before.
    func choices(in decision: Decision) -> Decision {
        var decision = decision
        decision.deliveries = decision.deliveries.flatMap { planned in
            let chosen = latest.filter { $0.delivery.pool == planned.target.pool }
            guard let pool = planned.target.pool, !chosen.isEmpty else { return [planned] }
            return chosen.map { earlier in
                var planned = planned
                planned.target = Target(sink: earlier.delivery.sink, with: earlier.delivery.with)
                planned.assignment = PoolAssignment(pool: pool, member: earlier.delivery.member)
                return planned
            }
        }
        return decision
    }

    /// What is to be made: deliveries that are new, and those that are to be made anew.
    func missing(
        of planned: [PlannedDelivery]
    ) -> (new: [PlannedDelivery], anew: [DecisionRecord.Renewal]) {
        var missing: (new: [PlannedDelivery], anew: [DecisionRecord.Renewal]) = ([], [])
        for one in planned {
            let earlier = latest.filter { one.target.isTarget(of: $0.delivery) }
            if let over = earlier.first, earlier.allSatisfy({ $0.state.isGivenUp }) {
                missing.anew.append(.init(over.sequence, sink: one.target.sink))
            } else if earlier.isEmpty {
                missing.new.append(one)
            }
        }
        return missing
    }
}

extension Target {
    fileprivate func isTarget(of delivery: NewDelivery) -> Bool {
        pool == nil && sink == delivery.sink && with == delivery.with
    }
}

extension DeliveryState {
    fileprivate var isGivenUp: Bool { self == .dead || self == .cancelled }
}
