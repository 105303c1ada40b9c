import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadStore

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings leads in from files, or in bulk from a source.",
        discussion: Help.flowing(
            """
              leadrouter import leads.ndjson              a file ('-' is standard input)
              leadrouter import --source facebook leads.ndjson      credited to a source
              leadrouter import --source facebook --form 555 --since 2025-10-01
                                                         read from the source itself

            A lead that the source brought already is counted as known and changes nothing,
            so an import can be repeated. Files that are credited to a source are read with its
            'id' and 'rename'. Beside a running service the leads go through it;
            without one they wait in the store for the next 'leadrouter serve'.
            """))

    /// The most leads of one commit.
    static let batchMax = 500

    @OptionGroup var config: ConfigurationOption
    @Argument(help: ArgumentHelp("Files of leads.", valueName: "file"))
    var files: [String] = []
    @Option(
        help: ArgumentHelp(
            "The source: read in bulk, or credited with the files' leads.", valueName: "name"))
    var source: String?
    @Option(help: ArgumentHelp("Read the leads of this form (may be repeated).", valueName: "id"))
    var form: [String] = []
    @Option(help: ArgumentHelp("Read the leads of this ad (may be repeated).", valueName: "id"))
    var ad: [String] = []
    @Option(help: ArgumentHelp("Only leads created at or after.", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Only leads created at or before.", valueName: "time"))
    var until: String?

    func validate() throws {
        if files.isEmpty, source == nil {
            throw ValidationError("name files, or --source NAME to read in bulk")
        }
        if !files.isEmpty, !form.isEmpty || !ad.isEmpty || since != nil || until != nil {
            throw ValidationError("--form, --ad, --since and --until go without files")
        }
        for (name, text) in [("--since", since), ("--until", until)] {
            if let text, Timestamp(dateOrTime: text) == nil {
                throw ValidationError(
                    "\(name) '\(text)' is not a time; write 2025-10-09 or 2025-10-09T08:00:00Z")
            }
        }
    }

    func run() async throws {
        // Files need no rules: who imports beside a service must not wait for an edit to be mended.
        let configuration = files.isEmpty ? try config.load() : nil
        let settings = try config.settings()
        // A lead is known by its source and its id: under another name it would come in again.
        if let source, !settings.sources.contains(source) {
            throw ValidationError(
                "there is no source '\(source)'; "
                    + (Nearest.help(for: source, among: settings.sources)
                        ?? "there are \(settings.sources.joined(separator: ", "))"))
        }
        let names = try names(settings)
        let store: SQLiteStore?
        let inbox: any InboxWriter
        do throws(StoreError) {
            let opened = try await SQLiteStore.open(path: settings.store.path, ownership: .owner)
            store = opened
            inbox = Inbox(store: opened, clock: SystemClock())
        } catch .locked {
            store = nil
            inbox = RemoteInbox(settings.server.admin)
        } catch {
            Console.error("error: \(error)")
            throw ExitCode.unavailable
        }
        let failure = await transfer(configuration, named: names, into: inbox)
        await store?.close()
        if let failure { throw failure }
    }

    /// Brings the leads in and prints what came; answers how to exit unless all went well.
    private func transfer(
        _ configuration: Configuration?, named names: LeadNames, into inbox: any InboxWriter
    ) async -> ExitCode? {
        let line = ProgressLine("leads")
        var progress = BulkProgress()
        var failure: ExitCode?
        do {
            if let configuration {
                progress = try await retrieve(configuration, into: inbox, line)
            } else {
                let isGood = try await readFiles(named: names, into: inbox, line, &progress)
                if !isGood { failure = .failure }
            }
        } catch {
            line.end()
            Console.error("error: \(Import.sentence(error))")
            // The store, or the service that has it.
            failure = error is IntakeError ? .unavailable : .failure
        }
        line.end()
        let waits = inbox is RemoteInbox ? "" : "; 'leadrouter serve' routes them"
        Console.print(
            "\(Summary.count(progress.leads, "lead")) read: \(progress.stored) new, "
                + "\(progress.duplicates) known, \(progress.quarantined) kept aside\(waits)")
        return failure
    }

    /// What the source calls things: read otherwise, a lead that it brought would have another id.
    private func names(_ settings: OperatorSettings) throws -> LeadNames {
        guard let source, !files.isEmpty else { return LeadNames() }
        guard let names = settings.names[source] else {
            Console.error(
                "error: the settings of source '\(source)' have errors, and say how its leads are "
                    + "named; see 'leadrouter check'")
            throw ExitCode.failure
        }
        return names
    }

    private func readFiles(
        named names: LeadNames, into inbox: any InboxWriter, _ line: ProgressLine,
        _ progress: inout BulkProgress
    ) async throws -> Bool {
        let received = Timestamp(milliseconds: SystemClock().nowMilliseconds())
        let input = LeadInput(
            reader: LeadReader(
                source: source ?? "import", receivedTime: received, names: names))
        var batch: [InboxItem] = []
        var isGood = true
        for file in files {
            try await input.read(file, progress: { line.advance(by: 0, fraction: $0) }) { item in
                switch item.lead {
                case .success(let lead):
                    batch.append(.lead(lead))
                    progress.leads += 1
                    line.advance()
                case .failure(let error):
                    line.end()
                    Console.error("\(item.file):\(item.line): error: \(error)")
                    isGood = false
                }
                if batch.count == Import.batchMax {
                    progress.count(try await inbox.accept(batch))
                    batch = []
                }
            }
        }
        progress.count(try await inbox.accept(batch))
        return isGood
    }

    private func retrieve(
        _ configuration: Configuration, into inbox: any InboxWriter, _ line: ProgressLine
    ) async throws -> BulkProgress {
        let name = source ?? ""
        guard let instance = configuration.source(name) else { return BulkProgress() }
        let made = try await instance.blueprint.make(
            PluginContext(instance: name, logger: Serve.logger(configuration.log)))
        guard let bulk = made as? any BulkSource else {
            throw ValidationError("source '\(name)' (\(instance.plugin)) cannot be read in bulk")
        }
        let query = BulkQuery(
            forms: form, ads: ad, since: since.flatMap { Timestamp(dateOrTime: $0) },
            until: until.flatMap { Timestamp(dateOrTime: $0) })
        let counter = LeadCounter()
        defer { line.end() }
        let progress = try await bulk.retrieve(query, into: inbox) { progress in
            line.advance(by: counter.step(to: progress.leads))
        }
        await made.close()
        return progress
    }

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case IntakeError.overloaded: "the store has no room; try again later"
        case IntakeError.unavailable(let reason): reason
        case let error as LeadInput.Unreadable: error.description
        default: "\(error)"
        }
    }
}
