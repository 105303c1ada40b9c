import LeadKit
import LeadRules
import LeadStore

/// I7: leads that were decided by the rules as they are now are decided again, and the answers
/// compared.
///
/// Deciding is pure: the same lead, rules, time and knowledge of earlier leads give the same
/// decision. What a pool chose depends on what it remembered then, so a pool counts as one target,
/// and whether it had anybody left is not looked at.
struct RoutingCheck {
    struct Counts: Sendable {
        /// Decided by these rules.
        var same = 0
        /// Decided by other rules, and not looked at.
        var other = 0
    }

    /// The leads that are read at a time: a running service decides others meanwhile.
    static let pageSize = 200

    private let ruleSet: RuleSet

    init(_ ruleSet: RuleSet) { self.ruleSet = ruleSet }

    func run(
        on store: any LeadStore, progress: (Int) -> Void, report: (LedgerFault) -> Void
    ) async throws -> Counts {
        var counts = Counts()
        var last: Int64 = 0
        let decider = ruleSet.decider()
        let parser = JSONParser(limits: StoredLeads.limits)
        while true {
            let page = try await store.leads(
                LeadFilter(afterSequence: last, limit: RoutingCheck.pageSize))
            guard let end = page.last else { return counts }
            for entry in page where [.decided, .held].contains(entry.state) {
                guard entry.ruleSetHash == ruleSet.hash else {
                    counts.other += 1
                    continue
                }
                counts.same += 1
                guard let lead = StoredLeads.lead(of: entry, parser: parser) else { continue }
                let now = Timestamp(
                    milliseconds: entry.decidedMilliseconds ?? entry.receivedMilliseconds)
                let decision = decider.decide(lead, at: now, isDuplicate: entry.isDuplicate)
                if let message = RoutingCheck.difference(entry, decision) {
                    report(
                        LedgerFault(.routing, "lead \(entry.source) \(entry.leadID)", message))
                }
            }
            progress(page.count)
            last = end.sequence
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// How the stored decision differs from the one now; nil when it does not.
    static func difference(_ entry: InboxEntry, _ decision: Decision) -> String? {
        guard let text = entry.decision, let stored = try? JSONDocument.parse(Array(text.utf8)).root
        else { return nil }
        let before = Set((stored["deliveries"]?.elements ?? []).map { target($0) })
        let after = Set(decision.deliveries.map { target($0) })
        let asksPool = decision.deliveries.contains { $0.target.pool != nil }
        if asksPool { return before.isSubset(of: after) ? nil : sentence(before, after) }
        if let outcome = entry.outcome, outcome != decision.outcome.rawValue {
            return "was \(outcome), and the same rules now say \(decision.outcome.rawValue)"
        }
        return before == after ? nil : sentence(before, after)
    }

    private static func sentence(_ before: Set<String>, _ after: Set<String>) -> String {
        "went to \(list(before)), and the same rules now say \(list(after))"
    }

    private static func list(_ targets: Set<String>) -> String {
        targets.isEmpty ? "nobody" : targets.sorted().joined(separator: ", ")
    }

    private static func target(_ delivery: PlannedDelivery) -> String {
        line(delivery.target.shown, delivery.route, delivery.isCopy)
    }

    private static func target(_ delivery: JSONValue) -> String {
        let sink = delivery["pool"]?.string.map { "pool \($0)" } ?? delivery["sink"]?.string ?? ""
        return line(
            sink, delivery["route"]?.string ?? "", delivery["copy"]?.bool ?? false)
    }

    private static func line(_ target: String, _ route: String, _ isCopy: Bool) -> String {
        "'\(target)' by '\(route)'\(isCopy ? " as a copy" : "")"
    }
}
