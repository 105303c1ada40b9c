internal import Dispatch
internal import GRDB
internal import GRDBSQLite
internal import Synchronization

/// Brings commits to the disk beside the writer: while one is on its way, the next group's
/// statements already run. See docs/decisions/026-the-next-group-runs-while-a-commit-is-synced.md.
///
/// At most one commit is on its way, and no other is written to the log before it has arrived: the
/// log holds one commit at most that is not synced, and it is the last.
final class LogSync: Sendable {
    private let queue = DispatchQueue(label: "leadrouter.sync")
    private let underWay = DispatchGroup()
    private let failure = Mutex<StoreError?>(nil)
    private let sync: @Sendable (LogFile) -> Int32

    /// `sync` answers an SQLite result code; tests hold it up, or let it fail.
    init(sync: @escaping @Sendable (LogFile) -> Int32 = { $0.sync() }) { self.sync = sync }

    /// Whether a commit is on its way.
    var isUnderWay: Bool { underWay.wait(timeout: .now()) == .timedOut }

    /// Waits for the commit that is on its way.
    ///
    /// - Throws: why a commit did not arrive. It stays so: nobody knows what is on disk.
    func wait() throws(StoreError) {
        underWay.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Waits until what has arrived is answered, too.
    func settle() { queue.sync {} }

    /// Syncs what was committed, and returns when it is on the disk.
    func run(_ file: LogFile) throws(StoreError) {
        let code = sync(file)
        guard code != SQLITE_OK else { return }
        let failure = StoreError.cannotWrite(
            DatabaseError(resultCode: .init(rawValue: code), message: "the log was not synced"))
        self.failure.withLock { $0 = failure }
        throw failure
    }

    /// Syncs what was committed. `failed` is called before anybody hears that it is over, and
    /// `arrived` after the writer was let go on.
    func begin(
        _ file: LogFile, arrived: @escaping @Sendable () -> Void,
        failed: @escaping @Sendable (StoreError) -> Void
    ) {
        underWay.enter()
        queue.async {
            do throws(StoreError) {
                try self.run(file)
            } catch {
                failed(error)
                return self.underWay.leave()
            }
            self.underWay.leave()
            arrived()
        }
    }
}

/// The log (WAL) as SQLite has it open for the connection that writes.
///
/// SQLite's own handle is synced, so that a fault that the system noticed since it was opened is
/// told. It may be synced on another thread than the one that writes: SQLite's does nothing but
/// `fdatasync`, and for a new file once `fsync` of its folder.
struct LogFile: @unchecked Sendable {
    private let file: UnsafeMutablePointer<sqlite3_file>

    /// Asks the connection that writes.
    ///
    /// - Throws: when it has no log.
    init(of db: Database) throws {
        var file: UnsafeMutablePointer<sqlite3_file>?
        let code = sqlite3_file_control(
            db.sqliteConnection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
        guard code == SQLITE_OK, let file, file.pointee.pMethods?.pointee.xSync != nil else {
            throw StoreError.unusable("the store has no log that can be synced")
        }
        self.file = file
    }

    /// Returns when all that was written is on the disk; answers an SQLite result code.
    func sync() -> Int32 {
        file.pointee.pMethods.pointee.xSync(file, SQLITE_SYNC_NORMAL)
    }
}
