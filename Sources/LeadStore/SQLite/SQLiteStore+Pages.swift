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
        let answer = Answer()
        return try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.wait(continuation)
                if Task.isCancelled { return answer.give(.success([])) }
                // A thread of its own has a priority of its own, and may be left alone.
                Thread.detachNewThread {
                    // Of this thread only (setpriority(2), "C library/kernel differences"); its
                    // reads follow.
                    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
                    answer.give(
                        Result { () throws(StoreError) in try SQLiteStore.check(table, path) })
                }
            }
        } onCancel: {
            answer.give(.success([]))
        }.get()
    }

    /// SQLite (3.40) does not let the look at a tree be interrupted, so whoever waits may go away.
    private final class Answer: Sendable {
        typealias Outcome = Result<[LedgerFault], StoreError>
        private let waiting = Mutex<CheckedContinuation<Outcome, Never>?>(nil)

        func wait(_ continuation: CheckedContinuation<Outcome, Never>) {
            waiting.withLock { $0 = continuation }
        }

        func give(_ outcome: Outcome) {
            let waiter = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            waiter?.resume(returning: outcome)
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
