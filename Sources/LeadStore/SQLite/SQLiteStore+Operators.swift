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
            var query = Query("SELECT * FROM inbox")
            query.add("source = ?", filter.source)
            query.add("lead_id = ?", filter.leadID?.text)
            query.add(state: filter.state?.rawValue, of: "inbox")
            query.add("outcome = ?", filter.outcome)
            query.add("received_ms >= ?", filter.sinceMilliseconds)
            query.add("sequence > ?", filter.afterSequence)
            let order = filter.afterSequence == nil ? "sequence DESC" : "sequence"
            return try query.rows(db, order: order, limit: filter.limit)
                .compactMap(InboxRow.entry)
        }
    }

    public func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry] {
        try await read { db in
            var query = Query(
                """
                SELECT outbox.*, inbox.source, inbox.lead_id FROM outbox
                JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                """)
            query.add("outbox.sink = ?", filter.sink)
            query.add(state: filter.state?.rawValue, of: "outbox")
            query.add("inbox.lead_id = ?", filter.leadID?.text)
            query.add("outbox.key >= ?", filter.keyPrefix)
            // Keys are hexadecimal digits, so 'g' is behind every key that begins so.
            query.add("outbox.key < ?", filter.keyPrefix.map { $0 + "g" })
            return try query.rows(db, order: "outbox.sequence DESC", limit: filter.limit)
                .compactMap(SQLiteStore.entry)
        }
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
            dueMilliseconds: row["due_ms"], detail: row["detail"])
    }
}

/// A SELECT with the conditions that were asked for; values are always bound.
private struct Query {
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
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return try Row.fetchAll(
            db, sql: "\(select)\(filter) ORDER BY \(order) LIMIT ?",
            arguments: StatementArguments(arguments + [limit]))
    }
}
