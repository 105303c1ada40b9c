internal import LeadKit

/// Cells of a table that a sink takes for its recipient and that are no mail address.
struct RecipientCheck {
    let subject: LintSubject

    func run(_ problems: inout SettingProblems) {
        var seen: Set<[Int]> = []
        for template in subject.templates {
            let setting = template.template
            guard setting.isRequired, setting.place == .address, template.names.count == 1,
                case .column(let table, let column)? = template.names.first,
                RecipientCheck.isOneTag(setting.source), seen.insert([table, column]).inserted
            else { continue }
            check(template, table: subject.ruleSet.tables[table], column, &problems)
        }
    }

    private func check(
        _ template: NamedTemplate, table: Table, _ column: Int, _ problems: inout SettingProblems
    ) {
        let bad = table.rows.indices.filter { row in
            let cell = table.rows[row][column]
            return !cell.trimmed.isEmpty && !Recipient.isAddress(cell)
        }
        guard let first = bad.first else { return }
        let name = table.columns[column]
        let verb = bad.count == 1 ? "is" : "are"
        problems.warning(
            "bad-recipient",
            at: Position(file: table.file, line: table.lines[first], column: 1),
            "'\(name)' of \(Listing.quoted(bad.map { table.keys[$0] })) \(verb) not one mail "
                + "address, and the sink '\(template.sink)' sends there",
            help: "correct the cell, or leave it empty and ask in the route: "
                + "'\(table.name).\(name): {exists: true}'")
    }

    /// `{{store.email}}` and nothing beside it.
    private static func isOneTag(_ source: String) -> Bool {
        let bytes = Array(source.trimmed.utf8)
        return bytes.starts(with: "{{".utf8) && bytes.reversed().starts(with: "}}".utf8)
            && bytes.filter { $0 == 0x7B }.count == 2
    }
}
