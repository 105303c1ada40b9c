import LeadFlow
import LeadKit
import LeadRules
import LeadStore
import Synchronization

/// How much of a ledger was verified; the faults are reported as they are found.
struct LedgerVerification: Sendable {
    /// The most faults of an answer of the admin API; the rest is counted.
    static let faultsMax = 1000

    var extent = LedgerExtent()
    /// What was decided again; nil when there were no rules to decide by.
    var routing: RoutingCheck.Counts?

    /// Looks at every row, and then decides again what `ruleSet` has decided. `isServed` tells that
    /// a service has the store.
    static func run(
        on store: any LeadStore, isServed: Bool, ruleSet: RuleSet?,
        progress: @escaping @Sendable (Int) -> Void = { _ in },
        onDecided: @escaping @Sendable (Int) -> Void = { _ in },
        report: @escaping @Sendable (LedgerFault) -> Void
    ) async throws -> LedgerVerification {
        guard let file = store as? any LedgerFile else { throw LedgerLooks.noFile }
        var result = LedgerVerification()
        result.extent = try await file.verify(
            isServed: isServed, atMilliseconds: SystemClock().nowMilliseconds(),
            progress: progress, report: report)
        if let ruleSet {
            result.routing = try await RoutingCheck(ruleSet).run(
                on: store, progress: onDecided, report: report)
        }
        return result
    }

    func writeMembers(to writer: inout JSONWriter) {
        for (name, count) in [
            ("leads", extent.leads), ("deliveries", extent.deliveries),
            ("attempts", extent.attempts),
        ] {
            writer.name(name)
            writer.integer(count)
        }
        writer.name("decided_again")
        guard let routing else { return writer.null() }
        writer.object { writer in
            writer.name("same_rules")
            writer.integer(routing.same)
            writer.name("other_rules")
            writer.integer(routing.other)
        }
    }
}

extension LedgerVerification {
    /// What an answer of the admin API says.
    init(_ answer: JSONValue) {
        extent.leads = answer["leads"]?.integer ?? 0
        extent.deliveries = answer["deliveries"]?.integer ?? 0
        extent.attempts = answer["attempts"]?.integer ?? 0
        if let counts = answer["decided_again"], counts.kind == .object {
            routing = RoutingCheck.Counts(
                same: counts["same_rules"]?.integer ?? 0,
                other: counts["other_rules"]?.integer ?? 0)
        }
    }
}

extension LedgerFault {
    /// What an answer of the admin API says.
    init?(_ value: JSONValue) {
        guard let invariant = value["invariant"]?.string.flatMap({ Invariant(rawValue: $0) }),
            let subject = value["subject"]?.string, let message = value["message"]?.string
        else { return nil }
        self.init(invariant, subject, message)
    }
}

/// The first faults, and how many there are.
final class FaultList: Sendable {
    private let most: Int
    private let state = Mutex<(kept: [LedgerFault], count: Int)>(([], 0))

    init(most: Int) { self.most = most }

    var kept: [LedgerFault] { state.withLock { $0.kept } }
    var count: Int { state.withLock { $0.count } }

    func add(_ fault: LedgerFault) {
        state.withLock { state in
            state.count += 1
            if state.kept.count < most { state.kept.append(fault) }
        }
    }
}
