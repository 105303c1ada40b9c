internal import CSQLiteSettings
internal import Foundation
internal import GRDB

// Opening: the file is looked at before SQLite is, and SQLite before the first write.
extension SQLiteStore {
    /// SQLite counts each byte it allocates under a lock of the whole process, for functions that
    /// nobody here calls. Where SQLite was used before, it goes on counting.
    private static let countsNoMemory: Void = { _ = lr_sqlite_count_no_memory() }()

    static func openOwner(_ path: String) throws(StoreError) -> SQLiteStore {
        countsNoMemory
        let file = try StoreFile(path, creates: true)
        let lock = try StoreLock(path: file.path)
        return try attempt(path) {
            let isNew = !file.exists
            if isNew { try create(file, lock) }
            try file.check()
            try file.rollBack()
            try file.checkLength()
            try refuseDamagedLog(file)
            try refuseNewer(file)
            if !lock.wasClosed || file.isSmall { try refuseDamaged(file) }
            let space = DiskSpace(beside: file.path)
            // Opening may write.
            if !space.admits() { _ = space.release() }
            let pool = try DatabasePool(path: file.path, configuration: configuration())
            try makeDurable(pool)
            try makeForgetful(pool)
            try keepTemporaryInMemory(pool)
            try migrate(pool, space, path)
            try clearLog(pool)
            return SQLiteStore(
                pool: pool,
                writer: try GroupCommit(pool: pool, jobsMax: jobsPerCommit, space: space),
                lock: lock, space: space, isNew: isNew)
        }
    }

    /// Brings the tables to this version: all of it, or nothing.
    private static func migrate(
        _ pool: DatabasePool, _ space: DiskSpace, _ path: String
    ) throws {
        do {
            do {
                try Schema.migrator.migrate(pool)
            } catch  where error.isOfRoom && space.release() {
                try Schema.migrator.migrate(pool)
            }
        } catch  where error.isOfRoom {
            throw StoreError.unusable(
                "the store '\(path)' is of an older leadrouter, and its disk has no room to bring it up "
                    + "to this one; nothing has changed: free some, a tenth of the file is enough, "
                    + "and start again")
        }
    }

    /// An owner that ended well leaves a file: without it, another one would forget what is known and
    /// what still waits, and nobody would notice.
    private static func create(_ file: StoreFile, _ lock: StoreLock) throws {
        guard !lock.wasClosed else {
            lock.release(wasClosed: true)
            throw StoreError.unusable(
                "the store '\(file.path)' is missing, and there was one; restore it, or remove "
                    + "'\(file.path).lock' to begin with an empty one")
        }
        try file.create()
    }

    /// `LEADROUTER_JOBS_PER_COMMIT`, for measurements only: with 1 nobody shares a commit, and what
    /// sharing brings can be seen.
    private static var jobsPerCommit: Int {
        ProcessInfo.processInfo.environment["LEADROUTER_JOBS_PER_COMMIT"].flatMap { Int($0) }
            ?? GroupCommit.jobsMax
    }

    static func openReader(_ path: String) throws(StoreError) -> SQLiteStore {
        let file = try StoreFile(path, creates: false)
        guard file.exists else {
            throw .unusable("there is no store '\(path)' yet; 'leadrouter serve' creates it")
        }
        return try attempt(path) {
            try file.check()
            try refuseNewer(file)
            let pool = try DatabasePool(
                path: file.path, configuration: configuration(readonly: true))
            guard try pool.read(Schema.migrator.hasCompletedMigrations) else {
                throw StoreError.unusable(
                    "the store '\(path)' is of an older leadrouter; 'leadrouter serve' brings it up to "
                        + "this one, which cannot be undone: keep a backup made by the older one")
            }
            return SQLiteStore(pool: pool, writer: nil, lock: nil)
        }
    }

