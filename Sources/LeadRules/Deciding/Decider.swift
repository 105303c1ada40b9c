public import LeadKit

/// Decides one lead after the other with one rule set, and keeps what it needs for that, so that a
/// lead costs little more than looking at its values.
///
/// Not `Sendable`: each task makes its own with `RuleSet.decider()`, and uses it for as many leads
/// as it has.
public final class Decider {
    // One task uses it, and deciding calls nobody who could use it meanwhile.
    @exclusivity(unchecked) private var walk: CompiledWalk

    init(_ rules: CompiledRules) { walk = CompiledWalk(rules) }

    /// Decides a lead, just as `RuleSet.decide(_:at:isDuplicate:)` does.
    public func decide(_ lead: Lead, at now: Timestamp, isDuplicate: Bool = false) -> Decision {
        withUnsafePointer(to: lead) { walk.decide($0, at: now, isDuplicate: isDuplicate) }
    }

    /// Decides leads, none of them a duplicate, and calls `body` with the place and the decision of
    /// each. Faster than one by one: no lead is copied out of the list.
    public func decide(
        _ leads: [Lead], at now: Timestamp, body: (Int, borrowing Decision) -> Void
    ) {
        leads.withUnsafeBufferPointer { leads in
            guard let first = leads.baseAddress else { return }
            for place in 0..<leads.count {
                body(place, walk.decide(first + place, at: now, isDuplicate: false))
            }
        }
    }

    /// The fields of the lead whose values should be keys of a table (`expect_in`) and are not.
    public func unexpectedFields(of lead: Lead) -> [(field: String, table: String)] {
        withUnsafePointer(to: lead) { walk.unexpectedFields(of: $0) }
    }
}
