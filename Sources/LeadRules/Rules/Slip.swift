internal import LeadKit

/// Guesses what somebody meant who typed a text in a way that the language does not know.
enum Slip {
    /// The text as an id or name: blanks and dashes of all kinds as `-`, quotes removed; nil when
    /// nothing of it is left.
    static func identifier(from text: String) -> String? {
        var result: [UInt8] = []
        for scalar in text.trimmed.unicodeScalars {
            if scalar.isASCII, RouteParser.isIdentifier(String(scalar)) {
                result.append(UInt8(scalar.value))
            } else if scalar.isBlank || scalar.properties.isDash
                || [".", "/", ","].contains(scalar),
                result.last != 0x2D
            {
                result.append(0x2D)
            }
        }
        while result.last == 0x2D { result.removeLast() }
        return result.isEmpty ? nil : String(decoding: result, as: UTF8.self)
    }

    /// A condition written as a sentence: `car_make = Honda`, `budget > 20000`, `car_make:Honda`.
    static func condition(_ text: String, named names: [String]) -> String? {
        if names.contains(text) { return "write '{use: \(text)}' for the condition of that name" }
        let marks: [(mark: String, operator: String?)] = [
            ("!=", "not_equals"), ("<>", "not_equals"), (">=", "at_least"), ("<=", "at_most"),
            (">", "above"), ("<", "below"), ("==", nil), ("=", nil), (":", nil), (" ", nil),
        ]
        for (mark, name) in marks {
            guard let (field, value) = split(text, at: mark) else { continue }
            return "write '\(field): " + (name.map { "{\($0): \(value)}" } ?? value) + "'"
        }
        return nil
    }

    private static func split(_ text: String, at mark: String) -> (String, String)? {
        let bytes = Array(text.utf8)
        let wanted = Array(mark.utf8)
        guard
            let start = bytes.indices.first(where: { bytes[$0...].starts(with: wanted) })
        else { return nil }
        let field = String(decoding: bytes[..<start], as: UTF8.self).trimmed
        let value = String(decoding: bytes[(start + wanted.count)...], as: UTF8.self).trimmed
        return field.isEmpty || value.isEmpty ? nil : (field, value)
    }

    /// `09:00` or `9:30`.
    static func isClock(_ text: String) -> Bool {
        let parts = text.trimmed.utf8.split(separator: 0x3A, omittingEmptySubsequences: false)
        return parts.count == 2 && (1...2).contains(parts[0].count) && parts[1].count == 2
            && parts.allSatisfy { $0.allSatisfy { (0x30...0x39).contains($0) } }
    }

    static let clockHelp =
        "for opening hours write a schedule and ask 'schedule.NAME: open'; for dates write 'after' "
        + "and 'before'"

    /// A number as people type it: `20.000,00`, `20,000`, `$20000`, `20k`.
    static func number(_ text: String) -> String? {
        let noise: [Unicode.Scalar] = ["$", "€", "£", "'", "’", "_", "“", "”", "„", "\"", "«", "»"]
        var scalars = Array(
            text.unicodeScalars.filter { !$0.isBlank && !noise.contains($0) })
        let isThousands = scalars.last == "k" || scalars.last == "K"
        if isThousands { scalars.removeLast() }
        let point = decimalMark(of: scalars) ?? scalars.count
        var digits = scalars[..<point].filter { $0 != "." && $0 != "," }
        if isThousands { digits += ["0", "0", "0"] }
        let decimals = scalars.dropFirst(point + 1)
        if decimals.contains(where: { $0 != "0" }) { digits += ["."] + decimals }
        let guess = String(String.UnicodeScalarView(digits))
        return ExactNumber(guess) == nil ? nil : guess
    }

    /// Where the decimals begin: the last mark, if it stands once and beside another kind, or with
    /// other than three digits behind it.
    private static func decimalMark(of scalars: [Unicode.Scalar]) -> Int? {
        let marks = scalars.filter { $0 == "." || $0 == "," }
        guard let last = marks.last, marks.count(where: { $0 == last }) == 1,
            let place = scalars.lastIndex(of: last)
        else { return nil }
        return marks.count > 1 || scalars.count - place - 1 != 3 ? place : nil
    }
}

// What is legal and surely not meant.
extension Slip {
    /// A text to compare with that looks like something else.
    struct Surprise {
        var code: String
        var message: String
        var help: String
    }

    static func surprise(in text: String) -> Surprise? {
        // Most texts are a number or a word.
        let isPlain =
            text.utf8.first != 0x2D
            && text.utf8.allSatisfy {
                $0 < 0x80 && $0 != 0x20 && !(0x3C...0x3E).contains($0) && $0 != 0x21
            }
        return isPlain ? nil : suspicion(of: text)
    }

