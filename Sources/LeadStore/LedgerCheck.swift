internal import LeadKit

/// What a lead and its deliveries must be together: decided on values, without I/O.
///
/// The states are the skeleton (`docs/ledger.md` draws them): a lead's state says which of its
/// columns are filled and whether it may have deliveries (I1, I2, I6); a delivery's state says
/// whether it is leased (I5) and how its attempts ended (I4). Keys are computed anew from what they
/// stand for (I3): the first generation from source, lead, route and target, a follow-up of
/// `on_failure` from the delivery that it follows, a later generation from the one before. Those
/// that the decision asked for are compared with what the decision says (I2).
struct LedgerCheck {
    struct Lead {
        var source: String
        var id: String
        var state: InboxState?
        var outcome: String?
        var reason: String?
        var decision: String?
        var ruleSetHash: String?
        var hasContent: Bool
        var isIntact: Bool
        /// Whether it was given to the rules again: what was made before stays.
        var wasDecidedAgain = false
        /// Whether a decision that it had before is kept.
        var hasEarlierDecisions = false
    }

    struct Delivery {
        var sequence: Int64
        var key: String
        var sink: String
        var route: String
        var isCopy: Bool
        var with: String
        var pool: String?
        var member: String?
        var notBeforeMilliseconds: Int64?
        var state: DeliveryState?
        var attempts: Int
        var generation: Int
        var previousSequence: Int64?
        var hasToken: Bool
        var leaseUntilMilliseconds: Int64?
        var hasChecksum: Bool
        var isIntact: Bool
        /// How its attempts ended, in order.
        var outcomes: [String]
    }

    /// A lease that ended so long ago and is still there belongs to nobody.
    static let leaseOverdueMilliseconds: Int64 = 600_000

    let lead: Lead
    let deliveries: [Delivery]
    let isServed: Bool
    let nowMilliseconds: Int64
    private(set) var faults: [LedgerFault] = []

    init(_ lead: Lead, _ deliveries: [Delivery], isServed: Bool, atMilliseconds now: Int64) {
        self.lead = lead
        self.deliveries = deliveries
        self.isServed = isServed
        nowMilliseconds = now
    }

    /// All faults of the lead and its deliveries.
    static func faults(
        _ lead: Lead, _ deliveries: [Delivery], isServed: Bool, atMilliseconds now: Int64
    ) -> [LedgerFault] {
        var check = LedgerCheck(lead, deliveries, isServed: isServed, atMilliseconds: now)
        check.run()
        return check.faults
    }

    private mutating func run() {
        guard let state = lead.state else { return add(.conservation, "is in no known state") }
        if !lead.isIntact { add(.bytes, "the stored lead does not match its checksum") }
        switch state {
        case .announced, .received: checkUndecided(state)
        case .decided, .held: checkDecided(state)
        case .quarantined: checkQuarantined()
        case .forgotten: checkForgotten()
        }
        for delivery in deliveries { check(delivery) }
        // The keys of a forgotten lead may have been given free, and its settings are gone.
        if state != .forgotten { checkKeys() }
    }

    // MARK: The lead

    private mutating func checkUndecided(_ state: InboxState) {
        if lead.hasContent != (state == .received) {
            add(
                .conservation,
                state == .received ? "is received and has no content" : "has content already")
        }
        if lead.outcome != nil || lead.decision != nil {
            add(.conservation, "is not decided and has a decision")
        }
        if !deliveries.isEmpty, !lead.wasDecidedAgain {
            add(.conservation, "is not decided and has deliveries")
        }
        if lead.hasEarlierDecisions, !lead.wasDecidedAgain {
            add(.conservation, "was decided before, and nobody ordered to decide it again")
        }
    }

    private mutating func checkDecided(_ state: InboxState) {
        if !lead.hasContent { add(.conservation, "is \(state.rawValue) and has no content") }
        if (lead.ruleSetHash ?? "").utf8.isEmpty {
            add(.ruleSets, "is \(state.rawValue) and does not say by which rules")
        }
        let outcome = lead.outcome ?? ""
        let known = state == .held ? ["held"] : ["routed", "default", "dropped"]
        if !known.contains(outcome) {
            add(.conservation, "is \(state.rawValue) with the outcome '\(outcome)'")
        }
        if ["held", "dropped"].contains(outcome), (lead.reason ?? "").utf8.isEmpty {
            add(.decisions, "is \(outcome) without a reason")
        }
        if ["routed", "default"].contains(outcome), deliveries.isEmpty {
            add(.decisions, "is \(outcome) and has no delivery")
        }
    }

    private mutating func checkQuarantined() {
        if (lead.reason ?? "").utf8.isEmpty { add(.conservation, "is kept aside without a reason") }
        if !deliveries.isEmpty { add(.conservation, "is kept aside and has deliveries") }
    }

    private mutating func checkForgotten() {
        if lead.hasContent || lead.decision != nil || lead.reason != nil
            || lead.hasEarlierDecisions
        {
            add(.conservation, "is forgotten and has content")
        }
        for delivery in deliveries where delivery.state == .pending || delivery.state == .leased {
            add(.conservation, delivery, "is to be made and its lead is forgotten")
        }
    }

    // MARK: A delivery

    private mutating func check(_ delivery: Delivery) {
        guard let state = delivery.state else {
            return add(.conservation, delivery, "is in no known state")
        }
        // Of a forgotten lead there is nothing left to vouch for.
        if !delivery.isIntact || delivery.hasChecksum == (lead.state == .forgotten) {
            add(.bytes, delivery, "what is sent where does not match its checksum")
        }
        checkLease(delivery, state)
        checkAttempts(delivery, state)
        if delivery.generation > 0 || delivery.previousSequence != nil {
            checkGeneration(delivery)
        }
    }

