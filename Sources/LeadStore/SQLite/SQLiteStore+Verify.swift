internal import GRDB

// Verifying: everything in one snapshot, a lead at a time.
extension SQLiteStore {
    public func verify(
        isServed: Bool, atMilliseconds now: Int64, progress: @escaping @Sendable (Int) -> Void,
        report: @escaping @Sendable (LedgerFault) -> Void
    ) async throws(StoreError) -> LedgerExtent {
        try await read { db in
            try SQLiteStore.verifyFile(db, report)
            try SQLiteStore.verifyCounters(db, report)
            return try SQLiteStore.verifyRows(
                db, isServed: isServed, at: now, progress: progress, report: report)
        }
    }

    /// The most faults that SQLite names of one file.
    private static let fileFaultsMax = 100

    private static func verifyFile(
        _ db: Database, _ report: @Sendable (LedgerFault) -> Void
    ) throws {
        let answers = try String.fetchAll(db, sql: "PRAGMA integrity_check(\(fileFaultsMax))")
        for answer in answers where answer != "ok" {
            report(LedgerFault(.file, "file", answer))
        }
        let orphans = try Row.fetchCursor(db, sql: "PRAGMA foreign_key_check")
        while let row = try orphans.next() {
            let (table, parent): (String, String) = (row["table"], row["parent"])
            let number = (row["rowid"] as Int64?) ?? 0
            report(
                LedgerFault(
                    .file, "\(table) row \(number)", "names a row of \(parent) that is not there"))
        }
    }

    private static func verifyCounters(
        _ db: Database, _ report: @Sendable (LedgerFault) -> Void
    ) throws {
        for (counters, rows, first, second) in [
            ("lead_counts", "inbox", "state", "outcome"),
            ("delivery_counts", "outbox", "sink", "state"),
        ] {
            let differing = try Row.fetchAll(
                db,
                sql: """
                    SELECT first, second, sum(told) AS told, sum(counted) AS counted FROM (
                        SELECT \(first) AS first, \(second) AS second, count AS told, 0 AS counted
                        FROM \(counters)
                        UNION ALL
                        SELECT \(first), ifnull(\(second), ''), 0, count(*) FROM \(rows)
                        GROUP BY 1, 2)
                    GROUP BY 1, 2 HAVING sum(told) <> sum(counted)
                    """)
            for row in differing {
                let (first, second): (String, String) = (row["first"], row["second"])
                report(
                    LedgerFault(
                        .counters, "\(counters) \(first) \(second)",
                        "says \(row["told"] as Int), and there are \(row["counted"] as Int)"))
            }
        }
    }

    private static func verifyRows(
        _ db: Database, isServed: Bool, at now: Int64, progress: (Int) -> Void,
        report: (LedgerFault) -> Void
    ) throws -> LedgerExtent {
        var extent = LedgerExtent()
        let leads = try Row.fetchCursor(
            db, sql: "SELECT *, length(lead) AS lead_bytes FROM inbox ORDER BY sequence")
        let ofLead = try db.cachedStatement(
            sql: "SELECT * FROM outbox WHERE inbox_sequence = ? ORDER BY sequence")
        let ofDelivery = try db.cachedStatement(
            sql: "SELECT outcome FROM attempts WHERE outbox_sequence = ? ORDER BY rowid")
        while let row = try leads.next() {
            let lead = Checksum.LeadRow(row, sequence: "sequence")
            let deliveries = try Row.fetchAll(ofLead, arguments: [lead.sequence]).map {
                let outcomes = try String.fetchAll(
                    ofDelivery, arguments: [$0["sequence"] as Int64])
                return checked($0, of: lead, outcomes)
            }
            extent.leads += 1
            extent.deliveries += deliveries.count
            extent.attempts += deliveries.reduce(0) { $0 + $1.outcomes.count }
            LedgerCheck.faults(
                checked(row), deliveries, isServed: isServed, atMilliseconds: now
            ).forEach(report)
            if extent.leads.isMultiple(of: 1000) { progress(extent.leads) }
        }
        return extent
    }

    private static func checked(_ row: Row) -> LedgerCheck.Lead {
        LedgerCheck.Lead(
            source: row["source"], id: row["lead_id"], state: InboxState(rawValue: row["state"]),
            outcome: row["outcome"], reason: row["reason"], decision: row["decision"],
            ruleSetHash: row["rule_set_hash"],
            hasContent: (row["lead_bytes"] as Int) > 0,
            isIntact: InboxRow.isIntact(row))
    }

    private static func checked(
        _ row: Row, of lead: Checksum.LeadRow, _ outcomes: [String]
    ) -> LedgerCheck.Delivery {
        var isIntact = true
        if let checksum = row["checksum"] as Int64? {
            isIntact = delivery(row).map { Checksum.of($0, lead) == checksum } ?? false
        }
        return LedgerCheck.Delivery(
            sequence: row["sequence"], key: row["key"], sink: row["sink"], route: row["route"],
            isCopy: row["is_copy"], with: row["with_settings"], pool: row["pool"],
            state: DeliveryState(rawValue: row["state"]), attempts: row["attempts"],
            generation: row["generation"], previousSequence: row["previous_sequence"],
            hasToken: (row["lease_token"] as String?) != nil,
            leaseUntilMilliseconds: row["lease_until_ms"], isIntact: isIntact,
            outcomes: outcomes)
    }
}
