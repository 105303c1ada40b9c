import ArgumentParser
import LeadFlow
import LeadKit
import LeadRules

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the configuration: every problem in one pass.",
        discussion: Help.flowing(
            """
            Each finding has its place, the line, what is wrong and what to type; where two
            rules get in each other's way it shows a lead. Exits with 1 when there are
            errors, with --strict also when there are warnings.

              leadrouter check --format github
              leadrouter check --explain never-reached
            """))

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, github }

    @OptionGroup var config: ConfigurationOption
    @Option(help: "text for people, json for programs, github for annotations of a workflow.")
    var format = Format.text
    @Flag(help: "Warnings count as errors do.") var strict = false
    @Option(
        help: ArgumentHelp("Explains a kind of finding, and checks nothing.", valueName: "code"))
    var explain: String?
    @Flag(help: ArgumentHelp("Prints the manual of findings, docs/lint.md.", visibility: .hidden))
    var manual = false

    @Argument(help: ArgumentHelp(visibility: .hidden)) var folders: [String] = []

    /// People name the folder as they do for other programs.
    func validate() throws {
        if let folder = folders.first {
            throw ValidationError("write 'leadrouter check --config \(folder)'")
        }
    }

    func run() throws {
        if let explain { return try Check.show(kind: explain) }
        if manual {
            return Console.print(FindingDocument.page(FindingCatalogue(bundledPlugins)).trimmed)
        }
        let result = Linter.lint(
            ConfigurationFolder(path: config.folder), catalogue: bundledPlugins,
            now: Timestamp(milliseconds: SystemClock().nowMilliseconds()))
        switch format {
        case .text:
            if !result.diagnostics.isEmpty { Console.print(result.report) }
            Console.print(
                result.diagnostics.isEmpty
                    ? "\(config.folder): no problems" : Summary.findings(result))
            if result.openQuestionCount > 0 {
                let count = Summary.count(result.openQuestionCount, "question")
                Console.print(
                    "left open, as too much work: \(count) whether leads reach a route, or a text "
                        + "of its lists")
            }
        case .json: for diagnostic in result.diagnostics { Console.print(Check.json(diagnostic)) }
        case .github:
            for diagnostic in result.diagnostics { Console.print(Check.github(diagnostic)) }
        }
        if result.errorCount > 0 || (strict && result.warningCount > 0) {
            throw ExitCode.failure
        }
    }

    private static func show(kind code: String) throws {
        let kinds = FindingCatalogue(bundledPlugins).kinds
        guard let kind = kinds.first(where: { $0.code == code }) else {
            Console.error("error: there is no finding '\(code)'")
            if let help = Nearest.help(for: code, among: kinds.map(\.code)) {
                Console.error("help: " + help)
            }
            throw ExitCode.failure
        }
        Console.print(FindingDocument.text(of: kind))
    }

    private static func json(_ diagnostic: Diagnostic) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("severity")
            writer.string(diagnostic.severity.rawValue)
            writer.name("code")
            writer.string(diagnostic.code)
            writer.name("file")
            writer.string(diagnostic.position.file)
            writer.name("line")
            writer.integer(diagnostic.position.line)
            writer.name("column")
            writer.integer(diagnostic.position.column)
            writer.name("message")
            writer.string(diagnostic.message)
            writer.name("help")
            writer.string(diagnostic.help)
            writer.name("note")
            writer.string(diagnostic.note)
        }
        return writer.text
    }

    /// GitHub workflow commands: `%`, CR and LF are escaped in data, `:` and `,` in properties.
    private static func github(_ diagnostic: Diagnostic) -> String {
        func escape(_ text: String, property: Bool) -> String {
            text.unicodeScalars.map { scalar in
                switch scalar {
                case "%": "%25"
                case "\r": "%0D"
                case "\n": "%0A"
                case ":" where property: "%3A"
                case "," where property: "%2C"
                default: String(scalar)
                }
            }.joined()
        }
        let place = diagnostic.position
        let message =
            diagnostic.message + (diagnostic.note.map { "\nnote: " + $0 } ?? "")
            + (diagnostic.help.map { "\nhelp: " + $0 } ?? "")
        return "::\(diagnostic.severity.rawValue) file=\(escape(place.file, property: true)),"
            + "line=\(max(1, place.line)),col=\(max(1, place.column)),"
            + "title=\(escape(diagnostic.code, property: true))::\(escape(message, property: false))"
    }
}
