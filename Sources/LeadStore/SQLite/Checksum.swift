internal import Crypto
internal import Foundation
internal import GRDB
internal import LeadKit

/// 64 bits of SHA-256 over what a delivery is made from, kept beside it: a bit that flips on the
/// disk is noticed before anything of it is sent.
enum Checksum {
    /// Of a lead as `Lead.json` wrote it.
    static func ofLead(_ lead: some DataProtocol) -> Int64 { first(SHA256.hash(data: lead)) }

    /// What a delivery takes from its lead's row, beside the content: which row it is, too, since
    /// another one's content is intact.
    struct LeadRow {
        var sequence: Int64
        var source: String
        var receivedMilliseconds: Int64
        var isDuplicate: Bool

        init(
            sequence: Int64, source: String, receivedMilliseconds: Int64, isDuplicate: Bool
        ) {
            self.sequence = sequence
            self.source = source
            self.receivedMilliseconds = receivedMilliseconds
            self.isDuplicate = isDuplicate
        }

        /// The lead of that number; nil when there is none that can be read.
        init?(_ sequence: Int64, _ db: Database) throws {
            var found: LeadRow?
            try db.cachedStatement(
                sql: "SELECT source, received_ms, is_duplicate FROM inbox WHERE sequence = ?"
            ).forEachRow(.integer(sequence)) { row in
                found = try? LeadRow(
                    sequence: sequence, source: row.text(),
                    receivedMilliseconds: row.number(), isDuplicate: row.flag())
                return false
            }
            guard let found else { return nil }
            self = found
        }
    }

    /// Of a row of the outbox: everything that says what is sent where, and not before when.
    static func of(_ delivery: NewDelivery, _ lead: LeadRow) -> Int64 {
        var bytes: [UInt8] = []
        for part in [
            delivery.key.text, delivery.sink, delivery.route, delivery.with, delivery.pool,
            delivery.member, lead.source,
        ] { add(part, to: &bytes) }
        add(delivery.notBeforeMilliseconds, to: &bytes)
        add(lead.sequence, to: &bytes)
        add(lead.receivedMilliseconds, to: &bytes)
        add(delivery.isCopy ? 1 : 0, to: &bytes)
        add(lead.isDuplicate ? 1 : 0, to: &bytes)
        return first(SHA256.hash(data: bytes))
    }

    // Each part says whether it is there, and a text how long it is: no two lists of parts are the
    // same bytes, and nothing is not zero or empty.

    private static func add(_ text: String?, to bytes: inout [UInt8]) {
        add(text.map { Int64($0.utf8.count) }, to: &bytes)
        if let text { bytes.append(contentsOf: text.utf8) }
    }

    private static func add(_ number: Int64?, to bytes: inout [UInt8]) {
        bytes.append(number == nil ? 0 : 1)
        if let number {
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
    }

    private static func first(_ digest: SHA256Digest) -> Int64 {
        Int64(bitPattern: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension Checksum.LeadRow {
    /// From a row that has the columns of the inbox, and the lead's number by that name; nil when
    /// they cannot be read.
    init?(_ row: Row, sequence: String) {
        guard let number: Int64 = row.value(sequence), let source: String = row.value("source"),
            let received: Int64 = row.value("received_ms"),
            let isDuplicate: Bool = row.value("is_duplicate")
        else { return nil }
        self.init(
            sequence: number, source: source, receivedMilliseconds: received,
            isDuplicate: isDuplicate)
    }
}
