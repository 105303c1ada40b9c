import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore
import Synchronization

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Checks, counts and copies the store as a whole.",
        discussion: Help.flowing(
            """
              leadrouter ledger verify            is every row as it must be?
              leadrouter ledger stats             both sides of the books, age and size
              leadrouter ledger backup copy.db    a copy, also beside a running service
            """), subcommands: [LedgerVerify.self, LedgerStats.self, LedgerBackup.self])
}

struct LedgerVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Checks every row of the store against its invariants.",
        discussion: Help.flowing(
            """
            Looks at every lead, delivery and attempt in one snapshot: states and what belongs to
            them (I1), decisions and their deliveries (I2), keys (I3), ends (I4), leases (I5), rule
            sets (I6), checksums (I8), counters, and the file itself. Every lead that was decided by
            the present rules is decided again, and the answer compared (I7).

            A running service does that with the rules in force, and names the first
            \(LedgerVerification.faultsMax) faults. Without one the configuration's rules are taken.

            Exits with 1 when anything is wrong. docs/ledger.md explains each invariant.
            """))

    @OptionGroup var service: ServiceOption
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let faults = FaultPrinter(format)
        try await service.look { runner in
            var summary: String
            switch runner.place {
            case .service: summary = try await ask(runner, faults)
            case .store(let store, _): summary = try await read(store, faults)
            }
            faults.finish()
            let count = faults.count
            summary += count == 0 ? ": all is well" : ": " + Summary.count(count, "fault")
            if format == .table { Console.print(summary) } else { Console.error(summary) }
        }
        if faults.count > 0 { throw ExitCode.failure }
    }

    private func ask(_ runner: LookRunner, _ faults: FaultPrinter) async throws -> String {
        let line = ProgressLine("leads")
        line.show("the service looks at every page of the file, and every row")
        defer { line.end() }
        let answer = try await runner.get(.verify)
        line.end()
        for fault in (answer["faults"]?.elements ?? []).compactMap({ LedgerFault($0) }) {
            faults.add(fault)
        }
        faults.addUnnamed((answer["fault_count"]?.integer ?? 0) - faults.count)
        return LedgerVerify.sentence(
            LedgerVerification(answer), orElse: "the service has no rules in force")
    }

    private func read(_ store: SQLiteStore, _ faults: FaultPrinter) async throws -> String {
        let isNamed = service.store.store == nil || service.store.config.path != nil
        let ruleSet =
            isNamed ? service.store.config.loadResult().configuration?.ruleSet : nil
        let line = ProgressLine("leads")
        let decided = ProgressLine("leads decided again")
        defer { line.end() }
        let counter = LeadCounter()
        let total = try await store.stats().leads.values.reduce(0, +)
        line.show("looking at every page of the file")
        let result = try await LedgerVerification.run(
            on: store, isServed: SQLiteStore.isOwned(path: try service.store.path()),
            ruleSet: ruleSet,
            progress: {
                line.advance(
                    by: counter.step(to: $0), fraction: Double($0) / Double(max(1, total)))
            }, onDecided: { decided.advance(by: $0) }, report: { faults.add($0) })
        return LedgerVerify.sentence(
            result,
            orElse: isNamed
                ? "the configuration has errors" : "no rules were named (--config)")
    }

    private static func sentence(
        _ result: LedgerVerification, orElse reason: String
    ) -> String {
        let extent = result.extent
        let sentence =
            "\(Summary.count(extent.leads, "lead")), \(extent.deliveries) deliveries and "
            + "\(extent.attempts) attempts checked"
        guard let counts = result.routing else {
            return sentence + "; decisions were not checked, because \(reason)"
        }
        return sentence + "; \(counts.same) decided again by the same rules"
            + (counts.other > 0 ? ", \(counts.other) were decided by others" : "")
    }
}

/// Prints faults as they are found.
private final class FaultPrinter: Sendable {
    private let format: OutputFormat
    private let state: Mutex<(table: StreamedTable, count: Int)>

    init(_ format: OutputFormat) {
        self.format = format
        state = Mutex((StreamedTable(["BREAKS", "ROW", "WHAT IS WRONG"]), 0))
    }

    var count: Int { state.withLock { $0.count } }

    func add(_ fault: LedgerFault) {
        state.withLock { state in
            state.count += 1
            if format == .ndjson {
                Console.print(LedgerJSON.text { LedgerJSON.write(fault, to: &$0) })
            } else {
                state.table.add([fault.invariant.rawValue, fault.subject, fault.message])
            }
        }
    }

