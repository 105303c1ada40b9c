internal import LeadKit

// What the builder found: values that are missing or wrong because quotes are.
extension SyntaxAdvice {
    /// The findings with the causes that their lines show; those that only follow are left out.
    func improved(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        var result: [Diagnostic] = []
        var settled: Set<Int> = []
        for diagnostic in diagnostics {
            guard let cause = cause(of: diagnostic) else { continue }
            if settled.insert(diagnostic.position.line).inserted { result.append(cause) }
        }
        for diagnostic in diagnostics where !settled.contains(diagnostic.position.line) {
            result.append(hinted(diagnostic))
        }
        return result
    }

    /// A finding that explains all others of its line.
    private func cause(of diagnostic: Diagnostic) -> Diagnostic? {
        let line = diagnostic.position.line - 1
        let text = lines[line]
        let column = diagnostic.position.column - 1
        switch diagnostic.code {
        case "yaml-key" where column > 0 && column < text.count && text[column] == "{":
            guard text[column - 1] == "{" else { return nil }
            return finding(
                (line, column - 1), "a text that begins with '{{' must stand in quotes",
                help: "write \"\(template(in: text, from: column - 1))\"")
        case "yaml-tag"
        where text.dropFirst(column + 1).first.map { $0 != "!" && !$0.isBlank } ?? false:
            let name = String(
                String.UnicodeScalarView(text[(column + 1)...].prefix { !$0.isBlank }))
            var better = diagnostic
            better.help =
                "for 'is not' write {not_equals: \(name)}; else put the text in quotes"
            return better
        default: return nil
        }
    }

    /// From '{{' to the end of the value: behind the last tag, up to a blank, ',' or bracket.
    private func template(in text: [Unicode.Scalar], from start: Int) -> String {
        var end = start
        while end + 1 < text.count, !(text[end] == "}" && text[end + 1] == "}") { end += 1 }
        end = min(end + 2, text.count)
        while end < text.count, !text[end].isBlank, ![",", "}", "]"].contains(text[end]) {
            end += 1
        }
        return String(String.UnicodeScalarView(text[start..<end]))
    }

    private func hinted(_ diagnostic: Diagnostic) -> Diagnostic {
        guard diagnostic.code == "yaml-empty-value" else { return diagnostic }
        let text = lines[diagnostic.position.line - 1]
        let start = diagnostic.position.column - 1
        let end = min(start + diagnostic.position.length, text.count)
        guard start >= 0, start < end else { return diagnostic }
        var better = diagnostic
        let rest = text[end...].drop { $0.isBlank || $0 == ":" }
        if rest.first == "#" {
            better.help =
                "a '#' begins a comment; put a text with one in quotes: "
                + "\"\(String(String.UnicodeScalarView(rest)).trimmed)\""
        } else if text[end...].first(where: { !$0.isBlank }) != ":",
            text[..<start].last(where: { !$0.isBlank }) == ","
        {
            let name = String(String.UnicodeScalarView(text[start..<end]))
            better.message = "the ',' before '\(name)' ends the value before it"
            better.help =
                "in braces a list is written [a, b], a text with a comma in quotes, "
                + "and a number without one"
        }
        return better
    }
}
