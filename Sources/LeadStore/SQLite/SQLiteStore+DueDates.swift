internal import GRDB

// Moving due dates. The rows are looked for in a snapshot and moved in short transactions, each only if
// it is still due when it was: what fails meanwhile keeps the due date that this gives it.
extension SQLiteStore {
    public func limitDue(_ limit: DueLimit) async throws(StoreError) -> Int {
        try await move(try await read { db in try SQLiteStore.late(limit, db) })
    }

    public func hasten(_ hastening: Hastening) async throws(StoreError) -> Int {
        try await move(try await read { db in try SQLiteStore.waiting(hastening, db) })
    }

    /// The most rows of one transaction.
    private static let movedBatchMax = 1000

    private struct Move {
        var sequence: Int64
        var planned: Int64
        var due: Int64
    }

    private func move(_ moves: [Move]) async throws(StoreError) -> Int {
        var count = 0
        for start in stride(from: 0, to: moves.count, by: SQLiteStore.movedBatchMax) {
            let batch = moves[start..<min(start + SQLiteStore.movedBatchMax, moves.count)]
            count += try await write { db in
                try batch.reduce(0) { count, one in try count + SQLiteStore.move(one, db) }
            }
        }
        return count
    }

    private static func move(_ one: Move, _ db: Database) throws -> Int {
        do {
            try db.cachedStatement(
                sql: """
                    UPDATE outbox SET due_ms = ?
                    WHERE sequence = ? AND state = 'pending' AND due_ms = ?
                    """
            ).execute(arguments: [one.due, one.sequence, one.planned])
            return db.changesCount
        } catch  where DamagedRow.isCause(of: error) {
            return 0  // It is set aside when it is leased.
        }
    }

    private static func late(_ limit: DueLimit, _ db: Database) throws -> [Move] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT sequence, due_ms, attempts, not_before_ms FROM outbox
                    INDEXED BY outbox_pending
                    WHERE state = 'pending' AND sink = ? AND due_ms > ?
                    """), arguments: [limit.sink, limit.atMilliseconds])
        var late: [Move] = []
        while let row = try rows.next() {
            guard let planned: Int64 = row.value("due_ms"),
                let attempts: Int = row.value("attempts")
            else { continue }
            let due = limit.moved(
                dueMilliseconds: planned, attempts: attempts,
                notBeforeMilliseconds: row.value("not_before_ms"))
            if let due { late.append(Move(sequence: row["sequence"], planned: planned, due: due)) }
        }
        return late
    }

    private static func waiting(_ hastening: Hastening, _ db: Database) throws -> [Move] {
        let now = hastening.atMilliseconds
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT sequence, due_ms FROM outbox INDEXED BY outbox_pending
                    WHERE state = 'pending' AND sink = ? AND destination = ? AND due_ms > ?
                        AND ifnull(not_before_ms, 0) <= ? AND ifnull(crashes, 0) = 0
                        AND sequence IS NOT ?
                    ORDER BY due_ms, sequence
                    """),
            arguments: [
                hastening.sink, hastening.destination, now, now, hastening.exceptSequence,
            ])
        var waiting: [Move] = []
        while let row = try rows.next() {
            guard let planned: Int64 = row.value("due_ms") else { continue }
            waiting.append(Move(sequence: row["sequence"], planned: planned, due: now))
        }
        return waiting
    }
}
