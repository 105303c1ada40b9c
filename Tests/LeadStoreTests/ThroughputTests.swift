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

    @Test func `a store of many decided leads`() async throws {
        let folder = StoreFolder()
        var store = try await folder.open()
        let leads = 200_000
        await timed("\(leads) leads accepted and routed to two sinks") {
            for start in stride(from: 0, to: leads, by: 500) {
                let items = (start..<start + 500).map { InboxItem.lead(.sample(id: "\($0 + 1)")) }
                _ = try await store.accept(items, atMilliseconds: Int64(start))
                let entries = try await store.undecided(after: 0, limit: 500)
                try await store.record(
                    entries.map { .routing($0, to: ["a", "b"], at: Int64(start)) })
            }
        }
        await timed("stats") { _ = try await store.stats() }
        await timed("destinations") {
            _ = try await store.pendingDestinations(sink: "a", after: "", limit: 1000)
        }
        await timed("lease of 64") {
            _ = try await store.lease(64, of: "a", token: "t", at: Int64(leads))
        }
        await timed("close") { await store.close() }
        await timed("open after a clean end") { store = try await folder.open() }
        await store.close()
        try Data("4711".utf8).write(to: URL(filePath: folder.path + ".lock"))
        await timed("open after an unclean end") { store = try await folder.open() }
        await store.close()
        let size = try FileManager.default.attributesOfItem(atPath: folder.path)[.size]
        print("the file has \(size ?? 0) bytes")
    }

    private func timed(_ what: String, _ body: () async throws -> Void) async {
        let time = await ContinuousClock().measure {
            do { try await body() } catch { Issue.record(error) }
        }
        print("\(what): \(time)")
    }
}
