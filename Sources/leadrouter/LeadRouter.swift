import ArgumentParser
import LeadKit

/// The program.
@main
struct LeadRouter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leadrouter",
        abstract: "Routes leads by rules, and delivers each exactly once in effect.",
        discussion: Help.flowing(
            """
            Leads arrive from Meta lead ads, web forms and files; YAML rules decide; sinks
            deliver.

              leadrouter check                      are the rules good?
              leadrouter dry-run leads.ndjson       where would these leads go?
              leadrouter test                       does every rule do what it must?
              leadrouter diff main rules …          which leads would an edit move?
              leadrouter why-not ID --expect ROUTE  why did it not go there?
              leadrouter serve                      take leads in and deliver them
              leadrouter deliveries list            what went where, waits, has failed
              leadrouter demo                       see the whole picture on this machine

            Exit codes: 0 good, 1 what was checked failed, 64 wrong usage, 69 a needed
            service is unreachable, 75 the store can no longer be written.
            """),
        version: "0.1.0-dev",
        // One a line, in the order of the help.
        subcommands: [
            Check.self,
            DryRun.self,
            Test.self,
            Diff.self,
            WhyNotCommand.self,
            Serve.self,
            Import.self,
            Leads.self,
            Deliveries.self,
            Sinks.self,
            LedgerCommand.self,
            Plugins.self,
            Schema.self,
            Simulate.self,
            Demo.self,
            Bench.self,
        ])

    /// Commands that wait for nothing run on the main thread: only there does the C library give
    /// memory out in large pieces, which reading a hundred thousand rules notices.
    @MainActor static func main() async {
        Hangups.ignoreAtStart(of: CommandLine.arguments)
        // Read from /proc by the standard library. Without them everything would be the call for help,
        // which a supervisor would take for a good end.
        guard !CommandLine.arguments.isEmpty else {
            Console.error("error: the arguments cannot be read from /proc/self/cmdline")
            exit(withError: ExitCode.unavailable)
        }
        do {
            var command = try parseAsRoot()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch {
            if let help = LeadRouter.help(forCommand: CommandLine.arguments.dropFirst().first) {
                Console.error("error: " + help)
                exit(withError: ExitCode.validationFailure)
            }
            exit(withError: error)
        }
    }

    /// What to write for a command that there is not.
    private static func help(forCommand text: String?) -> String? {
        guard let text, text.utf8.first != 0x2D else { return nil }
        let known = configuration.subcommands.compactMap { $0._commandName } + ["help"]
        guard !known.contains(text) else { return nil }
        let help = Nearest.help(for: text, among: known) ?? "'leadrouter --help' lists them"
        return "there is no command '\(Console.shown(text))'\nhelp: " + help
    }
}
