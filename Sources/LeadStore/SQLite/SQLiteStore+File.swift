internal import Dispatch
internal import GRDB
internal import Glibc

// The store as a file: sizes, copies, an empty log.
extension SQLiteStore: LedgerFile {
    public func sizes() async throws(StoreError) -> LedgerSizes {
        let log = StoreFile.size(of: pool.path + "-wal") ?? 0
        return try await read { db in
            func number(_ pragma: String) throws -> Int64 {
                try Int64.fetchOne(db, sql: "PRAGMA \(pragma)") ?? 0
            }
            let page = try number("page_size")
            return LedgerSizes(
                fileBytes: try number("page_count") * page,
                freeBytes: try number("freelist_count") * page, logBytes: Int64(log))
        }
    }

    /// Whether a store's file can be read, as far as permissions go.
    public enum Presence: Sendable {
        /// It is there, and may be read.
        case readable
        /// There is none.
        case missing
        /// It, or a folder on the way, is not for this account.
        case denied
    }

    /// Looks for a store's file.
    public static func presence(of path: String) -> Presence {
        if access(path, R_OK) == 0 { return .readable }
        return errno == EACCES ? .denied : .missing
    }

    /// Whether a process owns the store at the path now.
    public static func isOwned(path: String) -> Bool {
        guard let file = try? StoreFile(path, creates: false) else { return false }
        return StoreLock.isHeld(path: file.path)
    }

    public func clearLog() async -> Bool { await writer?.clearLog() ?? false }

    public func backup(to path: String) async throws(StoreError) -> Int64 {
        let source = pool.path
        return try await withCheckedContinuation { continuation in
            // It waits for the disk, which the threads of Swift's tasks should not.
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        try Backup(of: source, to: path).run()
                    })
            }
        }.get()
    }
}

/// A copy of a store.
///
/// `VACUUM INTO` reads one snapshot over a connection of its own that cannot write, and writes a
/// file without free pages: what was erased is not in it. The copy is made under another name,
/// synced, and only then given its own, which must be free: a file of that name is whole.
private struct Backup {
    let source: String
    let target: String
    private var part: String { target + ".part" }

    init(of source: String, to target: String) {
        self.source = source
        self.target = target
    }

    func run() throws(StoreError) -> Int64 {
        guard access(target, F_OK) != 0 else { throw Backup.exists(target) }
        try reserve()
        do {
            try copy()
            try publish()
        } catch {
            unlink(part)
            throw StoreError(error)
        }
        return Int64(StoreFile.size(of: target) ?? 0)
    }

    /// An empty file that is the owner's alone: leads are personal data.
    private func reserve() throws(StoreError) {
        unlink(part)
        let descriptor = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Backup.failed("cannot create", part) }
        _ = close(descriptor)
    }

    private func copy() throws {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: source, configuration: configuration)
        try queue.inDatabase { db in
            try db.execute(sql: "VACUUM INTO ?", arguments: [part])
        }
        try queue.close()
    }

    private func publish() throws(StoreError) {
        try Backup.sync(part, O_RDWR)
        guard link(part, target) == 0 else {
            throw errno == EEXIST ? Backup.exists(target) : Backup.failed("cannot create", target)
        }
        unlink(part)
        try Backup.sync(StoreFile.folder(of: target), O_RDONLY | O_DIRECTORY)
    }

    private static func sync(_ path: String, _ flags: Int32) throws(StoreError) {
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed("cannot open", path) }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failed("cannot sync", path) }
    }

    private static func exists(_ path: String) -> StoreError {
        .unusable("'\(path)' exists; a backup replaces nothing, so name another file")
    }

    private static func failed(_ doing: String, _ path: String) -> StoreError {
        .unusable("\(doing) '\(path)': \(String(cString: strerror(errno)))")
    }
}
