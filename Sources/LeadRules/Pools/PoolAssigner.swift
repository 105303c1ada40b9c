public import LeadKit

extension RuleSet {
    /// What `assign` must know of the state for a decision; nil when no pool is asked.
    public func poolQuery(for decision: Decision, of lead: Lead) -> PoolQuery? {
        let asked = decision.deliveries.compactMap { $0.target.pool.flatMap { pools[$0] } }
        guard !asked.isEmpty else { return nil }
        let view = view(of: lead)
        return PoolQuery(
            pools: Set(asked.map(\.name)), sticky: Set(asked.compactMap { $0.stickyKey(view) }))
    }

    /// The members of a pool in the order of the file, with what each would be sent by; none when there
    /// is no such pool.
    public func members(ofPool name: String) -> [(name: String, target: Target)] {
        (pools[name]?.members ?? []).map { ($0.name, $0.target) }
    }

    /// Gives what the decision sends to pools to members, and remembers it in the state.
    ///
    /// Pure: the same decision, time and state give the same members. What changed in the state is
    /// returned, too, to be stored with the decision. A decision without pools comes back as it is.
    public func assign(
        _ decision: Decision, of lead: Lead, at now: Timestamp, state: inout PoolState
    ) -> AssignedDecision {
        guard decision.deliveries.contains(where: { $0.target.pool != nil }) else {
            return AssignedDecision(decision: decision)
        }
        var assigner = PoolAssigner(ruleSet: self, view: view(of: lead), now: now)
        return assigner.assign(decision, state: &state)
    }
}

/// A decision whose pools have chosen.
public struct AssignedDecision: Sendable {
    /// The decision; no delivery of it names a pool as its target.
    public var decision: Decision
    /// What the pools remember differently now.
    public var changes = PoolChanges()
    /// How each pool chose.
    public var traces: [PoolTrace] = []
}

/// Gives the deliveries of one decision to members of the pools they name.
struct PoolAssigner {
    let ruleSet: RuleSet
    let view: LeadView
    let now: Timestamp
    private var changes = PoolChanges()
    private var traces: [PoolTrace] = []

    init(ruleSet: RuleSet, view: LeadView, now: Timestamp) {
        self.ruleSet = ruleSet
        self.view = view
        self.now = now
    }

    mutating func assign(_ decision: Decision, state: inout PoolState) -> AssignedDecision {
        var result = decision
        result.deliveries = []
        var seen: Set<Target> = []
        for planned in decision.deliveries {
            guard let pool = planned.target.pool.flatMap({ ruleSet.pools[$0] }) else {
                if seen.insert(planned.target).inserted { result.deliveries.append(planned) }
                continue
            }
            switch choose(pool, for: planned, state: &state) {
            case .to(let targets, let member):
                for target in targets where seen.insert(target).inserted {
                    var delivery = planned
                    delivery.target = target
                    delivery.assignment = PoolAssignment(pool: pool.name, member: member)
                    result.deliveries.append(delivery)
                }
            case .hold(let reason):
                if result.outcome != .held { result.reason = reason }
                result.outcome = .held
            }
        }
        return AssignedDecision(decision: result, changes: changes, traces: traces)
    }

    private enum Answer {
        case to([Target], member: String?)
        case hold(String)
    }

    private mutating func choose(
        _ pool: Pool, for planned: PlannedDelivery, state: inout PoolState
    ) -> Answer {
        // What waits is for whoever works by then.
        let time = max(now.seconds, planned.notBefore?.seconds ?? now.seconds)
        let made = PoolChoice.make(
            pool, at: time, state: state, schedules: ruleSet.schedules,
            stickyKey: pool.stickyKey(view))
        state.apply(made.changes)
        changes.append(made.changes)
        let (answer, reason) = answer(pool, made.end)
        var member: String?
        if case .to(_, let chosen) = answer { member = chosen }
        traces.append(
            PoolTrace(
                pool: pool.name, route: planned.route, member: member, reason: reason,
                skipped: made.skipped))
        return answer
    }

    private func answer(_ pool: Pool, _ end: PoolChoice.End) -> (Answer, reason: String) {
        let nobody: String
        switch end {
        case .member(let member, let reason):
            return (.to([member.target], member: member.name), reason)
        case .full(let member, let reason):
            nobody = "it is the turn of \(member.name), \(reason)"
            if pool.whenFull == .hold, case .fallback = pool.whenNobody {
                return (.hold("pool '\(pool.name)': \(nobody)"), nobody + ": held")
            }
        case .nobody: nobody = "nobody is left"
        }
        switch pool.whenNobody {
        case .fallback(let targets):
            let names = targets.map(\.shown).joined(separator: ", ")
            return (.to(targets, member: nil), "\(nobody): to \(names)")
        case .hold(let reason): return (.hold(reason), nobody + ": held")
        }
    }
}

extension Pool {
    /// What the pool is sticky by, of a lead; nil when it is not, or all of it is missing.
    func stickyKey(_ view: LeadView) -> StickyKey? {
        guard let sticky else { return nil }
        let parts = sticky.names.map { name in
            view.values(of: name).map(\.folded).joined(separator: "\u{0}")
        }
        guard parts.contains(where: { !$0.isEmpty }) else { return nil }
        return StickyKey(pool: name, hash: Digest.sha256Hex(parts: parts))
    }
}
