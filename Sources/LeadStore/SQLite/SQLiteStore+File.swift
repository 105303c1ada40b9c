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

    public func backup(to path: String) async throws(StoreError) -> LedgerCopy {
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
