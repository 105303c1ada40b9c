internal import Foundation
internal import GRDB
internal import LeadKit

// Taking deliveries for attempts.
extension SQLiteStore {
    public func lease(_ request: LeaseRequest) async throws(StoreError) -> LeasedDeliveries {
        // With nothing to lease this writes nothing, and such a commit needs no sync.
        try await write { db, tally in
            var taken: [LeasedDelivery] = []
            for pick in request.picks where taken.count < request.limit {
                let limit = min(pick.limit, request.limit - taken.count)
                for sequence in try SQLiteStore.sequences(pick, of: request, limit: limit, db) {
                    guard let leased = try SQLiteStore.lease(sequence, for: request, db, tally)
                    else { continue }
                    taken.append(leased)
                }
            }
            return LeasedDeliveries(
                taken: taken, nextDueMilliseconds: try SQLiteStore.nextDue(of: request, db))
        }
    }

    /// The rows of a pick; a range of one index each.
    private static func sequences(
        _ pick: LeasePick, of request: LeaseRequest, limit: Int, _ db: Database
    ) throws -> [Int64] {
        let now = request.atMilliseconds
        if pick.kind == .suspect {
            return try Int64.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT sequence FROM outbox INDEXED BY outbox_suspect
                        WHERE state = 'pending' AND crashes > 0 AND sink = ? AND due_ms <= ?
                        ORDER BY due_ms, sequence LIMIT ?
                        """), arguments: [request.sink, now, limit])
        }
        if pick.kind == .probe, let latest = try latestDue(pick, of: request, db) {
            return [latest]
        }
        let condition: String
        let time: [Int64]
        switch pick.kind {
        case .due, .suspect: (condition, time) = ("due_ms <= ?", [now])
        case .dueSince(let since): (condition, time) = ("due_ms <= ? AND due_ms > ?", [now, since])
        case .probe: (condition, time) = ("ifnull(not_before_ms, 0) <= ?", [now])
        case .agedBy(let latest):
            (condition, time) = ("max(created_ms, ifnull(not_before_ms, 0)) <= ?", [latest])
        }
        let arguments: [any DatabaseValueConvertible] = [request.sink, pick.destination]
        return try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT sequence FROM outbox INDEXED BY outbox_pending
                    WHERE state = 'pending' AND sink = ? AND destination = ? AND \(condition)
                        AND ifnull(crashes, 0) = 0 ORDER BY due_ms, sequence LIMIT ?
                    """), arguments: StatementArguments(arguments + time + [limit]))
    }

    private static func latestDue(
        _ pick: LeasePick, of request: LeaseRequest, _ db: Database
    ) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT sequence FROM outbox INDEXED BY outbox_pending
                    WHERE state = 'pending' AND sink = ? AND destination = ? AND due_ms <= ?
                        AND ifnull(not_before_ms, 0) <= ? AND ifnull(crashes, 0) = 0
                    ORDER BY due_ms DESC, sequence DESC LIMIT 1
                    """),
            arguments: [
                request.sink, pick.destination, request.atMilliseconds, request.atMilliseconds,
            ])
    }

    private static func nextDue(
        of request: LeaseRequest, _ db: Database
    ) throws -> [String: Int64] {
        var result: [String: Int64] = [:]
        for name in Set(request.picks.map(\.destination)) {
            // Behind a NULL that the disk made of a time; the others are not to wait for it.
            try db.cachedStatement(
                sql: """
                    SELECT due_ms FROM outbox INDEXED BY outbox_pending
                    WHERE state = 'pending' AND sink = ? AND destination = ? AND ifnull(crashes, 0) = 0
                        AND due_ms > -1 ORDER BY due_ms LIMIT 1
                    """
            ).forEachRow(.text(request.sink), .text(name)) { row in
                result[name] = try? row.number()
                return false
            }
        }
        return result
    }

    /// Counts the attempt before it begins; nil for a damaged row, which is buried.
    private static func lease(
        _ sequence: Int64, for request: LeaseRequest, _ db: Database, _ tally: Tally
    ) throws -> LeasedDelivery? {
        do {
            try db.cachedStatement(
                sql: """
                    UPDATE outbox SET state = 'leased', attempts = attempts + 1, lease_token = ?,
                        lease_until_ms = ? WHERE sequence = ?
                    """
            ).run(.text(request.token), .integer(request.untilMilliseconds), .integer(sequence))
        } catch  where DamagedRow.isCause(of: error) {
            try DamagedRow.bury(sequence, at: request.atMilliseconds, db, tally)
            tally.delivery(to: request.sink, from: .pending, to: .dead)
            return nil
        }
        tally.delivery(to: request.sink, from: .pending, to: .leased)
        do {
            let row = try LeaseRow(sequence, db)
            guard let damage = row.damage else { return row.leased(with: request.token) }
            try bury(sequence, attempt: row.attempt, at: request.atMilliseconds, damage, db)
        } catch is RowReader.Damage {
            try DamagedRow.bury(
                sequence, at: request.atMilliseconds, db, tally,
                because: "the stored delivery is damaged: it cannot be read")
        }
        tally.delivery(to: request.sink, from: .leased, to: .dead)
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

    public func pendingDestinations(
        sink: String, after name: String, limit: Int
    ) async throws(StoreError) -> [PendingDestination] {
        try await read { db in
            // A walk from name to name: two seeks for each, however many deliveries it has.
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        WITH RECURSIVE walk (name) AS (
                            SELECT min(destination) FROM outbox INDEXED BY outbox_pending
                            WHERE state = 'pending' AND sink = ?1 AND destination > ?2
                            UNION ALL
                            SELECT (SELECT min(destination) FROM outbox INDEXED BY outbox_pending
                                WHERE state = 'pending' AND sink = ?1 AND destination > walk.name)
                            FROM walk WHERE walk.name IS NOT NULL LIMIT ?3)
                        SELECT name, (SELECT min(due_ms) FROM outbox INDEXED BY outbox_pending
                            WHERE state = 'pending' AND sink = ?1 AND destination = walk.name)
                            AS due_ms
                        FROM walk WHERE name IS NOT NULL
                        """), arguments: [sink, name, limit])
            return rows.compactMap { row in
                guard let name: String = row.value("name"), let due: Int64 = row.value("due_ms")
                else { return nil }
                return PendingDestination(name: name, dueMilliseconds: due)
            }
        }
    }

    public func renew(
        _ leases: [LeaseName], token: String, untilMilliseconds: Int64
    ) async throws(StoreError) -> [Bool] {
        try await write { db in
            try leases.map { lease in
                try db.cachedStatement(
                    sql: """
                        UPDATE outbox SET lease_until_ms = ?
                        WHERE sequence = ? AND state = 'leased' AND lease_token = ?
                            AND attempts = ?
                        """
                ).execute(arguments: [untilMilliseconds, lease.sequence, token, lease.attempt])
                return db.changesCount > 0
            }
        }
    }

    public func voidLeases(_ void: LeaseVoid) async throws(StoreError) -> VoidedLeases {
        let isIdle = try await read { db in try SQLiteStore.void(void, limit: 1, db).isEmpty }
        if isIdle { return VoidedLeases() }
        return try await write { db, tally in
            let sequences = try SQLiteStore.void(void, limit: -1, db)
            var quarantined: [Int64] = []
            for sequence in sequences {
                let crash = void.countsCrash ? 1 : 0
                let row: Row?
                do {
                    row = try Row.fetchOne(
                        db.cachedStatement(
                            sql: """
                                UPDATE outbox SET lease_token = NULL, lease_until_ms = NULL,
                                    crashes = crashes + ?1,
                                    state = iif(crashes + ?1 >= ?2, 'dead', 'pending'),
                                    detail = iif(crashes + ?1 >= ?2, ?3, detail)
                                WHERE sequence = ?4 RETURNING state, attempts, sink
                                """),
                        arguments: [crash, LeaseVoid.crashesMax, LeaseVoid.reason, sequence])
                } catch  where DamagedRow.isCause(of: error) {
                    try DamagedRow.bury(sequence, at: void.atMilliseconds, db, tally)
                    let sink = try String.fetchOne(
                        db, sql: "SELECT sink FROM outbox WHERE sequence = ?",
                        arguments: [sequence])
                    tally.delivery(to: sink ?? "", from: .leased, to: .dead)
                    continue
                }
                guard let row,
                    let state = row.value("state").flatMap({ DeliveryState(rawValue: $0) }),
                    let sink: String = row.value("sink")
                else { continue }
                tally.delivery(to: sink, from: .leased, to: state)
                guard state == .dead else { continue }
                quarantined.append(sequence)
                try db.cachedStatement(sql: "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)")
                    .execute(arguments: [
                        sequence, row.value("attempts") ?? 1, void.atMilliseconds, 0, "dead",
                        LeaseVoid.reason,
                    ])
            }
            return VoidedLeases(count: sequences.count, quarantined: quarantined)
        }
    }

    private static func void(_ void: LeaseVoid, limit: Int, _ db: Database) throws -> [Int64] {
        try Int64.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT sequence FROM outbox INDEXED BY outbox_leased
                    WHERE state = 'leased' AND lease_token IS NOT ? AND lease_until_ms <= ?
                    LIMIT ?
                    """),
            arguments: [void.exceptToken, void.ranOutByMilliseconds ?? .max, limit])
    }
}

/// A row of the outbox and its lead's, as an attempt needs them.
struct LeaseRow {
    var sequence: Int64
    var delivery: NewDelivery
    var lead: [UInt8]
    var leadRow: Checksum.LeadRow
    var attempt: Int
    var createdMilliseconds: Int64
    var destination: String
    var wasTried: Bool
    var crashes: Int
    var leadChecksum: Int64?
    var checksum: Int64?

    init(_ sequence: Int64, _ db: Database) throws {
        var found: LeaseRow?
        try db.cachedStatement(
            sql: """
                SELECT outbox.key, outbox.sink, outbox.route, outbox.is_copy,
                    outbox.with_settings, outbox.not_before_ms, outbox.pool, outbox.member,
                    outbox.attempts, outbox.created_ms, outbox.destination,
                    outbox.detail IS NOT NULL, outbox.crashes, outbox.due_ms, outbox.checksum,
                    inbox.sequence, inbox.source, inbox.lead, inbox.received_ms,
                    inbox.is_duplicate, inbox.checksum
                FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                WHERE outbox.sequence = ?
                """
        ).forEachRow(.integer(sequence)) { row in
            found = try LeaseRow(sequence, &row)
            return false
        }
        guard let found else { throw RowReader.Damage() }
        self = found
    }

    private init(_ sequence: Int64, _ row: inout RowReader) throws(RowReader.Damage) {
        self.sequence = sequence
        guard let key = DeliveryKey(try row.text()) else { throw RowReader.Damage() }
        delivery = NewDelivery(
            key: key, sink: try row.text(), route: try row.text(), isCopy: try row.flag(),
            with: try row.text(), notBeforeMilliseconds: try row.numberOrNothing(),
            pool: try row.textOrNothing(), member: try row.textOrNothing())
        attempt = Int(try row.number())
        createdMilliseconds = try row.number()
        destination = try row.text()
        wasTried = try row.flag()
        crashes = Int(try row.number())
        // Only that it is there: how the attempt ends could not be written otherwise.
        _ = try row.number()
        checksum = try row.checksum()
        let number = try row.number()
        let source = try row.text()
        lead = try row.bytes()
        leadRow = Checksum.LeadRow(
            sequence: number, source: source, receivedMilliseconds: try row.number(),
            isDuplicate: try row.flag())
        leadChecksum = try row.checksum()
    }

    /// The row of that number; nil when there is none, or it is damaged.
    static func intact(_ sequence: Int64, _ db: Database) throws -> LeaseRow? {
        do {
            let row = try LeaseRow(sequence, db)
            return row.damage == nil ? row : nil
        } catch is RowReader.Damage {
            return nil
        }
    }

    /// What of the row is not as it was written; nothing of it may be sent then.
    var damage: String? {
        guard leadChecksum == Checksum.ofLead(lead) else {
            return "the stored lead is damaged: it does not match its checksum"
        }
        guard checksum == Checksum.of(delivery, leadRow) else {
            return "the stored delivery is damaged: it does not match its checksum"
        }
        return nil
    }

    func leased(with token: String) -> LeasedDelivery {
        LeasedDelivery(
            sequence: sequence, delivery: delivery, source: leadRow.source, lead: lead,
            receivedMilliseconds: leadRow.receivedMilliseconds, isDuplicate: leadRow.isDuplicate,
            attempt: attempt, createdMilliseconds: createdMilliseconds, destination: destination,
            wasTried: wasTried, crashes: crashes, token: token)
    }
}
