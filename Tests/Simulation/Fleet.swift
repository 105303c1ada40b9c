import Dispatch
import Foundation
import Synchronization

/// Plays many seeds in several processes, each of which plays every so-many-th one: a seed has one
/// thread, and shares nothing with another. A process that dies takes only its own seed with it,
/// and which one that was is known.
final class Fleet: Sendable {
    /// How many seeds pass between two words about it on the standard error.
    static let toldEach = 1000

    private struct State {
        var sum = Tally()
        var passed = 0
        var failures: [(seed: UInt64, message: String)] = []
    }

    private let first: UInt64
    private let seeds: Int
    private let jobs: Int
    /// What else the processes are told.
    private let options: [String]
    private let state = Mutex(State())

    init(first: UInt64, seeds: Int, jobs: Int, options: [String]) {
        self.first = first
        self.seeds = seeds
        self.jobs = max(1, min(jobs, seeds))
        self.options = options
    }

    /// Plays them; answers the sum, and what is wrong with the lowest seed of those that failed.
    func run() -> (sum: Tally, failure: String?) {
        DispatchQueue.concurrentPerform(iterations: jobs) { play(part: $0) }
        let state = state.withLock { $0 }
        return (state.sum, state.failures.min { $0.seed < $1.seed }?.message)
    }

    private func play(part: Int) {
        let process = Process()
        let output = Pipe()
        let count = (seeds - part + jobs - 1) / jobs
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments =
            options + ["--first", "\(first + UInt64(part))", "--seeds", "\(count)"]
            + ["--step", "\(jobs)"]
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            return fail(first + UInt64(part), "cannot start: \(error)")
        }
        // The seed that is being played.
        var seed = first + UInt64(part)
        var message = ""
        for line in Lines(output.fileHandleForReading) {
            if let passed = Passed(line) {
                note(passed)
                seed = passed.seed + UInt64(jobs)
            } else {
                message += line + "\n"
            }
            // One that failed is enough.
            if state.withLock({ !$0.failures.isEmpty }) { process.terminate() }
        }
        process.waitUntilExit()
        let isOver = state.withLock { !$0.failures.isEmpty } && message.isEmpty
        guard process.terminationStatus != 0, !isOver else { return }
        fail(
            seed,
            message.isEmpty ? "the process died of signal \(process.terminationStatus)" : message)
    }

    private func note(_ passed: Passed) {
        let count = state.withLock { state in
            state.sum += passed.tally
            state.passed += 1
            return state.passed
        }
        guard count % Fleet.toldEach == 0 else { return }
        FileHandle.standardError.write(Data("\(count) of \(seeds) seeds\n".utf8))
    }

    private func fail(_ seed: UInt64, _ message: String) {
        state.withLock { $0.failures.append((seed, "seed \(seed): \(message)")) }
    }
}

/// The lines that a process writes, until it ends.
private struct Lines: Sequence, IteratorProtocol {
    private let handle: FileHandle
    private var rest = Data()
    private var isAtEnd = false

    init(_ handle: FileHandle) { self.handle = handle }

    mutating func next() -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = Data(rest[(end + 1)...]) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            guard !isAtEnd else { return nil }
            let more = handle.availableData
            isAtEnd = more.isEmpty
            rest += more
        }
    }
}
