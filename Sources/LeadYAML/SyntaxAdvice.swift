internal import LeadKit

/// Says what is wrong with YAML that cannot be read in the words of the person who typed it.
///
/// libyaml says what it met and where it stood; the cause is often a line above, or a character
/// that looks like another. This looks at the text around and names the cause it finds; without one
/// it repeats what libyaml said.
struct SyntaxAdvice {
    /// What libyaml reports; lines and columns from 0.
    struct Fault {
        var problem: String
        var context: String
        var place: (line: Int, column: Int)
        /// Where the list, map or quoted text began that could not be read.
        var start: (line: Int, column: Int)
    }

    let file: String
    let lines: SourceLines

    init(file: String, bytes: [UInt8]) {
        self.file = file
        lines = SourceLines(bytes)
    }

    /// The finding for a fault.
    func diagnostic(for fault: Fault) -> Diagnostic {
        encoding(fault) ?? lookalike(near: fault.place.line) ?? tab(fault) ?? quotes(fault)
            ?? structure(fault)
            ?? finding(
                fault.place, "not valid YAML: \(fault.problem) \(fault.context)".trimmed)
    }

    func finding(
        _ place: (line: Int, column: Int), _ message: String, help: String? = nil
    ) -> Diagnostic {
        Diagnostic(
            .error, "yaml-syntax",
            at: Position(file: file, line: place.line + 1, column: place.column + 1), message,
            help: help)
    }
}

// Characters that are not what they look like.
extension SyntaxAdvice {
    private func encoding(_ fault: Fault) -> Diagnostic? {
        guard ByteSearch.contains(fault.problem, "UTF-8"), let line = lines.firstNotUTF8 else {
            return nil
        }
        return finding((line, 0), "this line is not UTF-8 text", help: "save the file as UTF-8")
    }

    private func lookalike(near line: Int) -> Diagnostic? {
        for number in [line, lines.textBefore(line)].compactMap(\.self) {
            if let strange = strangeBlank(in: number) { return strange }
            let text = lines[number]
            let lead = text.prefix { $0.isBlank || $0 == "-" || SyntaxAdvice.dashes.contains($0) }
            if let column = lead.firstIndex(where: SyntaxAdvice.dashes.contains) {
                return finding(
                    (number, column),
                    "'\(lead[column])' is not the hyphen that begins a list's line",
                    help: "write '- ' instead")
            }
        }
        return nil
    }

    /// A blank of another kind, where YAML needs a plain one: before a line's text, or behind the
    /// colon of its name.
    func strangeBlank(in number: Int) -> Diagnostic? {
        let text = lines[number]
        func isStrange(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isBlank && scalar != " " && scalar != "\t"
        }
        let start = text.firstIndex {
            !($0.isBlank || $0 == "-" || SyntaxAdvice.dashes.contains($0))
        }
        var column = text[..<(start ?? text.count)].firstIndex(where: isStrange)
        if column == nil, let colon = text.firstIndex(of: ":"), colon + 1 < text.count,
            isStrange(text[colon + 1]), !text[..<colon].contains(where: { $0 == "\"" || $0 == "'" })
        {
            column = colon + 1
        }
        return column.map {
            finding(
                (number, $0), "a character that only looks like a blank stands here",
                help: "delete it and type a blank")
        }
    }

    private static let dashes: Set<Unicode.Scalar> = [
        "\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2212}", "\u{2022}",
        "\u{00B7}",
    ]

    private func tab(_ fault: Fault) -> Diagnostic? {
        let lead = lines[fault.place.line].prefix { $0 == " " || $0 == "\t" }
        guard let column = lead.firstIndex(of: "\t") else { return nil }
        return finding(
            (fault.place.line, column), "a tab indents this line",
            help: "indent with blanks, two for each level")
    }
}

