internal import GRDB
internal import LeadKit

// Looking.
extension SQLiteStore {
    public func stats() async throws(StoreError) -> StoreStats {
        try await read { db in
            var stats = StoreStats()
            for row in try Row.fetchAll(db, sql: "SELECT * FROM lead_counts WHERE count > 0") {
                guard let state = row.value("state").flatMap({ InboxState(rawValue: $0) }),
                    let outcome: String = row.value("outcome"), let count = Tally.count(row)
                else { continue }
                stats.leads[state, default: 0] += count
                if !outcome.utf8.isEmpty { stats.outcomes[outcome, default: 0] += count }
            }
            for row in try Row.fetchAll(db, sql: "SELECT * FROM delivery_counts WHERE count > 0") {
                guard let state = row.value("state").flatMap({ DeliveryState(rawValue: $0) }),
                    let sink: String = row.value("sink"), let count = Tally.count(row)
                else { continue }
                stats.deliveries[state, default: 0] += count
                stats.sinks[sink, default: [:]][state] = count
            }
            return stats
        }
    }

    public func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry] {
        try await read { db in
            let isForward = filter.afterSequence != nil
            let order = isForward ? "sequence" : "sequence DESC"
            return try SQLiteStore.page(filter.limit, InboxRow.entry) { last, limit in
                var filter = filter
                if let last, isForward { filter.afterSequence = last }
                if let last, !isForward { filter.beforeSequence = last }
                return try SQLiteStore.query("SELECT * FROM inbox", filter)
                    .rows(db, order: order, limit: limit)
            }
        }
    }

    public func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry] {
        try await read { db in
            let isForward = filter.afterSequence != nil
            let order = isForward ? "outbox.sequence" : "outbox.sequence DESC"
            return try SQLiteStore.page(filter.limit, SQLiteStore.entry) { last, limit in
                var filter = filter
                if let last, isForward { filter.afterSequence = last }
                if let last, !isForward { filter.beforeSequence = last }
                return try SQLiteStore.query(SQLiteStore.deliveryRows, filter)
                    .rows(db, order: order, limit: limit)
            }
        }
    }

    private static let deliveryRows = """
        SELECT outbox.*, inbox.source, inbox.lead_id, \(isSuperseded) AS superseded
        FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
        """

    /// So many entries, unless there are no more rows. Rows that are no entries are passed over, and
    /// others read for them: a page with fewer entries is the last, and must not be taken for it.
    private static func page<Entry>(
        _ limit: Int, _ entry: (Row) -> Entry?,
        _ rows: (_ behind: Int64?, _ limit: Int) throws -> [Row]
    ) throws -> [Entry] {
        var found: [Entry] = []
        var last: Int64?
        while found.count < limit {
            let wanted = limit - found.count
            let next = try rows(last, wanted)
            found += next.compactMap(entry)
            guard next.count == wanted, let row = next.last else { break }
            last = row["sequence"]
        }
        return found
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
        let given = "SELECT 1 FROM outbox AS given WHERE given.inbox_sequence = inbox.sequence"
        query.add("EXISTS (\(given) AND given.sink = ?)", filter.sink)
        query.add("EXISTS (\(given) AND given.route = ?)", filter.route)
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
        query.add(isSuperseded, is: filter.isSuperseded)
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
                    number: row.value("number") ?? 0,
                    startedMilliseconds: row.value("started_ms") ?? 0,
                    durationMilliseconds: row.value("duration_ms") ?? 0,
                    outcome: row.value("outcome") ?? "", detail: row.value("detail") ?? "")
            }
        }
    }

    /// A row with its columns as far as they can be read; nil when it does not say what is sent
    /// where, or is in no known state.
    private static func entry(_ row: Row) -> DeliveryEntry? {
        let lead: Int64 = row.value("inbox_sequence") ?? 0
        guard let delivery = delivery(row),
            let id = row.value("lead_id").flatMap({ LeadID($0) }) ?? LeadID("damaged-\(lead)"),
            let state = row.value("state").flatMap({ DeliveryState(rawValue: $0) })
        else { return nil }
        return DeliveryEntry(
            sequence: row["sequence"], delivery: delivery, source: row.value("source") ?? "",
            leadID: id, state: state, attempts: row.value("attempts") ?? 0,
            createdMilliseconds: row.value("created_ms") ?? 0,
            dueMilliseconds: row.value("due_ms") ?? 0, detail: row.value("detail"),
            generation: row.value("generation") ?? 0,
            previousSequence: row.value("previous_sequence"), isSuperseded: row["superseded"],
            destination: row.value("destination") ?? "")
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

    /// A condition without values that is to be true, or false.
    mutating func add(_ condition: String, is wanted: Bool?) {
        if let wanted { conditions.append(wanted ? condition : "NOT \(condition)") }
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
