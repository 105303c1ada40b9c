internal import LeadKit

/// A lead as the rules of one rule set see it: each name's values, normalised once.
final class LeadView {
    let lead: Lead
    /// When the lead is decided.
    let now: Timestamp
    let isDuplicate: Bool
    private let names: [Name]
    private let tables: [Table]
    private let schedules: [Schedule]
    private var cache: [[Value]?]
    private var rows: [Int??]
    /// The normalised names of the answers, in the form's order.
    private lazy var fieldNames = lead.fieldData.map { Normalization.value($0.name) }

    init(
        lead: Lead, now: Timestamp, isDuplicate: Bool, names: [Name], tables: [Table],
        schedules: [Schedule]
    ) {
        self.lead = lead
        self.now = now
        self.isDuplicate = isDuplicate
        self.names = names
        self.tables = tables
        self.schedules = schedules
        cache = Array(repeating: nil, count: names.count)
        rows = Array(repeating: nil, count: tables.count)
    }

    /// The values of a numbered name; empty when it is missing.
    func values(slot: Int) -> [Value] {
        if let known = cache[slot] { return known }
        let values = values(of: names[slot])
        cache[slot] = values
        return values
    }

    /// The values of a name: trimmed, NFC, blanks removed.
    func values(of name: Name) -> [Value] {
        rawValues(of: name).compactMap { text in
            let value = Normalization.value(text)
            return value.isEmpty ? nil : Value(value)
        }
    }

    /// The values of a name as received.
    func rawValues(of name: Name) -> [String] {
        switch name {
        case .field(let field):
            zip(fieldNames, lead.fieldData).filter { $0.0 == field }.flatMap { $0.1.values }
        case .column(let table, let column):
            row(of: table).map { [tables[table].rows[$0][column]] } ?? []
        case .attribute, .consent, .schedule:
            LeadView.texts(
                of: name, lead: lead, now: now, isDuplicate: isDuplicate, schedules: schedules)
        }
    }

    /// The values as received of a name that is neither an answer nor a table's column.
    static func texts(
        of name: Name, lead: Lead, now: Timestamp, isDuplicate: Bool, schedules: [Schedule]
    ) -> [String] {
        switch name {
        case .attribute(.isDuplicate): [isDuplicate ? "true" : "false"]
        case .attribute(let attribute): lead[attribute].map { [$0] } ?? []
        case .consent(let key):
            lead.consents.filter { Normalization.value($0.key) == key }
                .map { $0.isChecked ? "true" : "false" }
        case .schedule(let number): [schedules[number].state(at: now).rawValue]
        case .field, .column: []
        }
    }

    /// The row that the lead's key selects: the first value that is a key.
    func row(of table: Int) -> Int? {
        if let known = rows[table] { return known }
        let match = tables[table].match
        let row = match.flatMap { name in
            values(of: name).lazy.compactMap { self.tables[table].index[$0.exact] }.first
        }
        rows[table] = .some(row)
        return row
    }
}
