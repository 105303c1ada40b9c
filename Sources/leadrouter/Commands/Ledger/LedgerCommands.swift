import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
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
            Looks at every lead, delivery and attempt in one snapshot, also beside a running
            service: states and what belongs to them (I1), decisions and their deliveries (I2), keys
            (I3), ends (I4), leases (I5), rule sets (I6), checksums (I8), counters, and the file
            itself. With a configuration, every lead that was decided by its rules is decided again,
            and the answer compared (I7).

            Exits with 1 when anything is wrong. docs/ledger.md explains each invariant.
            """))

    @OptionGroup var store: StoreOption
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let isNamed = store.store == nil || store.config.path != nil
        let configuration = isNamed ? store.config.loadResult().configuration : nil
        let faults = FaultPrinter(format)
        let path = try store.path()
        try await store.look { store in
            let line = ProgressLine("leads")
            let counter = LeadCounter()
            let total = try await store.stats().leads.values.reduce(0, +)
            line.show("looking at every page of the file")
            let extent = try await store.verify(
                isServed: SQLiteStore.isOwned(path: path),
                atMilliseconds: SystemClock().nowMilliseconds(),
                progress: {
                    line.advance(
                        by: counter.step(to: $0), fraction: Double($0) / Double(max(1, total)))
                }, report: { faults.add($0) })
            var summary =
                "\(Summary.count(extent.leads, "lead")), \(extent.deliveries) deliveries and "
                + "\(extent.attempts) attempts checked"
            if let ruleSet = configuration?.ruleSet {
                let check = RoutingCheck(ruleSet)
                line.end()
                let counts = try await check.run(on: store, ProgressLine("leads decided again")) {
                    faults.add($0)
                }
                summary += "; \(counts.same) decided again by the same rules"
                if counts.other > 0 { summary += ", \(counts.other) were decided by others" }
            }
            if configuration == nil {
                summary +=
                    isNamed
                    ? "; decisions were not checked, because the configuration has errors"
                    : "; decisions were not checked, because no rules were named (--config)"
            }
            line.end()
            faults.finish()
            let result = faults.count == 0 ? "all is well" : Summary.count(faults.count, "fault")
            let sentence = "\(summary): \(result)"
            if format == .table { Console.print(sentence) } else { Console.error(sentence) }
        }
        if faults.count > 0 { throw ExitCode.failure }
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

    @OptionGroup var store: StoreOption
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        try await store.look { store in
            let figures = try await LedgerFigures.read(
                store, atMilliseconds: SystemClock().nowMilliseconds())
            if format == .ndjson {
                Console.print(LedgerJSON.text { LedgerJSON.write(figures, to: &$0) })
            } else {
                LedgerStats.print(figures)
            }
        }
    }

    private static func print(_ figures: LedgerFigures) {
        let stats = figures.stats
        var leads = TextTable(["LEADS", "STATE"])
        for state in InboxState.allCases {
            leads.add([String(stats.leads[state] ?? 0), state.rawValue])
        }
        leads.add([String(stats.leads.values.reduce(0, +)), "in all"])
        Console.print(leads.text)
        var table = TextTable(
            ["SINK"] + DeliveryState.allCases.map { $0.rawValue.uppercased() } + ["OLDEST OPEN"])
        for sink in figures.sinks {
            let states = stats.sinks[sink] ?? [:]
            table.add(
                [sink] + DeliveryState.allCases.map { String(states[$0] ?? 0) }
                    + [figures.openSeconds(sink).map(LedgerStats.age) ?? ""])
        }
        table.add(
            ["in all"] + DeliveryState.allCases.map { String(stats.deliveries[$0] ?? 0) } + [""])
        Console.print("\n" + table.text)
        guard let sizes = figures.sizes else { return }
        Console.print(
            "\nfile \(size(sizes.fileBytes)), \(size(sizes.freeBytes)) of it free; log "
                + size(sizes.logBytes))
    }

    private static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    private static func size(_ bytes: Int64) -> String {
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
            """))

    @OptionGroup var store: StoreOption
    @Argument(help: "The copy's file; it must not exist yet.") var file: String

    func run() async throws {
        let bytes = try await store.look { store in
            do throws(StoreError) {
                return try await store.backup(to: URL(filePath: file).path(percentEncoded: false))
            } catch .unusable(let text) {
                Console.error("error: \(text)")
                throw ExitCode.failure
            }
        }
        Console.print("\(file): \(bytes) bytes")
    }
}
