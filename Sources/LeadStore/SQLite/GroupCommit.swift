internal import Foundation
internal import GRDB
internal import Synchronization

/// One writer that commits whatever waits.
///
/// A write is a job. Jobs wait in a bounded queue; the writer takes up to `jobsMax` of them, runs
/// each in a savepoint of its own inside one transaction, commits once, and only then answers all
/// of them. While it commits, the next jobs gather: the busier the store, the larger the groups,
/// and a sync to disk is shared by all callers of a group.
///
/// A job that fails rolls back its own savepoint and nothing else. A commit that fails fails every
/// job of its group and ends the store: after a failed sync nobody knows what is on disk, so
/// nothing may be acknowledged any more (PostgreSQL learnt this in 2018).
final class GroupCommit: Sendable {
    /// The most jobs of one transaction.
    static let jobsMax = 512
    /// The most jobs that may wait.
    static let waitingMax = 10_000

    private struct Job: Sendable {
        /// Runs in a savepoint; answers what to call once the fate of the commit is known.
        let run: @Sendable (Database) -> @Sendable (StoreError?) -> Void
        /// Answers without running.
        let refuse: @Sendable (StoreError) -> Void
    }

    private struct State {
        var waiting: [Job] = []
        var isDraining = false
        var failure: StoreError?
        var jobs = 0
        var commits = 0
    }

    private let pool: DatabasePool
    private let state = Mutex(State())

    init(pool: DatabasePool) { self.pool = pool }

    /// Jobs and commits so far, and the jobs that wait, for tests and measurements.
    var counts: (jobs: Int, commits: Int, waiting: Int) {
        state.withLock { ($0.jobs, $0.commits, $0.waiting.count) }
    }

    /// Runs the body in a shared transaction; returns when it is on disk.
    ///
    /// `isIntake` writes are refused when too many wait. The loops' own writes are few, and a
    /// refusal would end them, so they are always taken.
    func write<T: Sendable>(
        isIntake: Bool = false, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<T, StoreError>, Never>) in
            let run: @Sendable (Database) -> @Sendable (StoreError?) -> Void = { db in
                do {
                    var value: T?
                    try db.inSavepoint {
                        value = try body(db)
                        return .commit
                    }
                    let result = value
                    return { failure in
                        if let failure {
                            continuation.resume(returning: .failure(failure))
                        } else if let result {
                            continuation.resume(returning: .success(result))
                        }
                    }
                } catch {
                    let failure = StoreError(error)
                    return { continuation.resume(returning: .failure($0 ?? failure)) }
                }
            }
            let job = Job(run: run) { continuation.resume(returning: .failure($0)) }
            if let refusal = enqueue(job, isIntake: isIntake) { job.refuse(refusal) }
        }
        return try result.get()
    }

    /// Answers why the job was not taken.
    private func enqueue(_ job: Job, isIntake: Bool) -> StoreError? {
        let (refusal, starts) = state.withLock { state -> (StoreError?, Bool) in
            if let failure = state.failure { return (failure, false) }
            if isIntake, state.waiting.count >= GroupCommit.waitingMax { return (.overloaded, false) }
            state.waiting.append(job)
            defer { state.isDraining = true }
            return (nil, !state.isDraining)
        }
        if starts { pool.asyncWriteWithoutTransaction { self.drain($0) } }
        return refusal
    }

    /// Runs on GRDB's writer queue until nothing waits.
    private func drain(_ db: Database) {
        while let jobs = next() {
            var answers: [@Sendable (StoreError?) -> Void] = []
            var failure: StoreError?
            do {
                try db.inTransaction(.immediate) {
                    answers = try jobs.map { job in
                        let answer = job.run(db)
                        // SQLite itself rolls everything back on some errors (a full disk); what
                        // ran after that would commit one by one.
                        guard db.isInsideTransaction else {
                            throw StoreError.failed("the transaction was rolled back")
                        }
                        return answer
                    }
                    return .commit
                }
            } catch {
                failure = .failed("the store cannot write: \(StoreError(error))")
            }
            state.withLock { state in
                state.jobs += jobs.count
                state.commits += 1
                if let failure, state.failure == nil { state.failure = failure }
            }
            if answers.isEmpty, let failure {
                // The transaction did not even begin: no job ran.
                for job in jobs { job.refuse(failure) }
            }
            for answer in answers { answer(failure) }
        }
    }

    private func next() -> [Job]? {
        refuseAfterFailure()
        return state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isDraining = false
                return nil
            }
            let jobs = Array(state.waiting.prefix(GroupCommit.jobsMax))
            state.waiting.removeFirst(jobs.count)
            return jobs
        }
    }

    /// After a failed commit nothing more is written, what already waits included.
    private func refuseAfterFailure() {
        let (jobs, failure) = state.withLock { state -> ([Job], StoreError?) in
            guard let failure = state.failure else { return ([], nil) }
            defer { state.waiting = [] }
            return (state.waiting, failure)
        }
        guard let failure else { return }
        for job in jobs { job.refuse(failure) }
    }
}

extension StoreError {
    /// GRDB's description hides the bound values, which may be lead data.
    init(_ error: any Error) {
        if let error = error as? StoreError {
            self = error
        } else if let error = error as? DatabaseError {
            self = .failed("SQLite \(error.resultCode.rawValue): \(error.message ?? "no message")")
        } else {
            self = .failed("\(type(of: error))")
        }
    }
}
