import LeadRules

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
        var text = Summary.count(leads, "lead")
        if !outcomes.isEmpty { text += ": " + outcomes.joined(separator: ", ") }
        text += "\n"
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
