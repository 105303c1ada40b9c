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
        try await read { db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT sequence, source, lead_id, received_ms, lead, raw, checksum,
                            is_duplicate, decided_ms, CASE WHEN decided_ms IS NOT NULL THEN
                                (SELECT cancels_others FROM decisions
                                WHERE inbox_sequence = inbox.sequence ORDER BY rowid DESC LIMIT 1)
                            END
                        FROM inbox INDEXED BY inbox_received
                        WHERE state = 'received' AND sequence > ?
                        ORDER BY decided_ms IS NOT NULL, sequence LIMIT ?
                        """), arguments: [sequence, limit])
            var entries: [InboxEntry] = []
            while let row = try rows.next() { entries.append(InboxRow.undecided(row)) }
            return entries
        }
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

    public func record(_ decisions: [DecisionRecord]) async throws(StoreError) {
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
                    _ = try SQLiteStore.redeliver(delivery.sequence, order, db, tally)
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

// What is kept aside has a name made from its content, and a form may choose the same for a lead.
extension InboxRow {
    /// Whether the row that has the item's name is the item, kept aside or erased since.
    fileprivate static func isKeptAside(_ row: InboxRow, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT state = 'forgotten' OR state = 'quarantined' AND raw = ?
                    FROM inbox WHERE source = ? AND lead_id = ?
                    """), arguments: [Data(row.raw), row.source, row.leadID]) ?? false
    }

    /// Gives what was kept aside under a lead's name another one; whether there was such.
    fileprivate static func makeWay(for row: InboxRow, _ db: Database) throws -> Bool {
        guard row.state == .received, row.leadID.utf8.starts(with: keptAsidePrefix.utf8) else {
            return false
        }
        try db.cachedStatement(
            sql: """
                UPDATE inbox SET lead_id = ?
                WHERE source = ? AND lead_id = ? AND state = 'quarantined' AND length(raw) > 0
                """
        ).execute(arguments: [otherID(for: row.leadID), row.source, row.leadID])
        return db.changesCount > 0
    }

    fileprivate static func otherID(for id: String) -> String {
        "\(id)-\(UInt64.random(in: .min ... .max))"
    }
}

/// An inbox item as the table keeps it.
struct InboxRow: Sendable {
    var source: String
    var leadID: String
    var state: InboxState
    var lead: [UInt8] = []
    var raw: [UInt8] = []
    var envelope: String?
    var reason: String?
    /// Nil while there is no lead.
    var checksum: Int64?
    /// What names of items that are kept aside begin with.
    static let keptAsidePrefix = "quarantine-"

    init(_ item: InboxItem) {
        switch item {
        case .lead(let lead):
            source = lead.source
            leadID = lead.id.text
            state = .received
            self.lead = lead.json
            raw = InboxRow.raw(of: lead, besides: self.lead)
            checksum = Checksum.ofLead(self.lead)
        case .reference(let reference):
            source = reference.source
            leadID = reference.id.text
            state = .announced
            envelope = InboxRow.text(of: reference.envelope)
        case .quarantined(let source, let raw, let reason):
            self.source = source
            leadID = InboxRow.keptAsidePrefix + LeadID(contentOf: raw).text
            state = .quarantined
            self.raw = raw
            self.reason = reason
        }
    }

    /// The bytes as received; nothing when the lead itself says the same.
    static func raw(of lead: Lead, besides json: [UInt8]) -> [UInt8] {
        lead.raw == json ? [] : lead.raw
    }

    /// A key is an answer of any length: its hash is short, personal data for nobody, and compares
    /// byte for byte, where SQLite would see a text only up to a NUL.
    static func hash(ofDedupeKey key: String) -> String { Digest.sha256Hex(key.utf8) }

    private static func text(of envelope: Envelope) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            for attribute in LeadAttribute.allCases {
                guard let text = envelope[attribute] else { continue }
                writer.name(attribute.rawValue)
                writer.string(text)
            }
        }
        return writer.text
    }

    static func envelope(_ text: String?) -> Envelope {
        guard let text, let document = try? JSONDocument.parse(Array(text.utf8)) else {
            return Envelope()
        }
        var envelope = Envelope()
        for (name, value) in document.root.members {
            if let attribute = LeadAttribute(rawValue: name) { envelope[attribute] = value.string }
        }
        return envelope
    }

    /// What routing needs of a row. Nothing is decided about a damaged one: it has no content, and is
    /// held for that.
    static func undecided(_ row: Row) -> InboxEntry {
        var reader = RowReader(row)
        let sequence = row[0] as Int64
        do {
            _ = try reader.number()
            let source = try reader.text()
            guard let id = LeadID(try reader.text()) else { throw RowReader.Damage() }
            let received = try reader.number()
            let lead = try reader.bytes()
            let raw = try reader.bytes()
            let checksum = try reader.numberOrNothing()
            let isIntact = checksum == Checksum.ofLead(lead)
            return InboxEntry(
                sequence: sequence, source: source, leadID: id, state: .received,
                receivedMilliseconds: received, lead: isIntact ? [UInt8](lead) : [],
                raw: [UInt8](raw), isDuplicate: try reader.number() != 0,
                decidedMilliseconds: try reader.numberOrNothing(),
                cancelsOthers: try reader.numberOrNothing() ?? 0 != 0)
        } catch {
            return InboxEntry(
                sequence: sequence, source: "",
                leadID: LeadID("damaged-\(sequence)") ?? LeadID(contentOf: []),
                state: .received, receivedMilliseconds: 0, lead: [])
        }
    }

    /// A row with its columns as far as they can be read: an id that cannot is `damaged-NUMBER`.
    /// Nil when it is in no known state.
    static func entry(_ row: Row) -> InboxEntry? {
        let sequence: Int64 = row["sequence"]
        guard let state = row.value("state").flatMap({ InboxState(rawValue: $0) }),
            let id = row.value("lead_id").flatMap({ LeadID($0) }) ?? LeadID("damaged-\(sequence)")
        else { return nil }
        return InboxEntry(
            sequence: sequence, source: row.value("source") ?? "", leadID: id, state: state,
            receivedMilliseconds: row.value("received_ms") ?? 0,
            lead: [UInt8](row.value("lead", as: Data.self) ?? Data()),
            raw: [UInt8](row.value("raw", as: Data.self) ?? Data()), outcome: row.value("outcome"),
            decision: row.value("decision"), ruleSetHash: row.value("rule_set_hash"),
            reason: row.value("reason"), isDuplicate: row.value("is_duplicate") ?? false,
            decidedMilliseconds: row.value("decided_ms"))
    }

    /// Whether the lead's bytes are those that were taken in.
    static func isIntact(_ row: Row) -> Bool {
        guard let lead: Data = row.value("lead"),
            Checksum.LeadRow(row, sequence: "sequence") != nil,
            row.value("lead_id", as: String.self) != nil
        else { return false }
        guard let checksum: Int64 = row.value("checksum") else { return lead.isEmpty }
        return Checksum.ofLead(lead) == checksum
    }
}
