import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules

struct DryRun: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dry-run",
        abstract: "Decides sample leads, with no effect outside.",
        discussion: Help.flowing(
            """
            Reads leads in whatever form they are: NDJSON, a JSON object or list, pages of
            the Graph API, and exports with tabs, commas or semicolons in UTF-8 or UTF-16.
            The form is told by the content; '-' is standard input. Lines, rows and the
            elements of a list stream, so a million leads need little memory; one line,
            row, page or element may have 16 MiB.

              leadrouter dry-run leads.ndjson
              leadrouter dry-run --explain --only-route stores leads.ndjson
              leadrouter dry-run --format ndjson --render leads.ndjson | head -1

            What cannot be read is reported on standard error with its line, the rest goes
            on, and the exit code is 1.
            """))

    @OptionGroup var config: ConfigurationOption
    @Argument(help: ArgumentHelp("Files of leads, or '-'.", valueName: "leads"))
    var files: [String]
    @Flag(help: "Show every route visited, and what each condition saw.")
    var explain = false
    @Flag(help: "Show the final mails, addresses and bodies; secrets are masked.")
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

    func run() throws {
        let configuration = try config.load()
        let onlyRoute = try route(configuration.ruleSet)
        let received =
            now.flatMap { Timestamp($0) }
            ?? Timestamp(milliseconds: SystemClock().nowMilliseconds())
        var reader = LeadReader(source: source, receivedTime: received)
        // Whoever only wants to know where leads go is spared the reading of what no rule asks.
        if !explain, !render { reader.selection = configuration.ruleSet.asked }
        var printer = DecisionPrinter(
            configuration, format: format, explains: explain, renders: render,
            onlyRoute: onlyRoute, now: received)
        let isGood = decide(files, LeadInput(reader: reader, keepsRaw: false), &printer)
        printer.finish()
        if isGood, printer.isEmpty {
            Console.error("warning: there is no lead in \(files.joined(separator: ", "))")
        }
        if !isGood { throw ExitCode.failure }
    }

    /// Decides the leads of all files, and reports what cannot be read; answers whether all could.
    private func decide(
        _ files: [String], _ input: LeadInput, _ printer: inout DecisionPrinter
    ) -> Bool {
        let progress = ProgressLine("leads")
        var failures = 0
        for (number, path) in files.enumerated() {
            do throws(LeadInput.Unreadable) {
                let file = try input.open(path)
                var count = 0
                while let item = try file.next() {
                    switch item.lead {
                    case .success(let lead): printer.decide(lead)
                    case .failure(let error):
                        failures += 1
                        progress.end()
                        Console.error("\(item.file):\(item.line): error: \(error)")
                    }
                    count += 1
                    guard count % 256 == 0 else { continue }
                    progress.advance(
                        by: 256,
                        fraction: file.fraction.map { (Double(number) + $0) / Double(files.count) })
                }
            } catch {
                failures += 1
                progress.end()
                Console.error("error: \(error.description)")
            }
        }
        progress.end()
        return failures == 0
    }

    /// The full name of `--only-route`, which may be the last part of it.
    private func route(_ ruleSet: RuleSet) throws -> String? {
        guard let onlyRoute, onlyRoute != "default" else { return onlyRoute }
        let meant = ruleSet.routes(meantBy: onlyRoute)
        if meant.count == 1 { return meant[0] }
        if meant.count > 1 {
            let shown = meant.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
            throw ValidationError(
                "'\(onlyRoute)' is the last part of several routes; write one of \(shown)")
        }
        throw ValidationError(
            "there is no route '\(onlyRoute)'"
                + (ruleSet.help(forRoute: onlyRoute).map { "; \($0)" } ?? ""))
    }
}
