// How findings are printed: one line a sentence, clean, short, and without secrets.
extension Diagnostic {
    /// The most columns of a source line that are shown, around the place.
    public static let columnsMax = 160
    /// The most scalars of a name or text that a sentence quotes.
    public static let quotedMax = 80
    /// The most scalars of a sentence between two quotations.
    private static let betweenMax = 400
    /// Sentences of fewer bytes are left as they are.
    private static let shortBytes = 240

    /// The finding as a compiler would print it; `sourceLine` is the line of the file it is about.
    public func rendered(sourceLine: String?) -> String {
        let place = Diagnostic.printable(Template.Place.oneLine("\(position)"))
        var text = "\(place): \(severity.rawValue)[\(code)]: \(message)"
        if let sourceLine, position.line > 0 { text += excerpt(of: sourceLine) }
        if let note { text += "\nnote: \(note)" }
        if let help { text += "\nhelp: \(help)" }
        return text
    }

    /// The line around the place, and the caret below it.
    private func excerpt(of sourceLine: String) -> String {
        let scalars = Array(sourceLine.unicodeScalars)
        let column = min(max(0, position.column - 1), scalars.count)
        let start = max(
            0, min(column - Diagnostic.columnsMax / 2, scalars.count - Diagnostic.columnsMax))
        let end = min(scalars.count, start + Diagnostic.columnsMax)
        var line = String(String.UnicodeScalarView(scalars[start..<end]))
        if start > 0 { line = "…" + line }
        if end < scalars.count { line += "…" }
        // Tabs stay tabs, so that the caret stands under its text in any terminal.
        var indent = String(
            String.UnicodeScalarView(scalars[start..<column].map { $0 == "\t" ? "\t" : " " }))
        if start > 0 { indent = " " + indent }
        let width = max(1, min(position.length, end - column))
        let number = String(position.line)
        let gutter = String(repeating: " ", count: number.utf8.count)
        return "\n \(number) | \(Diagnostic.printable(line))"
            + "\n \(gutter) | \(indent)^\(String(repeating: "~", count: width - 1))"
    }

    /// The text with control characters made visible, so that a file cannot write to a terminal, and
    /// what nobody sees: zero-width and format characters, soft hyphens, controls of direction.
    public static func printable(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == 0x09 }) { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09: result.append(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x034F, 0x061C, 0x180E, 0x200B...0x200F,
                0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F:
                result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// A sentence of a finding: one line, clean, what it quotes cut short, addresses without their
    /// passwords.
    static func sentence(_ text: String) -> String {
        var text = SecretText.addresses(in: text)
        if text.utf8.count > shortBytes { text = shortened(text) }
        return printable(withoutLines(text))
    }

    /// Line ends become blanks.
    private static func withoutLines(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }) else {
            return text
        }
        return String(
            decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D || $0 == 0x09 ? 0x20 : $0 },
            as: UTF8.self)
    }

    private static func shortened(_ text: String) -> String {
        text.utf8.split(separator: 0x27, omittingEmptySubsequences: false).enumerated()
            .map { number, part in
                let part = String(decoding: part, as: UTF8.self)
                return cut(part, to: number % 2 == 1 ? quotedMax : betweenMax)
            }.joined(separator: "'")
    }

    /// The first so many scalars, and `…` when there are more.
    static func cut(_ text: String, to count: Int) -> String {
        let scalars = text.unicodeScalars
        guard text.utf8.count > count,
            let end = scalars.index(
                scalars.startIndex, offsetBy: count, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return text }
        return String(scalars[..<end]) + "…"
    }
}