    /// What the last owner left in the log goes into the file: a log that was long takes room as long
    /// as it is there.
    private static func clearLog(_ pool: DatabasePool) throws {
        do {
            _ = try pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        } catch  where error.isOfRoom || error.isBusy {
            // It is whole, and copied when there is room.
        }
    }

    static func configuration(readonly: Bool = false) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = readonly
        configuration.busyMode = .timeout(Double(Checkpoints.busyMilliseconds) / 1000)
        configuration.foreignKeysEnabled = true
        configuration.label = "store"
        configuration.maximumReaderCount = 4
        return configuration
    }

    private static func attempt(
        _ path: String, _ open: () throws -> SQLiteStore
    ) throws(StoreError) -> SQLiteStore {
        do {
            return try open()
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable("cannot open the store '\(path)': \(StoreError(error))")
        }
    }

    /// GRDB sets `synchronous=NORMAL` itself when a pool opens, whatever was set before, and that
    /// loses acknowledged commits in a power cut; FULL is set afterwards and read back.
    private static func makeDurable(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
        let durability = try Durability(of: pool)
        guard durability == .required else {
            throw StoreError.unusable(
                "the store cannot be made durable: journal_mode is '\(durability.journalMode)', "
                    + "synchronous \(durability.synchronous)")
        }
    }

    /// What is erased, or moves when its row grows, is overwritten with zeros: a forgotten lead must
    /// not be readable in the file's free space.
    private static func makeForgetful(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            _ = try Int.fetchOne(db, sql: "PRAGMA secure_delete = ON")
        }
    }

    /// What a statement may have to undo, and the rows of an UPDATE on a table with triggers, are
    /// short-lived: without this SQLite writes them to files beside the store's own writes.
    private static func keepTemporaryInMemory(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            // The upper pages of all trees of a ledger of some millions of rows, in KiB.
            try db.execute(sql: "PRAGMA cache_size = -16384")
        }
    }

    private static func refuseNewer(_ file: StoreFile) throws {
        guard try !look(into: file, Schema.migrator.hasBeenSuperseded) else {
            throw StoreError.unusable(
                "the store '\(file.path)' was written by a newer leadrouter; use that version or "
                    + "a newer one")
        }
    }

    private static func refuseDamagedLog(_ file: StoreFile) throws {
        guard try !StoreLog.isDamaged(path: file.path + "-wal") else {
            throw StoreError.unusable(
                "the log '\(file.path)-wal' of the store is damaged, and leads that were accepted "
                    + "would be lost; restore a backup, or remove the log to go on without them")
        }
    }

    /// Reads every page: a second or two for a gigabyte that is in memory, and half a minute from a
    /// slow disk. A large file that was closed is looked at while the service runs (`checkPages`).
    private static func refuseDamaged(_ file: StoreFile) throws {
        file.readAhead()
        let answer = try look(into: file) { db in
            try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
        }
        guard answer == "ok" else {
            throw StoreError.unusable(
                "the store '\(file.path)' is damaged (PRAGMA quick_check); restore a backup")
        }
    }

    /// A pool writes when it opens; this does not.
    private static func look<T>(
        into file: StoreFile, _ body: (Database) throws -> T
    ) throws -> T {
        let queue = try DatabaseQueue(
            path: file.path, configuration: configuration(readonly: true))
        let value = try queue.read(body)
        try queue.close()
        return value
    }
}

/// What decides whether a commit survives a power cut.
struct Durability: Equatable {
    /// `PRAGMA synchronous`: 2 is FULL.
    var synchronous: Int
    /// `PRAGMA journal_mode`.
    var journalMode: String

    /// WAL and FULL.
    static let required = Durability(synchronous: 2, journalMode: "wal")

    private init(synchronous: Int, journalMode: String) {
        self.synchronous = synchronous
        self.journalMode = journalMode
    }

    /// Asks the connection that writes.
    init(of pool: DatabasePool) throws {
        self = try pool.writeWithoutTransaction { db in
            Durability(
                synchronous: try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1,
                journalMode: try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "")
        }
    }
}
