internal import LeadKit

/// Asks the evaluator that serves: nothing is shown that it does not confirm.
struct Proof {
    private let ruleSet: RuleSet

    init(_ ruleSet: RuleSet) { self.ruleSet = ruleSet }

    /// The route that decides the lead, the only one.
    func decidingRoute(_ lead: LintLead) -> String? {
        guard let now = lead.moment else { return nil }
        let decision = ruleSet.decide(lead.lead, at: now, isDuplicate: lead.isDuplicate)
        return decision.routes.count == 1 ? decision.routes[0] : nil
    }

    /// Whether the route is taken.
    func takes(_ lead: LintLead, route: String) -> Bool {
        guard let now = lead.moment else { return false }
        let (_, explanation) = ruleSet.explain(lead.lead, at: now, isDuplicate: lead.isDuplicate)
        func isTaken(_ traces: [RouteTrace]) -> Bool {
            traces.contains {
                ($0.name == route && $0.truth == .yes && !$0.isDisabled) || isTaken($0.routes)
            }
        }
        return isTaken(explanation.routes)
    }

    /// Whether both routes decide, one by dropping, and the lead is sent.
    func isSent(_ lead: LintLead, although drop: String, by route: String) -> Bool {
        guard let now = lead.moment else { return false }
        let decision = ruleSet.decide(lead.lead, at: now, isDuplicate: lead.isDuplicate)
        return decision.outcome == .routed && decision.routes.contains(drop)
            && decision.routes.contains(route)
    }
}