// Values that need quotes, and quotes that need an end.
extension SyntaxAdvice {
    private func quotes(_ fault: Fault) -> Diagnostic? {
        if ByteSearch.contains(fault.context, "scanning an alias") {
            return needsQuotes(
                fault.start,
                help: lines.value(from: fault.start) == "*"
                    ? "for any value at all write {exists: true}" : nil)
        }
        if fault.problem == "found character that cannot start any token" {
            return needsQuotes(fault.place)
        }
        if ByteSearch.contains(fault.context, "scanning a block scalar") {
            return needsQuotes(
                fault.start,
                help: "to compare numbers write " + comparison(lines.value(from: fault.start)))
        }
        if ByteSearch.contains(fault.context, "scanning a tag") {
            return needsQuotes(
                fault.start,
                help: "for 'is not' write {not_equals: \(negated(at: fault.start))}; "
                    + "else put the text in quotes")
        }
        if ByteSearch.contains(fault.context, "quoted scalar") { return quotedText(fault) }
        return nil
    }

    /// `>= 20000` as it should be written.
    private func comparison(_ text: String) -> String {
        let isAtLeast = ByteSearch.hasPrefix(text, ">=")
        let rest = String(decoding: text.utf8.dropFirst(isAtLeast ? 2 : 1), as: UTF8.self).trimmed
        let isNumber = rest.utf8.first.map { (0x30...0x39).contains($0) } ?? false
        return "{\(isAtLeast ? "at_least" : "above"): \(isNumber ? rest : "NUMBER")}"
    }

    private func needsQuotes(
        _ place: (line: Int, column: Int), help: String? = nil
    ) -> Diagnostic {
        let text = lines.value(from: place)
        let first = text.unicodeScalars.first.map(String.init) ?? ""
        return finding(
            place, "a text that begins with '\(first)' must stand in quotes",
            help: help ?? "write \"\(text)\"")
    }

    private func quotedText(_ fault: Fault) -> Diagnostic? {
        if ByteSearch.contains(fault.problem, "escape") {
            return finding(
                fault.place, "inside \"…\" a '\\' must be written '\\\\'",
                help: "or put the text into single quotes: '…'")
        }
        guard ByteSearch.contains(fault.problem, "end of stream") else { return nil }
        return finding(
            fault.start, "the quote that opens here is never closed",
            help: "add the same quote behind the text")
    }
}

// Lines and brackets.
extension SyntaxAdvice {
    private func structure(_ fault: Fault) -> Diagnostic? {
        switch fault.problem {
        case "mapping values are not allowed in this context": secondColon(fault)
        case "could not find expected ':'": missingColon(in: fault.start.line)
        case "did not find expected key", "did not find expected '-' indicator":
            strayText(fault) ?? strayColumn(fault)
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
            openBracket(fault)
        case "control characters are not allowed":
            finding(fault.place, "a control character stands here", help: "delete it")
        default: nil
        }
    }

    /// The colon belongs to a text, or the line above lacks one, or this line stands too far right.
    private func secondColon(_ fault: Fault) -> Diagnostic? {
        let (line, column) = fault.place
        let before = lines[line].prefix(column)
        if let colon = SourceLines.colon(in: before) {
            let start = before[(colon + 1)...].firstIndex { !$0.isBlank } ?? column
            if let braces = inBraces(line, colon: colon, start: start, second: column) {
                return finding(
                    (line, column), "a second name with a value stands on this line",
                    help: "write '\(braces)', or begin a line for it")
            }
            return finding(
                (line, column), "a text with ': ' in it must stand in quotes",
                help: "write \"\(lines.value(from: (line, start)))\"")
        }
        guard let above = lines.textBefore(line) else { return nil }
        if SourceLines.colon(in: lines[above]) == nil { return missingColon(in: above) }
        guard lines.column(of: line) > lines.column(of: above) else { return nil }
        return finding(
            (line, lines.column(of: line)),
            "this line is indented further than the line above, which has a value already",
            help: "begin it in column \(lines.column(of: above) + 1), or remove that value")
    }

    /// `when: {car_make: Honda}` for a name that has a map below it, or a value that needs one.
    private func inBraces(_ line: Int, colon: Int, start: Int, second: Int) -> String? {
        let text = lines[line]
        let name = String(String.UnicodeScalarView(text[lines.column(of: line)..<colon])).trimmed
        let inner = text[start..<second]
        let behind = text[(second + 1)...].first { !$0.isBlank }
        guard inner.allSatisfy({ $0.properties.isAlphabetic || "_.".unicodeScalars.contains($0) }),
            SyntaxAdvice.mapNames.contains(name) || behind == "[" || behind == "{"
        else { return nil }
        return "\(name): {\(lines.value(from: (line, start)))}"
    }

