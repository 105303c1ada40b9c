internal import GRDB
internal import LeadKit

/// Sets rows aside that the disk has changed so that nothing can be written to them.
///
/// SQLite looks at all values of a STRICT row when one of them is written: a number that has become a
/// text fails every UPDATE of its row, and with it the loop that would work on it. So such a row is
/// given values of the right kinds, whatever they say, in the same UPDATE that puts it where nothing
/// is made of it. It has no checksum then: `ledger verify` names it.
enum DamagedRow {
    static let reason = "damaged on the disk: it cannot be written to"

    /// Whether a write failed because of what the row holds. The statement has changed nothing, and
    /// the transaction goes on.
    static func isCause(of error: any Error) -> Bool {
        (error as? DatabaseError)?.resultCode == .SQLITE_CONSTRAINT
    }

    /// A delivery becomes a dead letter: of its lead, or of one that is made for it when the disk has
    /// changed whose it is to nobody's. SQLite takes no row that names a lead which is not there.
    static func bury(
        _ sequence: Int64, at time: Int64, _ db: Database, _ tally: Tally,
        because reason: String = DamagedRow.reason
    ) throws {
        let (key, known) = try identity(of: sequence, db)
        let lead = try known ?? standIn(for: sequence, at: time, db, tally)
        try db.execute(
            sql: """
                UPDATE outbox SET state = 'dead', detail = ?, lease_token = NULL,
                    lease_until_ms = NULL, checksum = NULL, key = ?, inbox_sequence = ?,
                    \(casts("TEXT", ["sink", "route", "with_settings", "destination"], or: "''")),
                    \(casts("TEXT", ["pool", "member"])),
                    \(casts("INTEGER", ["is_copy", "attempts", "created_ms"], or: "0")),
                    \(casts("INTEGER", ["due_ms", "crashes", "generation"], or: "0")),
                    \(casts("INTEGER", ["not_before_ms"])),
                    previous_sequence = (SELECT sequence FROM outbox AS previous
                        WHERE previous.sequence = outbox.previous_sequence
                            AND previous.inbox_sequence = outbox.inbox_sequence)
                WHERE sequence = ?
                """, arguments: [reason, key.text, lead, sequence])
        try db.execute(
            sql: "INSERT INTO attempts SELECT sequence, attempts, ?, 0, 'dead', ? FROM outbox"
                + " WHERE sequence = ?", arguments: [time, reason, sequence])
    }

    /// A delivery's key, and the number of its lead; nil when there is no such lead, and nobody knows
    /// what the key was for.
    private static func identity(
        of sequence: Int64, _ db: Database
    ) throws -> (DeliveryKey, lead: Int64?) {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT key, inbox.sequence AS lead FROM outbox
                LEFT JOIN inbox ON inbox.sequence = outbox.inbox_sequence WHERE outbox.sequence = ?
                """, arguments: [sequence])
        let key = row?.value("key").flatMap { DeliveryKey($0) }
        guard let key, let lead: Int64 = row?.value("lead") else {
            return (.ofDamaged(sequence), row?.value("lead"))
        }
        return (key, lead)
    }

    /// A held lead without content, for a delivery of which nobody knows whose it is. `ledger verify`
    /// names it, and the lead that lacks a delivery which was decided.
    private static func standIn(
        for sequence: Int64, at time: Int64, _ db: Database, _ tally: Tally
    ) throws -> Int64 {
        try db.execute(
            sql: """
                INSERT INTO inbox (source, lead_id, state, outcome, reason, decision, received_ms,
                    decided_ms) VALUES ('', ?, 'held', 'held', ?, '{}', ?, ?)
                """,
            arguments: [
                "damaged-delivery-\(sequence)",
                "stands for the lead of delivery \(sequence), which the disk has changed: whose it is "
                    + "cannot be read", time, time,
            ])
        tally.lead(new: .held, outcome: "held")
        return db.lastInsertedRowID
    }

    /// A lead is held.
    static func hold(_ sequence: Int64, at time: Int64, _ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE inbox SET state = 'held', outcome = 'held', reason = ?, decision = '{}',
                    decided_ms = ?, checksum = NULL, is_duplicate = 0, envelope = NULL,
                    lead_id = ifnull(CAST(lead_id AS TEXT), 'damaged-' || sequence),
                    \(casts("TEXT", ["source"], or: "''")), \(casts("TEXT", ["rule_set_hash"])),
                    \(casts("INTEGER", ["received_ms", "attempts", "due_ms"], or: "0")),
                    \(casts("BLOB", ["lead", "raw"], or: "x''"))
                WHERE sequence = ?
                """, arguments: [reason, time, sequence])
    }

    /// Values of the kind; a NULL, which one bit makes of a zero, becomes what is given instead.
    private static func casts(
        _ kind: String, _ columns: [String], or other: String = "NULL"
    ) -> String {
        columns.map { "\($0) = ifnull(CAST(\($0) AS \(kind)), \(other))" }.joined(separator: ", ")
    }
}
