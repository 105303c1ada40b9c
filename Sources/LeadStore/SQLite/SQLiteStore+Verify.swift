internal import Foundation
internal import GRDB
internal import LeadKit

// Verifying: the file, the counters, and every lead with all that belongs to it. Leads are read a page
// at a time, with three queries a page.
extension SQLiteStore {
    public func verify(
        isServed: Bool, atMilliseconds now: Int64, progress: @escaping @Sendable (Int) -> Void,
        report: @escaping @Sendable (LedgerFault) -> Void
    ) async throws(StoreError) -> LedgerExtent {
        try await readApart { db in
            try SQLiteStore.verifyFile(db, report)
            try SQLiteStore.verifyCounters(db, report)
            var extent = LedgerExtent()
            var last: Int64? = 0
            while let after = last {
                let page = LedgerPage(isServed: isServed, nowMilliseconds: now)
                let step = try page.verify(db, after: after, limit: verifiedLeadsMax, report)
                extent.add(step.extent)
                last = step.lastSequence
                progress(extent.leads)
            }
            return extent
        }
    }

    public func verifyRows(
        after sequence: Int64, limit: Int, isServed: Bool, atMilliseconds now: Int64,
        report: @escaping @Sendable (LedgerFault) -> Void
    ) async throws(StoreError) -> LedgerStep {
        try await read { db in
            try LedgerPage(isServed: isServed, nowMilliseconds: now)
                .verify(db, after: sequence, limit: limit, report)
        }
    }

    /// The most faults that SQLite names of one file.
    static let fileFaultsMax = 100

    private static func verifyFile(
        _ db: Database, _ report: @Sendable (LedgerFault) -> Void
    ) throws {
        let answers = try String.fetchAll(db, sql: "PRAGMA integrity_check(\(fileFaultsMax))")
        for answer in answers where answer != "ok" {
            report(LedgerFault(.file, "file", answer))
        }
        let orphans = try Row.fetchCursor(db, sql: "PRAGMA foreign_key_check")
        while let row = try orphans.next() {
            let (table, parent) = (row.value("table") ?? "", row.value("parent") ?? "")
            report(
                LedgerFault(
                    .file, "\(table) row \(row.value("rowid") ?? 0)",
                    "names a row of \(parent) that is not there"))
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
                let (first, second) = (row.value("first") ?? "", row.value("second") ?? "")
                let (told, counted) = (row.value("told") ?? 0, row.value("counted") ?? 0)
                report(
                    LedgerFault(
                        .counters, "\(counters) \(first) \(second)",
                        "says \(told), and there are \(counted)"))
            }
        }
    }
}

/// The most leads of which everything is in memory at a time.
private let verifiedLeadsMax = 500

/// Verifies a page of leads.
private struct LedgerPage {
    let isServed: Bool
    let nowMilliseconds: Int64

    private struct Lead {
        var row: Checksum.LeadRow
        var lead: LedgerCheck.Lead
    }

    func verify(
        _ db: Database, after sequence: Int64, limit: Int, _ report: (LedgerFault) -> Void
    ) throws -> LedgerStep {
        let leads = try leads(db, after: sequence, limit: limit)
        guard let first = leads.first, let last = leads.last else { return LedgerStep() }
        let bounds: StatementArguments = [first.row.sequence, last.row.sequence]
        var outcomes = try outcomes(db, bounds)
        var deliveries = try deliveries(
            db, bounds,
            of: Dictionary(uniqueKeysWithValues: leads.map { ($0.row.sequence, $0.row) }),
            &outcomes)
        var step = LedgerStep(lastSequence: last.row.sequence)
        for one in leads {
            let mine = deliveries.removeValue(forKey: one.row.sequence) ?? []
            step.extent.leads += 1
            step.extent.deliveries += mine.count
            step.extent.attempts += mine.reduce(0) { $0 + $1.outcomes.count }
            LedgerCheck.faults(
                one.lead, mine, isServed: isServed, atMilliseconds: nowMilliseconds
            ).forEach(report)
        }
        return step
    }

