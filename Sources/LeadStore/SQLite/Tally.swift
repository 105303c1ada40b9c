internal import GRDB

/// What a transaction changes in the counts of `lead_counts` and `delivery_counts`.
///
/// New rows and changes of state are told to the transaction's tally, by whoever makes them, and
/// written once for a commit. Triggers took a third of the store's time: each is a program of its
/// own for each row, and SQLite collects the rows of an UPDATE in a table of its own first when
/// there is one. `ledger verify` counts the rows again.
final class Tally {
    private struct Leads: Hashable {
        var state: InboxState
        var outcome: String
    }

    private struct Deliveries: Hashable {
        var sink: String
        var state: DeliveryState
    }

    private var leads: [Leads: Int] = [:]
    private var deliveries: [Deliveries: Int] = [:]

    /// A row of the inbox is new.
    func lead(new state: InboxState, outcome: String = "") {
        leads[Leads(state: state, outcome: outcome), default: 0] += 1
    }

    /// A row of the outbox is new; it waits.
    func delivery(newTo sink: String) {
        deliveries[Deliveries(sink: sink, state: .pending), default: 0] += 1
    }

    /// A lead that had no outcome changes its state.
    func lead(from old: InboxState, to new: InboxState, outcome: String = "") {
        lead(from: old, outcome: "", to: new, outcome: outcome)
    }

    /// A lead changes its state.
    func lead(
        from old: InboxState, outcome oldOutcome: String, to new: InboxState, outcome: String
    ) {
        leads[Leads(state: old, outcome: oldOutcome), default: 0] -= 1
        leads[Leads(state: new, outcome: outcome), default: 0] += 1
    }

    /// A delivery changes its state.
    func delivery(to sink: String, from old: DeliveryState, to new: DeliveryState) {
        deliveries[Deliveries(sink: sink, state: old), default: 0] -= 1
        deliveries[Deliveries(sink: sink, state: new), default: 0] += 1
    }

    /// Takes over what another one, of a part of the transaction, has counted.
    func add(_ other: Tally) {
        leads.merge(other.leads, uniquingKeysWith: +)
        deliveries.merge(other.deliveries, uniquingKeysWith: +)
    }

    /// No ledger counts as much: what the disk has made of a count must not become a number that is none
    /// when it is added to.
    private static let countMax: Int64 = 1 << 53

    /// The count of a row of either table; nil for none.
    static func count(_ row: Row) -> Int? {
        row.value("count", as: Int64.self).map { Int(min($0, countMax)) }
    }

    /// Writes it, at the end of the transaction.
    func write(_ db: Database) throws {
        for (key, change) in leads where change != 0 {
            try db.cachedStatement(
                sql: """
                    INSERT INTO lead_counts VALUES (?1, ?2, ?3)
                    ON CONFLICT DO UPDATE SET count = max(min(count, ?4), -?4) + ?3
                    """
            ).execute(arguments: [key.state.rawValue, key.outcome, change, Tally.countMax])
        }
        for (key, change) in deliveries where change != 0 {
            try db.cachedStatement(
                sql: """
                    INSERT INTO delivery_counts VALUES (?1, ?2, ?3)
                    ON CONFLICT DO UPDATE SET count = max(min(count, ?4), -?4) + ?3
                    """
            ).execute(arguments: [key.sink, key.state.rawValue, change, Tally.countMax])
        }
    }
}
