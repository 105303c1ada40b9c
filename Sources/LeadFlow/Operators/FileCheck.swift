public import LeadStore
public import Logging
internal import Synchronization

/// Looks for damage in the store's file while the service runs.
///
/// What a disk changes while nobody looks is found at the latest when it is needed: rows have
/// checksums, and what differs is never sent. But that may be years later, when the last sound backup
/// is gone. So a pass runs soon after the service starts and every `interval` after that, table by table
/// over all pages, and then over all leads, a small step at a time with a rest between, so that intake
/// and delivery hardly notice. The first fault is known at once to the log, to `/health/ready`
/// ("degraded": leads are still taken in and delivered) and to `/metrics`; a pass without any clears
/// that.
public final class FileCheck: Sendable {
    /// How long after the start the first pass begins: what piled up meanwhile goes first.
    public static let delay = Duration.seconds(10)
    /// How long after a pass the next one begins.
    public static let interval = Duration.seconds(24 * 3600)
    /// The most leads of a step: with the rest, 2,500 leads a second at most.
    public static let leadsOfStep = 250
    /// The rest between two steps.
    public static let rest = Duration.milliseconds(100)
    /// The most faults of a pass that are logged one by one.
    public static let loggedMax = 20

    /// What is known.
    public struct State: Sendable, Equatable {
        /// Faults that the last pass found, or this one until now if that is more.
        public var faultCount = 0
        /// When the first of them was found.
        public var sinceMilliseconds: Int64?
        /// When a pass last ended; nil before the first has.
        public var checkedMilliseconds: Int64?
    }

    private struct Progress {
        var state = State()
        /// Of the pass under way.
        var found = 0
    }

    private let store: any LeadStore
    private let clock: any FlowClock
    private let logger: Logger
    private let progress = Mutex(Progress())

    /// Makes one; it does nothing for a store that is in no file.
    public init(store: any LeadStore, clock: any FlowClock = SystemClock(), logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// What is known now.
    public var state: State { progress.withLock { $0.state } }

    /// Runs until cancelled.
    public func run() async throws {
        try await clock.sleep(for: FileCheck.delay)
        while true {
            try await pass()
            try await clock.sleep(for: FileCheck.interval)
        }
    }

    /// One pass.
    public func pass() async throws {
        guard let file = store as? any LedgerFile else { return }
        progress.withLock { $0.found = 0 }
        await noting("tables") { () throws(StoreError) in
            for table in try await file.tables() {
                await self.noting("table \(table)") { () throws(StoreError) in
                    for fault in try await file.checkPages(of: table) { self.note(fault) }
                }
                if Task.isCancelled { return }
            }
        }
        try await leads(file)
        try Task.checkCancellation()
        let now = clock.nowMilliseconds()
        let found = progress.withLock { progress in
            progress.state.faultCount = progress.found
            progress.state.checkedMilliseconds = now
            if progress.found == 0 { progress.state.sinceMilliseconds = nil }
            return progress.found
        }
        guard found > 0 else { return logger.debug("the store's file is sound") }
        logger.error(
            "the store is damaged: see docs/ledger.md, 'Damage'", metadata: ["faults": "\(found)"])
    }

    private func leads(_ file: any LedgerFile) async throws {
        var last: Int64? = 0
        while let after = last {
            try await clock.sleep(for: FileCheck.rest)
            last = nil
            let now = clock.nowMilliseconds()
            let step = await noting("leads behind row \(after)") { () throws(StoreError) in
                try await file.verifyRows(
                    after: after, limit: FileCheck.leadsOfStep, isServed: true, atMilliseconds: now,
                    report: { self.note($0) })
            }
            last = step?.lastSequence
        }
    }

    /// What cannot be read is a fault, too, and nothing that the service must end for.
    @discardableResult
    private func noting<T>(
        _ part: String, _ body: () async throws(StoreError) -> T
    ) async -> T? {
        do throws(StoreError) {
            return try await body()
        } catch {
            if !Task.isCancelled { note(LedgerFault(.file, part, error.description)) }
            return nil
        }
    }

    /// Tells of a fault; also for whoever else comes upon one.
    public func note(_ fault: LedgerFault) {
        let now = clock.nowMilliseconds()
        let found = progress.withLock { progress in
            progress.found += 1
            progress.state.faultCount = max(progress.state.faultCount, progress.found)
            progress.state.sinceMilliseconds = progress.state.sinceMilliseconds ?? now
            return progress.found
        }
        guard found <= FileCheck.loggedMax else { return }
        logger.error(
            "damage in the store",
            metadata: [
                "breaks": "\(fault.invariant.rawValue)", "row": "\(fault.subject)",
                "what": "\(fault.message)",
            ])
    }
}
