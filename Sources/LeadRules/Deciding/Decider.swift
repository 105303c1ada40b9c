public import LeadKit

/// Decides one lead after the other with one rule set, and keeps what it needs for that, so that a
/// lead costs little more than looking at its values.
///
/// Not `Sendable`: each task makes its own with `RuleSet.decider()`, and uses it for as many leads
/// as it has.
public final class Decider {
    private var walk: CompiledWalk

    init(_ rules: CompiledRules) { walk = CompiledWalk(rules) }

    /// Decides a lead, just as `RuleSet.decide(_:at:isDuplicate:)` does.
    public func decide(_ lead: Lead, at now: Timestamp, isDuplicate: Bool = false) -> Decision {
        walk.decide(lead, at: now, isDuplicate: isDuplicate)
    }

    /// The fields of the lead whose values should be keys of a table (`expect_in`) and are not.
    public func unexpectedFields(of lead: Lead) -> [(field: String, table: String)] {
        walk.unexpectedFields(of: lead)
    }

    /// The same, of the lead that `decide` was called with last; quicker, since its values are
    /// known. With another lead the answer is meaningless.
    public func unexpectedFields(ofDecided lead: Lead) -> [(field: String, table: String)] {
        walk.unexpectedFieldsOfLead(lead)
    }
}
