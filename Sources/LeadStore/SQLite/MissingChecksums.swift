internal import Foundation
internal import GRDB
internal import LeadKit

/// Gives rows of earlier versions their checksums, so that a row without one is a damaged row.
///
/// What they hold now is taken as right: nobody can say what they held before. Only a row that
/// cannot be read stays without, and is treated as damaged.
enum MissingChecksums {
    /// The most rows that are in memory at a time.
    private static let pageMax = 50

    static func fill(_ db: Database) throws {
        try fill(
            db, "inbox",
            """
            SELECT sequence, lead FROM inbox
            WHERE sequence > ? AND checksum IS NULL AND length(lead) > 0
            ORDER BY sequence LIMIT \(pageMax)
            """
        ) { $0.value("lead", as: Data.self).map { Checksum.ofLead($0) } }
        // All of them: earlier versions left some of it out.
        try fill(
            db, "outbox",
            """
            SELECT outbox.sequence
            FROM outbox JOIN inbox ON inbox.sequence = outbox.inbox_sequence
            WHERE outbox.sequence > ? AND inbox.state <> 'forgotten'
            ORDER BY outbox.sequence LIMIT \(pageMax)
            """
        ) { page in
            do {
                let row = try LeaseRow(page["sequence"], db)
                return Checksum.of(row.delivery, row.leadRow)
            } catch is RowReader.Damage {
                return nil
            }
        }
    }

    private static func fill(
        _ db: Database, _ table: String, _ page: String, _ checksum: (Row) throws -> Int64?
    ) throws {
        let update = try db.makeStatement(
            sql: "UPDATE \(table) SET checksum = ? WHERE sequence = ?")
        var last: Int64 = 0
        while true {
            let rows = try Row.fetchAll(db, sql: page, arguments: [last])
            guard let end = rows.last else { return }
            for row in rows {
                try update.execute(arguments: [try checksum(row), row["sequence"] as Int64])
            }
            last = end["sequence"]
        }
    }
}
