internal import LeadKit

/// Finds `Honda, Kia` and the like: one text where a list was meant.
///
/// Only what else is known of the field tells it from `Washington, DC`. Known are the texts that
/// other conditions compare the same field with, the keys or cells of a table behind it, and what
/// leads of tests and samples say. A text is a list when each of its parts is known; at a comma or
/// semicolon, when one part is known, all are single words, and nothing known has such a mark. A
/// text that leads or tables have as it stands is never one.
struct ListInTextCheck {
    let subject: LintSubject

    private static let operators: Set = ["equals", "in", "not_equals", "not_in"]
    private static let separators = [", ", ",", "; ", ";", " / ", "/", " | ", " or ", " and "]

    func run(_ problems: inout SettingProblems) {
        let suspects = subject.written.tests.flatMap { test in
            test.literals.filter { _ in ListInTextCheck.operators.contains(test.op) }.compactMap {
                ListInTextCheck.parts(of: $0).map { ($0, test.name) }
            }
        }
        guard !suspects.isEmpty else { return }
        let known = known(of: Set(suspects.map(\.1)))
        for (suspect, name) in suspects where isList(suspect, known[name] ?? Known()) {
            let list = "[" + suspect.parts.joined(separator: ", ") + "]"
            problems.warning(
                "word-in-text", at: suspect.place,
                "'\(suspect.separator.trimmed)' is part of the text: no list is made of it",
                help: "write \(list); if leads answer so, add one that does to a test")
        }
    }

    /// A text with a separator in it.
    private struct Suspect {
        var text: String
        var parts: [String]
        var separator: String
        var place: Position
    }

    /// What a field is known to be, folded.
    private struct Known {
        /// What conditions say.
        var written: Set<String> = []
        /// What leads and tables have.
        var real: Set<String> = []

        func contains(_ text: String) -> Bool { written.contains(text) || real.contains(text) }
    }

    private static func parts(of literal: SettingNode) -> Suspect? {
        // Most texts have none of the separators.
        guard let text = literal.text?.trimmed,
            text.utf8.contains(where: { " ,;/|".utf8.contains($0) }),
            Slip.surprise(in: text) == nil,
            PatternMarks.first(in: text) == nil,
            let separator = separators.first(where: { ByteSearch.contains(text, $0) })
        else { return nil }
        let parts = split(text, at: separator)
        guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        return Suspect(text: text, parts: parts, separator: separator, place: literal.position)
    }

    private static func split(_ text: String, at separator: String) -> [String] {
        var rest = Array(text.utf8)[...]
        let mark = Array(separator.utf8)
        var parts: [String] = []
        while let start = rest.indices.first(where: { rest[$0...].starts(with: mark) }) {
            parts.append(String(decoding: rest[..<start], as: UTF8.self).trimmed)
            rest = rest[(start + mark.count)...]
        }
        return parts + [String(decoding: rest, as: UTF8.self).trimmed]
    }

    private func isList(_ suspect: Suspect, _ known: Known) -> Bool {
        let whole = ListInTextCheck.form(suspect.text)
        guard !known.real.contains(whole) else { return false }
        let parts = suspect.parts.map(ListInTextCheck.form)
        if parts.allSatisfy(known.contains) { return true }
        let mark = suspect.separator.trimmed
        guard mark == "," || mark == ";", parts.contains(where: known.contains),
            suspect.parts.allSatisfy(ListInTextCheck.isWord)
        else { return false }
        let others = known.written.union(known.real)
        return !others.contains { $0 != whole && ByteSearch.contains($0, mark) }
    }

    /// Three letters at least: 'DC' and 'CA' are parts of places.
    private static func isWord(_ text: String) -> Bool {
        text.unicodeScalars.count > 2
            && text.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || $0 == "-" }
    }

    private static func form(_ text: String) -> String {
        Normalization.folded(Normalization.value(text))
    }

    private func known(of names: Set<Name>) -> [Name: Known] {
        var result: [Name: Known] = [:]
        for test in subject.written.tests
        where names.contains(test.name) && ListInTextCheck.operators.contains(test.op) {
            for literal in test.literals {
                guard let text = literal.text else { continue }
                result[test.name, default: Known()].written.insert(ListInTextCheck.form(text))
            }
        }
        for name in names {
            let real = cells(of: name) + answers(to: name)
            result[name, default: Known()].real.formUnion(real.map(ListInTextCheck.form))
        }
        return result
    }

    private func cells(of name: Name) -> [String] {
        let tables = subject.ruleSet.tables
        var cells = (subject.written.keyTables[name] ?? []).flatMap { tables[$0.table].keys }
        if case .column(let table, let column) = name {
            cells += tables[table].rows.map { $0[column] }
        }
        return cells
    }

    private func answers(to name: Name) -> [String] {
        guard case .field(let field) = name else { return [] }
        return Array(subject.tests.answers[field] ?? [])
    }
}
