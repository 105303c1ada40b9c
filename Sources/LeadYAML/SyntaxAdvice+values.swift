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
            if follows(diagnostic, from: result) { continue }
            result.append(hinted(diagnostic))
        }
        return result
    }

    /// Whether a fault of indentation is only that of lines above, of which another finding says
    /// that they should be indented.
    private func follows(_ diagnostic: Diagnostic, from found: [Diagnostic]) -> Bool {
        guard diagnostic.code == "yaml-syntax",
            let empty = found.last(where: { $0.code == "yaml-empty-value" }),
            let child = lines.textAfter(empty.position.line - 1),
            lines.column(of: child) == lines.column(of: empty.position.line - 1)
        else { return false }
        return lines.textBefore(diagnostic.position.line - 1) == child
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
            var better = diagnostic
            better.help =
                "for 'is not' write {not_equals: \(negated(at: (line, column)))}; "
                + "else put the text in quotes"
            return better
        case "yaml-empty-value": return strangeIndentation(below: line)
        default: return nil
        }
    }

    /// What stands behind '!' or '!='.
    func negated(at place: (line: Int, column: Int)) -> String {
        let rest = lines.value(from: place).unicodeScalars.dropFirst()
        return String(rest.first == "=" ? rest.dropFirst() : rest).trimmed
    }

    /// The line below a name without a value is indented by what only looks like blanks.
    private func strangeIndentation(below line: Int) -> Diagnostic? {
        guard let below = lines.textAfter(line) else { return nil }
        return strangeBlank(in: below)
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
        let name = String(String.UnicodeScalarView(text[start..<end]))
        if text[end...].first(where: { !$0.isBlank }) != ":",
            let repaired = withColon(name)
        {
            better.message = "there is no ':' between a name and its value in '\(name)'"
            better.help = repaired
            return better
        }
        if rest.first == "#" {
            better.help =
                "a '#' begins a comment; put a text with one in quotes: "
                + "\"\(String(String.UnicodeScalarView(rest)).trimmed)\""
        } else if text[end...].first(where: { !$0.isBlank }) != ":",
            text[..<start].last(where: { !$0.isBlank }) == ","
        {
            better.message = "the ',' before '\(name)' ends the value before it"
            better.help =
                "in braces a list is written [a, b], a text with a comma in quotes, "
                + "and a number without one"
        }
        return better
    }

    /// What to write for `atleast 20000` and `car_make;`.
    private func withColon(_ name: String) -> String? {
        if name.utf8.last == 0x3B {
            return "write '\(String(decoding: name.utf8.dropLast(), as: UTF8.self)): ', with a ':' "
                + "instead of the ';'"
        }
        let parts = name.utf8.split(separator: 0x20)
        guard parts.count == 2, !name.utf8.contains(0x22) else { return nil }
        return NameAndValue(name).map { "write '\($0)'" }
    }
}
