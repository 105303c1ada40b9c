import Foundation
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

/// Measurements, printed and never asserted: `LEADROUTER_MEASURE=1 swift test --filter Throughput`.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["LEADROUTER_MEASURE"] != nil))
struct ThroughputTests {
    @Test(arguments: [1, 8, 64, 256])
    func `durable accepts of one lead each`(tasks: Int) async throws {
        let folder = StoreFolder()
        let store = try await folder.open()
        let leads = 20_000 / (tasks == 1 ? 10 : 1)
        let clock = ContinuousClock()
        let start = clock.now
        let waits = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var waits: [Duration] = []
                    for number in stride(from: task, to: leads, by: tasks) {
                        let began = clock.now
                        _ = try await store.accept(
                            [.lead(.sample(id: String(number + 1)))], atMilliseconds: 1)
                        waits.append(clock.now - began)
                    }
                    return waits
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted()
        }
        let seconds = (clock.now - start) / .seconds(1)
        let counts = store.writer?.counts ?? GroupCommit.Counts()
        print(
            "\(tasks) tasks: \(Int(Double(leads) / seconds)) leads/s, \(counts.commits) commits, "
                + "p50 \(waits[leads / 2]), p99 \(waits[leads * 99 / 100]), "
                + "most \(waits[leads - 1])")
        await store.close()
    }
}
