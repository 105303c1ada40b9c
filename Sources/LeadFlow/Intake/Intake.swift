public import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging

/// Source → Intake → Inbox.
///
/// Sources hand items to the inbox, which stores them in a commit shared with concurrent callers;
/// only then does the source say "accepted". References (a Meta notification names a lead and does
/// not hold it) are read afterwards: due ones in batches, each until it is a lead, is given up, or
/// waits for an operator.
public final class Intake: Sendable {
    /// The sources that answer at `/hooks/NAME`, by name.
    public let webhooks: [String: any WebhookSource]
    /// Takes leads in; also for `import`.
    public let inbox: any InboxWriter
    private let sources: [(name: String, source: any Source)]
    private let store: any LeadStore
    private let clock: any FlowClock
    private let bells: Bells
    private let logger: Logger

    init(
        configuration: Configuration, store: any LeadStore, clock: any FlowClock, bells: Bells,
        logger: Logger
    ) async throws {
        var sources: [(name: String, source: any Source)] = []
        for instance in configuration.sources {
            let context = PluginContext(instance: instance.name, logger: logger)
            sources.append((instance.name, try await instance.blueprint.make(context)))
        }
        self.sources = sources
        webhooks = Dictionary(
            uniqueKeysWithValues: sources.compactMap { name, source in
                (source as? any WebhookSource).map { (name, $0) }
            })
        inbox = Inbox(
            store: store, clock: clock, onStored: { bells.ringStored() },
            onFailure: { bells.fail($0) })
        self.store = store
        self.clock = clock
        self.bells = bells
        self.logger = logger
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (name, source) in sources {
                if let source = source as? any ReferenceSource {
                    group.addTask { try await self.fetch(from: source, named: name) }
                }
            }
            // Sources' own loops run until cancelled; sources without one end at once.
            group.addTask { try await self.runSources() }
            while try await group.next() != nil {}
        }
    }

    /// Runs the sources' own loops until they end or the flow is stopped.
    private func runSources() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (_, source) in sources {
                group.addTask {
                    do {
                        try await source.run(into: self.inbox)
                    } catch  where self.bells.isStopped {
                        // Told to end, and says so.
                    }
                }
            }
            group.addTask {
                while !self.bells.isStopped {
                    try Task.checkCancellation()
                    await self.bells.stopping.wait()
                }
            }
            while try await group.next() != nil {
                if bells.isStopped { group.cancelAll() }
            }
        }
    }

    func close() async { for (_, source) in sources { await source.close() } }

    /// How long no reference of the source is due, unless a bell rings.
    private func pause(of source: String) async throws(StoreError) -> Duration {
        guard let due = try await store.nextReferenceMilliseconds(source: source) else {
            return clock.longestRest
        }
        return min(.milliseconds(max(due - clock.nowMilliseconds(), 1)), clock.longestRest)
    }

    /// Reads due references until told to stop.
    private func fetch(from source: any ReferenceSource, named name: String) async throws {
        let bell = bells.references(name)
        while !bells.isStopped {
            try Task.checkCancellation()
            let due = try await store.dueReferences(
                source: name, atMilliseconds: clock.nowMilliseconds(), limit: FetchPolicy.batchMax)
            guard !due.isEmpty else {
                await bell.wait(atMost: try await pause(of: name), clock: clock)
                continue
            }
            let results = await source.fetch(due.map(\.reference))
            try Task.checkCancellation()
            let now = clock.nowMilliseconds()
            var records: [FetchRecord] = []
            for (index, pending) in due.enumerated() {
                // A source that answers for too few must not be asked again without a pause.
                let result =
                    index < results.count
                    ? results[index]
                    : .failure(FetchFailure(.retry(after: nil), "the source gave no answer for it"))
                records.append(FetchPolicy.record(pending, result, atMilliseconds: now))
                if case .failure(let failure) = result {
                    logger.warning(
                        "lead not read yet",
                        metadata: [
                            "source": "\(name)", "lead": "\(pending.reference.id)",
                            "reason": "\(failure.reason)",
                        ])
                }
            }
            try await store.record(records)
            bells.inbox.ring()
        }
    }
}

/// When to ask again for a reference: decided in a value, without I/O.
enum FetchPolicy {
    /// The most references of one call.
    static let batchMax = 50
    /// The first wait; it doubles.
    static let firstMilliseconds: Int64 = 5_000
    /// The longest wait.
    static let mostMilliseconds: Int64 = 3_600_000
    /// How long a fault of the whole source (token, permission) rests.
    static let haltMilliseconds: Int64 = 60_000
    /// A reference that fails by itself is given up after so long and so many attempts. A fault of
    /// the whole source never gives up: Meta keeps leads for 90 days.
    static let giveUpMilliseconds: Int64 = 7 * 86_400_000
    /// Nearly as many as the schedule makes in that time, so that a clock that jumps forward does
    /// not give anything up.
    static let giveUpAttempts = 150

    static func record(
        _ pending: PendingReference, _ result: Result<Lead, FetchFailure>,
        atMilliseconds now: Int64
    ) -> FetchRecord {
        FetchRecord(sequence: pending.sequence, result: outcome(pending, result, now))
    }

    private static func outcome(
        _ pending: PendingReference, _ result: Result<Lead, FetchFailure>, _ now: Int64
    ) -> FetchRecord.Result {
        switch result {
        case .success(let lead): return .lead(lead)
        case .failure(let failure):
            switch failure.verdict {
            case .reject: return .quarantined(reason: failure.reason)
            case .halt:
                return .again(
                    dueMilliseconds: now + haltMilliseconds, reason: failure.reason,
                    countsAttempt: false)
            case .retry(let after):
                let age = now - pending.receivedMilliseconds
                if age > giveUpMilliseconds, pending.attempts >= giveUpAttempts {
                    return .quarantined(reason: failure.reason)
                }
                let backoff = min(
                    mostMilliseconds, firstMilliseconds << min(pending.attempts, 20))
                return .again(
                    dueMilliseconds: now + max(backoff, after?.milliseconds ?? 0),
                    reason: failure.reason, countsAttempt: true)
            }
        }
    }
}
