internal import Dispatch
public import LeadKit
internal import LeadRules
public import Logging
internal import Synchronization

/// Edits go live: reads the configuration's folder when it changes, or when asked to.
///
/// A change is noticed by inotify, or, where the file system tells nothing, by looking at sizes and
/// times every few seconds. When the folder has settled it is compiled aside. What has errors is
/// refused: the rules before stay in force, and what is wrong is kept and logged with its places.
/// What is good is put in force whole: the flow makes the plugins' new instances first, and one
/// that cannot be made refuses the reading too. Routing takes the new rules with its next batch,
/// sinks with their next attempt; nothing waits for what is under way.
public final class Reload: Sendable {
    /// How often the folder is looked at without being told that it changed.
    public static let lookEvery = Duration.seconds(10)

    /// How many readings in a row may be dropped because files changed meanwhile.
    static let tornMost = 5

    /// What readings led to since the start.
    public struct Counts: Sendable, Equatable {
        /// Put in force, the first one included.
        public var published = 0
        /// Said what was in force.
        public var unchanged = 0
        /// Had errors.
        public var refused = 0
    }

    private typealias Request = CheckedContinuation<CurrentRules.Outcome, Never>

    private struct State {
        var requests: [Request] = []
        var counts = Counts()
        var isOver = false
        /// What counts only when the program starts; nil before it has.
        var startSettings: StartSettings?
    }

    /// What is in force, and what is wrong with the folder.
    public let rules: CurrentRules
    private let files: FilesRead
    private let root: String
    private let clock: any FlowClock
    private let logger: Logger
    private let bell = Bell()
    private let state = Mutex(State())

    /// Nothing is read yet.
    public init(
        folder: ConfigurationFolder, catalogue: PluginCatalogue,
        clock: any FlowClock = SystemClock(), logger: Logger
    ) {
        files = FilesRead(folder)
        rules = CurrentRules(files: files, catalogue: catalogue)
        root = FolderWatch.folder(of: folder.displayPrefix + "x")
        self.clock = clock
        self.logger = logger
    }

    /// What readings led to.
    public var counts: Counts { state.withLock { $0.counts } }

    /// Reads the folder for the first time, for the flow to be made of.
    public func start() -> CurrentRules.Outcome {
        let outcome = note(rules.reload(at: now))
        if case .published(let edition) = outcome {
            state.withLock { $0.startSettings = StartSettings(edition.configuration) }
        }
        return outcome
    }

