import ArgumentParser
import Foundation
import Glibc
import LeadFlow
import LeadKit
import LeadRules

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures this machine with your own rules and leads.",
        subcommands: [BenchRules.self])
}

struct BenchRules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "How many leads a second the rules decide, on one core.",
        discussion: Help.flowing(
            """
            Reads the leads first, then the configuration, then decides all leads again and
            again for the time given. Reading a lead from its file is not measured; looking
            at its values as the rules see them is. What is counted is the processor's
            time, of one core.

              leadrouter bench rules --leads leads.ndjson
            """))

    @OptionGroup var config: ConfigurationOption
    @Option(help: ArgumentHelp("A file of leads, as for 'dry-run'.", valueName: "file"))
    var leads: String
    @Option(help: "For how many seconds to decide.")
    var seconds = 5.0
    @Option(help: "table for people, ndjson for programs.")
    var format = OutputFormat.table

    func validate() throws {
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds must be above 0 and at most 3600")
        }
    }

    func run() async throws {
        let now = Timestamp(milliseconds: SystemClock().nowMilliseconds())
        let leads = try await readLeads(at: now)
        let start = ContinuousClock.now
        let configuration = try config.load()
        let load = ContinuousClock.now - start
        let rounds = decideAll(leads, configuration.ruleSet, at: now)
        let result = BenchResult(
            rules: configuration.ruleSet.routeCount, leads: leads.count, load: load,
            rounds: rounds, peakMemoryKiB: BenchResult.peakMemoryKiB())
        switch format {
        case .table: Console.print(result.table)
        case .ndjson: Console.print(result.json)
        }
    }

    private func readLeads(at now: Timestamp) async throws -> [Lead] {
        var result: [Lead] = []
        let input = LeadInput(reader: LeadReader(source: "bench", receivedTime: now))
        do {
            try await input.read(leads) { item in
                switch item.lead {
                case .success(let lead): result.append(lead)
                case .failure(let error):
                    Console.error("\(item.file):\(item.line): error: \(error)")
                }
            }
        } catch let error as LeadInput.Unreadable {
            Console.error("error: \(error.description)")
            throw ExitCode.failure
        }
        guard !result.isEmpty else {
            Console.error("error: there are no leads in '\(leads)'")
            throw ExitCode.failure
        }
        return result
    }

    /// The processor's time that each round took for all leads; a first one, to warm up, is not
    /// counted.
    private func decideAll(_ leads: [Lead], _ rules: RuleSet, at now: Timestamp) -> [Duration] {
        let decider = rules.decider()
        var rounds: [Duration] = []
        // A round of a few leads would measure the clock.
        let repeats = max(1, 20_000 / leads.count)
        let end = ContinuousClock.now + .seconds(seconds)
        var isWarm = false
        while !isWarm || rounds.isEmpty || ContinuousClock.now < end {
            let start = BenchRules.processorTime()
            for _ in 0..<repeats {
                decider.decide(leads, at: now) { _, _ in }
            }
            if isWarm { rounds.append((BenchRules.processorTime() - start) / repeats) }
            isWarm = true
        }
        return rounds
    }

    /// What this thread has used of the processor: other programs do not count.
    private static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

/// What `bench rules` measured.
struct BenchResult {
    var rules: Int
    var leads: Int
    var load: Duration
    /// The time for all leads, round by round.
    var rounds: [Duration]
    var peakMemoryKiB: Int?

    private func rate(_ round: Duration) -> Double { Double(leads) / round.seconds }
    private var sorted: [Duration] { rounds.sorted() }
    private var best: Double { rate(sorted[0]) }
    private var median: Double { rate(sorted[sorted.count / 2]) }
    private var nanoseconds: Double { 1e9 / median }

    var table: String {
        var table = TextTable(["MEASURED", "FIGURE"])
        table.add(["rules", String(rules)])
        table.add(["leads", String(leads)])
        table.add(["load", String(format: "%.3f s", load.seconds)])
        table.add(["decisions/s, best round", String(format: "%.0f", best)])
        table.add(["decisions/s, median of \(rounds.count)", String(format: "%.0f", median)])
        table.add(["a decision", String(format: "%.0f ns", nanoseconds)])
        if let peakMemoryKiB { table.add(["peak memory", "\(peakMemoryKiB / 1024) MiB"]) }
        return table.text
    }

    var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("rules")
            writer.integer(rules)
            writer.name("leads")
            writer.integer(leads)
            writer.name("load_milliseconds")
            writer.integer(Int((load.seconds * 1000).rounded()))
            writer.name("decisions_per_second_best")
            writer.integer(Int(best))
            writer.name("decisions_per_second_median")
            writer.integer(Int(median))
            writer.name("rounds")
            writer.integer(rounds.count)
            writer.name("nanoseconds_per_decision")
            writer.integer(Int(nanoseconds.rounded()))
            writer.name("peak_memory_kib")
            writer.integer(peakMemoryKiB ?? 0)
        }
        return writer.text
    }

    /// The most memory that this process has held so far (`VmHWM`), Linux only.
    static func peakMemoryKiB() -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
            return nil
        }
        let line = status.split(separator: "\n").first { $0.utf8.starts(with: "VmHWM:".utf8) }
        return line?.split(separator: " ").compactMap { Int($0) }.first
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
