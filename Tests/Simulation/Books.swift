import LeadKit
import LeadStore

/// What is compared at the end of a seed: the tables, and what arrived outside.
struct Books {
    /// What was sent, by id.
    var sent: [String: Lead]
    var leads: [InboxEntry]
    /// What was decided before they were given to the rules again, by row.
    var earlier: [Int64: [EarlierDecision]]
    var deliveries: [DeliveryEntry]
    var arrivals: [String: [World.Arrival]]
    /// The rule sets' hashes by version.
    var hashes: [String]
    /// What the pool remembers.
    var pools: PoolState

    mutating func check(
        acknowledged: Set<String>, kills: Int, isRefused: (String) -> Bool
    ) throws(Scenario.Broken) {
        try checkLeads(acknowledged)
        try checkDecisions()
        try checkDeliveries(isRefused)
        try checkPool()
        try checkRepeats(kills: kills)
    }

    /// I1: every acknowledged lead is there, once, and decided.
    private func checkLeads(_ acknowledged: Set<String>) throws(Scenario.Broken) {
        let ids = leads.map(\.leadID.text)
        try expect(Set(ids).count == ids.count, "a lead is in the inbox twice")
        let known = Set(ids)
        for id in acknowledged.sorted() {
            try expect(known.contains(id), "lead \(id) was acknowledged and is lost")
        }
        for lead in leads {
            try expect(lead.state == .decided, "lead \(lead.leadID) is \(lead.state) at the end")
        }
    }

    /// I2, I6, I7: each decision has its hash, and the deliveries that the rules of that hash ask
    /// for, no more and no fewer; one that was decided again has what its decisions asked for, and
    /// no target twice.
    private func checkDecisions() throws(Scenario.Broken) {
        let byLead = Dictionary(grouping: deliveries) { $0.leadID.text }
        for entry in leads {
            guard let lead = sent[entry.leadID.text] else {
                throw Scenario.Broken(description: "nobody sent lead \(entry.leadID)")
            }
            try expect(entry.lead == lead.json, "lead \(entry.leadID) is stored as another")
            let wanted = try expected(lead, by: entry.ruleSetHash ?? "")
            let first = (byLead[entry.leadID.text] ?? []).filter {
                $0.generation == 0 && !isFollowUp($0)
            }
            let got = first.map { "\($0.delivery.route) \(Books.target(of: $0.delivery))" }
            let decisions = earlier[entry.sequence] ?? []
            guard !decisions.isEmpty else {
                try expect(
                    got.sorted() == wanted.sorted(),
                    "lead \(entry.leadID) went to \(got.sorted()), the rules say \(wanted)")
                continue
            }
            var asked = Set(wanted)
            for decision in decisions {
                asked.formUnion(try expected(lead, by: decision.ruleSetHash))
            }
            let targets = first.map { Books.target(of: $0.delivery) }
            let missing = Set(wanted.map { Books.target(of: $0) }).subtracting(targets)
            try expect(
                missing.isEmpty && asked.isSuperset(of: got) && Set(targets).count == targets.count,
                "lead \(entry.leadID) went to \(got.sorted()), its decisions say \(asked)")
        }
    }

    private func expected(
        _ lead: Lead, by hash: String
    ) throws(Scenario.Broken) -> [String] {
        guard let version = hashes.firstIndex(of: hash) else {
            throw Scenario.Broken(description: "lead \(lead.id) was decided by no known rules")
        }
        return SimulatedRules.expected(
            dealer: lead.fieldData["dealer"].first ?? "",
            kind: lead.fieldData["kind"].first ?? "", version: version)
    }

    /// Of what is expected: what stands behind the route.
    private static func target(of expected: String) -> String {
        String(expected.drop { $0 != " " }.dropFirst())
    }

    private func isFollowUp(_ entry: DeliveryEntry) -> Bool {
        let key = DeliveryKey(
            source: entry.source, lead: entry.leadID, route: entry.delivery.route,
            target: Books.target(of: entry.delivery))
        return entry.delivery.key != key
    }

    /// The pool that chose the sink, or the sink.
    private static func target(of delivery: NewDelivery) -> String {
        delivery.member == nil ? delivery.sink : "pool \(delivery.pool ?? "")"
    }

    /// A pool's leads are shared evenly whatever happened between, and what it remembers is what
    /// was sent: no turn was lost, none taken twice.
    private func checkPool() throws(Scenario.Broken) {
        let counts = SimulatedRules.sinks.map { sink in
            Int64(
                deliveries.count {
                    $0.generation == 0 && $0.delivery.pool == "team" && $0.delivery.member == sink
                })
        }
        let totals = SimulatedRules.sinks.map { sink in
            pools[PoolMember(pool: "team", name: sink)].total
        }
        try expect(
            counts == totals, "the pool sent \(counts) leads to its members and remembers \(totals)"
        )
        let spread = (counts.max() ?? 0) - (counts.min() ?? 0)
        try expect(spread <= 1, "the pool shared its leads unevenly: \(counts)")
    }

    /// I3, I4: what is delivered arrived; what is dead was refused, and has its follow-up.
    private func checkDeliveries(_ isRefused: (String) -> Bool) throws(Scenario.Broken) {
        let keys = deliveries.map(\.delivery.key)
        try expect(Set(keys).count == keys.count, "a delivery is in the outbox twice")
        let arrived = arrivals.mapValues { Set($0.map(\.key)) }
        for entry in deliveries {
            let name = "the delivery of lead \(entry.leadID) to \(entry.delivery.sink)"
            switch entry.state {
            case .delivered:
                try expect(
                    arrived[entry.delivery.sink]?.contains(entry.delivery.key) == true,
                    "\(name) is marked delivered and never arrived")
            case .dead:
                try expect(
                    isRefused(entry.leadID.text), "\(name) is dead: \(entry.detail ?? "no reason")")
            case .cancelled:
                let row = leads.first { $0.leadID == entry.leadID }?.sequence ?? 0
                try expect(
                    (earlier[row] ?? []).contains { $0.cancelsOthers },
                    "\(name) was called off, and nobody ordered that")
            default:
                throw Scenario.Broken(description: "\(name) is \(entry.state) at the end")
            }
        }
        let known = Set(keys)
        for (sink, list) in arrivals {
            for arrival in list {
                try expect(known.contains(arrival.key), "\(sink) got a lead that nobody sent")
            }
        }
    }

    /// Repeats have the same key and a cause: an answer that was lost, or a process that died.
    private func checkRepeats(kills: Int) throws(Scenario.Broken) {
        for (sink, list) in arrivals {
            let repeats = list.count - Set(list.map(\.key)).count
            let unanswered = list.count { !$0.isAnswered }
            let most = unanswered + kills * SimulatedRules.attemptsAtOnce
            try expect(
                repeats <= most, "\(sink) got \(repeats) repeats, at most \(most) have a cause")
        }
    }

    private func expect(_ holds: Bool, _ sentence: @autoclosure () -> String)
        throws(Scenario.Broken)
    {
        if !holds { throw Scenario.Broken(description: sentence()) }
    }
}
