internal import Dispatch
internal import GRDB
internal import GRDBSQLite
internal import Synchronization

/// When the log (WAL) is copied into the store's file, and by whom.
///
/// SQLite's own checkpoints run inside the commit that crosses a limit: that commit, and whoever
/// waits behind it, pays for megabytes of writes and two syncs. They are off. The writer itself,
/// never another connection (SQLite before 3.51.3 can damage the file when two connections
/// checkpoint and write at once), copies the log
///
/// - when nothing has been written for `quiet`, if it has grown by `quietPages`;
/// - under load, when it has grown by `pagesMax`, so that it stays bounded.
///
/// The bound is half of the ballast (`DiskSpace`): on a disk that somebody else has filled, what is
/// still to be recorded goes into the log first. A log that may take all of the ballast is never
/// copied, because there is no room left for that, and nothing more is recorded.
///
/// Passive checkpoints wait for nobody: pages that a reader still needs stay for the next one.
final class Checkpoints: Sendable {
    /// The growth worth a checkpoint at a quiet moment: 1 MiB of pages of 4 KiB.
    static let quietPages = 256
    /// The growth that forces one, on a disk of ordinary size: 32 MiB, half of the ballast.
    static let pagesMax = 8_192
    /// From so many pages on, 4 MiB, the log is made an empty file at a quiet moment: its room may be
    /// what a full disk lacks.
    static let longPages = 1_024
    /// Bytes of a page of the store's file, unless SQLite was built otherwise.
    private static let pageBytes: Int64 = 4_096
    /// How long nothing was written at a quiet moment.
    static let quiet = DispatchTimeInterval.milliseconds(200)

    /// What the hook tells, on the writer queue; a mutex because the timer looks at it too.
    private final class Log: Sendable {
        struct State {
            /// Pages in the log.
            var pages = 0
            /// Pages that were there at the last checkpoint.
            var copied = 0
            /// The most pages since the log was last made empty: the file keeps its length.
            var longest = 0
            var commits = 0
            var isTimed = false
        }
        let state = Mutex(State())
    }

    private let log = Log()
    /// The growth that forces a checkpoint here.
    let pagesMax: Int

    /// Takes SQLite's own checkpoints off and counts the pages instead.
    init(_ pool: DatabasePool, ballastBytes: Int64 = DiskSpace.ballastBytesMax) throws {
        pagesMax = min(
            Checkpoints.pagesMax, max(1, Int(ballastBytes / 2 / Checkpoints.pageBytes)))
        try pool.writeWithoutTransaction { [log] db in
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            // SQLite calls the hook inside a commit only, and every commit comes from the group
            // commit that owns this object.
            let context = Unmanaged.passUnretained(log).toOpaque()
            _ = sqlite3_wal_hook(
                db.sqliteConnection,
                { context, _, _, pages in
                    guard let context else { return SQLITE_OK }
                    Unmanaged<Log>.fromOpaque(context).takeUnretainedValue().state.withLock {
                        $0.commits += 1
                        $0.pages = Int(pages)
                        $0.longest = max($0.longest, $0.pages)
                        // The log has begun anew.
                        if $0.pages < $0.copied { $0.copied = 0 }
                    }
                    return SQLITE_OK
                }, context)
        }
    }

    /// Copies the log if it has grown enough; whether it tried. Runs on the writer queue, outside
    /// of a transaction.
    func run(_ db: Database, isQuiet: Bool) throws -> Bool {
        if isQuiet, log.state.withLock({ $0.longest >= Checkpoints.longPages }) {
            return try clear(db)
        }
        let isDue = log.state.withLock { state in
            let grown = state.pages - state.copied
            guard grown >= (isQuiet ? min(Checkpoints.quietPages, pagesMax) : pagesMax) else {
                return false
            }
            state.copied = state.pages
            return true
        }
        if isDue { _ = try db.checkpoint(.passive) }
        return isDue
    }

    /// Copies everything and makes the log an empty file; false when a reader still needs it.
    /// Everybody who writes waits meanwhile, so it is not long in waiting for readers.
    func clear(_ db: Database) throws -> Bool {
        sqlite3_busy_timeout(db.sqliteConnection, Checkpoints.clearMilliseconds)
        defer { sqlite3_busy_timeout(db.sqliteConnection, Checkpoints.busyMilliseconds) }
        do {
            _ = try db.checkpoint(.truncate)
            log.state.withLock { ($0.pages, $0.copied, $0.longest) = (0, 0, 0) }
            return true
        } catch  where error.isBusy {
            return false
        }
    }

    /// How long to wait for readers before the log is made empty.
    static let clearMilliseconds: Int32 = 200
    /// How long to wait for another program that holds the file.
    static let busyMilliseconds: Int32 = 5_000

    /// Calls back once, when nothing was committed for `quiet`, if there is something to copy.
    /// One timer at most is set.
    func whenQuiet(_ body: @escaping @Sendable () -> Void) {
        let commits = log.state.withLock { state -> Int? in
            let isDue =
                state.pages - state.copied >= min(Checkpoints.quietPages, pagesMax)
                || state.longest >= Checkpoints.longPages
            guard isDue, !state.isTimed else { return nil }
            state.isTimed = true
            return state.commits
        }
        guard let commits else { return }
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + Checkpoints.quiet) {
            let isQuiet = self.log.state.withLock { state in
                state.isTimed = false
                return state.commits == commits
            }
            if isQuiet { body() } else { self.whenQuiet(body) }
        }
    }
}
