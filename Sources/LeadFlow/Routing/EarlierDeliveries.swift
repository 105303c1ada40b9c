internal import LeadKit
internal import LeadRules
internal import LeadStore

/// What a lead that is decided again was given before.
///
/// A target (a sink with its `with`) gets a lead once, by whatever route and whether as a copy or
/// not, as within one decision: what went out, or is on its way, stays and is not sent again, and
/// neither is what another sink stands in for (`on_failure`). What was given up or called off is
/// made anew, as by an order. What a pool chose stays chosen: it was counted, and may have been sent.
///
/// What is left are the *others*: deliveries that the new decision does not ask for. Those that are
/// still pending can be called off, together with what stands in for them.
struct EarlierDeliveries {
    /// The latest generation of each.
    private let latest: [DeliveryEntry]
    private let bySequence: [Int64: DeliveryEntry]
    private let standIns: StandIns

    init(_ entries: [DeliveryEntry]) {
        latest = entries.filter { !$0.isSuperseded }
        bySequence = Dictionary(entries.map { ($0.sequence, $0) }) { $1 }
        standIns = StandIns(entries)
    }

    /// Whether it was given nothing.
    var isEmpty: Bool { bySequence.isEmpty }

    /// A delivery by its row.
    subscript(sequence: Int64) -> NewDelivery? { bySequence[sequence]?.delivery }

    /// The decision with the choices of pools that were made before, or that are made already: a
    /// member who has the lead by another way is not counted for a lead that is not sent.
    func choices(in decision: Decision, by ruleSet: RuleSet) -> Decision {
        var decision = decision
        decision.deliveries = decision.deliveries.flatMap { planned in
            guard let pool = planned.target.pool else { return [planned] }
            let chosen = choices(of: pool, ruleSet)
            guard !chosen.isEmpty else { return [planned] }
            return chosen.map { target, member in
                var planned = planned
                planned.target = target
                planned.assignment = PoolAssignment(pool: pool, member: member)
                return planned
            }
        }
        return decision
    }

    private func choices(
        of pool: String, _ ruleSet: RuleSet
    ) -> [(target: Target, member: String?)] {
        let chosen = latest.filter { $0.delivery.pool == pool }.map(\.delivery)
        guard chosen.isEmpty else {
            return chosen.map { (Target(sink: $0.sink, with: $0.with), $0.member) }
        }
        let served = ruleSet.members(ofPool: pool).first { member in
            latest.contains { member.target.isTarget(of: $0.delivery) && !$0.state.isGivenUp }
        }
        return served.map { [($0.target, $0.name)] } ?? []
    }

    /// What is to be made: deliveries that are new, and those that are to be made anew.
    func missing(
        of planned: [PlannedDelivery]
    ) -> (new: [PlannedDelivery], anew: [DecisionRecord.Renewal]) {
        var missing: (new: [PlannedDelivery], anew: [DecisionRecord.Renewal]) = ([], [])
        for one in planned {
            let own = latest.filter { one.target.isTarget(of: $0.delivery) }
            let substitutes = latest.filter { !own.contains($0) && isAsked($0, by: [one]) }
            if let over = own.first, (own + substitutes).allSatisfy({ $0.state.isGivenUp }) {
                missing.anew.append(
                    .init(
                        over.sequence, sink: one.target.sink,
                        notBeforeMilliseconds: one.notBeforeMilliseconds))
            } else if own.isEmpty, substitutes.isEmpty {
                missing.new.append(one)
            }
        }
        return missing
    }

    /// What is not asked for, the latest generation of each.
    func others(than planned: [PlannedDelivery]) -> [DeliveryEntry] {
        latest.filter { !isAsked($0, by: planned) }
    }

    /// Whether it is asked for, or stands in for what is.
    private func isAsked(_ entry: DeliveryEntry, by planned: [PlannedDelivery]) -> Bool {
        var entry: DeliveryEntry? = entry
        // Each follows an older one: this ends.
        while let one = entry {
            if planned.contains(where: { $0.target.isTarget(of: one.delivery) }) { return true }
            entry = standIns.failed(behind: one) ?? one.previousSequence.flatMap { bySequence[$0] }
        }
        return false
    }
}

extension Target {
    fileprivate func isTarget(of delivery: NewDelivery) -> Bool {
        pool == nil && sink == delivery.sink && with == delivery.with
    }
}

extension PlannedDelivery {
    /// When it is first due; nil for at once.
    var notBeforeMilliseconds: Int64? { notBefore.map { $0.seconds * 1000 } }
}

extension DeliveryState {
    fileprivate var isGivenUp: Bool { self == .dead || self == .cancelled }
}
