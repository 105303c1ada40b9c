internal import CRE2
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
                if place + 2 < leads.count { Decider.prefetchAnswers(of: first + place + 2) }
                body(place, walk.decide(first + place, at: now, isDuplicate: false))
            }
        }
    }

    /// Answers lie apart from their lead; those of one that comes soon are asked for early.
    private static func prefetchAnswers(of lead: UnsafePointer<Lead>) {
        guard let offset = answersOffset else { return }
        // An array is the address of its elements' storage.
        let storage = UnsafeRawPointer(lead).load(fromByteOffset: offset, as: UInt.self)
        for line in UInt(0)..<6 { lr_prefetch(UnsafeRawPointer(bitPattern: storage + line * 64)) }
    }

    private static let answersOffset = MemoryLayout<Lead>.offset(of: \.fieldData)

    /// The fields of the lead whose values should be keys of a table (`expect_in`) and are not.
    public func unexpectedFields(of lead: Lead) -> [(field: String, table: String)] {
        withUnsafePointer(to: lead) { walk.unexpectedFields(of: $0) }
    }

    /// Both at once, which costs less: each value is looked at once.
    public func decideExpecting(
        _ lead: Lead, at now: Timestamp, isDuplicate: Bool
    ) -> (decision: Decision, unexpected: [(field: String, table: String)]) {
        withUnsafePointer(to: lead) { lead in
            (walk.decide(lead, at: now, isDuplicate: isDuplicate), walk.unexpectedFieldsOfLead())
        }
    }
}
