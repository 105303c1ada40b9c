public import LeadRules
public import LeadStore
public import Logging

/// Forgets leads that have been kept for as long as `retention:` says.
///
/// A pass runs when the service starts and every `interval` after that. For each way in which a
/// lead can be over, it asks the store for those taken in before the limit, longest kept first, and
/// forgets them a small page at a time, with a rest between pages so that intake and delivery hardly
/// notice. Only leads that are over are asked for, and the store looks again in the transaction that
/// erases: what an operator has redelivered meanwhile stays.
///
/// What is erased does not come back, so no clock is believed: how old a lead is, is counted as for
/// deliveries, over the time that the service has seen go by (docs/decisions/015). A clock that is
/// wrong, at the start or later, and a service that was off keep a lead longer, and never shorter.
///
/// What cannot be read is a fault of the file and no reason to end the service, which delivers all the
/// same: the next pass tries again. A store that cannot write is one, as everywhere.
public struct Retention: Sendable {
    /// How often a pass runs.
    public static let interval = Duration.seconds(6 * 3600)
    /// The most leads of one transaction.
    public static let pageMax = 200
    /// The rest between two transactions.
    public static let rest = Duration.milliseconds(50)
    /// How often it asks at the start what is old, until that is known.
    public static let askEvery = Duration.seconds(1)

    private let settings: @Sendable () -> RetentionSettings
    private let oldEnough: @Sendable (Duration) -> Int64?
    private let store: any LeadStore
    private let clock: any FlowClock
    private let onFault: @Sendable (LedgerFault) -> Void
    private let logger: Logger

    /// Makes one; `settings` are those in force, and it does nothing when no limit is set.
    /// `oldEnough` is `DeliveryLoop.latestMilliseconds(ofAge:)`; `onFault` gets what cannot be read.
    public init(
        settings: @escaping @Sendable () -> RetentionSettings,
        oldEnough: @escaping @Sendable (Duration) -> Int64?, store: any LeadStore,
        clock: any FlowClock = SystemClock(),
        onFault: @escaping @Sendable (LedgerFault) -> Void = { _ in }, logger: Logger
    ) {
        self.settings = settings
        self.oldEnough = oldEnough
        self.store = store
        self.clock = clock
        self.onFault = onFault
        self.logger = logger
    }

    /// Runs until cancelled.
    public func run() async throws {
        while oldEnough(.zero) == nil { try await clock.sleep(for: Retention.askEvery) }
        while true {
            try await pass()
            try await clock.sleep(for: Retention.interval)
        }
    }

    /// One pass; answers how many leads were forgotten.
    @discardableResult
    public func pass() async throws -> Int {
        var count = 0
        for (end, limit) in Retention.limits(settings()) {
            let forgotten = try await forget(end, olderThan: limit)
            count += forgotten
            if forgotten > 0 {
                logger.notice(
                    "leads forgotten as 'retention' says",
                    metadata: ["ended": "\(end.rawValue)", "count": "\(forgotten)"])
            }
        }
        if count > 0 { _ = await (store as? any LedgerFile)?.clearLog() }
        return count
    }

    private static func limits(
        _ settings: RetentionSettings
    ) -> [(OverQuery.End, Duration)] {
        OverQuery.End.allCases.compactMap { end in
            let limit =
                switch end {
                case .delivered: settings.delivered
                case .dead: settings.dead
                case .held: settings.held
                case .quarantined: settings.quarantined
                }
            return limit.map { (end, $0) }
        }
    }

    private func forget(_ end: OverQuery.End, olderThan limit: Duration) async throws -> Int {
        guard let before = oldEnough(limit) else { return 0 }
        var query = OverQuery(end: end, beforeMilliseconds: before, limit: Retention.pageMax)
        var count = 0
        while true {
            guard let leads = try await read(query), let last = leads.last else { return count }
            let answers = try await store.forget(
                leads.map(\.sequence), ForgetOptions(),
                Order(by: "retention", atMilliseconds: clock.nowMilliseconds()))
            count += answers.count { $0 == .done }
            query.after = last
            try await clock.sleep(for: Retention.rest)
        }
    }

    /// Nil when they cannot be read.
    private func read(_ query: OverQuery) async throws(CancellationError) -> [OverLead]? {
        do {
            return try await store.over(query)
        } catch {
            // A store that is being closed does not answer, either.
            if Task.isCancelled { throw CancellationError() }
            logger.error(
                "leads that 'retention' may forget cannot be read; the next pass tries again",
                metadata: ["ended": "\(query.end.rawValue)", "reason": "\(error)"])
            onFault(
                LedgerFault(.file, "leads for retention: \(query.end.rawValue)", error.description))
            return nil
        }
    }
}