    private func leads(_ db: Database, after sequence: Int64, limit: Int) throws -> [Lead] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT sequence, source, received_ms, is_duplicate, lead_id, state, outcome,
                        reason, decision, rule_set_hash, lead, checksum,
                        EXISTS (SELECT 1 FROM orders WHERE inbox_sequence = inbox.sequence
                            AND verb = 'decided-again'),
                        EXISTS (SELECT 1 FROM decisions WHERE inbox_sequence = inbox.sequence)
                    FROM inbox WHERE sequence > ? ORDER BY sequence LIMIT ?
                    """), arguments: [sequence, limit])
        var leads: [Lead] = []
        while let row = try rows.next() { leads.append(lead(row)) }
        return leads
    }

    private func lead(_ row: Row) -> Lead {
        var cells = Cells(row)
        let of = Checksum.LeadRow(
            sequence: cells.next(or: 0), source: cells.next(or: ""),
            receivedMilliseconds: cells.next(or: 0), isDuplicate: cells.next(or: false))
        var lead = LedgerCheck.Lead(
            source: of.source, id: cells.next(or: "damaged-\(of.sequence)"),
            state: InboxState(rawValue: cells.next(or: "")), outcome: cells.nextOrNil(),
            reason: cells.nextOrNil(), decision: cells.nextOrNil(), ruleSetHash: cells.nextOrNil(),
            hasContent: false, isIntact: false)
        let content: Data = cells.next(or: Data())
        let checksum = cells.checksum()
        lead.wasDecidedAgain = cells.next(or: false)
        lead.hasEarlierDecisions = cells.next(or: false)
        lead.hasContent = !content.isEmpty
        let isWritten = checksum.map { Checksum.ofLead(content) == $0 } ?? content.isEmpty
        lead.isIntact = cells.isSound && isWritten
        return Lead(row: of, lead: lead)
    }

    /// How the attempts ended, by delivery.
    private func outcomes(
        _ db: Database, _ bounds: StatementArguments
    ) throws -> [Int64: [String]] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT outbox.sequence, attempts.outcome
                    FROM outbox CROSS JOIN attempts ON attempts.outbox_sequence = outbox.sequence
                    WHERE outbox.inbox_sequence BETWEEN ? AND ?
                    ORDER BY outbox.inbox_sequence, outbox.sequence, attempts.rowid
                    """), arguments: bounds)
        var outcomes: [Int64: [String]] = [:]
        while let row = try rows.next() {
            var cells = Cells(row)
            outcomes[cells.next(or: 0), default: []].append(cells.next(or: ""))
        }
        return outcomes
    }

    private func deliveries(
        _ db: Database, _ bounds: StatementArguments, of leads: [Int64: Checksum.LeadRow],
        _ outcomes: inout [Int64: [String]]
    ) throws -> [Int64: [LedgerCheck.Delivery]] {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT inbox_sequence, sequence, key, sink, route, is_copy, with_settings, pool,
                        member, not_before_ms, state, attempts, generation, previous_sequence,
                        lease_token, lease_until_ms, checksum
                    FROM outbox WHERE inbox_sequence BETWEEN ? AND ?
                    ORDER BY inbox_sequence, sequence
                    """), arguments: bounds)
        var deliveries: [Int64: [LedgerCheck.Delivery]] = [:]
        while let row = try rows.next() {
            var cells = Cells(row)
            let sequence: Int64 = cells.next(or: 0)
            var delivery = delivery(&cells, of: leads[sequence])
            delivery.outcomes = outcomes.removeValue(forKey: delivery.sequence) ?? []
            deliveries[sequence, default: []].append(delivery)
        }
        return deliveries
    }

    private func delivery(
        _ cells: inout Cells, of lead: Checksum.LeadRow?
    ) -> LedgerCheck.Delivery {
        var delivery = LedgerCheck.Delivery(
            sequence: cells.next(or: 0), key: cells.next(or: ""), sink: cells.next(or: ""),
            route: cells.next(or: ""), isCopy: cells.next(or: false), with: cells.next(or: ""),
            pool: cells.nextOrNil(), member: cells.nextOrNil(),
            notBeforeMilliseconds: cells.nextOrNil(),
            state: DeliveryState(rawValue: cells.next(or: "")), attempts: cells.next(or: 0),
            generation: cells.next(or: 0), previousSequence: cells.nextOrNil(),
            hasToken: cells.nextOrNil(String.self) != nil,
            leaseUntilMilliseconds: cells.nextOrNil(), hasChecksum: false, isIntact: false,
            outcomes: [])
        let checksum = cells.checksum()
        delivery.hasChecksum = checksum != nil
        delivery.isIntact = cells.isSound && isWritten(delivery, checksum, of: lead)
        return delivery
    }

    private func isWritten(
        _ delivery: LedgerCheck.Delivery, _ checksum: Int64?, of lead: Checksum.LeadRow?
    ) -> Bool {
        // `LedgerCheck` knows whose may be missing: those of a forgotten lead.
        guard let checksum else { return true }
        guard let key = DeliveryKey(delivery.key), let lead else { return false }
        let written = NewDelivery(
            key: key, sink: delivery.sink, route: delivery.route, isCopy: delivery.isCopy,
            with: delivery.with, notBeforeMilliseconds: delivery.notBeforeMilliseconds,
            pool: delivery.pool, member: delivery.member)
        return Checksum.of(written, lead) == checksum
    }
}