    private mutating func checkLease(_ delivery: Delivery, _ state: DeliveryState) {
        guard state == .leased else {
            if delivery.hasToken || delivery.leaseUntilMilliseconds != nil {
                add(.leases, delivery, "is \(state.rawValue) and has a lease")
            }
            return
        }
        guard delivery.hasToken, let until = delivery.leaseUntilMilliseconds else {
            return add(.leases, delivery, "is leased and nobody holds the lease")
        }
        if isServed, until + LedgerCheck.leaseOverdueMilliseconds < nowMilliseconds {
            add(.leases, delivery, "its lease ended long ago and was not taken over")
        }
    }

    private mutating func checkAttempts(_ delivery: Delivery, _ state: DeliveryState) {
        let ends = delivery.outcomes.filter { ["delivered", "dead"].contains($0) }
        switch state {
        case .delivered, .dead:
            if ends != [state.rawValue] || delivery.outcomes.last != state.rawValue {
                add(.ends, delivery, "is \(state.rawValue), and its attempts do not end so")
            }
        case .pending, .leased, .cancelled:
            if let end = ends.first { add(.ends, delivery, "is \(state.rawValue) after '\(end)'") }
        }
        // A delivery can be given up without an attempt of its own, because of its age.
        let spent = delivery.outcomes.count { ["retry", "delivered"].contains($0) }
        if delivery.attempts < spent {
            add(.ends, delivery, "has more attempts than it counts")
        }
    }

    private mutating func checkGeneration(_ delivery: Delivery) {
        guard let sequence = delivery.previousSequence,
            let previous = deliveries.first(where: { $0.sequence == sequence })
        else { return add(.ends, delivery, "follows no delivery of its lead") }
        if delivery.generation != previous.generation + 1 {
            add(
                .ends, delivery, "is generation \(delivery.generation) after \(previous.generation)"
            )
        }
        if previous.state == .pending || previous.state == .leased {
            add(.ends, delivery, "follows a delivery that is not over")
        }
    }

    // MARK: Keys, and what the decision asked for

    private mutating func checkKeys() {
        guard let id = LeadID(lead.id) else {
            return add(.conservation, "has an id that is none")
        }
        var planned: Set<String> = []
        for delivery in deliveries {
            if delivery.generation > 0 {
                let previous = deliveries.first { $0.sequence == delivery.previousSequence }
                let key = previous.flatMap { DeliveryKey($0.key)?.ofNextGeneration.text }
                if key != delivery.key { addWrongKey(delivery) }
            } else if targets(of: delivery).contains(where: { has(delivery, id, target: $0) }) {
                planned.insert(LedgerCheck.line(delivery.sink, delivery.route, delivery.isCopy))
            } else if !deliveries.contains(where: {
                has(delivery, id, target: "\(delivery.sink) after \($0.key)")
            }) {
                addWrongKey(delivery)
            }
        }
        checkDecision(planned)
    }

    /// As `PlannedDelivery.identity` of the rules names them.
    private func targets(of delivery: Delivery) -> [String] {
        let own = delivery.with.utf8.isEmpty ? delivery.sink : "\(delivery.sink) \(delivery.with)"
        return [own] + (delivery.pool.map { ["pool \($0)"] } ?? [])
    }

    private func has(_ delivery: Delivery, _ id: LeadID, target: String) -> Bool {
        DeliveryKey(source: lead.source, lead: id, route: delivery.route, target: target).text
            == delivery.key
    }

    private mutating func addWrongKey(_ delivery: Delivery) {
        add(.keys, delivery, "its key does not follow from its lead, route and target")
    }

    private mutating func checkDecision(_ planned: Set<String>) {
        guard let state = lead.state, [.decided, .held].contains(state) else { return }
        guard let text = lead.decision,
            let decision = try? JSONDocument.parse(Array(text.utf8)).root
        else { return add(.decisions, "has no decision that can be read") }
        let elements = decision["deliveries"]?.elements ?? []
        guard !lead.wasDecidedAgain else {
            // What was sent before stays as it was made, by another route or as a copy.
            let sinks = Set(elements.map { $0["sink"]?.string ?? "" })
            for sink in sinks.subtracting(deliveries.map(\.sink)).sorted() {
                add(
                    .decisions,
                    "its decision asks for sink '\(sink)', and there is no such delivery")
            }
            return
        }
        var asked: Set<String> = []
        for one in elements {
            asked.insert(
                LedgerCheck.line(
                    one["sink"]?.string ?? "", one["route"]?.string ?? "",
                    one["copy"]?.bool ?? false))
        }
        for line in asked.subtracting(planned).sorted() {
            add(.decisions, "its decision asks for \(line), and there is no such delivery")
        }
        for line in planned.subtracting(asked).sorted() {
            add(.decisions, "there is a delivery for \(line), and its decision asks for none")
        }
    }

    private static func line(_ sink: String, _ route: String, _ isCopy: Bool) -> String {
        "sink '\(sink)' by route '\(route)'\(isCopy ? " as a copy" : "")"
    }

    private mutating func add(_ invariant: LedgerFault.Invariant, _ message: String) {
        faults.append(LedgerFault(invariant, "lead \(lead.source) \(lead.id)", message))
    }

    private mutating func add(
        _ invariant: LedgerFault.Invariant, _ delivery: Delivery, _ message: String
    ) {
        faults.append(LedgerFault(invariant, "delivery \(delivery.key)", message))
    }
}
