internal import GRDB

/// Sets rows aside that the disk has changed so that nothing can be written to them.
///
/// SQLite looks at all values of a STRICT row when one of them is written: a number that has become a
/// text fails every UPDATE of its row, and with it the loop that would work on it. So such a row is
/// given values of the right kinds, whatever they say, in the same UPDATE that puts it where nothing
/// is made of it. It has no checksum then: `ledger verify` names it.
enum DamagedRow {
    private static let reason = "damaged on the disk: it cannot be written to"

    /// Whether a write failed because of what the row holds. The statement has changed nothing, and
    /// the transaction goes on.
    static func isCause(of error: any Error) -> Bool {
        (error as? DatabaseError)?.resultCode == .SQLITE_CONSTRAINT
    }

    /// A delivery becomes a dead letter.
    static func bury(_ sequence: Int64, at time: Int64, _ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE outbox SET state = 'dead', detail = ?, lease_token = NULL,
                    lease_until_ms = NULL, checksum = NULL,
                    \(casts("TEXT", ["key", "sink", "route", "with_settings", "destination"])),
                    \(casts("TEXT", ["pool", "member"])),
                    \(casts("INTEGER", ["inbox_sequence", "is_copy", "attempts", "created_ms"])),
                    \(casts("INTEGER", ["due_ms", "crashes", "generation", "not_before_ms"])),
                    \(casts("INTEGER", ["previous_sequence"]))
                WHERE sequence = ?
                """, arguments: [reason, sequence])
        try db.execute(
            sql: "INSERT INTO attempts SELECT sequence, attempts, ?, 0, 'dead', ? FROM outbox"
                + " WHERE sequence = ?", arguments: [time, reason, sequence])
    }

    /// A lead is held.
    static func hold(_ sequence: Int64, at time: Int64, _ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE inbox SET state = 'held', outcome = 'held', reason = ?, decision = '{}',
                    decided_ms = ?, checksum = NULL, is_duplicate = 0, envelope = NULL,
                    \(casts("TEXT", ["source", "lead_id", "rule_set_hash"])),
                    \(casts("INTEGER", ["received_ms", "attempts", "due_ms"])),
                    \(casts("BLOB", ["lead", "raw"]))
                WHERE sequence = ?
                """, arguments: [reason, time, sequence])
    }

    private static func casts(_ kind: String, _ columns: [String]) -> String {
        columns.map { "\($0) = CAST(\($0) AS \(kind))" }.joined(separator: ", ")
    }
}
