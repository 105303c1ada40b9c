import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadStore

struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows which leads an edit of the rules would move, and where to.",
        discussion: Help.flowing(
            """
            OLD and NEW are folders, or Git revisions of the configuration's folder:
            HEAD~1, main, or REV:PATH. Nothing is checked out and nothing is sent; secrets
            are not needed.

              leadrouter diff HEAD rules --leads leads.ndjson
              leadrouter diff main HEAD --last 30d --max-moved 20
              leadrouter diff old-rules rules --format ndjson --leads leads.ndjson

            --leads reads what dry-run reads; '-' is standard input. --last reads the leads
            that the store took in, without touching it, each decided at the time it came.

            A lead moves when its outcome or the sinks that get it differ. One that another
            route sends to the same sinks is listed, but not counted. Exits with 1 when
            more than --max-moved leads move, when a side does not load, or when leads
            cannot be read.
            """))

    @Argument(help: ArgumentHelp("The rules before: a folder or a revision.", valueName: "old"))
    var old: String
    @Argument(help: ArgumentHelp("The rules after: a folder or a revision.", valueName: "new"))
    var new: String
    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Files of leads.", valueName: "file"))
    var leads: [String] = []
    @Option(
        help: ArgumentHelp(
            "Leads that the store took in so long ago or less, such as 30d.", valueName: "time"))
    var last: String?
    @OptionGroup var store: StoreOption
    @Option(help: ArgumentHelp("The most leads that may move.", valueName: "n"))
    var maxMoved: Int?
    @Option(help: ArgumentHelp("When leads of files are taken in, RFC 3339.", valueName: "time"))
    var now: String?
    @Option(help: ArgumentHelp("What lead.source is, for leads of files.", valueName: "name"))
    var source = "dry-run"
    @Option(help: "table for people, ndjson for programs.")
    var format = OutputFormat.table

    func validate() throws {
        if leads.isEmpty == (last == nil) {
            throw ValidationError(
                "name leads with --leads FILE, or take the store's with --last 30d")
        }
        if let last, Diff.milliseconds(last) == nil {
            throw ValidationError("--last '\(last)' is not a duration; write '30d' or '12h'")
        }
        if let now, Timestamp(now) == nil {
            throw ValidationError("--now '\(now)' is not a time; write 2025-10-09T08:00:00Z")
        }
        if let maxMoved, maxMoved < 0 {
            throw ValidationError("--max-moved '\(maxMoved)' is below 0")
        }
    }

    func run() async throws {
        let before = try load(old)
        let after = try load(new)
        guard let before, let after else { throw ExitCode.failure }
        var run = DiffRun(old: before.ruleSet, new: after.ruleSet)
        let isComplete = try await readLeads(into: &run)
        let report = DiffReport(
            comparison: run.comparison, old: old, new: new, maxMoved: maxMoved)
        Console.write(Array((format == .table ? report.text : report.ndjson).utf8))
        if !isComplete || !report.isGood { throw ExitCode.failure }
    }

    /// Nil, with what is wrong on standard error, when it does not load.
    private func load(_ text: String) throws -> Configuration? {
        do {
            let version = try ConfigurationVersion(text, configFolder: store.config.folder)
            let result = version.load()
            if result.configuration == nil {
                Console.error(result.report)
                Console.error("error: '\(text)' does not load: \(Summary.findings(result))")
            }
            return result.configuration
        } catch {
            Console.error("error: \(error)")
            return nil
        }
    }

    /// False when something could not be read.
    private func readLeads(into run: inout DiffRun) async throws -> Bool {
        let clock = SystemClock().nowMilliseconds()
        let progress = ProgressLine("leads")
        defer { progress.end() }
        if let last, let milliseconds = Diff.milliseconds(last) {
            let opened = try await store.open(
                orElse: "'leadrouter serve' makes it; for leads of files write --leads FILE "
                    + "instead of --last")
            try await StoredLeads(store: opened).read(sinceMilliseconds: clock - milliseconds) {
                run.add($0, at: $1)
                progress.advance()
            }
            await opened.close()
            return true
        }
        let received = now.flatMap { Timestamp($0) } ?? Timestamp(milliseconds: clock)
        var reader = LeadReader(source: source, receivedTime: received)
        reader.selection = run.asked
        let input = LeadInput(reader: reader, keepsRaw: false)
        var isComplete = true
        for path in leads {
            do throws(LeadInput.Unreadable) {
                let file = try input.open(path)
                while let item = try file.next() {
                    switch item.lead {
                    case .success(let lead): run.add(lead, at: received)
                    case .failure(let error):
                        isComplete = false
                        progress.end()
                        Console.error("\(item.file):\(item.line): error: \(error)")
                    }
                    progress.advance(fraction: file.fraction)
                }
            } catch {
                isComplete = false
                progress.end()
                Console.error("error: \(error.description)")
            }
        }
        return isComplete
    }

    private static func milliseconds(_ text: String) -> Int64? {
        var problems = SettingProblems()
        let node = SettingNode(.text(text), at: Position(file: "--last"))
        return Duration.decode(node, problems: &problems).map {
            $0.components.seconds * 1000 + $0.components.attoseconds / 1_000_000_000_000_000
        }
    }
}

/// Decides each lead with both rule sets.
private struct DiffRun {
    let old: RuleSet
    let new: RuleSet
    private let oldDecider: Decider
    private let newDecider: Decider
    private(set) var comparison = RoutingComparison()
    private var earlierOld = EarlierLeads()
    private var earlierNew = EarlierLeads()

    init(old: RuleSet, new: RuleSet) {
        self.old = old
        self.new = new
        oldDecider = old.decider()
        newDecider = new.decider()
    }

    /// What of a lead either rule set asks for.
    var asked: LeadSelection { old.asked.union(new.asked) }

    mutating func add(_ lead: Lead, at now: Timestamp) {
        let before = oldDecider.decide(
            lead, at: now, isDuplicate: earlierOld.holdsDuplicate(of: lead, for: old, at: now))
        let after = newDecider.decide(
            lead, at: now, isDuplicate: earlierNew.holdsDuplicate(of: lead, for: new, at: now))
        comparison.add(lead.id, old: before, new: after)
    }
}
