internal import Foundation
internal import GRDB
internal import LeadKit
internal import Synchronization

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
    let writer: GroupCommit
    private let lock: StoreLock?
    private let isClosed = Mutex(false)

    private init(pool: DatabasePool, lock: StoreLock?) {
        self.pool = pool
        self.lock = lock
        writer = GroupCommit(pool: pool)
    }

    /// Opens a store.
    ///
    /// - Throws: `.locked` when another process owns it; `.unusable` when it is damaged, is no
    ///   store of this program, is of a newer version, or cannot be made durable.
    public static func open(
        path: String, ownership: Ownership
    ) async throws(StoreError) -> SQLiteStore {
        switch ownership {
        case .owner: try openOwner(path)
        case .reader: try openReader(path)
        }
    }

    private static func openOwner(_ path: String) throws(StoreError) -> SQLiteStore {
        let folder = URL(filePath: path).deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
        } catch {
            throw .unusable("cannot create the folder '\(folder.path())' for the store")
        }
        let lock = try StoreLock(path: path)
        try refuseForeignFile(path)
        if !FileManager.default.fileExists(atPath: path) {
            // Leads are personal data: the file is the owner's alone before it holds anything.
            let isMade = FileManager.default.createFile(
                atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
            if !isMade { throw .unusable("cannot create the store '\(path)'") }
        }
        return try attempt(path) {
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.foreignKeysEnabled = true
            configuration.label = "store"
            configuration.maximumReaderCount = 4
            let pool = try DatabasePool(path: path, configuration: configuration)
            try makeDurable(pool)
            try refuseForeign(pool)
            try Schema.migrator.migrate(pool)
            return SQLiteStore(pool: pool, lock: lock)
        }
    }

    private static func openReader(_ path: String) throws(StoreError) -> SQLiteStore {
        guard FileManager.default.fileExists(atPath: path) else {
            throw .unusable("there is no store '\(path)' yet; 'leadrouter serve' creates it")
        }
        return try attempt(path) {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let pool = try DatabasePool(path: path, configuration: configuration)
            try refuseForeign(pool)
            return SQLiteStore(pool: pool, lock: nil)
        }
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

    /// GRDB sets `synchronous=NORMAL` itself when a pool opens, which loses acknowledged commits
    /// in a power cut; FULL is set afterwards and read back.
    private static func makeDurable(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // Checkpoints come from the writer alone, in steps of 8 MiB of log.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 2000")
            let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
            let journal = try String.fetchOne(db, sql: "PRAGMA journal_mode")
            guard synchronous == 2, journal == "wal" else {
                throw StoreError.unusable(
                    "the store cannot be made durable: journal_mode \(journal ?? "?"), "
                        + "synchronous \(synchronous.map(String.init) ?? "?")")
            }
            guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw StoreError.unusable(
                    "the store is damaged (PRAGMA quick_check); restore a backup")
            }
        }
    }

    /// Looks at the file before SQLite does: opening a pool changes the file's journal mode, which
    /// another program's database must be spared.
    private static func refuseForeignFile(_ path: String) throws(StoreError) {
        // With a log beside it, the file's own header may be older than the database.
        guard !FileManager.default.fileExists(atPath: path + "-wal"),
            let file = FileHandle(forReadingAtPath: path)
        else { return }
        defer { try? file.close() }
        let header = [UInt8]((try? file.read(upToCount: 100)) ?? Data())
        guard !header.isEmpty else { return }
        func number(at offset: Int) -> UInt32 {
            header[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
        }
        let isSQLite = header.count == 100 && header.starts(with: Array("SQLite format 3\0".utf8))
        let isStore = isSQLite && number(at: 68) == UInt32(bitPattern: Schema.applicationID)
        let isEmpty = isSQLite && number(at: 68) == 0 && number(at: 28) <= 1
        if !isStore, !isEmpty { throw .unusable("the file '\(path)' is no leadrouter store") }
    }

    private static func refuseForeign(_ pool: DatabasePool) throws {
        try pool.read { db in
            let id = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
            let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
            guard id == Schema.applicationID || (id == 0 && tables == 0) else {
                throw StoreError.unusable("the file is no leadrouter store")
            }
            if try Schema.migrator.hasBeenSuperseded(db) {
                throw StoreError.unusable(
                    "the store was written by a newer leadrouter; use that version")
            }
        }
    }

    /// Finishes what waits and closes. May be called twice.
    public func close() async {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        if lock != nil { _ = try? await writer.write { _ in } }
        try? pool.close()
        lock?.release()
    }

    /// Reads in a snapshot.
    func read<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        do {
            return try await pool.read(body)
        } catch {
            throw StoreError(error)
        }
    }
}
