internal import Foundation
internal import GRDB
internal import LeadKit

/// An inbox item as the table keeps it.
struct InboxRow: Sendable {
    var source: String
    var leadID: String
    var state: InboxState
    var lead: [UInt8] = []
    var raw: [UInt8] = []
    var envelope: String?
    var reason: String?
    /// Nil while there is no lead.
    var checksum: Int64?
    /// What names of items that are kept aside begin with.
    static let keptAsidePrefix = "quarantine-"

    init(_ item: InboxItem) {
        switch item {
        case .lead(let lead):
            source = lead.source
            leadID = lead.id.text
            state = .received
            self.lead = lead.json
            raw = InboxRow.raw(of: lead, besides: self.lead)
            checksum = Checksum.ofLead(self.lead)
        case .reference(let reference):
            source = reference.source
            leadID = reference.id.text
            state = .announced
            envelope = InboxRow.text(of: reference.envelope)
        case .quarantined(let source, let raw, let reason):
            self.source = source
            leadID = InboxRow.keptAsidePrefix + LeadID(contentOf: raw).text
            state = .quarantined
            self.raw = raw
            self.reason = reason
        }
    }

    /// The bytes as received; nothing when the lead itself says the same.
    static func raw(of lead: Lead, besides json: [UInt8]) -> [UInt8] {
        lead.raw == json ? [] : lead.raw
    }

    /// A key is an answer of any length: its hash is short, personal data for nobody, and compares
    /// byte for byte, where SQLite would see a text only up to a NUL.
    static func hash(ofDedupeKey key: String) -> String { Digest.sha256Hex(key.utf8) }

    private static func text(of envelope: Envelope) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            for attribute in LeadAttribute.allCases {
                guard let text = envelope[attribute] else { continue }
                writer.name(attribute.rawValue)
                writer.string(text)
            }
        }
        return writer.text
    }

    static func envelope(_ text: String?) -> Envelope {
        guard let text, let document = try? JSONDocument.parse(Array(text.utf8)) else {
            return Envelope()
        }
        var envelope = Envelope()
        for (name, value) in document.root.members {
            if let attribute = LeadAttribute(rawValue: name) { envelope[attribute] = value.string }
        }
        return envelope
    }

    /// What routing needs of a row. Nothing is decided about a damaged one: it has no content, and is
    /// held for that.
    static func undecided(_ reader: inout RowReader) throws -> InboxEntry {
        // SQLite itself holds this one to be a number.
        let sequence = try reader.number()
        do {
            let source = try reader.text()
            guard let id = LeadID(try reader.text()) else { throw RowReader.Damage() }
            let received = try reader.number()
            let lead = try reader.bytes()
            let raw = try reader.bytes()
            let checksum = try reader.checksum()
            let isIntact = checksum == Checksum.ofLead(lead)
            return InboxEntry(
                sequence: sequence, source: source, leadID: id, state: .received,
                receivedMilliseconds: received, lead: isIntact ? lead : [],
                raw: raw, isDuplicate: try reader.number() != 0,
                decidedMilliseconds: try reader.numberOrNothing(),
                cancelsOthers: try reader.numberOrNothing() ?? 0 != 0)
        } catch {
            return InboxEntry(
                sequence: sequence, source: "",
                leadID: LeadID("damaged-\(sequence)") ?? LeadID(contentOf: []),
                state: .received, receivedMilliseconds: 0, lead: [])
        }
    }

    /// A row with its columns as far as they can be read: an id that cannot is `damaged-NUMBER`.
    /// Nil when it is in no known state.
    static func entry(_ row: Row) -> InboxEntry? {
        let sequence: Int64 = row["sequence"]
        guard let state = row.value("state").flatMap({ InboxState(rawValue: $0) }),
            let id = row.value("lead_id").flatMap({ LeadID($0) }) ?? LeadID("damaged-\(sequence)")
        else { return nil }
        return InboxEntry(
            sequence: sequence, source: row.value("source") ?? "", leadID: id, state: state,
            receivedMilliseconds: row.value("received_ms") ?? 0,
            lead: [UInt8](row.value("lead", as: Data.self) ?? Data()),
            raw: [UInt8](row.value("raw", as: Data.self) ?? Data()), outcome: row.value("outcome"),
            decision: row.value("decision"), ruleSetHash: row.value("rule_set_hash"),
            reason: row.value("reason"), isDuplicate: row.value("is_duplicate") ?? false,
            decidedMilliseconds: row.value("decided_ms"))
    }

    /// Whether the lead's bytes are those that were taken in.
    static func isIntact(_ row: Row) -> Bool {
        guard let lead: Data = row.value("lead"),
            Checksum.LeadRow(row, sequence: "sequence") != nil,
            row.value("lead_id", as: String.self) != nil
        else { return false }
        guard let checksum = row.checksum else { return lead.isEmpty }
        return Checksum.ofLead(lead) == checksum
    }
}

// What is kept aside has a name made from its content, and a form may choose the same for a lead.
extension InboxRow {
    /// Whether the row that has the item's name is the item, kept aside or erased since.
    static func isKeptAside(_ row: InboxRow, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT state = 'forgotten' OR state = 'quarantined' AND raw = ?
                    FROM inbox WHERE source = ? AND lead_id = ?
                    """), arguments: [Data(row.raw), row.source, row.leadID]) ?? false
    }

    /// Gives what was kept aside under a lead's name another one; whether there was such.
    static func makeWay(for row: InboxRow, _ db: Database) throws -> Bool {
        guard row.state == .received, row.leadID.utf8.starts(with: keptAsidePrefix.utf8) else {
            return false
        }
        try db.cachedStatement(
            sql: """
                UPDATE inbox SET lead_id = ?
                WHERE source = ? AND lead_id = ? AND state = 'quarantined' AND length(raw) > 0
                """
        ).execute(arguments: [otherID(for: row.leadID), row.source, row.leadID])
        return db.changesCount > 0
    }

    static func otherID(for id: String) -> String {
        "\(id)-\(UInt64.random(in: .min ... .max))"
    }
}
