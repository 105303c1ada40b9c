import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules

struct DryRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dry-run",
        abstract: "Decides sample leads, with no effect outside.",
        discussion: """
            Reads NDJSON, JSON or a Graph page; '-' is standard input.

              leadrouter dry-run leads.ndjson
              leadrouter dry-run --explain --only-route stores leads.ndjson
              leadrouter dry-run --format ndjson --render leads.ndjson | head -1

            A line that cannot be read is reported on standard error, the rest goes on, and the exit
            code is 1.
            """)

    @OptionGroup var config: ConfigurationOption
    @Argument(help: ArgumentHelp("Files of leads.", valueName: "leads"))
    var files: [String]
    @Flag(help: "Show every route visited, and what each condition saw.")
    var explain = false
    @Flag(help: "Show the settings of each delivery as they would be sent; secrets are masked.")
    var render = false
    @Option(help: ArgumentHelp("When the leads are taken in, RFC 3339.", valueName: "time"))
    var now: String?
    @Option(help: ArgumentHelp("What lead.source is.", valueName: "name"))
    var source = "dry-run"
    @Option(help: ArgumentHelp("Show only leads that this route decided.", valueName: "route"))
    var onlyRoute: String?
    @Option(help: "table for people, ndjson for programs.")
    var format = OutputFormat.table

    func validate() throws {
        if let now, Timestamp(now) == nil {
            throw ValidationError("--now '\(now)' is not a time; write 2025-10-09T08:00:00Z")
        }
    }

    func run() async throws {
        let configuration = try config.load()
        let received =
            now.flatMap { Timestamp($0) }
            ?? Timestamp(milliseconds: SystemClock().nowMilliseconds())
        let input = LeadInput(reader: LeadReader(source: source, receivedTime: received))
        var printer = DecisionPrinter(
            ruleSet: configuration.ruleSet, format: format, explains: explain, renders: render,
            onlyRoute: onlyRoute, now: received)
        let progress = ProgressLine("leads")
        var failures = 0
        for file in files {
            do {
                try await input.read(file, progress: { progress.advance(fraction: $0) }) { item in
                    switch item.lead {
                    case .success(let lead): printer.decide(lead)
                    case .failure(let error):
                        failures += 1
                        progress.end()
                        Console.error("\(item.file):\(item.line): error: \(error)")
                    }
                }
            } catch let error as LeadInput.Unreadable {
                failures += 1
                Console.error("error: \(error.description)")
            }
        }
        progress.end()
        printer.finish()
        if failures > 0 { throw ExitCode.failure }
    }
}
