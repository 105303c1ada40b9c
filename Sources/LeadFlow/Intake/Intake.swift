public import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

/// Source → Intake → Inbox.
///
/// Sources hand items to the inbox, which stores them in a commit shared with concurrent callers;
/// only then does the source say "accepted". References (a Meta notification names a lead and does
/// not hold it) are read afterwards: due ones in batches, each until it is a lead, is given up, or
/// waits for an operator.
public final class Intake: Sendable {
    /// Takes leads in; also for `import`.
    public let inbox: any InboxWriter
    /// What came of what was taken in.
    public let counts = IntakeCounts()
    private let sources = SourcesInForce()
    private let store: any LeadStore
    private let clock: WatchedClock
    private let bells: Bells
    private let logger: Logger

    init(
        configuration: Configuration, store: any LeadStore, clock: WatchedClock, bells: Bells,
        logger: Logger
    ) async throws {
        let disk = DiskState(logger)
        let conflicts = Conflicts(store: store, clock: clock, logger: logger)
        inbox = Inbox(
            store: store, clock: clock, counts: counts,
            conflicts: { await conflicts.find(among: $0, $1) }, onStored: { bells.ringStored() },
            onFull: { disk.note(isFull: $0) }, onFailure: { bells.fail($0) })
        self.store = store
        self.clock = clock
        self.bells = bells
        self.logger = logger
        use(try await prepare(configuration))
    }

    /// The names of the sources in force.
    public var sourceNames: [String] { sources.all.map(\.instance.name) }

    /// The source that answers at `/hooks/NAME`.
    public func webhook(_ name: String) -> (any WebhookSource)? {
        sources[name]?.webhook
    }

    /// Makes the sources of a configuration; those that mean what they meant stay as they are.
    func prepare(_ configuration: Configuration) async throws -> [SourcesInForce.Entry] {
        var entries: [SourcesInForce.Entry] = []
        for instance in configuration.sources {
            if let known = sources[instance.name], known.instance.isSame(as: instance) {
                entries.append(known)
                continue
            }
            let context = PluginContext(instance: instance.name, logger: logger)
            do {
                let source = try await instance.blueprint.make(context)
                entries.append(SourcesInForce.Entry(instance, source))
            } catch {
                await discard(entries)
                throw error
            }
        }
        return entries
    }

    /// Lets go of sources that were prepared and are not put in force.
    func discard(_ entries: [SourcesInForce.Entry]) async {
        for entry in entries where sources[entry.instance.name] !== entry {
            await entry.source.close()
        }
    }

    /// Puts prepared sources in force. A request or a batch under way ends with the old one.
    func use(_ entries: [SourcesInForce.Entry]) {
        for entry in sources.exchange(entries) {
            entry.end()
            bells.references(entry.instance.name).ring()
        }
        bells.intake.ring()
    }

    /// What the loop waits for.
    private enum Event {
        /// Other sources are in force, or the program is to end.
        case changed
        /// The source of that name has ended.
        case ended(String)
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Event.self) { group in
            var alive: Set<String> = []
            func listen() {
                group.addTask {
                    await self.bells.intake.wait()
                    return .changed
                }
            }
            listen()
            while let event = try await group.next() {
                try Task.checkCancellation()
                if case .ended(let name) = event { alive.remove(name) }
                if bells.isStopped {
                    for entry in sources.all { entry.end() }
                    if alive.isEmpty { break }
                    continue
                }
                for entry in sources.all where alive.insert(entry.instance.name).inserted {
                    group.addTask {
                        try await self.live(entry)
                        return .ended(entry.instance.name)
                    }
                }
                if case .changed = event { listen() }
            }
            group.cancelAll()
        }
    }

    /// Runs a source until it is told to end: its own loop, and the one that reads what it
    /// announced.
    private func live(_ entry: SourcesInForce.Entry) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let source = entry.source as? any ReferenceSource {
                group.addTask { try await self.fetch(from: source, of: entry) }
            }
            group.addTask { try await self.runOwnLoop(of: entry) }
            while try await group.next() != nil {}
        }
        // The last ones are closed with the flow.
        if !bells.isStopped { await entry.source.close() }
    }

    /// Runs the source's own loop until it is told to end; a source without one ends at once.
    private func runOwnLoop(of entry: SourcesInForce.Entry) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await entry.source.run(into: self.inbox)
                } catch  where entry.isOver {
                    // Told to end, and says so.
                }
            }
            group.addTask { await entry.ending.wait() }
            while try await group.next() != nil {
                if entry.isOver { group.cancelAll() }
            }
        }
    }

    func close() async { for entry in sources.all { await entry.source.close() } }

    /// The references that are due, and, when there are none, how long that stays so unless a bell
    /// rings.
    private func dueReferences(
        of source: String
    ) async throws(StoreError) -> (due: [PendingReference], pause: Duration) {
        let due = try await store.dueReferences(
            source: source, atMilliseconds: clock.nowMilliseconds(), limit: FetchPolicy.batchMax)
        guard due.isEmpty, let next = try await store.nextReferenceMilliseconds(source: source)
        else { return (due, clock.longestRest) }
        let wait = Duration.milliseconds(max(next - clock.nowMilliseconds(), 1))
        return ([], min(wait, clock.longestRest))
    }

    /// Moves due dates that a clock set back has put out of reach.
    private func limitDueDates(
        of source: String, toleranceMilliseconds: Int64
    ) async throws(StoreError) {
        let moved = try await store.limitDue(
            ReferenceLimit(
                source: source, atMilliseconds: clock.nowMilliseconds(),
                waitsMilliseconds: FetchPolicy.longestWaits,
                toleranceMilliseconds: toleranceMilliseconds))
        guard moved > 0 else { return }
        logger.notice(
            "announced leads that the clock had left behind are read sooner",
            metadata: ["source": "\(source)", "count": "\(moved)"])
    }

    /// Reads due references until told to end.
    private func fetch(
        from source: any ReferenceSource, of entry: SourcesInForce.Entry
    ) async throws {
        let name = entry.instance.name
        let bell = bells.references(name)
        // How often the clock had been set back when due dates were last looked at.
        var jumpsBack: Int?
        while !bells.isStopped, !entry.isOver {
            try Task.checkCancellation()
            let known = clock.jumpsBack
            if known != jumpsBack {
                try await limitDueDates(
                    of: name,
                    toleranceMilliseconds: jumpsBack == nil
                        ? FetchPolicy.startToleranceMilliseconds : 0)
                jumpsBack = known
            }
            let (due, pause) = try await dueReferences(of: name)
            guard !due.isEmpty else {
                await bell.wait(atMost: pause, clock: clock)
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
            if results.contains(where: \.isLead) { bells.inbox.ring() }
        }
    }
}

extension Result<Lead, FetchFailure> {
    fileprivate var isLead: Bool {
        if case .success = self { true } else { false }
    }
}

/// Tells operators once that the disk is full, and once that it is not.
private final class DiskState: Sendable {
    private let isFull = Atomic(false)
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    func note(isFull: Bool) {
        guard self.isFull.exchange(isFull, ordering: .relaxed) != isFull else { return }
        if isFull {
            logger.error("the store's disk is full: no lead is taken in, deliveries go on")
        } else {
            logger.notice("the store's disk has room again: leads are taken in")
        }
    }
}