    private static let mapNames: Set = [
        "when", "not", "open", "special", "caps", "lead", "expect", "with", "hold_until", "dedupe",
    ]

    /// A line of a list without its dash, or without the blank behind it.
    private func listLine(_ line: Int) -> Diagnostic? {
        let text = lines[line]
        let start = text.prefix { $0 == " " }.count
        let content = lines.content(of: line)
        guard start < text.count, !content.isEmpty else { return nil }
        if text[start] == "-", start + 1 < text.count, !text[start + 1].isBlank,
            text[start + 1] != "-"
        {
            return finding(
                (line, start), "the '-' of this line has no blank behind it",
                help: "write '- \(content)'")
        }
        guard let above = lines.textBefore(line) else { return nil }
        let other = lines[above]
        guard other.prefix(while: { $0 == " " }).count == start,
            other.dropFirst(start).starts(with: ["-", " "])
        else { return nil }
        return finding(
            (line, start), "this line has no '- ', and the one above it has",
            help: "write '- \(content)'")
    }

    private func missingColon(in line: Int) -> Diagnostic? {
        if let missing = listLine(line) { return missing }
        let text = lines.content(of: line)
        guard SourceLines.colon(in: text.unicodeScalars.map(\.self)) == nil else { return nil }
        return finding(
            (line, lines.column(of: line)), "this line has no ': ' between a name and its value",
            help: NameAndValue(text).map { "write '\($0)'" } ?? "write 'NAME: VALUE'")
    }

    private func strayText(_ fault: Fault) -> Diagnostic? {
        let (line, column) = fault.place
        guard column > lines[line].prefix(while: \.isBlank).count else { return nil }
        let before = lines[line].prefix(column).last { !$0.isBlank }
        switch before {
        case "'":
            return finding(
                (line, column), "the quoted text ends before this",
                help: "inside '…' a ' is written twice: 'don''t'; or use \"…\"")
        case "}":
            return finding(
                (line, column), "the map in braces ends before this",
                help: "write all entries in one pair of braces: {a: x, b: y}")
        default:
            return finding(
                (line, column), "the value ends before this", help: "put the whole text in quotes")
        }
    }

    private func strayColumn(_ fault: Fault) -> Diagnostic {
        let isList = ByteSearch.contains(fault.problem, "'-'")
        let column = lines[fault.place.line].prefix(while: \.isBlank).count
        if isList, lines.column(of: fault.place.line) == column + 1,
            let missing = listLine(fault.place.line)
        {
            return missing
        }
        if !isList, let joined = joined(fault.place.line, column) { return joined }
        return finding(
            (fault.place.line, column),
            isList
                ? "this line belongs neither to the list above nor to what holds it"
                : "this line does not begin in the same column as the lines it belongs to",
            help: isList
                ? "lines of a list begin with '- ' in column \(fault.start.column + 1), what belongs "
                    + "to one of them two further right"
                : "the lines above begin in column \(fault.start.column + 1)")
    }

    /// `car_make: Honda` and below it `- Kia`.
    private func joined(_ line: Int, _ column: Int) -> Diagnostic? {
        guard let above = lines.textBefore(line), lines.column(of: above) == column,
            let colon = SourceLines.colon(in: lines[above])
        else { return nil }
        let name = String(String.UnicodeScalarView(lines[above][column..<colon]))
        var items = [lines.value(from: (above, colon + 1))]
        var next: Int? = line
        while let number = next, lines[number].dropFirst(column).starts(with: ["-", " "]),
            lines[number].prefix(column).allSatisfy({ $0 == " " })
        {
            items.append(lines.content(of: number))
            next = lines.textAfter(number)
        }
        guard items.count > 1, !items[0].isEmpty else { return nil }
        return finding(
            (line, column), "a list begins here, and '\(name)' above it has a value already",
            help: "write '\(name): [\(items.joined(separator: ", "))]'")
    }

    private func openBracket(_ fault: Fault) -> Diagnostic {
        let isList = ByteSearch.contains(fault.context, "sequence")
        return finding(
            fault.start, "the '\(isList ? "[" : "{")' that opens here is not closed",
            help: isList
                ? "add ']' behind the list; a text with brackets or commas stands in quotes"
                : "add '}' behind the last entry; a text with braces or commas stands in quotes")
    }
}
