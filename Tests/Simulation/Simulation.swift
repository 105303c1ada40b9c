import ArgumentParser
import Foundation

/// Plays the three loops against a simulated world, many seeds at once.
@main
struct Simulation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lead-simulation",
        abstract: "Plays seven days of the flow for each seed, with crashes, and checks the books.",
        discussion: """
            Each seed is played on a simulated machine: virtual time, a disk that forgets what was
            not synced, sinks that fall ill, kills, restarts with other rules, clocks that jump. The
            same seed always plays the same, step by step; see docs/simulation.md.

              lead-simulation --seeds 10000
              lead-simulation --seed 17 --log
            """)

    @Option(help: "How many seeds to play.") var seeds = 100
    @Option(help: "The first seed.") var first: UInt64 = 1
    @Option(help: "How many processes play them; one a core unless told.") var jobs: Int?
    @Option(help: "Play this one only.") var seed: UInt64?
    @Flag(help: "Print what the program logs.") var log = false
    @Flag(help: "Play each seed twice: both must be the same step by step.") var twice = false
    @Flag(help: "A control that must fail: the store answers before it has synced.")
    var answerEarly = false

    @Option(help: "Play a week's outage with so many leads instead.") var outage: Int?

    /// Plays every so-many-th seed, and tells of each: one process of a `Fleet`.
    @Option(help: .private) var step: UInt64?

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
        if let seed {
            print("seed \(seed): \(try play(seed)), nothing broken")
        } else if let step {
            for number in 0..<UInt64(seeds) {
                let seed = first + number * step
                // At once: what is in a buffer when a process dies is lost.
                let line = "\(Passed(seed: seed, tally: try play(seed)))\n"
                FileHandle.standardOutput.write(Data(line.utf8))
            }
        } else {
            try playAll()
        }
    }

    private func playAll() throws {
        let options = (answerEarly ? ["--answer-early"] : []) + (twice ? ["--twice"] : [])
        let fleet = Fleet(
            first: first, seeds: seeds, jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount,
            options: options)
        let (sum, failure) = fleet.run()
        if let failure {
            print(failure)
            throw ExitCode.failure
        }
        print("\(seeds) seeds: \(sum), nothing broken")
    }

    private func play(_ seed: UInt64) throws -> Tally {
        do {
            let tally = try Scenario(seed: seed, log: log, answersEarly: answerEarly).run()
            guard twice else { return tally }
            let again = try Scenario(seed: seed, log: false, answersEarly: answerEarly).run()
            guard tally == again else {
                throw Scenario.Broken(
                    description: "it does not play the same twice: \(tally); then: \(again)")
            }
            return tally
        } catch {
            print("\(error)\nplay it again with: lead-simulation --seed \(seed) --log")
            throw ExitCode.failure
        }
    }
}
