/// The queries that run all the time, each with the partial index that it must use: a query that
/// scans a table instead gets slower with every lead ever taken in.
enum HotQuery: CaseIterable {
    case dueReferences
    case undecided
    case pending
    case expired
    case nextDue

    var sql: String {
        switch self {
        case .dueReferences:
            """
            SELECT sequence, lead_id, envelope, attempts, received_ms FROM inbox
            WHERE state = 'announced' AND source = ? AND due_ms <= ?
            ORDER BY due_ms, sequence LIMIT ?
            """
        case .undecided:
            """
            SELECT * FROM inbox WHERE state = 'received' AND sequence > ?
            ORDER BY sequence LIMIT ?
            """
        case .pending:
            """
            SELECT sequence FROM outbox WHERE state = 'pending' AND sink = ? AND due_ms <= ?
            ORDER BY due_ms, sequence LIMIT ?
            """
        case .expired:
            """
            SELECT sequence FROM outbox WHERE state = 'leased' AND sink = ? AND lease_until_ms <= ?
            ORDER BY lease_until_ms LIMIT ?
            """
        case .nextDue:
            """
            SELECT due_ms FROM outbox WHERE state = 'pending' AND sink = ?
            ORDER BY due_ms LIMIT 1
            """
        }
    }

    var index: String {
        switch self {
        case .dueReferences: "inbox_announced"
        case .undecided: "inbox_received"
        case .pending, .nextDue: "outbox_pending"
        case .expired: "outbox_leased"
        }
    }
}
