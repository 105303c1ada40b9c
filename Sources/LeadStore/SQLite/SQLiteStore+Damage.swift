internal import GRDB
internal import LeadKit

// Whether rows are what was written, for who looks at them.
extension SQLiteStore {
    public func damage(
        ofDeliveries sequences: [Int64]
    ) async throws(StoreError) -> [Int64: String] {
        try await read { db in
            var damage: [Int64: String] = [:]
            for sequence in sequences {
                damage[sequence] = try SQLiteStore.damage(ofDelivery: sequence, db)
            }
            return damage
        }
    }

    private static func damage(ofDelivery sequence: Int64, _ db: Database) throws -> String? {
        let lead = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT inbox.state FROM outbox
                    LEFT JOIN inbox ON inbox.sequence = outbox.inbox_sequence
                    WHERE outbox.sequence = ?
                    """), arguments: [sequence])
        // Forgetting takes the checksums, too.
        guard let lead, lead.value("state") != InboxState.forgotten.rawValue else { return nil }
        do {
            return try LeaseRow(sequence, db).damage
        } catch is RowReader.Damage {
            return "the stored delivery is damaged: it cannot be read"
        }
    }

    public func damage(ofLead sequence: Int64) async throws(StoreError) -> String? {
        try await read { db in
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT * FROM inbox WHERE sequence = ?"),
                arguments: [sequence])
            guard let row, row.value("state") != InboxState.forgotten.rawValue else { return nil }
            return InboxRow.isIntact(row)
                ? nil : "the stored lead is damaged: it does not match its checksum"
        }
    }
}
