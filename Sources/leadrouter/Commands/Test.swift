import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules

struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the rule tests, and says what they do not cover.",
        discussion: Help.flowing(
            """
            Runs every *.test.yaml of the configuration's folder, or only the files named.
            A test is a lead and what must happen to it; docs/rule-tests.md shows how to
            write one.

              leadrouter test
              leadrouter test --filter premium --coverage
              leadrouter test --min-coverage 90 --format junit --output report.xml

            With --output the report goes to the file, and the text for people to standard
            output. Exits with 1 when a test fails or cannot be read, when there is none,
            and when the coverage is below --min-coverage.
            """))

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, ndjson, junit }

    @OptionGroup var config: ConfigurationOption
    @Argument(help: ArgumentHelp("Files of tests, instead of all.", valueName: "file"))
    var files: [String] = []
    @Option(help: ArgumentHelp("The least coverage, in percent.", valueName: "n"))
    var minCoverage: Int?
    @Flag(help: "List everything that no test covers.")
    var coverage = false
    @Option(
        help: ArgumentHelp(
            "Only tests whose name or file has the text, in either case.", valueName: "text"))
    var filter: String?
    @Option(help: "table for people, ndjson for programs, junit for CI systems.")
    var format = Format.table
    @Option(help: ArgumentHelp("Where the report goes.", valueName: "file"))
    var output: String?

    func validate() throws {
        if let minCoverage, !(0...100).contains(minCoverage) {
            throw ValidationError("--min-coverage '\(minCoverage)' is not between 0 and 100")
        }
    }

    func run() throws {
        let loaded = config.loadResult()
        if !loaded.diagnostics.isEmpty { Console.error(loaded.report) }
        guard let ruleSet = loaded.configuration?.ruleSet else {
            Console.error(Summary.findings(loaded))
            try refuse(loaded)
            throw ExitCode.failure
        }
        var suite = RuleTestSuite()
        try read(into: &suite, ruleSet)
        if !suite.diagnostics.isEmpty { Console.error(suite.report) }
        if let filter { suite.keep(matching: filter) }
        guard !suite.tests.isEmpty || !suite.unreadable.isEmpty else {
            Console.error(noTests)
            throw ExitCode.failure
        }
        var report = TestReport(suite: suite, ruleSet: ruleSet, listsAllGaps: coverage)
        report.minCoverage = minCoverage
        let sinks = loaded.configuration?.sinks ?? []
        for test in suite.tests {
            let started = ContinuousClock.now
            let result = test.run(with: ruleSet, sinks: sinks)
            report.add(result, seconds: (ContinuousClock.now - started) / .seconds(1))
        }
        try print(report)
        if !report.isGood { throw ExitCode.failure }
    }

    private func read(into suite: inout RuleTestSuite, _ ruleSet: RuleSet) throws {
        let folder = ConfigurationFolder(path: config.folder)
        if files.isEmpty {
            do {
                for path in try RuleTestSuite.paths(in: folder) {
                    suite.read(path, of: folder, for: ruleSet)
                }
            } catch {
                Console.error("error: cannot list '\(config.folder)': \(error)")
                throw ExitCode.failure
            }
        }
        for file in files {
            let prefix = folder.displayPrefix
            if ByteSearch.hasPrefix(file, prefix) {
                let path = String(decoding: file.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
                suite.read(path, of: folder, for: ruleSet)
            } else {
                // A file elsewhere is a folder of its own.
                let url = URL(filePath: file)
                let isPlain = !file.utf8.contains(0x2F)
                suite.read(
                    url.lastPathComponent,
                    of: ConfigurationFolder(
                        path: isPlain
                            ? "." : url.deletingLastPathComponent().path(percentEncoded: false)),
                    for: ruleSet)
            }
        }
    }

    private func print(_ report: TestReport) throws {
        let text =
            switch format {
            case .table: report.text
            case .ndjson: report.ndjson
            case .junit: report.junit
            }
        guard let output else {
            Console.write(Array(text.utf8))
            return
        }
        try write(text, to: output)
        Console.write(Array(report.text.utf8))
    }

    private func write(_ text: String, to output: String) throws {
        do {
            try Data(text.utf8).write(to: URL(filePath: output), options: .atomic)
        } catch {
            Console.error("error: cannot write '\(output)'")
            throw ExitCode.failure
        }
    }

    /// Rules that do not load are an error in the report, too: a CI system may look only there.
    private func refuse(_ loaded: LoadResult) throws {
        guard format == .junit else { return }
        var report = JUnitReport(files: [])
        for diagnostic in loaded.diagnostics where diagnostic.severity == .error {
            report.add(
                UnreadableTest(refusing: diagnostic),
                text: diagnostic.rendered(sourceLine: loaded.texts.line(diagnostic.position)))
        }
        if let output {
            try write(report.text, to: output)
        } else {
            Console.write(Array(report.text.utf8))
        }
    }

    private var noTests: String {
        if let filter {
            return "error: no test has '\(Console.shown(filter))' in its name or file\n"
                + "help: 'leadrouter test --format ndjson' lists the names"
        }
        if !files.isEmpty { return "error: no test was found in \(files.joined(separator: ", "))" }
        return """
            error: there are no tests in '\(config.folder)'
            help: write them in a file beside the rules, such as routes.test.yaml:

              tests:
                - name: a lead of store 42 goes to the store
                  lead: {selected_dealer: "42", car_make: Honda}
                  expect: {outcome: routed, route: ROUTE, to: [SINK]}
            """
    }
}
