internal import GRDB
internal import LeadKit

// Looking.
extension SQLiteStore {
    public func stats() async throws(StoreError) -> StoreStats {
        try await read { db in
            var stats = StoreStats()
            for row in try Row.fetchAll(db, sql: "SELECT * FROM lead_counts WHERE count > 0") {
                guard let state = InboxState(rawValue: row["state"]) else { continue }
                stats.leads[state, default: 0] += row["count"] as Int
                let outcome: String = row["outcome"]
                if !outcome.isEmpty { stats.outcomes[outcome, default: 0] += row["count"] as Int }
            }
            for row in try Row.fetchAll(db, sql: "SELECT * FROM delivery_counts WHERE count > 0") {
                guard let state = DeliveryState(rawValue: row["state"]) else { continue }
                stats.deliveries[state, default: 0] += row["count"] as Int
                stats.sinks[row["sink"] as String, default: [:]][state] = row["count"] as Int
            }
            return stats
        }
    }

    public func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry] {
        try await read { db in
            let query = SQLiteStore.query("SELECT * FROM inbox", filter)
            let order = filter.afterSequence == nil ? "sequence DESC" : "sequence"
            return try query.rows(db, order: order, limit: filter.limit)
                .compactMap(InboxRow.entry)
        }
    }

    public func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry] {
        try await read { db in
            let query = SQLiteStore.query(
                """
                SELECT outbox.*, inbox.source, inbox.lead_id, \(SQLiteStore.isSuperseded) AS superseded
                FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                """, filter)
            let order = filter.afterSequence == nil ? "outbox.sequence DESC" : "outbox.sequence"
            return try query.rows(db, order: order, limit: filter.limit)
                .compactMap(SQLiteStore.entry)
        }
    }

    /// Whether a row of the outbox has a later generation.
    static let isSuperseded = """
        EXISTS (SELECT 1 FROM outbox AS later WHERE later.previous_sequence = outbox.sequence)
        """

    static func query(_ select: String, _ filter: LeadFilter) -> Query {
        var query = Query(select)
        query.add("inbox.source = ?", filter.source)
        query.add("inbox.lead_id = ?", filter.leadID?.text)
        query.add(state: filter.state?.rawValue, of: "inbox")
        query.add("inbox.outcome = ?", filter.outcome)
        query.add("inbox.received_ms >= ?", filter.sinceMilliseconds)
        query.add("inbox.received_ms < ?", filter.untilMilliseconds)
        query.add("inbox.sequence > ?", filter.afterSequence)
        query.add("inbox.sequence < ?", filter.beforeSequence)
        return query
    }

    static func query(_ select: String, _ filter: DeliveryFilter) -> Query {
        var query = Query(select)
        query.add("outbox.sink = ?", filter.sink)
        query.add("outbox.route = ?", filter.route)
        query.add(state: filter.state?.rawValue, of: "outbox")
        query.add("inbox.lead_id = ?", filter.leadID?.text)
        query.add("inbox.source = ?", filter.source)
        query.add("outbox.key >= ?", filter.keyPrefix)
        // Keys are hexadecimal digits, so 'g' is behind every key that begins so.
        query.add("outbox.key < ?", filter.keyPrefix.map { $0 + "g" })
        query.add("outbox.created_ms >= ?", filter.sinceMilliseconds)
        query.add("outbox.created_ms < ?", filter.untilMilliseconds)
        query.add("outbox.sequence > ?", filter.afterSequence)
        query.add("outbox.sequence < ?", filter.beforeSequence)
        return query
    }

    public func attempts(of sequence: Int64) async throws(StoreError) -> [AttemptEntry] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM attempts WHERE outbox_sequence = ? ORDER BY rowid",
                arguments: [sequence]
            ).map { row in
                AttemptEntry(
                    number: row["number"], startedMilliseconds: row["started_ms"],
                    durationMilliseconds: row["duration_ms"], outcome: row["outcome"],
                    detail: row["detail"])
            }
        }
    }

    private static func entry(_ row: Row) -> DeliveryEntry? {
        guard let delivery = delivery(row), let id = LeadID(row["lead_id"]),
            let state = DeliveryState(rawValue: row["state"])
        else { return nil }
        return DeliveryEntry(
            sequence: row["sequence"], delivery: delivery, source: row["source"], leadID: id,
            state: state, attempts: row["attempts"], createdMilliseconds: row["created_ms"],
            dueMilliseconds: row["due_ms"], detail: row["detail"], generation: row["generation"],
            previousSequence: row["previous_sequence"], isSuperseded: row["superseded"])
    }
}

/// A SELECT with the conditions that were asked for; values are always bound.
struct Query {
    private let select: String
    private var conditions: [String] = []
    private var arguments: [any DatabaseValueConvertible] = []

    init(_ select: String) { self.select = select }

    mutating func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
        guard let value else { return }
        conditions.append(condition)
        arguments.append(value)
    }

    /// A state is a word of ours, written out so that SQLite may use the state's own index.
    mutating func add(state: String?, of table: String) {
        if let state { conditions.append("\(table).state = '\(state)'") }
    }

    func rows(_ db: Database, order: String, limit: Int) throws -> [Row] {
        try Row.fetchAll(
            db, sql: "\(select)\(filter) ORDER BY \(order) LIMIT ?",
            arguments: StatementArguments(arguments + [limit]))
    }

    func rows(_ db: Database, groupedBy columns: String) throws -> [Row] {
        try Row.fetchAll(
            db, sql: "\(select)\(filter) GROUP BY \(columns)",
            arguments: StatementArguments(arguments))
    }

    private var filter: String {
        conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }
}
