internal import LeadKit

/// Looks for characters that nobody sees, and for letters of other scripts that look alike, in
/// names and texts that are compared and in keys of tables.
struct HiddenCharacterCheck {
    let written: WrittenRules
    let tables: [Table]
    /// What leads of tests and samples answer: a blank that they have, too, is meant.
    var answers: [String: Set<String>] = [:]

    /// The most rows of one table that are named.
    private static let rowsMax = 5

    func run(_ problems: inout SettingProblems) {
        for node in written.names {
            check(node, "name", isAnswered: answers[node.text ?? ""] != nil, &problems)
        }
        for test in written.tests {
            for literal in test.literals {
                check(literal, "text", isAnswered: isAnswered(literal, to: test.name), &problems)
            }
        }
        for table in tables { check(table, &problems) }
    }

    private func isAnswered(_ literal: SettingNode, to name: Name) -> Bool {
        guard case .field(let field) = name, let text = literal.text else { return false }
        return answers[field]?.contains(text) ?? false
    }

    private func check(
        _ node: SettingNode, _ noun: String, isAnswered: Bool, _ problems: inout SettingProblems
    ) {
        guard let text = node.text, text.utf8.contains(where: { $0 >= 0x80 }) else { return }
        if !isAnswered, let blank = HiddenCharacterCheck.strangeBlank(in: text) {
            problems.warning(
                "hidden-character", at: node.position,
                "the \(noun) '\(HiddenCharacterCheck.revealed(text))' holds a blank of another kind, \(blank.code)",
                help: "delete it and type a blank")
        } else if let hidden = text.unicodeScalars.first(where: \.isHidden) {
            problems.warning(
                "hidden-character", at: node.position,
                "the \(noun) '\(HiddenCharacterCheck.revealed(text))' holds the invisible character \(hidden.code)",
                help: "delete the text and type it again")
        }
        if let word = LookAlikes.word(in: text) {
            problems.warning(
                "mixed-scripts", at: node.position,
                "the word '\(word.text)' mixes \(word.scripts.joined(separator: " and ")) letters that look alike",
                help: "delete the word and type it again")
        }
    }

    private func check(_ table: Table, _ problems: inout SettingProblems) {
        let bad = table.index.filter { key, _ in
            key.utf8.contains { $0 >= 0x80 }
                && (key.unicodeScalars.contains(where: \.isHidden)
                    || HiddenCharacterCheck.strangeBlank(in: key) != nil
                    || LookAlikes.word(in: key) != nil)
        }.sorted { $0.value < $1.value }
        for (key, row) in bad.prefix(HiddenCharacterCheck.rowsMax) {
            let place = Position(file: table.file, line: table.lines[row], column: 1)
            let isHidden =
                key.unicodeScalars.contains(where: \.isHidden)
                || HiddenCharacterCheck.strangeBlank(in: key) != nil
            problems.warning(
                isHidden ? "hidden-character" : "mixed-scripts", at: place,
                "the key '\(HiddenCharacterCheck.revealed(key))' of table '\(table.name)' "
                    + (isHidden
                        ? "holds an invisible character" : "mixes letters that look alike"),
                help: "type the key again; leads that name it as they see it do not find it")
        }
    }

    /// The text with `<U+200B>` for what cannot be seen.
    static func revealed(_ text: String) -> String { HiddenCharacters.revealed(text) }

    /// A blank inside the text that only looks like one; blanks at its ends do not count.
    ///
    /// French sets such blanks before '?' and '€' and between digits, and so do forms.
    static func strangeBlank(in text: String) -> Unicode.Scalar? {
        let scalars = Array(text.trimmed.unicodeScalars)
        for index in scalars.indices.dropFirst().dropLast() where scalars[index].isStrangeBlank {
            let (before, after) = (scalars[index - 1], scalars[index + 1])
            let isFrench = "?!:;»%€".unicodeScalars.contains(after) || before == "«"
            let isNumber = before.isDigit && (after.isDigit || !after.properties.isAlphabetic)
            if !isFrench, !isNumber { return scalars[index] }
        }
        return nil
    }
}

/// Characters that nobody sees, made visible.
public enum HiddenCharacters {
    /// The text with `<U+200B>` for what cannot be seen and for blanks that are no plain ones.
    public static func revealed(_ text: String) -> String {
        text.unicodeScalars.map {
            $0.isHidden || $0.isStrangeBlank ? "<\($0.code)>" : String($0)
        }.joined()
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(value) }

    /// Whether it is a blank that looks like the plain one and is not.
    var isStrangeBlank: Bool {
        switch value {
        case 0x00A0, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Whether it is zero-width or a control of direction, so that nobody sees it.
    var isHidden: Bool {
        switch value {
        case 0x00AD, 0x034F, 0x061C, 0x180E, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064,
            0x2066...0x206F, 0xFEFF:
            true
        default: false
        }
    }

    /// `U+200B`
    var code: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}

/// Words that mix Latin letters with Greek or Cyrillic ones of the same shape.
enum LookAlikes {
    static func word(in text: String) -> (text: String, scripts: [String])? {
        for word in text.unicodeScalars.split(whereSeparator: { !$0.properties.isAlphabetic }) {
            let scripts = Set(word.compactMap(script))
            let others = word.filter { ["Greek", "Cyrillic"].contains(script($0)) }
            guard scripts.contains("Latin"), scripts.count > 1,
                others.allSatisfy({ shapes.contains($0.value) })
            else { continue }
            return (String(String.UnicodeScalarView(word)), scripts.sorted().reversed())
        }
        return nil
    }

    private static func script(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 0x41...0x5A, 0x61...0x7A, 0xC0...0x24F, 0x1E00...0x1EFF: "Latin"
        case 0x370...0x3FF, 0x1F00...0x1FFF: "Greek"
        case 0x400...0x52F: "Cyrillic"
        default: nil
        }
    }

    /// Greek and Cyrillic letters that look like Latin ones in most fonts: "µ" and "Ω" are none,
    /// so that units stay possible.
    private static let shapes: Set<UInt32> = Set(
        "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχϲАВЕЅІЈКМНОРСТУХЬаеѕіјорсухԁԛԝһ".unicodeScalars.map(\.value))
}
