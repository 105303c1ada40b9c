public import LeadKit

/// Writes the manual of findings.
public enum FindingDocument {
    /// One kind, as `check --explain` prints it.
    public static func text(of kind: FindingKind) -> String {
        var parts = [
            "\(kind.severity.rawValue)[\(kind.code)]: \(kind.summary)", kind.why, kind.cure,
        ]
        parts.append("wrong:\n\n" + shown(kind.wrong, fence: false))
        parts.append("right:\n\n" + shown(kind.right, fence: false))
        return parts.joined(separator: "\n\n")
    }

    /// The page `docs/lint.md`.
    public static func page(_ catalogue: FindingCatalogue) -> String {
        let language = FindingCatalogue.language
        let own = Set(language.flatMap(\.kinds).map(\.code))
        let rest = catalogue.kinds.filter { !own.contains($0.code) }
        var text = """
            # What `leadrouter check` finds

            <!-- Written by `leadrouter check --manual` from the kinds of findings; not edited by hand. -->

            `leadrouter check` reads the configuration and prints every problem in one pass, each with its
            place, the line, what is wrong and what to type. **Errors** refuse the configuration; **warnings**
            are legal to run and probably not meant. The exit code is 1 when there are errors, with
            `--strict` also when there are warnings.

            | option | does |
            |---|---|
            | `--format text` | for people (the default) |
            | `--format json` | one object a line: `severity`, `code`, `file`, `line`, `column`, `message`, `help`, `note` |
            | `--format github` | annotations of a GitHub workflow |
            | `--strict` | warnings count as errors |
            | `--explain CODE` | prints one of the sections below |

            Each kind has a stable code. The examples leave out what they do not need: where they have no
            `version`, `sinks` or `default`, this is meant:

            ```yaml
            \(FindingCatalogue.frame)
            ```

            """
        for (title, kinds) in language + [("Settings of plugins", rest)] {
            text += "\n## \(title)\n\n| code | severity | finds |\n|---|---|---|\n"
            for kind in kinds {
                text += "| [`\(kind.code)`](#\(kind.code)) | \(kind.severity.rawValue) | \(kind.summary) |\n"
            }
            for kind in kinds { text += "\n" + section(kind) }
        }
        return text
    }

    private static func section(_ kind: FindingKind) -> String {
        """
        ### \(kind.code)

        \(kind.severity == .error ? "Error" : "Warning"): \(kind.summary).

        \(kind.why)

        \(kind.cure)

        Wrong:

        \(shown(kind.wrong, fence: true))

        Right:

        \(shown(kind.right, fence: true))

        """
    }

    private static func shown(_ example: FindingKind.Example, fence: Bool) -> String {
        let files =
            [(name: "leadrouter.yaml", text: example.text)]
            + example.files.sorted { $0.key < $1.key }.map { (name: $0.key, text: $0.value) }
        return files.map { name, text in
            let shown = visible(text)
            let isAlone = files.count == 1
            guard fence else {
                return (isAlone ? "" : "\(name):\n")
                    + lines(of: shown).map { "    " + $0 }.joined(separator: "\n")
            }
            let language = name.utf8.reversed().starts(with: "csv".utf8.reversed()) ? "csv" : "yaml"
            return (isAlone ? "" : "`\(name)`:\n\n") + "```\(language)\n\(shown)\n```"
        }.joined(separator: "\n\n")
    }

    /// Without a line end; what cannot be seen is named; a very long line is cut.
    private static func visible(_ text: String) -> String {
        lines(of: text.trimmed).map { line in
            let shown = HiddenCharacterCheck.revealed(line)
            guard shown.utf8.count > 200 else { return shown }
            return String(String.UnicodeScalarView(shown.unicodeScalars.prefix(120))) + " …"
        }.joined(separator: "\n")
    }

    private static func lines(of text: String) -> [String] {
        text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { String($0) ?? "" }
    }
}
