import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadStore

struct WhyNotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why-not",
        abstract: "Says why a lead does not go to a route or sink, and what would send it there.",
        discussion: Help.flowing(
            """
            Shows the first condition that keeps the lead away, and the smallest change of
            the lead that would send it there, proved by deciding the changed lead. Nothing
            is sent, and the store is only looked at.

              leadrouter why-not 1730000000100007 --expect mailbox --leads leads.ndjson
              leadrouter why-not 1730000000100007 --expect store-email
              leadrouter why-not lead.json --expect default

            LEAD is a lead's id, in the files of --leads or else in the store; or a file
            with one lead; or '-' for standard input. Exits with 0 when there is an answer,
            with 1 when no change was found.
            """))

    @Argument(help: ArgumentHelp("An id, a file with one lead, or '-'.", valueName: "lead"))
    var lead: String
    @Option(
        help: ArgumentHelp(
            "A route (its last part will do), a sink, or 'default'.", valueName: "route-or-sink"))
    var expect: String
    @Option(
        parsing: .upToNextOption, help: ArgumentHelp("Files that hold the lead.", valueName: "file")
    )
    var leads: [String] = []
    @OptionGroup var store: StoreOption
    @Option(
        help: ArgumentHelp(
            "When it is decided, RFC 3339. Default: when the store took it in, else now.",
            valueName: "time"))
    var now: String?
    @Option(help: ArgumentHelp("What lead.source is, for leads of files.", valueName: "name"))
    var source = "dry-run"
    @Option(help: "table for people, ndjson for programs.")
    var format = OutputFormat.table

    func validate() throws {
        if let now, Timestamp(now) == nil {
            throw ValidationError("--now '\(now)' is not a time; write 2025-10-09T08:00:00Z")
        }
    }

    func run() async throws {
        let ruleSet = try store.config.load().ruleSet
        let found = try await find(for: ruleSet)
        let answer: WhyNot
        do throws(UnknownExpectation) {
            answer = try ruleSet.whyNot(
                found.lead, expect: expect, at: found.time, isDuplicate: found.isDuplicate)
        } catch {
            Console.error("error: \(error)" + (error.help.map { "\nhelp: " + $0 } ?? ""))
            throw ExitCode.failure
        }
        let report = WhyNotReport(lead: found.lead, answer: answer)
        Console.print(format == .table ? report.text : report.ndjson)
        if !report.isAnswered { throw ExitCode.failure }
    }

    /// The lead, and how it is decided.
    private struct Found {
        var lead: Lead
        var time: Timestamp
        var isDuplicate = false
    }

    private func find(for ruleSet: RuleSet) async throws -> Found {
        let clock = Timestamp(milliseconds: SystemClock().nowMilliseconds())
        let time = now.flatMap { Timestamp($0) }
        if lead != "-", !leads.isEmpty {
            let found = try await read(leads, at: time ?? clock, for: ruleSet)
            guard let first = found.first else {
                throw refusal("there is no lead '\(lead)' in \(leads.joined(separator: ", "))")
            }
            return first
        }
        if lead == "-" || FileManager.default.fileExists(atPath: lead) {
            let found = try await read([lead], at: time ?? clock, for: ruleSet)
            guard found.count == 1 else {
                throw refusal(
                    "'\(lead)' holds \(found.isEmpty ? "no lead" : "more than one lead")",
                    help: found.isEmpty
                        ? nil : "choose one: leadrouter why-not ID --leads \(lead)")
            }
            return Found(lead: found[0].lead, time: time ?? clock)
        }
        guard let id = LeadID(lead) else { throw refusal("'\(lead)' is no lead's id") }
        let opened = try await store.open(
            orElse: "'leadrouter serve' makes it; for a lead of a file add --leads FILE")
        let entries = try await opened.leads(LeadFilter(leadID: id))
        await opened.close()
        guard let entry = entries.first(where: { !$0.lead.isEmpty }),
            let stored = StoredLeads.lead(of: entry)
        else {
            throw refusal(
                "there is no file and no lead '\(lead)' in the store",
                help: "for a lead of a file add --leads FILE")
        }
        return Found(
            lead: stored, time: time ?? Timestamp(milliseconds: entry.receivedMilliseconds),
            isDuplicate: entry.isDuplicate)
    }

    /// The leads that are asked for; of one file without an id, the first two.
    private func read(
        _ files: [String], at time: Timestamp, for ruleSet: RuleSet
    ) async throws -> [Found] {
        let input = LeadInput(reader: LeadReader(source: source, receivedTime: time))
        let takesAny = files == [lead]
        var earlier = EarlierLeads()
        var found: [Found] = []
        for file in files {
            do {
                try await input.read(file) { item in
                    switch item.lead {
                    case .success(let lead):
                        let isDuplicate = earlier.holdsDuplicate(of: lead, for: ruleSet, at: time)
                        if found.count < 2, takesAny || lead.id.text == self.lead {
                            found.append(Found(lead: lead, time: time, isDuplicate: isDuplicate))
                        }
                    case .failure(let error):
                        Console.error("\(item.file):\(item.line): error: \(error)")
                    }
                }
            } catch let error as LeadInput.Unreadable {
                throw refusal(error.description)
            }
        }
        return found
    }

    private func refusal(_ text: String, help: String? = nil) -> ExitCode {
        Console.error("error: \(text)" + (help.map { "\nhelp: " + $0 } ?? ""))
        return .failure
    }
}
