internal import LeadKit

/// Settings that are legal and careless: addresses of tables that are not encrypted, secrets in
/// headers, routes that are switched off without a word why.
struct SettingCheck {
    let subject: LintSubject

    private var ruleSet: RuleSet { subject.ruleSet }

    func run(_ problems: inout SettingProblems) {
        for template in subject.templates {
            if template.template.place == .url { checkAddresses(template, &problems) }
            checkHeader(template.template, &problems)
        }
        for node in subject.tree.nodes where node.route.isDisabled && node.route.note == nil {
            problems.warning(
                "disabled-route", at: node.route.position,
                "the route '\(node.route.name)' is switched off, and no note says why",
                help: "add 'note: WHY, UNTIL WHEN', or remove the route")
        }
    }

    /// Cells of a column that is a whole address.
    private func checkAddresses(_ template: NamedTemplate, _ problems: inout SettingProblems) {
        let source = template.template.source.trimmed
        guard ByteSearch.hasPrefix(source, "{{") else { return }
        for case .column(let table, let column) in template.names {
            let rows = ruleSet.tables[table].rows
            let plain = rows.indices.filter { PlainAddress.isOpen(rows[$0][column].trimmed) }
            guard let first = plain.first else { continue }
            let keys = ruleSet.tables[table].keys
            problems.warning(
                "plain-transport",
                at: Position(
                    file: ruleSet.tables[table].file, line: ruleSet.tables[table].lines[first],
                    column: 1),
                "'\(ruleSet.tables[table].columns[column])' of \(Listing.quoted(plain.map { keys[$0] })) is an 'http:' address: leads would go readable over the network",
                help: "write 'https:', if the server can")
        }
    }

    private static let secretHeaders: Set = [
        "authorization", "proxy-authorization", "x-api-key", "api-key", "apikey", "x-auth-token",
        "x-access-token", "x-token", "cookie",
    ]

    private func checkHeader(_ template: Template, _ problems: inout SettingProblems) {
        guard !template.isSecret, ByteSearch.hasPrefix(template.name, "headers."),
            !ByteSearch.contains(template.source, "{{")
        else { return }
        let header = String(decoding: template.name.utf8.dropFirst(8), as: UTF8.self)
        guard SettingCheck.secretHeaders.contains(Normalization.folded(header)) else { return }
        problems.warning(
            "plain-secret", at: template.position,
            "the header '\(header)' holds a secret in plain text",
            help: "write \"${NAME}\" and set the variable NAME, or {file: PATH}")
    }
}
