internal import GRDB

// Moving due dates of references: looked for in a snapshot, and moved in short transactions, as those of
// deliveries are.
extension SQLiteStore {
    public func limitDue(_ limit: ReferenceLimit) async throws(StoreError) -> Int {
        let late = try await read { db in try SQLiteStore.late(limit, db) }
        var count = 0
        for start in stride(from: 0, to: late.count, by: SQLiteStore.movedReferencesMax) {
            let batch = late[start..<min(start + SQLiteStore.movedReferencesMax, late.count)]
            count += try await write { db in
                try batch.reduce(0) { count, one in try count + SQLiteStore.move(one, db) }
            }
        }
        return count
    }

    /// The most rows of one transaction.
    private static let movedReferencesMax = 1000

    private struct LateReference {
        var sequence: Int64
        var planned: Int64
        var due: Int64
    }

    private static func late(
        _ limit: ReferenceLimit, _ db: Database
    ) throws -> [LateReference] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT sequence, due_ms, attempts FROM inbox INDEXED BY inbox_announced
                    WHERE state = 'announced' AND source = ? AND due_ms > ?
                    """), arguments: [limit.source, limit.atMilliseconds])
        var late: [LateReference] = []
        while let row = try rows.next() {
            guard let planned: Int64 = row.value("due_ms"),
                let due = limit.moved(
                    dueMilliseconds: planned, attempts: row.value("attempts") ?? 0)
            else { continue }
            late.append(LateReference(sequence: row["sequence"], planned: planned, due: due))
        }
        return late
    }

    private static func move(_ one: LateReference, _ db: Database) throws -> Int {
        do {
            try db.cachedStatement(
                sql: """
                    UPDATE inbox SET due_ms = ?
                    WHERE sequence = ? AND state = 'announced' AND due_ms = ?
                    """
            ).execute(arguments: [one.due, one.sequence, one.planned])
            return db.changesCount
        } catch  where DamagedRow.isCause(of: error) {
            return 0
        }
    }
}
