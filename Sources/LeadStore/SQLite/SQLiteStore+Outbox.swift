internal import Foundation
internal import GRDB
internal import LeadKit

// Delivery.
extension SQLiteStore {
    public func lease(
        sink: String, limit: Int, token: String, atMilliseconds now: Int64,
        untilMilliseconds: Int64
    ) async throws(StoreError) -> [LeasedDelivery] {
        // An idle lane must not cost a commit.
        guard try await hasDue(sink: sink, at: now) else { return [] }
        return try await write { db in
            let sequences = try Int64.fetchAll(
                db.cachedStatement(sql: SQLiteStore.due),
                arguments: [sink, now, limit, sink, now, limit, limit])
            return try sequences.compactMap {
                try SQLiteStore.lease($0, token: token, at: now, until: untilMilliseconds, db)
            }
        }
    }

    /// What is due and what ran out, together, oldest due first: a backlog must not keep a lost
    /// lease waiting for ever.
    private static let due = """
        SELECT sequence FROM (
            SELECT * FROM (
                SELECT sequence, due_ms FROM outbox INDEXED BY outbox_pending
                WHERE state = 'pending' AND sink = ? AND due_ms <= ?
                ORDER BY due_ms, sequence LIMIT ?)
            UNION ALL
            SELECT * FROM (
                SELECT sequence, due_ms FROM outbox INDEXED BY outbox_leased
                WHERE state = 'leased' AND sink = ? AND lease_until_ms <= ?
                ORDER BY lease_until_ms LIMIT ?)
        ) ORDER BY due_ms, sequence LIMIT ?
        """

    private func hasDue(sink: String, at now: Int64) async throws(StoreError) -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_pending
                            WHERE state = 'pending' AND sink = ? AND due_ms <= ?)
                        OR EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_leased
                            WHERE state = 'leased' AND sink = ? AND lease_until_ms <= ?)
                        """), arguments: [sink, now, sink, now]) ?? false
        }
    }

    private static func lease(
        _ sequence: Int64, token: String, at now: Int64, until: Int64, _ db: Database
    ) throws -> LeasedDelivery? {
        try db.cachedStatement(
            sql: """
                UPDATE outbox SET state = 'leased', attempts = attempts + 1, lease_token = ?,
                    lease_until_ms = ? WHERE sequence = ?
                """
        ).execute(arguments: [token, until, sequence])
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT outbox.*, inbox.source, inbox.lead, inbox.received_ms,
                        inbox.is_duplicate, inbox.checksum AS lead_checksum
                    FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                    WHERE outbox.sequence = ?
                    """), arguments: [sequence])
        guard let row, let delivery = delivery(row) else { return nil }
        if let damage = SQLiteStore.damage(row, delivery) {
            try bury(sequence, attempt: row["attempts"], at: now, damage, db)
            return nil
        }
        return LeasedDelivery(
            sequence: sequence, delivery: delivery, source: row["source"],
            lead: [UInt8](row["lead"] as Data), receivedMilliseconds: row["received_ms"],
            isDuplicate: row["is_duplicate"], attempt: row["attempts"],
            createdMilliseconds: row["created_ms"], token: token)
    }

    /// What of the row is not as it was written; nothing of it may be sent then.
    static func damage(_ row: Row, _ delivery: NewDelivery) -> String? {
        if let checksum = row["lead_checksum"] as Int64?,
            Checksum.ofLead(row["lead"]) != checksum
        {
            return "the stored lead is damaged: it does not match its checksum"
        }
        if let checksum = row["checksum"] as Int64?,
            Checksum.of(delivery, Checksum.LeadRow(row, sequence: "inbox_sequence")) != checksum
        {
            return "the stored delivery is damaged: it does not match its checksum"
        }
        return nil
    }

    private static func bury(
        _ sequence: Int64, attempt: Int, at time: Int64, _ reason: String, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                UPDATE outbox SET state = 'dead', detail = ?, lease_token = NULL,
                    lease_until_ms = NULL WHERE sequence = ?
                """
        ).execute(arguments: [reason, sequence])
        try db.cachedStatement(sql: "INSERT INTO attempts VALUES (?, ?, ?, 0, 'dead', ?)")
            .execute(arguments: [sequence, attempt, time, reason])
    }

    public func voidLeases(exceptToken token: String) async throws(StoreError) -> Int {
        try await write { db in
            try db.execute(
                sql: """
                    UPDATE outbox INDEXED BY outbox_leased
                    SET state = 'pending', lease_token = NULL, lease_until_ms = NULL
                    WHERE state = 'leased' AND lease_token IS NOT ?
                    """, arguments: [token])
            return db.changesCount
        }
    }

    public func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool] {
        try await write { db in try results.map { try SQLiteStore.finish($0, db) } }
    }

    private static func finish(_ record: AttemptRecord, _ db: Database) throws -> Bool {
        let state: DeliveryState
        let outcome: String
        let detail: String
        var due: Int64?
        var followUps: [NewDelivery] = []
        switch record.result {
        case .delivered(let receipt): (state, outcome, detail) = (.delivered, "delivered", receipt)
        case .retry(let at, let reason):
            (state, outcome, detail) = (.pending, "retry", reason)
            due = at
        case .dead(let reason, let more):
            (state, outcome, detail) = (.dead, "dead", reason)
            followUps = more
        case .released(let at, let reason):
            (state, outcome, detail) = (.pending, "released", reason)
            due = at
        }
        // Fencing: only the holder of this very lease may say how its attempt ended.
        try db.cachedStatement(
            sql: """
                UPDATE outbox SET state = ?, detail = ?, due_ms = ifnull(?, due_ms),
                    attempts = attempts - ?, lease_token = NULL, lease_until_ms = NULL
                WHERE sequence = ? AND state = 'leased' AND lease_token = ? AND attempts = ?
                """
        ).execute(arguments: [
            state.rawValue, detail, due, outcome == "released" ? 1 : 0, record.sequence,
            record.token, record.attempt,
        ])
        guard db.changesCount > 0 else { return false }
        try db.cachedStatement(sql: "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                record.sequence, record.attempt, record.startedMilliseconds,
                record.durationMilliseconds, outcome, detail,
            ])
        guard !followUps.isEmpty else { return true }
        let inbox = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT inbox_sequence FROM outbox WHERE sequence = ?"),
            arguments: [record.sequence])
        let now = record.startedMilliseconds + record.durationMilliseconds
        for followUp in followUps { try insert(followUp, of: inbox ?? 0, at: now, db) }
        return true
    }

    public func nextDueMilliseconds() async throws(StoreError) -> [String: Int64] {
        try await read { db in
            // The index leads with the sink: one seek for each, whatever the backlog.
            let sinks = try String.fetchAll(
                db, sql: "SELECT sink FROM delivery_counts WHERE state = 'pending' AND count > 0")
            var result: [String: Int64] = [:]
            for sink in sinks {
                result[sink] = try Int64.fetchOne(
                    db.cachedStatement(
                        sql: """
                            SELECT due_ms FROM outbox INDEXED BY outbox_pending
                            WHERE state = 'pending' AND sink = ? ORDER BY due_ms LIMIT 1
                            """), arguments: [sink])
            }
            return result
        }
    }

    static func delivery(_ row: Row) -> NewDelivery? {
        DeliveryKey(row["key"] as String).map {
            NewDelivery(
                key: $0, sink: row["sink"], route: row["route"], isCopy: row["is_copy"],
                with: row["with_settings"], notBeforeMilliseconds: row["not_before_ms"],
                pool: row["pool"], member: row["member"])
        }
    }
}
