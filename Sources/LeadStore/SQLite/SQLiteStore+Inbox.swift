internal import Foundation
internal import GRDB
public import LeadKit

// Intake and routing.
extension SQLiteStore {
    public func accept(
        _ items: [InboxItem], atMilliseconds now: Int64
    ) async throws(StoreError) -> [Acceptance] {
        // Bytes are made outside the writer, which everybody shares.
        let rows = items.map { InboxRow($0) }
        return try await write(isIntake: true) { db, tally in
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO inbox (source, lead_id, state, received_ms, lead, raw, envelope,
                        due_ms, reason, checksum)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (source, lead_id) DO NOTHING
                    """)
            let fill = try db.cachedStatement(
                sql: """
                    UPDATE inbox SET state = 'received', lead = ?, raw = ?, checksum = ?,
                        reason = NULL
                    WHERE source = ? AND lead_id = ? AND state = ? AND length(lead) = 0
                        AND length(raw) = 0
                    """)
            return try rows.map { row in
                func isNew(as id: String) throws -> Bool {
                    try insert.run(
                        .text(row.source), .text(id), .text(row.state.rawValue), .integer(now),
                        .bytes(row.lead), .bytes(row.raw), .text(row.envelope), .integer(now),
                        .text(row.reason), .integer(row.checksum))
                    let isNew = db.changesCount > 0
                    if isNew { tally.lead(new: row.state) }
                    return isNew
                }
                if try isNew(as: row.leadID) {
                    return row.state == .quarantined ? .quarantined : .stored
                }
                if row.state == .quarantined {
                    if try !InboxRow.isKeptAside(row, db) {
                        _ = try isNew(as: InboxRow.otherID(for: row.leadID))
                    }
                    return .quarantined
                }
                if try InboxRow.makeWay(for: row, db), try isNew(as: row.leadID) { return .stored }
                if row.state == .received {
                    // Also a reference that was given up: the lead has come by another way.
                    for state in [InboxState.announced, .quarantined] {
                        try fill.run(
                            .bytes(row.lead), .bytes(row.raw), .integer(row.checksum),
                            .text(row.source), .text(row.leadID), .text(state.rawValue))
                        if db.changesCount > 0 { tally.lead(from: state, to: .received) }
                    }
                }
                return .duplicate
            }
        }
    }

    public func dueReferences(
        source: String, atMilliseconds now: Int64, limit: Int
    ) async throws(StoreError) -> [PendingReference] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT sequence, lead_id, envelope, attempts, received_ms
                    FROM inbox INDEXED BY inbox_announced
                    WHERE state = 'announced' AND source = ? AND due_ms <= ?
                    ORDER BY due_ms, sequence LIMIT ?
                    """, arguments: [source, now, limit]
            ).compactMap { row in
                row.value("lead_id").flatMap { LeadID($0) }.map { id in
                    PendingReference(
                        sequence: row["sequence"],
                        reference: LeadReference(
                            source: source, id: id,
                            envelope: InboxRow.envelope(row.value("envelope"))),
                        attempts: row.value("attempts") ?? 0,
                        receivedMilliseconds: row.value("received_ms") ?? now)
                }
            }
        }
    }

    public func nextReferenceMilliseconds(source: String) async throws(StoreError) -> Int64? {
        try await read { db in
            try Int64.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT due_ms FROM inbox INDEXED BY inbox_announced
                        WHERE state = 'announced' AND source = ? ORDER BY due_ms LIMIT 1
                        """), arguments: [source])
        }
    }

    public func record(_ fetches: [FetchRecord]) async throws(StoreError) {
        let results = fetches.map { fetch in
            if case .lead(let lead) = fetch.result {
                let json = lead.json
                return (fetch, json, InboxRow.raw(of: lead, besides: json))
            }
            return (fetch, [], [])
        }
        try await write { db, tally in
            for (fetch, json, raw) in results {
                switch fetch.result {
                case .lead:
                    try db.cachedStatement(
                        sql: """
                            UPDATE inbox SET state = 'received', lead = ?, raw = ?, checksum = ?,
                                reason = NULL
                            WHERE sequence = ? AND state = 'announced'
                            """
                    ).run(
                        .bytes(json), .bytes(raw), .integer(Checksum.ofLead(json)),
                        .integer(fetch.sequence))
                    if db.changesCount > 0 { tally.lead(from: .announced, to: .received) }
                case .again(let due, let reason, let counts):
                    try db.cachedStatement(
                        sql: """
                            UPDATE inbox SET due_ms = ?, reason = ?, attempts = attempts + ?
                            WHERE sequence = ? AND state = 'announced'
                            """
                    ).execute(arguments: [due, reason, counts ? 1 : 0, fetch.sequence])
                case .quarantined(let reason):
                    try db.cachedStatement(
                        sql: """
                            UPDATE inbox SET state = 'quarantined', reason = ?
                            WHERE sequence = ? AND state = 'announced'
                            """
                    ).execute(arguments: [reason, fetch.sequence])
                    if db.changesCount > 0 { tally.lead(from: .announced, to: .quarantined) }
                }
            }
        }
    }

    public func undecided(
        after sequence: Int64, limit: Int
    ) async throws(StoreError) -> [InboxEntry] {
        try await read { try SQLiteStore.undecided(after: sequence, limit: limit, $0) }
    }

    /// A batch ends behind the lead with which it has so many bytes: a flood of the largest leads takes
    /// no more memory than a few of them.
    static let undecidedBytesMax = 8 << 20

    private static func undecided(
        after sequence: Int64, limit: Int, _ db: Database
    ) throws -> [InboxEntry] {
        var entries: [InboxEntry] = []
        var bytes = 0
        try db.cachedStatement(
            sql: """
                SELECT sequence, source, lead_id, received_ms, lead, raw, checksum,
                    is_duplicate, decided_ms, CASE WHEN decided_ms IS NOT NULL THEN
                        (SELECT cancels_others FROM decisions
                        WHERE inbox_sequence = inbox.sequence ORDER BY rowid DESC LIMIT 1)
                    END
                FROM inbox INDEXED BY inbox_received
                WHERE state = 'received' AND sequence > ?
                ORDER BY decided_ms IS NOT NULL, sequence LIMIT ?
                """
        ).forEachRow(.integer(sequence), .integer(Int64(limit))) { row in
            let entry = try InboxRow.undecided(&row)
            entries.append(entry)
            bytes += entry.lead.count + entry.raw.count
            return bytes < SQLiteStore.undecidedBytesMax
        }
        return entries
    }

    public func hasEarlier(
        dedupeKey: String, sinceSeconds: Int64
    ) async throws(StoreError) -> Bool {
        let key = InboxRow.hash(ofDedupeKey: dedupeKey)
        return try await read { db in
            try Bool.fetchOne(
                db,
                sql: "SELECT EXISTS (SELECT 1 FROM dedupe WHERE key = ? AND created_seconds >= ?)",
                arguments: [key, sinceSeconds]) ?? false
        }
    }

    public func record(
        _ decisions: [DecisionRecord], thenUndecided limit: Int
    ) async throws(StoreError) -> [InboxEntry]? {
        try await write { db, tally in
            let decide = try db.cachedStatement(
                sql: """
                    UPDATE inbox SET state = ?, outcome = ?, reason = ?, decision = ?,
                        rule_set_hash = ?, is_duplicate = ?, decided_ms = ?
                    WHERE sequence = ? AND state = 'received'
                    """)
            for decision in decisions {
                do {
                    try decide.run(
                        .text(decision.state.rawValue), .text(decision.outcome),
                        .text(decision.reason), .text(decision.decision),
                        .text(decision.ruleSetHash), decision.isDuplicate ? 1 : 0,
                        .integer(decision.atMilliseconds), .integer(decision.sequence))
                } catch  where DamagedRow.isCause(of: error) {
                    try DamagedRow.hold(decision.sequence, at: decision.atMilliseconds, db)
                    tally.lead(from: .received, to: .held, outcome: "held")
                    continue
                }
                guard db.changesCount > 0 else { continue }
                tally.lead(from: .received, to: decision.state, outcome: decision.outcome)
                try SQLiteStore.insert(
                    decision.deliveries, of: decision.sequence, at: decision.atMilliseconds, db,
                    tally)
                let order = Order.decidingAgain(at: decision.atMilliseconds)
                for delivery in decision.anew {
                    _ = try SQLiteStore.redeliver(
                        delivery.sequence, order, db, tally,
                        notBefore: delivery.notBeforeMilliseconds)
                }
                for sequence in decision.cancels {
                    _ = try SQLiteStore.cancel(sequence, order, db, tally)
                }
                try SQLiteStore.apply(
                    decision.pools, of: decision.sequence, at: decision.atMilliseconds, db)
                if let dedupe = decision.dedupe {
                    try db.cachedStatement(sql: "INSERT OR IGNORE INTO dedupe VALUES (?, ?, ?)")
                        .execute(
                            arguments: [
                                InboxRow.hash(ofDedupeKey: dedupe.key), dedupe.createdSeconds,
                                decision.sequence,
                            ])
                }
            }
            guard limit > 0 else { return [] }
            do {
                return try SQLiteStore.undecided(after: 0, limit: limit, db)
            } catch  where db.isInsideTransaction {
                // A damaged page of leads to come must not undo what is decided.
                return nil
            }
        }
    }

    /// Deliveries of a lead, made now.
    static func insert(
        _ deliveries: [NewDelivery], of inbox: Int64, at now: Int64, _ db: Database,
        _ tally: Tally
    ) throws {
        guard !deliveries.isEmpty else { return }
        let lead = try Checksum.LeadRow(inbox, db)
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO outbox (key, inbox_sequence, sink, route, is_copy, with_settings,
                    state, created_ms, due_ms, not_before_ms, pool, member, checksum)
                VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?)
                ON CONFLICT (key) DO NOTHING
                """)
        for delivery in deliveries {
            try insert.run(
                .text(delivery.key.text), .integer(inbox), .text(delivery.sink),
                .text(delivery.route), delivery.isCopy ? 1 : 0, .text(delivery.with),
                .integer(now), .integer(delivery.dueMilliseconds(madeAt: now)),
                .integer(delivery.notBeforeMilliseconds), .text(delivery.pool),
                .text(delivery.member), .integer(lead.map { Checksum.of(delivery, $0) }))
            if db.changesCount > 0 { tally.delivery(newTo: delivery.sink) }
        }
    }
}
