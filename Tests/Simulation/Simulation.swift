import ArgumentParser
import Foundation

/// Plays the three loops against a simulated world, one seed after the other.
@main
struct Simulation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lead-simulation",
        abstract: "Plays seven days of the flow for each seed, with crashes, and checks the books.",
        discussion: """
            Each seed is played on a simulated machine: virtual time, a disk that forgets what was
            not synced, sinks that fall ill, kills, restarts with other rules, clocks that jump. The
            same seed always plays the same.

              lead-simulation --seeds 1000
              lead-simulation --seed 17 --log
            """)

    @Option(help: "How many seeds to play.") var seeds = 100
    @Option(help: "The first seed.") var first: UInt64 = 1
    @Option(help: "Play this one only.") var seed: UInt64?
    @Flag(help: "Print what the program logs.") var log = false
    @Flag(help: "A control that must fail: the store answers before it has synced.")
    var answerEarly = false

    @Option(help: "Play a week's outage with so many leads instead.") var outage: Int?

    func run() throws {
        if let outage {
            for comesBack in [true, false] {
                print(try Outage(leads: outage, comesBack: comesBack).run())
            }
            return
        }
        // Sets and dictionaries must have the same order in each run.
        guard ProcessInfo.processInfo.environment["SWIFT_DETERMINISTIC_HASHING"] != nil else {
            setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
            var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
            execv("/proc/self/exe", &arguments)
            throw ValidationError("cannot start again with SWIFT_DETERMINISTIC_HASHING")
        }
        let chosen = seed.map { [$0] } ?? (0..<UInt64(seeds)).map { first + $0 }
        var sum = Tally()
        for seed in chosen {
            do {
                let tally = try Scenario(seed: seed, log: log, answersEarly: answerEarly).run()
                sum.leads += tally.leads
                sum.deliveries += tally.deliveries
                sum.arrivals += tally.arrivals
                sum.kills += tally.kills
                sum.stops += tally.stops
            } catch {
                print(
                    "seed \(seed): \(error)\nplay it again with: lead-simulation --seed \(seed) --log"
                )
                throw ExitCode.failure
            }
        }
        print(
            "\(chosen.count) seeds: \(sum.leads) leads, \(sum.deliveries) deliveries, "
                + "\(sum.arrivals) arrivals, \(sum.kills) kills, \(sum.stops) stops, nothing broken"
        )
    }
}
