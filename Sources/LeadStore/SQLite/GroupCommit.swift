internal import Dispatch
internal import GRDB
internal import Synchronization

/// One writer that commits whatever waits.
///
/// A write is a job. Jobs wait in a bounded queue. When the first one comes, a drain starts on
/// GRDB's writer queue: it takes up to `jobsMax` of the waiting jobs, runs them inside one
/// transaction, commits once, and only then answers all of them. While it commits, the next jobs
/// gather; it goes on until none waits. The busier the store, the larger the groups: callers never
/// wait for a timer, and a sync to disk is shared by a whole group.
///
/// - A job that fails for its own reasons (a constraint) spoils nobody else's: the group begins
///   anew, with a savepoint for each job, and only that one is rolled back. It seldom happens, and
///   savepoints cost much: SQLite copies each page that a job changes aside, once for each.
/// - A commit that fails, or a disk that does while a job runs, fails every job of the group and
///   ends the store: after a failed sync nobody knows what is on disk, so nothing may be
///   acknowledged any more (fsyncgate; PostgreSQL learnt this in 2018). A restart reads back what
///   is there.
/// - A group that finds no room on the disk is not stored, and nothing is damaged: what brings new
///   leads is refused, the loops' own writes are tried again, first with the ballast's room
///   (`DiskSpace`), then every `roomRetry`, until there is room or the store is closed.
/// - A disk that has not answered for `stallMax` gets no more leads: senders are told so at once, and do
///   not wait in vain. Those that wait already are answered when it answers.
/// - A group that cannot begin because another program holds the file is not stored either: new
///   leads are refused, the loops' own writes wait for the program to let go.
///
/// Cancelling a caller changes nothing: its job is under way, and its answer must be true.
final class GroupCommit: Sendable {
    /// The most jobs of one transaction, unless told.
    static let jobsMax = 512
    /// The most jobs that may wait, unless told.
    static let waitingMax = 10_000

    /// How long a group or a checkpoint may take before new leads are refused, unless told: senders of
    /// webhooks wait for ten seconds or more.
    static let stallMax = Duration.seconds(10)

    /// How often a full disk is tried again.
    static let roomRetry = DispatchTimeInterval.milliseconds(500)

    /// What has happened so far, for tests and measurements.
    struct Counts: Sendable, Equatable {
        /// Jobs that are committed.
        var jobs = 0
        /// Commits that are on disk.
        var commits = 0
        /// Checkpoints tried.
        var checkpoints = 0
    }

    private struct State {
        var waiting: [WriteJob] = []
        var isDraining = false
        /// Why nothing is taken any more.
        var refusal: StoreError?
        /// Nothing waits for room or for another program any longer.
        var isEnding = false
        /// Another program holds the file.
        var isHeld = false
        /// When the writer began what it is doing, by a clock that stands still while the machine sleeps.
        var began: SuspendingClock.Instant?
        var closers: [CheckedContinuation<Void, Never>] = []
        /// Who waits for an empty log.
        var clearers: [CheckedContinuation<Bool, Never>] = []
        /// Whether the log was made empty at the end.
        var isCleared = false
        var counts = Counts()
    }

    private let pool: DatabasePool
    private let waitingMax: Int
    private let jobsMax: Int
    private let stallMax: Duration
    private let checkpoints: Checkpoints
    private let space: DiskSpace?
    private let state = Mutex(State())

    init(
        pool: DatabasePool, waitingMax: Int = GroupCommit.waitingMax,
        jobsMax: Int = GroupCommit.jobsMax, stallMax: Duration = GroupCommit.stallMax,
        space: DiskSpace? = nil
    ) throws {
        self.stallMax = stallMax
        self.jobsMax = max(1, jobsMax)
        self.space = space
        self.pool = pool
        self.waitingMax = waitingMax
        checkpoints = try Checkpoints(
            pool, ballastBytes: space?.ballastBytes ?? DiskSpace.ballastBytesMax)
    }

    /// What has happened so far.
    var counts: Counts { state.withLock { $0.counts } }

    /// How many jobs wait just now.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Whether jobs are refused: closed, or ended by a failure.
    var isRefusing: Bool { refusal != nil }

    /// Whether another program holds the file just now.
    var isHeld: Bool { state.withLock { $0.isHeld } }

    /// Whether the disk has not answered for too long.
    var isStalled: Bool { state.withLock { isStalled($0) } }

    private func isStalled(_ state: State) -> Bool {
        state.began.map { $0.duration(to: .now) > stallMax } ?? false
    }

