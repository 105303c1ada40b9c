import LeadKit
import LeadRules

/// Decides leads one by one and prints what was decided.
struct DecisionPrinter {
    let ruleSet: RuleSet
    let format: OutputFormat
    let explains: Bool
    /// Nil unless the final settings are shown.
    let preview: DeliveryPreview?
    let onlyRoute: String?
    /// When the leads are taken in and decided.
    let now: Timestamp

    private var writer = JSONWriter(capacity: 2 << 16)
    private var texts = DecisionTexts()
    private var table = StreamedTable(["LEAD", "OUTCOME", "ROUTES", "TO", "COPIES", "REASON"])
    private var counts = DecisionCounts()
    private let decider: Decider
    private var earlier = EarlierLeads()
    private var details: [String] = []
    private var unexpected: [String: Int] = [:]
    /// What the pools remember of the leads so far.
    private var pools = PoolState()
    private let hasPools: Bool
    /// Whether no lead came.
    private(set) var isEmpty = true

    init(
        _ configuration: Configuration, format: OutputFormat, explains: Bool, renders: Bool,
        onlyRoute: String?, now: Timestamp
    ) {
        ruleSet = configuration.ruleSet
        self.format = format
        self.explains = explains
        preview = renders ? DeliveryPreview(configuration) : nil
        self.onlyRoute = onlyRoute
        self.now = now
        decider = ruleSet.decider()
        hasPools = ruleSet.hasPools
    }

    mutating func decide(_ lead: Lead) {
        isEmpty = false
        let isDuplicate = earlier.holdsDuplicate(of: lead, for: ruleSet, at: now)
        var (decision, surprises) = decider.decideExpecting(
            lead, at: now, isDuplicate: isDuplicate)
        var explanation: Explanation?
        if explains {
            (decision, explanation) = ruleSet.explain(lead, at: now, isDuplicate: isDuplicate)
        }
        if hasPools {
            let assigned = ruleSet.assign(decision, of: lead, at: now, state: &pools)
            decision = assigned.decision
            explanation?.pools = assigned.traces
        }
        guard isShown(decision) else { return }
        if format == .table { counts.count(decision) }
        for (field, table) in surprises {
            unexpected["'\(field)' is no key of table '\(table)'", default: 0] += 1
        }
        switch format {
        case .ndjson: writeJSON(lead, decision, explanation, isDuplicate)
        case .table: addRow(lead, decision, explanation, isDuplicate)
        }
    }

    /// Prints what is left, and for people the summary.
    mutating func finish() {
        for (text, count) in unexpected.sorted(by: { $0.key < $1.key }) {
            Console.error("warning: in \(Summary.count(count, "lead")) \(text)")
        }
        guard format == .table else {
            writer.withBytes(Console.write)
            return
        }
        if explains || preview != nil {
            for detail in details { Console.print(detail) }
        } else {
            table.finish()
        }
        Console.print("\n" + counts.text)
    }

    /// Whether `--only-route` lets it through: a route, one below it, or `default`.
    private func isShown(_ decision: Decision) -> Bool {
        guard let onlyRoute else { return true }
        return decision.outcome == .default
            ? onlyRoute == "default"
            : decision.routes.contains { DecisionPrinter.lies($0, below: onlyRoute) }
    }

    private static func lies(_ route: String, below parent: String) -> Bool {
        route == parent || ByteSearch.hasPrefix(route, parent + "/")
    }

    private mutating func writeJSON(
        _ lead: Lead, _ decision: Decision, _ explanation: Explanation?, _ isDuplicate: Bool
    ) {
        if preview != nil || explanation != nil {
            // Taken out while it is written to: writing reads the rest of self.
            var writer = JSONWriter(capacity: 0)
            swap(&writer, &self.writer)
            write(lead, decision, explanation, isDuplicate, to: &writer)
            writer.newline()
            swap(&writer, &self.writer)
        } else {
            texts.write(decision, leadID: lead.id.text, to: &writer)
        }
        guard writer.count > 1 << 16 else { return }
        writer.withBytes(Console.write)
        writer.removeAll()
    }

    private func write(
        _ lead: Lead, _ decision: Decision, _ explanation: Explanation?, _ isDuplicate: Bool,
        to writer: inout JSONWriter
    ) {
        decision.write(leadID: lead.id.text, to: &writer) { index, writer in
            preview?.write(
                decision.deliveries[index], lead, isDuplicate: isDuplicate, to: &writer)
        } extra: { writer in
            if let explanation {
                writer.name("trace")
                explanation.write(to: &writer)
                explanation.writePools(to: &writer)
            }
        }
    }

    private mutating func addRow(
        _ lead: Lead, _ decision: Decision, _ explanation: Explanation?, _ isDuplicate: Bool
    ) {
        guard explains || preview != nil else {
            table.add([
                lead.id.text, decision.outcome.rawValue, decision.routes.joined(separator: ", "),
                DecisionPrinter.sinks(decision, copies: false),
                DecisionPrinter.sinks(decision, copies: true), decision.reason ?? "",
            ])
            return
        }
        var lines = ["lead \(Console.shown(lead.id.text)): \(DecisionPrinter.sentence(decision))"]
        if let explanation { lines += ExplanationText.lines(explanation) }
        if let preview {
            for delivery in decision.deliveries {
                lines.append(
                    "  \(delivery.isCopy ? "copy to" : "to") \(DecisionPrinter.shown(delivery))")
                lines += preview.lines(delivery, lead, isDuplicate: isDuplicate)
            }
        }
        details.append(lines.joined(separator: "\n") + "\n")
        if details.count >= 100 {
            for detail in details { Console.print(detail) }
            details = []
        }
    }

    static func sinks(_ decision: Decision, copies: Bool) -> String {
        decision.deliveries.filter { $0.isCopy == copies }.map(shown).joined(separator: ", ")
    }

    /// The sink, whom a pool chose, and when it may be sent.
    private static func shown(_ delivery: PlannedDelivery) -> String {
        var text = delivery.target.sink
        if let member = delivery.assignment?.member { text += " (\(member))" }
        if let time = delivery.notBefore { text += " at \(time.text)" }
        return text
    }

    static func sentence(_ decision: Decision) -> String {
        var text = decision.outcome.rawValue
        if !decision.routes.isEmpty { text += " by " + decision.routes.joined(separator: ", ") }
        let to = sinks(decision, copies: false)
        if !to.isEmpty { text += " to " + to }
        if let reason = decision.reason { text += " (\(Console.shown(reason)))" }
        let copies = sinks(decision, copies: true)
        if !copies.isEmpty { text += ", copies to " + copies }
        return text
    }
}
