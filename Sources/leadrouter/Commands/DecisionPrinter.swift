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

    private var writer = JSONWriter(capacity: 1 << 16)
    private var table = TextTable(["LEAD", "OUTCOME", "ROUTES", "TO", "COPIES", "REASON"])
    private var counts = DecisionCounts()
    /// The leads seen, by `dedupe` key: when the latest was created.
    private var seen: [String: Int64] = [:]
    private var details: [String] = []
    private var unexpected: [String: Int] = [:]
    /// What the pools remember of the leads so far.
    private var pools = PoolState()

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
    }

    mutating func decide(_ lead: Lead) {
        let isDuplicate = isDuplicate(lead)
        var decision: Decision
        var explanation: Explanation?
        if explains {
            let explained = ruleSet.explain(lead, at: now, isDuplicate: isDuplicate)
            decision = explained.0
            explanation = explained.1
        } else {
            decision = ruleSet.decide(lead, at: now, isDuplicate: isDuplicate)
        }
        let assigned = ruleSet.assign(decision, of: lead, at: now, state: &pools)
        decision = assigned.decision
        explanation?.pools = assigned.traces
        if let onlyRoute,
            !decision.routes.contains(where: { DecisionPrinter.lies($0, below: onlyRoute) })
        {
            return
        }
        counts.count(decision)
        for (field, table) in ruleSet.unexpectedFields(of: lead) {
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
            Console.write(writer.bytes)
            return
        }
        if explains || renders {
            for detail in details { Console.print(detail) }
        } else {
            Console.print(table.text)
        }
        Console.print("\n" + counts.text)
    }

    private static func lies(_ route: String, below parent: String) -> Bool {
        route == parent || ByteSearch.hasPrefix(route, parent + "/")
    }

    private mutating func isDuplicate(_ lead: Lead) -> Bool {
        guard let dedupe = ruleSet.dedupe, let key = ruleSet.dedupeKey(of: lead) else {
            return false
        }
        let created = lead[.createdTime].flatMap { Timestamp($0) }?.seconds ?? now.seconds
        let isDuplicate = seen[key].map { $0 >= created - dedupe.withinSeconds } ?? false
        seen[key] = max(seen[key] ?? created, created)
        return isDuplicate
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
        // Taken out while it is written to: the closures read the rest of self.
        var writer = JSONWriter(capacity: 0)
        swap(&writer, &self.writer)
        defer { swap(&writer, &self.writer) }
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
        writer.newline()
        if writer.bytes.count > 1 << 16 {
            Console.write(writer.bytes)
            writer.removeAll()
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

/// Leads per outcome, route and sink.
struct DecisionCounts {
    private(set) var leads = 0
    private var outcomes: [String: Int] = [:]
    private var routes: [String: Int] = [:]
    private var sinks: [String: (to: Int, copies: Int)] = [:]

    mutating func count(_ decision: Decision) {
        leads += 1
        outcomes[decision.outcome.rawValue, default: 0] += 1
        for route in decision.routes { routes[route, default: 0] += 1 }
        for delivery in decision.deliveries {
            if delivery.isCopy {
                sinks[delivery.target.sink, default: (0, 0)].copies += 1
            } else {
                sinks[delivery.target.sink, default: (0, 0)].to += 1
            }
        }
    }

    var text: String {
        let outcomes = Decision.Outcome.allCases.compactMap { outcome in
            self.outcomes[outcome.rawValue].map { "\($0) \(outcome.rawValue)" }
        }
        var text = "\(Summary.count(leads, "lead")): \(outcomes.joined(separator: ", "))\n"
        var routeTable = TextTable(["ROUTE", "LEADS"])
        for (route, count) in routes.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            routeTable.add([route, String(count)])
        }
        if !routes.isEmpty { text += "\n" + routeTable.text + "\n" }
        var sinkTable = TextTable(["SINK", "LEADS", "COPIES"])
        for (sink, count) in sinks.sorted(by: { $0.key < $1.key }) {
            sinkTable.add([sink, String(count.to), String(count.copies)])
        }
        if !sinks.isEmpty { text += "\n" + sinkTable.text }
        return text
    }
}

/// An explanation as a tree that a store owner can read.
enum ExplanationText {
    static func lines(_ explanation: Explanation) -> [String] {
        lines(explanation.routes) + explanation.pools.flatMap(\.lines).map { "  " + $0 }
    }

    static func lines(_ routes: [RouteTrace]) -> [String] {
        routes.flatMap { route($0, indent: "  ") }
    }

    private static func route(_ route: RouteTrace, indent: String) -> [String] {
        let mark =
            if route.isDisabled { "off" } else {
                switch route.truth {
                case .yes: "yes"
                case .no: "no"
                case .unknown: "unknown"
                }
            }
        let name = route.name.split(separator: "/").last.map(String.init) ?? route.name
        var head = "\(indent)\(name): \(mark)"
        if route.truth == .yes, !route.effect.isEmpty { head += ", \(route.effect)" }
        if let note = route.note { head += "  # \(note)" }
        var lines = [Diagnostic.printable(head)]
        if let hold = route.hold { lines.append("\(indent)  hold_until: \(hold)") }
        if let condition = route.condition {
            lines += self.condition(condition, indent: indent + "  ")
        }
        for child in route.routes { lines += self.route(child, indent: indent + "  ") }
        return lines
    }

    static func lines(_ condition: ConditionTrace, indent: String) -> [String] {
        self.condition(condition, indent: indent)
    }

    private static func condition(_ condition: ConditionTrace, indent: String) -> [String] {
        let answer =
            switch condition.truth {
            case .yes: "yes"
            case .no: "no"
            case .unknown: "unknown"
            }
        var line = "\(indent)\(answer): \(Console.shown(condition.text))"
        if let values = condition.values {
            if values.isEmpty {
                line += " (missing)"
            } else {
                // A schedule is nothing that the lead says; a field's name has no dot before '['.
                let isClock = ByteSearch.hasPrefix(condition.text, "schedule.")
                let shown = values.map { "'\(Console.shown($0))'" }.joined(separator: ", ")
                line += isClock ? " (it is \(shown)" : " (the lead says \(shown)"
                line += condition.reason.map { ", \($0))" } ?? ")"
            }
        }
        return [line] + condition.parts.flatMap { self.condition($0, indent: indent + "  ") }
    }
}
