internal import GRDB
internal import LeadKit

// What became of deliveries.
extension SQLiteStore {
    public func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool] {
        try await write { db, tally in
            try results.map { try SQLiteStore.finish($0, db, tally) }
        }
    }

    private static func finish(
        _ record: AttemptRecord, _ db: Database, _ tally: Tally
    ) throws -> Bool {
        var end = AttemptEnd(record.result)
        if !end.followUps.isEmpty {
            end.leaveOut(served: try othersServed(besides: record.sequence, db))
        }
        // Fencing: only the holder of this very lease may say how its attempt ended.
        try db.cachedStatement(
            sql: """
                UPDATE outbox SET state = ?, detail = ifnull(?, detail),
                    due_ms = ifnull(?, due_ms), destination = ifnull(?, destination),
                    attempts = attempts - ?, crashes = iif(?, 0, crashes),
                    lease_token = NULL, lease_until_ms = NULL
                WHERE sequence = ? AND sink = ? AND state = 'leased' AND lease_token = ?
                    AND attempts = ?
                """
        ).run(
            .text(end.state.rawValue), .text(end.detail), .integer(end.dueMilliseconds),
            .text(record.destination), end.isSpent ? 0 : 1, end.isSpent ? 1 : 0,
            .integer(record.sequence), .text(record.sink), .text(record.token),
            .integer(Int64(record.attempt)))
        guard db.changesCount > 0 else { return false }
        tally.delivery(to: record.sink, from: .leased, to: end.state)
        if let outcome = end.outcome { try note(outcome, end.told(record), record, db) }
        guard !end.followUps.isEmpty else { return true }
        let inbox = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT inbox_sequence FROM outbox WHERE sequence = ?"),
            arguments: [record.sequence])
        let now = record.startedMilliseconds + record.durationMilliseconds
        try insert(end.followUps, of: inbox ?? 0, at: now, db, tally)
        return true
    }

    /// What else the lead has, or will have. A damaged row is not believed: nobody might get the lead.
    private static func othersServed(
        besides sequence: Int64, _ db: Database
    ) throws -> [NewDelivery] {
        try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT sequence FROM outbox WHERE sequence <> ?1
                        AND state IN ('pending', 'leased', 'delivered') AND inbox_sequence =
                            (SELECT inbox_sequence FROM outbox WHERE sequence = ?1)
                    """), arguments: [sequence]
        ).compactMap { try LeaseRow.intact($0, db)?.delivery }
    }

    /// The history; a sick destination that is probed for days must not fill it.
    private static func note(
        _ outcome: String, _ detail: String, _ record: AttemptRecord, _ db: Database
    ) throws {
        if outcome == AttemptEnd.released {
            try db.cachedStatement(
                sql: """
                    DELETE FROM attempts WHERE outcome = 'released' AND rowid =
                        (SELECT max(rowid) FROM attempts WHERE outbox_sequence = ?)
                    """
            ).execute(arguments: [record.sequence])
        }
        try db.cachedStatement(sql: "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)")
            .run(
                .integer(record.sequence), .integer(Int64(record.attempt)),
                .integer(record.startedMilliseconds), .integer(record.durationMilliseconds),
                .text(outcome), .text(detail))
    }

    /// What a row of the outbox says is sent where; nil when it cannot be read.
    static func delivery(_ row: Row) -> NewDelivery? {
        guard let text: String = row.value("key"), let key = DeliveryKey(text),
            let sink: String = row.value("sink"), let route: String = row.value("route"),
            let isCopy: Bool = row.value("is_copy"),
            let settings: String = row.value("with_settings")
        else { return nil }
        return NewDelivery(
            key: key, sink: sink, route: route, isCopy: isCopy, with: settings,
            notBeforeMilliseconds: row.value("not_before_ms"), pool: row.value("pool"),
            member: row.value("member"))
    }

    // MARK: What delivery remembers

    public func clockJumps() async throws(StoreError) -> [ClockJump] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM clock_jumps ORDER BY sequence DESC LIMIT ?",
                arguments: [ClockJump.countMax]
            ).reversed().compactMap { row in
                guard let expected: Int64 = row.value("expected_ms"),
                    let by: Int64 = row.value("by_ms")
                else { return nil }
                return ClockJump(expectedMilliseconds: expected, byMilliseconds: by)
            }
        }
    }

    public func record(_ jump: ClockJump) async throws(StoreError) {
        try await write { db in
            if jump.isMark { try db.execute(sql: "DELETE FROM clock_jumps WHERE by_ms = 0") }
            try db.execute(
                sql: "INSERT INTO clock_jumps (expected_ms, by_ms) VALUES (?, ?)",
                arguments: [jump.expectedMilliseconds, jump.byMilliseconds])
            try db.execute(
                sql: """
                    DELETE FROM clock_jumps WHERE sequence < (SELECT min(sequence) FROM
                        (SELECT sequence FROM clock_jumps ORDER BY sequence DESC LIMIT ?))
                    """, arguments: [ClockJump.countMax])
        }
    }

    public func pauses() async throws(StoreError) -> [SinkPause] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM sink_pauses ORDER BY sink")
                .compactMap { row in
                    row.value("sink").map { sink in
                        SinkPause(
                            sink: sink, sinceMilliseconds: row.value("since_ms") ?? 0,
                            reason: row.value("reason") ?? "")
                    }
                }
        }
    }

    public func setPause(_ pause: SinkPause?, sink: String) async throws(StoreError) {
        try await write { db in
            guard let pause else {
                return try db.execute(
                    sql: "DELETE FROM sink_pauses WHERE sink = ?", arguments: [sink])
            }
            try db.execute(
                sql: """
                    INSERT INTO sink_pauses VALUES (?, ?, ?)
                    ON CONFLICT DO UPDATE SET reason = excluded.reason
                    """, arguments: [sink, pause.sinceMilliseconds, pause.reason])
        }
    }
}
