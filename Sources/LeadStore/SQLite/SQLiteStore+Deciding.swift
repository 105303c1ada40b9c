internal import GRDB
internal import LeadKit

// Deciding again: a lead goes back to `received`, and the decision that it had into a table of its own.
// Routing finds it there as it finds new leads, so there is one place that decides, and a crash at any
// point leaves a lead that is decided or one that is still to be.
extension SQLiteStore {
    public func decideAgain(
        _ sequences: [Int64], _ options: DecideAgainOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { db, tally in
            try sequences.map { try SQLiteStore.decideAgain($0, options, order, db, tally) }
        }
    }

    private static func decideAgain(
        _ sequence: Int64, _ options: DecideAgainOptions, _ order: Order, _ db: Database,
        _ tally: Tally
    ) throws -> OrderAnswer {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT * FROM inbox WHERE sequence = ?"), arguments: [sequence])
        guard let row else { return .unknown }
        guard let entry = InboxRow.entry(row) else { return .damaged }
        switch entry.state {
        case .held, .decided: break
        case .announced, .received: return .open
        case .quarantined: return .over
        case .forgotten: return .forgotten
        }
        guard InboxRow.isIntact(row), !entry.lead.isEmpty,
            try areDeliveriesIntact(ofLead: sequence, db)
        else { return .damaged }
        do {
            try keepDecision(of: sequence, options, order, db)
        } catch  where DamagedRow.isCause(of: error) {
            return .damaged
        }
        // That it has a time of decision tells routing that it knows already whether it is a
        // duplicate: the checksums of what went out hold that, and it is none of itself.
        try db.cachedStatement(
            sql: """
                UPDATE inbox SET state = 'received', outcome = NULL, decision = NULL,
                    rule_set_hash = NULL, reason = NULL, decided_ms = ifnull(decided_ms, received_ms)
                WHERE sequence = ?
                """
        ).execute(arguments: [sequence])
        tally.lead(from: entry.state, outcome: entry.outcome ?? "", to: .received, outcome: "")
        try note(.decidedAgain, lead: sequence, delivery: nil, order, db)
        return .done
    }

    /// What went where is known by the deliveries: with one that is not as it was written, a lead might
    /// be sent twice, or not at all.
    private static func areDeliveriesIntact(
        ofLead sequence: Int64, _ db: Database
    ) throws -> Bool {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT sequence, state FROM outbox WHERE inbox_sequence = ?"),
            arguments: [sequence])
        return try rows.allSatisfy { row in
            let state = row.value("state").flatMap { DeliveryState(rawValue: $0) }
            return try state != nil && LeaseRow.intact(row["sequence"], db) != nil
        }
    }

    private static func keepDecision(
        of sequence: Int64, _ options: DecideAgainOptions, _ order: Order, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO decisions SELECT sequence, ifnull(decided_ms, received_ms), ?,
                    ifnull(outcome, ''), reason, decision, ifnull(rule_set_hash, ''), ?
                FROM inbox WHERE sequence = ?
                """
        ).execute(arguments: [order.atMilliseconds, options.cancelsOthers, sequence])
        try db.cachedStatement(
            sql: """
                DELETE FROM decisions WHERE inbox_sequence = ?1 AND rowid <= (
                    SELECT rowid FROM decisions WHERE inbox_sequence = ?1
                    ORDER BY rowid DESC LIMIT 1 OFFSET ?2)
                """
        ).execute(arguments: [sequence, EarlierDecision.keptMax])
    }

    public func earlierDecisions(
        ofLead sequence: Int64
    ) async throws(StoreError) -> [EarlierDecision] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM decisions WHERE inbox_sequence = ? ORDER BY rowid",
                arguments: [sequence]
            ).map { row in
                EarlierDecision(
                    decidedMilliseconds: row.value("decided_ms") ?? 0,
                    endedMilliseconds: row.value("ended_ms") ?? 0,
                    outcome: row.value("outcome") ?? "", reason: row.value("reason"),
                    decision: row.value("decision"),
                    ruleSetHash: row.value("rule_set_hash") ?? "",
                    cancelsOthers: row.value("cancels_others") ?? false)
            }
        }
    }
}
