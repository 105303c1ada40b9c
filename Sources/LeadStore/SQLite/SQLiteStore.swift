internal import Dispatch
internal import GRDB
internal import LeadKit

/// Inbox and outbox in one SQLite file: WAL and `synchronous=FULL`, one writer with group commit.
public final class SQLiteStore: LeadStore {
    /// How a process opens a store.
    public enum Ownership: Sendable {
        /// The one process that writes; creates the file when it is not there.
        case owner
        /// Looks only; may run beside the owner.
        case reader
    }

    let pool: DatabasePool
    /// Nil for a reader.
    let writer: GroupCommit?
    private let lock: StoreLock?
    private let space: DiskSpace?
    /// Whether there was no store, and opening made one.
    public let isNew: Bool

    init(
        pool: DatabasePool, writer: GroupCommit?, lock: StoreLock?, space: DiskSpace? = nil,
        isNew: Bool = false
    ) {
        self.isNew = isNew
        self.space = space
        self.pool = pool
        self.writer = writer
        self.lock = lock
    }

    /// Opens a store. An owner's may take seconds when the last owner did not close it: its pages
    /// are then checked.
    ///
    /// - Throws: `.locked` when another process owns it; `.unusable` when it is damaged, is no
    ///   store of this program, is of a newer version, or cannot be made durable. A file that is
    ///   refused is not changed.
    public static func open(
        path: String, ownership: Ownership
    ) async throws(StoreError) -> SQLiteStore {
        try await withCheckedContinuation { continuation in
            // It waits for the disk, which the threads of Swift's tasks should not.
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        switch ownership {
                        case .owner: try openOwner(path)
                        case .reader: try openReader(path)
                        }
                    })
            }
        }.get()
    }

    /// The file, its absolute path without links.
    public var path: String { pool.path }

    /// Makes this process write down when it dies of itself, so that the delivery that was under way
    /// can be found out. Once, by a program that owns a store.
    public static func noteCrashes() { CrashNote.install() }

    public var lastOwnerCrashed: Bool { get async { lock?.hasCrashed ?? false } }

    public var leadOfCrash: Int64? { get async { lock?.leadOfCrash } }

    public func deciding<T>(_ sequence: Int64, _ body: () -> T) -> T {
        CrashNote.deciding(sequence, body)
    }

    /// What waits for room on the disk, or for another program that holds the file, is refused from
    /// now on: for a program that must end.
    public func endWaits() { writer?.endWaits() }

    /// Finishes what waits and closes; later calls fail. May be called twice.
    public func close() async {
        let isSound = await writer?.close() ?? true
        // The pool's readers close last and cannot do it: all would stay in the log.
        if isSound { await writer?.clearLogForGood() }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            DispatchQueue.global().async {
                do {
                    try self.pool.close()
                    self.lock?.release(wasClosed: isSound)
                } catch {
                    // The file is still open: the lock stays as long as this process does.
                }
                continuation.resume()
            }
        }
    }

    /// Writes in a shared transaction what changes no states.
    func write<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        try await write { db, _ in try body(db) }
    }

    /// Writes in a shared transaction; each change of a state is told to its tally.
    func write<T: Sendable>(
        isIntake: Bool = false, _ body: @escaping @Sendable (Database, Tally) throws -> T
    ) async throws(StoreError) -> T {
        guard let writer else { throw .isForReading }
        if isIntake { try space?.check() }
        return try await writer.write(isIntake: isIntake, body)
    }

    public func checkIntake() async throws(StoreError) {
        if let refusal = writer?.refusal { throw refusal }
        if writer?.isHeld == true { throw .isHeld }
        if writer?.isStalled == true { throw .isStalled }
        try space?.check()
        _ = try await stats()
    }

    /// Reads in a snapshot. Cancelling the caller does not make it fail.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
            pool.asyncRead { db in
                continuation.resume(
                    returning: Result { try body(db.get()) }.mapError { StoreError($0) })
            }
        }
        return try result.get()
    }
}