    /// Faults that were counted and not named.
    func addUnnamed(_ count: Int) {
        guard count > 0 else { return }
        state.withLock { $0.count += count }
        Console.error("\(count) more faults are counted and not named")
    }

    func finish() {
        state.withLock { if format == .table, $0.count > 0 { $0.table.finish() } }
    }
}

struct LedgerStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Counts leads and deliveries, and says how old and large.",
        discussion: Help.flowing(
            """
            Both sides of the books: every lead is in one state, and every delivery. OLDEST OPEN is
            how long the oldest delivery that is neither delivered, dead nor cancelled has been due;
            one that waits for its schedule does not count before that.
            """))

    @OptionGroup var service: ServiceOption
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let figures = try await service.look { try await $0.get(.stats) }
        if format == .ndjson {
            Console.print(LedgerJSON.text { $0.value(figures) })
        } else {
            LedgerStats.print(figures)
        }
    }

    private static func print(_ figures: JSONValue) {
        func count(_ value: JSONValue?, _ state: String) -> Int { value?[state]?.integer ?? 0 }
        let states = InboxState.allCases.map(\.rawValue)
        var leads = TextTable(["LEADS", "STATE"])
        for state in states { leads.add([String(count(figures["leads"], state)), state]) }
        let all = states.reduce(0) { $0 + count(figures["leads"], $1) }
        leads.add([String(all), "in all"])
        Console.print(leads.text)
        let ends = DeliveryState.allCases.map(\.rawValue)
        var table = TextTable(["SINK"] + ends.map { $0.uppercased() } + ["OLDEST OPEN"])
        for (sink, value) in figures["sinks"]?.members ?? [] {
            table.add(
                [sink] + ends.map { String(count(value["deliveries"], $0)) }
                    + [value["oldest_open_seconds"]?.integer.map(LedgerStats.age) ?? ""])
        }
        table.add(["in all"] + ends.map { String(count(figures["deliveries"], $0)) } + [""])
        Console.print("\n" + table.text)
        guard let file = figures["file_bytes"]?.integer else { return }
        Console.print(
            "\nfile \(size(file)), \(size(figures["free_bytes"]?.integer ?? 0)) of it free; log "
                + size(figures["log_bytes"]?.integer ?? 0))
    }

    private static func age(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
    }
}

struct LedgerBackup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Writes a consistent copy of the store.",
        discussion: Help.flowing(
            """
            Also beside a running service, which goes on meanwhile. The copy holds everything that
            was acknowledged when it began, and nothing that was forgotten before. A file that
            exists is not replaced.

            To restore: stop the service, put the copy where 'store.url' says, remove the old
            store's '-wal' and '-shm' files, start. Deliveries that were made after the copy are
            then made again, with the same keys, by which sinks know them.

            The copy is made by this command, and belongs to who gives it. With --service, or when
            the store is not for this account, the service makes it: on its machine, for its account
            alone. What a backup to FILE left that was killed ('FILE\(LedgerCopy.unfinishedSuffix)') is
            removed.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: "The copy's file; it must not exist yet.") var file: String

    func run() async throws {
        let path = URL(filePath: file).path(percentEncoded: false)
        let answer = try await isForService() ? order(path) : copy(to: path)
        if answer["replaced_remains"]?.bool == true {
            Console.error("an earlier backup to '\(file)' was broken off; what it left is removed")
        }
        Console.print("\(file): \(answer["bytes"]?.scalarText ?? "") bytes")
    }

    private func isForService() throws -> Bool {
        if service.service != nil {
            guard file.utf8.first == 0x2F else {
                throw ValidationError(
                    "the service makes the copy on its machine: name the file by its whole path, "
                        + "which begins with '/'")
            }
            return true
        }
        return SQLiteStore.presence(of: try service.store.path()) == .denied
    }

    private func order(_ path: String) async throws -> JSONValue {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("file")
            writer.string(path)
        }
        let answer = try OrderRunner.root(
            of: try await service.owner().send(
                "POST", "ledger/backup", writer.bytes, changes: true))
        try AnswerShape.backup.check(answer)
        return answer
    }

    private func copy(to path: String) async throws -> JSONValue {
        let answer = try await service.store.look { store in
            do throws(StoreError) {
                let copy = try await store.backup(to: path)
                return AdminServer.Answer(
                    body: Array(LedgerJSON.text { LedgerJSON.write(copy, path, to: &$0) }.utf8))
            } catch .unusable(let text) {
                Console.error("error: \(text)")
                throw ExitCode.failure
            }
        }
        return try OrderRunner.root(of: answer)
    }
}
