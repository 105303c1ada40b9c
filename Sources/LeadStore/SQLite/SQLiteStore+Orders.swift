internal import GRDB
internal import LeadKit

// What operators order. Each row is looked at again inside the transaction that changes it: what
// an operator saw a minute ago may have moved on.
extension SQLiteStore {
    public func redeliver(
        _ sequences: [Int64], _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { db, tally in
            try sequences.map { try SQLiteStore.redeliver($0, order, db, tally) }
        }
    }

    static func redeliver(
        _ sequence: Int64, _ order: Order, _ db: Database, _ tally: Tally, notBefore: Int64? = nil
    ) throws -> OrderAnswer {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT outbox.inbox_sequence, outbox.state, outbox.generation,
                        inbox.state AS lead_state, \(isSuperseded) AS superseded
                    FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                    WHERE outbox.sequence = ?
                    """), arguments: [sequence])
        guard let row else { return .unknown }
        if row.value("lead_state") == InboxState.forgotten.rawValue { return .forgotten }
        if row["superseded"] { return .superseded }
        switch row.value("state").flatMap({ DeliveryState(rawValue: $0) }) {
        case .pending?: return .open
        case .leased?: return .underWay
        default: break
        }
        // A new row with a new checksum would vouch for what the disk has changed.
        guard let inbox: Int64 = row.value("inbox_sequence"),
            let generation: Int = row.value("generation"),
            var delivery = try LeaseRow.intact(sequence, db)?.delivery
        else { return .damaged }
        delivery.key = delivery.key.ofNextGeneration
        delivery.notBeforeMilliseconds = notBefore
        try insert([delivery], of: inbox, at: order.atMilliseconds, db, tally)
        guard db.changesCount > 0 else { return .superseded }
        try db.cachedStatement(
            sql: "UPDATE outbox SET generation = ?, previous_sequence = ? WHERE key = ?"
        ).execute(arguments: [generation + 1, sequence, delivery.key.text])
        try note(.redelivered, lead: inbox, delivery: sequence, order, db)
        return .done
    }

    public func cancel(
        _ sequences: [Int64], _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { db, tally in
            try sequences.map { try SQLiteStore.cancel($0, order, db, tally) }
        }
    }

    static func cancel(
        _ sequence: Int64, _ order: Order, _ db: Database, _ tally: Tally
    ) throws -> OrderAnswer {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT inbox_sequence, state FROM outbox WHERE sequence = ?"),
            arguments: [sequence])
        guard let row else { return .unknown }
        guard let lead: Int64 = row.value("inbox_sequence"),
            let state = row.value("state").flatMap({ DeliveryState(rawValue: $0) })
        else { return .damaged }
        switch state {
        case .pending:
            try cancel(sequence, of: lead, order, db, tally)
            return .done
        case .leased: return .underWay
        default: return .over
        }
    }

    private static func cancel(
        _ sequence: Int64, of inbox: Int64, _ order: Order, _ db: Database, _ tally: Tally
    ) throws {
        let sink = try String.fetchOne(
            db.cachedStatement(
                sql: """
                    UPDATE outbox SET state = 'cancelled', detail = ?
                    WHERE sequence = ? AND state = 'pending' RETURNING sink
                    """), arguments: ["cancelled \(order.text)", sequence])
        if let sink { tally.delivery(to: sink, from: .pending, to: .cancelled) }
        try note(.cancelled, lead: inbox, delivery: sequence, order, db)
    }

    static func note(
        _ verb: OrderEntry.Verb, lead: Int64, delivery: Int64?, _ order: Order, _ db: Database
    ) throws {
        try db.cachedStatement(sql: "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)").execute(
            arguments: [
                lead, delivery, verb.rawValue, order.atMilliseconds, order.by, order.reason,
            ])
    }

    public func forget(
        _ sequences: [Int64], _ options: ForgetOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { db, tally in
            try sequences.map { try SQLiteStore.forget($0, options, order, db, tally) }
        }
    }

    private static func forget(
        _ sequence: Int64, _ options: ForgetOptions, _ order: Order, _ db: Database,
        _ tally: Tally
    ) throws -> OrderAnswer {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT state, ifnull(outcome, '') AS outcome FROM inbox WHERE sequence = ?"),
            arguments: [sequence])
        guard let row else { return .unknown }
        guard let state = row.value("state").flatMap({ InboxState(rawValue: $0) }),
            let outcome: String = row.value("outcome")
        else { return .damaged }
        if state == .forgotten {
            guard options.allowsAgain else { return .forgotten }
            try letIn(sequence, db)
            return .done
        }
        let deliveries = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT sequence, state FROM outbox WHERE inbox_sequence = ?"),
            arguments: [sequence])
        let states = deliveries.map { row in
            row.value("state").flatMap { DeliveryState(rawValue: $0) }
        }
        if states.contains(.leased) { return .underWay }
        let isOpen = [.announced, .received].contains(state) || states.contains(.pending)
        guard !isOpen || options.cancelsPending else { return .open }
        for (row, state) in zip(deliveries, states) where state == .pending {
            try cancel(row["sequence"], of: sequence, order, db, tally)
        }
        try erase(sequence, db)
        tally.lead(from: state, outcome: outcome, to: .forgotten, outcome: outcome)
        try note(.forgotten, lead: sequence, delivery: nil, order, db)
        if options.allowsAgain { try letIn(sequence, db) }
        return .done
    }

    /// Everything that holds something of the lead, or may: sinks' answers quote addresses.
    private static func erase(_ sequence: Int64, _ db: Database) throws {
        for sql in [
            """
            UPDATE inbox SET state = 'forgotten', lead = x'', raw = x'', envelope = NULL,
                decision = NULL, reason = NULL, checksum = NULL WHERE sequence = ?
            """,
            """
            UPDATE attempts SET detail = '' WHERE outbox_sequence IN
                (SELECT sequence FROM outbox WHERE inbox_sequence = ?)
            """,
            """
            UPDATE outbox SET detail = NULL, with_settings = '', destination = '',
                checksum = NULL
            WHERE inbox_sequence = ?
            """,
            "UPDATE orders SET reason = '' WHERE inbox_sequence = ?",
            "DELETE FROM dedupe WHERE inbox_sequence = ?",
            "DELETE FROM pool_sticky WHERE inbox_sequence = ?",
            "DELETE FROM decisions WHERE inbox_sequence = ?",
        ] { try db.cachedStatement(sql: sql).execute(arguments: [sequence]) }
    }

    /// Gives the id and the deliveries' keys free, for the lead to come in as if it were new. The
    /// new name is by chance: a form may choose ids.
    private static func letIn(_ sequence: Int64, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                UPDATE inbox SET lead_id = 'forgotten-' || sequence || '-' || hex(randomblob(8))
                WHERE sequence = ?
                """
        ).execute(arguments: [sequence])
        let rows = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT sequence, key FROM outbox WHERE inbox_sequence = ?"),
            arguments: [sequence])
        for row in rows {
            guard let key = row.value("key").flatMap({ DeliveryKey($0) }) else { continue }
            let number: Int64 = row["sequence"]
            try db.cachedStatement(sql: "UPDATE outbox SET key = ? WHERE sequence = ?")
                .execute(arguments: [key.ofForgotten(number).text, number])
        }
    }

    // MARK: Looking

    public func orders(ofLead sequence: Int64) async throws(StoreError) -> [OrderEntry] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM orders WHERE inbox_sequence = ? ORDER BY rowid",
                arguments: [sequence]
            ).compactMap { row in
                row.value("verb").flatMap { OrderEntry.Verb(rawValue: $0) }.map { verb in
                    OrderEntry(
                        verb: verb, deliverySequence: row.value("outbox_sequence"),
                        order: Order(
                            by: row.value("operator") ?? "", reason: row.value("reason") ?? "",
                            atMilliseconds: row.value("at_ms") ?? 0))
                }
            }
        }
    }

    public func tally(_ filter: DeliveryFilter) async throws(StoreError) -> DeliveryTally {
        try await read { db in
            let query = SQLiteStore.query(
                """
                SELECT outbox.sink, outbox.state, \(SQLiteStore.isSuperseded) AS superseded,
                    count(*) AS count, max(outbox.sequence) AS last
                FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                """, filter)
            var tally = DeliveryTally()
            for row in try query.rows(db, groupedBy: "1, 2, 3") {
                guard let state = row.value("state").flatMap({ DeliveryState(rawValue: $0) }),
                    let sink: String = row.value("sink")
                else { continue }
                let kind = DeliveryTally.Kind(
                    sink: sink, state: state, isSuperseded: row["superseded"])
                tally.counts[kind] = row["count"]
                tally.lastSequence = max(tally.lastSequence, row["last"])
            }
            return tally
        }
    }

    public func tally(_ filter: LeadFilter) async throws(StoreError) -> LeadTally {
        try await read { db in
            var tally = LeadTally()
            let leads = SQLiteStore.query(
                "SELECT inbox.state, count(*) AS count, max(inbox.sequence) AS last FROM inbox",
                filter)
            for row in try leads.rows(db, groupedBy: "1") {
                guard let state = row.value("state").flatMap({ InboxState(rawValue: $0) }) else {
                    continue
                }
                tally.leads[state] = row["count"]
                tally.lastSequence = max(tally.lastSequence, row["last"])
            }
            let answers = SQLiteStore.query(
                """
                SELECT CASE WHEN inbox.state = 'forgotten' THEN 'forgotten'
                    WHEN EXISTS (SELECT 1 FROM outbox
                        WHERE inbox_sequence = inbox.sequence AND state = 'leased')
                    THEN 'under-way'
                    WHEN inbox.state = 'announced' OR inbox.state = 'received'
                        OR EXISTS (\(SQLiteStore.openOf)) THEN 'open'
                    ELSE 'done' END AS answer, count(*) AS count FROM inbox
                """, filter)
            for row in try answers.rows(db, groupedBy: "1") {
                guard let answer = row.value("answer").flatMap({ OrderAnswer(rawValue: $0) }) else {
                    continue
                }
                tally.answers[answer] = row["count"]
            }
            let deliveries = SQLiteStore.query(
                """
                SELECT outbox.sink, outbox.state, count(*) AS count
                FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                """, filter)
            for row in try deliveries.rows(db, groupedBy: "1, 2") {
                guard let state = row.value("state").flatMap({ DeliveryState(rawValue: $0) }),
                    let sink: String = row.value("sink")
                else { continue }
                tally.deliveries[sink, default: [:]][state] = row["count"]
            }
            return tally
        }
    }

    public func oldestOpenMilliseconds(
        atMilliseconds now: Int64
    ) async throws(StoreError) -> [String: Int64] {
        try await read { db in
            var oldest: [String: Int64] = [:]
            for row in try Row.fetchAll(
                db,
                sql: """
                    SELECT sink, min(first_ms) AS oldest FROM (
                        SELECT sink, max(created_ms, ifnull(not_before_ms, created_ms)) AS first_ms
                        FROM outbox WHERE state = 'pending' AND ifnull(not_before_ms, ?) <= ?
                        UNION ALL
                        SELECT sink, max(created_ms, ifnull(not_before_ms, created_ms))
                        FROM outbox WHERE state = 'leased')
                    GROUP BY sink
                    """, arguments: [now, now])
            { if let sink: String = row.value("sink") { oldest[sink] = row.value("oldest") } }
            return oldest
        }
    }

    public func over(_ query: OverQuery) async throws(StoreError) -> [OverLead] {
        let isOpen = "EXISTS (\(SQLiteStore.openOf))"
        let hasDead = "EXISTS (\(SQLiteStore.deadOf))"
        let (state, condition) =
            switch query.end {
            case .delivered: ("decided", "NOT \(isOpen) AND NOT \(hasDead)")
            case .dead: ("decided", "NOT \(isOpen) AND \(hasDead)")
            case .held: ("held", "NOT \(isOpen)")
            case .quarantined: ("quarantined", "1")
            }
        return try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT sequence, received_ms FROM inbox INDEXED BY inbox_over
                    WHERE state = '\(state)'
                        AND (received_ms, sequence) > (?, ?) AND received_ms < ? AND \(condition)
                    ORDER BY received_ms, sequence LIMIT ?
                    """,
                arguments: [
                    query.after?.receivedMilliseconds ?? .min, query.after?.sequence ?? .min,
                    query.beforeMilliseconds, query.limit,
                ]
            ).compactMap { row in
                row.value("received_ms").map {
                    OverLead(sequence: row["sequence"], receivedMilliseconds: $0)
                }
            }
        }
    }

    private static let openOf = """
        SELECT 1 FROM outbox
        WHERE inbox_sequence = inbox.sequence AND state IN ('pending', 'leased')
        """
    /// A dead letter that was redelivered is another row's concern.
    private static let deadOf = """
        SELECT 1 FROM outbox
        WHERE inbox_sequence = inbox.sequence AND state = 'dead' AND NOT \(isSuperseded)
        """
}