    private static func suspicion(of text: String) -> Surprise? {
        quotes(text.trimmed) ?? word(text.trimmed) ?? comparison(text.trimmed)
            ?? dashes(text.trimmed)
    }

    /// Lines of a list whose dashes have no blank behind them: YAML makes one text of them.
    private static func dashes(_ text: String) -> Surprise? {
        guard let items = dashedItems(text) else { return nil }
        return Surprise(
            code: "dash-in-text", message: "the '-' before '\(items[0])' is part of the text",
            help: "for a list write "
                + (items.count > 1
                    ? "[\(items.joined(separator: ", "))], or "
                    : "")
                + "'- \(items[0])' with a blank behind the '-'")
    }

    /// The items of `-Honda -Kia`; nil for `-5`, `--` and `-none-`.
    static func dashedItems(_ text: String) -> [String]? {
        var items: [String] = []
        for word in text.utf8.split(separator: 0x20).map({ String($0) ?? "" }) {
            let rest = String(decoding: word.utf8.dropFirst(), as: UTF8.self)
            if word.utf8.first == 0x2D, rest.unicodeScalars.first?.properties.isAlphabetic == true {
                items.append(rest)
            } else if items.isEmpty {
                return nil
            } else {
                items[items.count - 1] += " " + word
            }
        }
        return items.isEmpty || text.utf8.last == 0x2D ? nil : items
    }

    private static func quotes(_ text: String) -> Surprise? {
        let scalars = Array(text.unicodeScalars)
        let marks: Set<Unicode.Scalar> = ["“", "”", "„", "‘", "’", "‚", "«", "»"]
        guard scalars.count > 2, let first = scalars.first, let last = scalars.last,
            marks.contains(first), marks.contains(last)
        else { return nil }
        let inside = String(String.UnicodeScalarView(scalars[1..<(scalars.count - 1)]))
        return Surprise(
            code: "quotes-in-text", message: "the quotes \(first) and \(last) are part of the text",
            help: "write \"\(inside)\"")
    }

    private static func word(_ text: String) -> Surprise? {
        if let (one, other) = split(text, at: " OR ") {
            return Surprise(
                code: "word-in-text", message: "'OR' is part of the text",
                help: "for either of them write [\(one), \(other)]")
        }
        if split(text, at: " AND ") != nil {
            return Surprise(
                code: "word-in-text", message: "'AND' is part of the text",
                help: "to ask for both write one entry for each, or 'all:' and a list")
        }
        guard ByteSearch.hasPrefix(text, "NOT ") || ByteSearch.hasPrefix(text, "not ") else {
            return nil
        }
        let rest = String(decoding: text.utf8.dropFirst(4), as: UTF8.self).trimmed
        return Surprise(
            code: "word-in-text", message: "'not' is part of the text",
            help: "write {not_equals: \(rest)}")
    }

    private static func comparison(_ text: String) -> Surprise? {
        for (mark, name) in [
            (">=", "at_least"), ("<=", "at_most"), ("!=", "not_equals"), ("<>", "not_equals"),
            ("==", "equals"), (">", "above"), ("<", "below"), ("=", "equals"),
        ] where ByteSearch.hasPrefix(text, mark) {
            let rest = String(decoding: text.utf8.dropFirst(mark.utf8.count), as: UTF8.self).trimmed
            // '<test lead: …>' and the like are texts.
            guard !rest.isEmpty, name == "not_equals" || name == "equals" || number(rest) != nil
            else { return nil }
            return Surprise(
                code: "operator-in-text", message: "'\(mark)' is part of the text",
                help: "write {\(name): \(number(rest) ?? rest)}")
        }
        return nil
    }

    /// `20.000` is twenty here, and twenty thousand to many.
    static func thousands(_ text: String) -> Surprise? {
        let parts = text.trimmed.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...3).contains(parts[0].count), parts[1].count == 3,
            parts[0].first != 0x30, parts[0].allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let whole = String(decoding: parts[0], as: UTF8.self)
        let joined = whole + String(decoding: parts[1], as: UTF8.self)
        return Surprise(
            code: "thousands",
            message: "the point in '\(text.trimmed)' begins decimals: this is not \(joined)",
            help: "for thousands write \(joined)")
    }

    /// A pattern in the habits of other languages.
    static func pattern(_ text: String) -> Surprise? {
        let bytes = Array(text.trimmed.utf8)
        guard bytes.count > 2, bytes.first == 0x2F, bytes.last == 0x2F else { return nil }
        return Surprise(
            code: "slashes-in-pattern", message: "the slashes are part of the pattern",
            help: "write '\(String(decoding: bytes[1..<(bytes.count - 1)], as: UTF8.self))'")
    }
}