    /// Reads the folder now, whatever changed; answers when what it says is in force or refused.
    /// After `run` has ended it answers what was.
    public func request() async -> CurrentRules.Outcome? {
        guard let edition = rules.edition else { return nil }
        return await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.requests.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume(returning: .unchanged(edition)) } else { bell.ring() }
        }
    }

    /// Keeps the flow's configuration up to date until cancelled. With `isWatching` off, only when
    /// asked to.
    public func run(_ flow: Flow, isWatching: Bool = true) async {
        let watch = isWatching ? FolderWatch(root: root) { [bell] in bell.ring() } : nil
        if isWatching, watch == nil { noteUnwatched() }
        var settling = Settling()
        watchFolders(watch)
        var seen = print(isWatching)
        // What changed between the first reading and the watch.
        var isDue = isWatching
        var requests: [Request] = []
        var torn = 0
        while !Task.isCancelled {
            note(watch, in: &settling)
            requests += takeRequests()
            let wait = settling.waitMilliseconds(at: clock.upMilliseconds)
            let isAsked = !requests.isEmpty && torn == 0
            guard isDue || isAsked || wait.map({ $0 <= 0 }) ?? false else {
                await bell.wait(
                    atMost: wait.map { .milliseconds($0) } ?? Reload.lookEvery, clock: clock)
                note(watch, in: &settling)
                // Nothing was told, and yet something changed.
                if isWatching, settling.waitMilliseconds(at: 0) == nil, print(true) != seen {
                    settling.note(root, isGrowing: false, atMilliseconds: clock.upMilliseconds)
                }
                continue
            }
            // Nobody asked for the first reading, and it finds nothing new as a rule.
            let isQuiet = isDue && requests.isEmpty
            isDue = false
            settling.clear()
            let before = FolderPrint(files.all)
            let result = await compiled()
            note(watch, in: &settling)
            // What was written to while it was read may be half of what its author means.
            if torn < Reload.tornMost,
                settling.waitMilliseconds(at: 0) != nil || FolderPrint(before.paths) != before
            {
                torn += 1
                settling.note(root, isGrowing: false, atMilliseconds: clock.upMilliseconds)
                continue
            }
            torn = 0
            let outcome = await putInForce(result, in: flow, isQuiet: isQuiet)
            for request in requests { request.resume(returning: outcome) }
            requests = []
            watchFolders(watch)
            seen = print(isWatching)
        }
        end(requests)
    }

    private func note(_ watch: FolderWatch?, in settling: inout Settling) {
        for event in watch?.take() ?? [] {
            settling.note(
                event.path, isGrowing: event.isGrowing, atMilliseconds: clock.upMilliseconds)
        }
    }

    private func end(_ open: [Request]) {
        let requests = state.withLock { state in
            state.isOver = true
            defer { state.requests = [] }
            return open + state.requests
        }
        guard let edition = rules.edition else { return }
        for request in requests { request.resume(returning: .unchanged(edition)) }
    }

    private func takeRequests() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    private var now: Timestamp { Timestamp(milliseconds: clock.nowMilliseconds()) }

    private func watchFolders(_ watch: FolderWatch?) {
        guard let watch else { return }
        if !watch.watch(files.all) { noteUnwatched() }
    }

    private func print(_ isWatching: Bool) -> FolderPrint? {
        guard isWatching else { return nil }
        let named = ((try? files.list()) ?? []).filter(FolderWatch.isNamedAsRules)
        return FolderPrint(files.all.union(named.map { files.displayPrefix + $0 }))
    }

    private func putInForce(
        _ reading: LoadResult, in flow: Flow, isQuiet: Bool
    ) async -> CurrentRules.Outcome {
        var result = reading
        if let configuration = rules.change(result) {
            do {
                try await flow.use(configuration)
                noteStartSettings(configuration)
            } catch {
                result = result.refused(
                    by: Diagnostic(
                        .error, "bad-value",
                        at: Position(file: files.displayPrefix + "leadrouter.yaml"),
                        "a plugin cannot work with its settings: \(error)"))
            }
        }
        return note(rules.take(result, at: now), isQuiet: isQuiet)
    }

    /// Compiles on a thread that may take its time.
    private func compiled() async -> LoadResult {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: self.rules.read()) }
        }
    }
}

// What operators are told.
extension Reload {
    @discardableResult
    private func note(
        _ outcome: CurrentRules.Outcome, isQuiet: Bool = false
    ) -> CurrentRules.Outcome {
        switch outcome {
        case .published(let edition):
            state.withLock { $0.counts.published += 1 }
            logger.notice(
                "rules in force",
                metadata: [
                    "hash": "\(edition.hash.prefix(12))",
                    "warnings": "\(edition.findings.warningCount)",
                ])
        case .unchanged(let edition):
            state.withLock { $0.counts.unchanged += 1 }
            logger.log(
                level: isQuiet ? .debug : .info, "rules unchanged",
                metadata: ["hash": "\(edition.hash.prefix(12))"])
        case .refused(let refusal):
            state.withLock { $0.counts.refused += 1 }
            var metadata: Logger.Metadata = ["errors": "\(refusal.findings.errorCount)"]
            if let edition = rules.edition { metadata["in_force"] = "\(edition.hash.prefix(12))" }
            if let first = refusal.findings.diagnostics.first(where: { $0.severity == .error }) {
                let place = first.position
                metadata["first"] =
                    "\(place.file):\(place.line):\(place.column): \(first.code): \(first.message)"
            }
            logger.error("rules refused; those before stay in force", metadata: metadata)
        }
        return outcome
    }

    /// What counts only when the program starts.
    private func noteStartSettings(_ new: Configuration) {
        let change = state.withLock { $0.startSettings?.change(to: new) }
        for name in change?.differ ?? [] {
            logger.warning("'\(name)' changed, and takes effect at the next start")
            guard name == StartSettings.token else { continue }
            logger.warning(
                """
                until then the admin API asks for the token that the service started with: \
                commands that read the new one are refused with 401
                """)
        }
        for name in change?.back ?? [] {
            logger.notice("'\(name)' is what the service runs with again")
        }
    }

    private func noteUnwatched() {
        logger.warning(
            """
            not every folder of the configuration can be watched (inotify's max_user_watches); \
            changes are looked for every \(Reload.lookEvery)
            """)
    }
}
