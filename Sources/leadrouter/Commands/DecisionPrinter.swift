import LeadKit
import LeadRules

/// Decides leads one by one and prints what was decided.
struct DecisionPrinter {
    let ruleSet: RuleSet
    let format: OutputFormat
    let explains: Bool
    let renders: Bool
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

    init(
        ruleSet: RuleSet, format: OutputFormat, explains: Bool, renders: Bool, onlyRoute: String?,
        now: Timestamp
    ) {
        self.ruleSet = ruleSet
        self.format = format
        self.explains = explains
        self.renders = renders
        self.onlyRoute = onlyRoute
        self.now = now
        decider = ruleSet.decider()
        hasPools = ruleSet.hasPools
    }

    mutating func decide(_ lead: Lead) {
        let isDuplicate = earlier.holdsDuplicate(of: lead, for: ruleSet, at: now)
        var decision: Decision
        var explanation: Explanation?
        if explains {
            let explained = ruleSet.explain(lead, at: now, isDuplicate: isDuplicate)
            decision = explained.0
            explanation = explained.1
        } else {
            decision = decider.decide(lead, at: now, isDuplicate: isDuplicate)
        }
        if hasPools {
            let assigned = ruleSet.assign(decision, of: lead, at: now, state: &pools)
            decision = assigned.decision
            explanation?.pools = assigned.traces
        }
        guard isShown(decision) else { return }
        if format == .table { counts.count(decision) }
        let surprises =
            explains
            ? decider.unexpectedFields(of: lead) : decider.unexpectedFields(ofDecided: lead)
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
        if explains || renders {
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

    private func rendered(
        _ delivery: PlannedDelivery, _ lead: Lead, _ isDuplicate: Bool
    ) -> Result<[RenderedSetting], RenderFailure> {
        let key = DeliveryKey(
            source: lead.source, lead: lead.id, route: delivery.route,
            target: delivery.identity)
        do {
            return .success(
                try ruleSet.render(
                    delivery.target,
                    of: RenderContext(
                        lead: lead, isDuplicate: isDuplicate, deliveryID: key.text,
                        route: delivery.route, pool: delivery.assignment?.pool,
                        member: delivery.assignment?.member)))
        } catch {
            return .failure(error)
        }
    }

    private mutating func writeJSON(
        _ lead: Lead, _ decision: Decision, _ explanation: Explanation?, _ isDuplicate: Bool
    ) {
        if renders || explanation != nil {
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
            guard renders else { return }
            writer.name("settings")
            switch rendered(decision.deliveries[index], lead, isDuplicate) {
            case .success(let settings):
                writer.object { writer in
                    for setting in settings {
                        writer.name(setting.name)
                        writer.string(setting.shown)
                    }
                }
            case .failure(let failure):
                writer.null()
                writer.name("failure")
                writer.string(failure.description)
            }
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
        guard explains || renders else {
            table.add([
                lead.id.text, decision.outcome.rawValue, decision.routes.joined(separator: ", "),
                DecisionPrinter.sinks(decision, copies: false),
                DecisionPrinter.sinks(decision, copies: true), decision.reason ?? "",
            ])
            return
        }
        var lines = ["lead \(Console.shown(lead.id.text)): \(DecisionPrinter.sentence(decision))"]
        if let explanation { lines += ExplanationText.lines(explanation) }
        if renders {
            for delivery in decision.deliveries {
                lines.append(
                    "  \(delivery.isCopy ? "copy to" : "to") \(DecisionPrinter.shown(delivery))")
                switch rendered(delivery, lead, isDuplicate) {
                case .success(let settings):
                    for setting in settings { lines += DecisionPrinter.lines(of: setting) }
                case .failure(let failure): lines.append("    would fail: \(failure)")
                }
            }
        }
        details.append(lines.joined(separator: "\n") + "\n")
        if details.count >= 100 {
            for detail in details { Console.print(detail) }
            details = []
        }
    }

    private static func lines(of setting: RenderedSetting) -> [String] {
        let lines = setting.shown.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 1 else {
            return ["    \(setting.name): \(Console.shown(setting.shown))"]
        }
        return ["    \(setting.name):"] + lines.map { "      " + Console.shown(String($0)) }
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