    /// What waits for room, or for another program, is refused from now on.
    func endWaits() { state.withLock { $0.isEnding = true } }

    /// Why jobs are refused.
    var refusal: StoreError? { state.withLock { $0.refusal } }

    /// Runs the body in a shared transaction; returns when it is on disk.
    ///
    /// `isIntake` writes are refused when too many wait, or the disk does not answer. The loops' own writes are few, and a
    /// refusal would end them, so they are always taken.
    func write<T: Sendable>(
        isIntake: Bool = false, _ body: @escaping @Sendable (Database, Tally) throws -> T
    ) async throws(StoreError) -> T {
        try await withCheckedContinuation { continuation in
            submit(WriteJob(isIntake: isIntake, body) { continuation.resume(returning: $0) })
        }.get()
    }

    /// Runs a body that changes no states.
    func write<T: Sendable>(
        isIntake: Bool = false, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        try await write(isIntake: isIntake) { db, _ in try body(db) }
    }

    /// Takes no more jobs and returns when those that wait are done: whether all went well since
    /// the store was opened. May be called twice.
    func close() async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isIdle = state.withLock { state in
                if state.refusal == nil { state.refusal = .isClosed }
                if state.isDraining { state.closers.append(continuation) }
                return !state.isDraining
            }
            if isIdle { continuation.resume() }
        }
        return state.withLock { $0.refusal == .isClosed }
    }

    /// Copies the whole log into the file and makes it empty, between two groups: whether it is,
    /// which a reader that takes long prevents.
    func clearLog() async -> Bool {
        await withCheckedContinuation { continuation in
            let starts = state.withLock { state in
                state.clearers.append(continuation)
                defer { state.isDraining = true }
                return !state.isDraining
            }
            if starts { pool.asyncWriteWithoutTransaction { self.drain($0) } }
        }
    }

    /// Makes the log empty if that can be, once everything is written. May be called twice.
    func clearLogForGood() async {
        let isFirst = state.withLock { state in
            defer { state.isCleared = true }
            return !state.isCleared
        }
        guard isFirst else { return }
        await withCheckedContinuation { continuation in
            pool.asyncWriteWithoutTransaction { db in
                // Whatever prevents it, the log is whole and the next owner reads it.
                _ = try? self.checkpoints.clear(db)
                continuation.resume()
            }
        }
    }

    private func submit(_ job: WriteJob) {
        let (refusal, starts) = state.withLock { state -> (StoreError?, Bool) in
            if let refusal = state.refusal { return (refusal, false) }
            if job.isIntake, state.waiting.count >= waitingMax || isStalled(state) {
                return (.overloaded, false)
            }
            state.waiting.append(job)
            defer { state.isDraining = true }
            return (nil, !state.isDraining)
        }
        if let refusal { job.refuse(refusal) }
        if starts { pool.asyncWriteWithoutTransaction { self.drain($0) } }
    }

    // MARK: On the writer queue

    private func drain(_ db: Database) {
        while true {
            while let jobs = takeGroup() {
                let left = commit(jobs, db)
                if !left.jobs.isEmpty, !goOn(with: left) { return }
                begins()
                checkpoint(db, isQuiet: false)
                clearLog(db)
            }
            clearLog(db)
            guard let closers = endDrain() else { continue }
            for closer in closers { closer.resume() }
            return checkpoints.whenQuiet { [weak self] in self?.checkpointIfIdle() }
        }
    }

    private func begins() { state.withLock { $0.began = .now } }

    private func takeGroup() -> [WriteJob]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            state.began = .now
            let jobs = Array(state.waiting.prefix(jobsMax))
            state.waiting.removeFirst(jobs.count)
            return jobs
        }
    }

    /// Jobs that are not stored, and may be tried again.
    private struct Leftover {
        var jobs: [WriteJob] = []
        /// They found no room; else another program holds the file.
        var lacksRoom = true
    }

    /// Whether jobs that were not stored can be tried at once; else they are tried later, by another
    /// drain, or are refused when the store is closed.
    private func goOn(with left: Leftover) -> Bool {
        let jobs = left.jobs
        let hasRoom = left.lacksRoom && space?.release() ?? false
        let isClosing = state.withLock { state in
            let isClosing = state.refusal != nil || state.isEnding
            if hasRoom || !isClosing { state.waiting.insert(contentsOf: jobs, at: 0) }
            state.began = nil
            return isClosing
        }
        if hasRoom { return true }
        if isClosing {
            answer(jobs.map(\.refuse), left.lacksRoom ? .hasNoRoom : .isHeld)
            return true
        }
        // Nor is there room to copy the log, and nobody is to wait for that.
        for clearer in takeClearers() { clearer.resume(returning: false) }
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + GroupCommit.roomRetry) {
            self.pool.asyncWriteWithoutTransaction { self.drain($0) }
        }
        return false
    }

    /// Nil when jobs have come in the meantime.
    private func endDrain() -> [CheckedContinuation<Void, Never>]? {
        state.withLock { state in
            guard state.waiting.isEmpty, state.clearers.isEmpty else { return nil }
            state.isDraining = false
            state.began = nil
            defer { state.closers = [] }
            return state.closers
        }
    }

    /// Answers the jobs, but for those that found no room and may be tried again.
    private func commit(
        _ jobs: [WriteJob], _ db: Database, inSavepoints: Bool = false
    ) -> Leftover {
        do {
            try db.beginTransaction(.immediate)
        } catch {
            if error.isOfRoom { return refuseIntake(of: jobs) }
            if error.isBusy {
                state.withLock { $0.isHeld = true }
                return refuseIntake(of: jobs, .overloaded, lacksRoom: false)
            }
            let failure = StoreError.cannotWrite(error)
            fail(failure)
            answer(jobs.map(\.refuse), failure)
            return Leftover()
        }
        do {
            let tally = Tally()
            let answers = try jobs.map { job in
                try inSavepoints ? job.runApart(in: db, tally) : job.run(in: db, tally)
            }
            try tally.write(db)
            try db.commit()
            state.withLock { state in
                state.counts.jobs += jobs.count
                state.counts.commits += 1
                state.isHeld = false
            }
            for answer in answers { answer() }
        } catch {
            // Fails when SQLite has rolled back by itself, which does no harm.
            try? db.rollback()
            if error.isOfRoom { return refuseIntake(of: jobs) }
            if error is WriteJob.Failure { return commit(jobs, db, inSavepoints: true) }
            let failure = StoreError.cannotWrite(error)
            fail(failure)
            answer(jobs.map(\.refuse), failure)
        }
        return Leftover()
    }

    private func refuseIntake(
        of jobs: [WriteJob], _ reason: StoreError = .hasNoRoom, lacksRoom: Bool = true
    ) -> Leftover {
        answer(jobs.filter(\.isIntake).map(\.refuse), reason)
        return Leftover(jobs: jobs.filter { !$0.isIntake }, lacksRoom: lacksRoom)
    }

    /// Ends the store: what waits and what comes is refused.
    private func fail(_ failure: StoreError) {
        let waiting = state.withLock { state in
            state.refusal = failure
            defer { state.waiting = [] }
            return state.waiting
        }
        answer(waiting.map(\.refuse), failure)
    }

    private func answer(_ refusals: [@Sendable (StoreError) -> Void], _ failure: StoreError) {
        for refuse in refusals { refuse(failure) }
    }

    // MARK: Checkpoints

    private func checkpoint(_ db: Database, isQuiet: Bool) {
        do {
            if try checkpoints.run(db, isQuiet: isQuiet) {
                state.withLock { $0.counts.checkpoints += 1 }
            }
        } catch {
            // It syncs the log and the file: after a failed sync nothing may be acknowledged.
            // Without room nothing is synced, and the log is whole.
            if !error.isBusy, !error.isOfRoom { fail(.cannotWrite(error)) }
        }
    }

    private func clearLog(_ db: Database) {
        let clearers = takeClearers()
        guard !clearers.isEmpty else { return }
        var isClear = false
        do {
            if !isRefusing { isClear = try checkpoints.clear(db) }
        } catch {
            if !error.isOfRoom { fail(.cannotWrite(error)) }
        }
        for clearer in clearers { clearer.resume(returning: isClear) }
    }

    private func takeClearers() -> [CheckedContinuation<Bool, Never>] {
        state.withLock { state in
            defer { state.clearers = [] }
            return state.clearers
        }
    }

    /// Queues behind a drain that has begun since; its commits are then checkpointed with the rest.
    private func checkpointIfIdle() {
        let isIdle = state.withLock { state in
            guard !state.isDraining, state.refusal == nil else { return false }
            state.isDraining = true
            return true
        }
        guard isIdle else { return }
        pool.asyncWriteWithoutTransaction { db in
            self.begins()
            self.checkpoint(db, isQuiet: true)
            self.drain(db)
        }
    }
}
