internal import Foundation
internal import GRDB
internal import Glibc
internal import Synchronization

// Looking at the pages of the file beside everything else.
extension SQLiteStore {
    public func tables() async throws(StoreError) -> [String] {
        try await read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM sqlite_schema
                    WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name
                    """)
        }
    }

    public func checkPages(of table: String) async throws(StoreError) -> [LedgerFault] {
        let path = pool.path
        return try await Apart.run(instead: .success([]), isLowly: true) { () throws(StoreError) in
            try SQLiteStore.check(table, path)
        }
    }

    /// Reads in a snapshot, through a connection of its own: what takes minutes must not take one
    /// from the loops, nor hold up the end of the program. Whoever is cancelled does not wait.
    func readApart<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        let path = pool.path
        return try await Apart.run(instead: .failure(.failed("broken off"))) {
            () throws(StoreError) in
            do {
                let queue = try DatabaseQueue(
                    path: path, configuration: SQLiteStore.configuration(readonly: true))
                defer { try? queue.close() }
                return try queue.read(body)
            } catch {
                throw StoreError(error)
            }
        }
    }

    private static func check(_ table: String, _ path: String) throws(StoreError) -> [LedgerFault] {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            let name = table.replacing("'", with: "''")
            let answers = try queue.read { db in
                try String.fetchAll(db, sql: "PRAGMA quick_check('\(name)')")
            }
            return answers.prefix(fileFaultsMax).filter { $0 != "ok" }
                .map { LedgerFault(.file, "table \(table)", $0) }
        } catch let error as DatabaseError
            where [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR].contains(error.resultCode)
        {
            return [LedgerFault(.file, "table \(table)", StoreError(error).description)]
        } catch {
            throw StoreError(error)
        }
    }
}

/// Work on a thread of its own, which whoever waits for it may leave: SQLite (3.40) does not let the
/// look at a tree be interrupted.
private final class Apart<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, StoreError>
    private let waiting = Mutex<CheckedContinuation<Outcome, Never>?>(nil)

    private init() {}

    /// `instead` is what a caller gets who is cancelled; `isLowly` work leaves the processor and the
    /// disk to everybody else.
    static func run(
        instead: Outcome, isLowly: Bool = false,
        _ body: @escaping @Sendable () throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let apart = Apart()
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                apart.waiting.withLock { $0 = continuation }
                if Task.isCancelled { return apart.give(instead) }
                Thread.detachNewThread {
                    // Of this thread only (setpriority(2), "C library/kernel differences"); its
                    // reads follow.
                    if isLowly { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19) }
                    apart.give(Result { () throws(StoreError) in try body() })
                }
            }
        } onCancel: {
            apart.give(instead)
        }.get()
    }

    private func give(_ outcome: Outcome) {
        let waiter = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        waiter?.resume(returning: outcome)
    }
}
