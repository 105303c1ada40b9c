import Foundation
import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Logging
import Testing

@testable import LeadFlow

@Suite(.timeLimit(.minutes(2)))
struct PoisonedLeadTests {
    /// A trap cannot be caught; the crash note says whose it was.
    @Test func `a lead of which the process dies while it is decided is held, and no other`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "poison-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: "leads.db").path()
        let first = try await SQLiteStore.open(path: path, ownership: .owner)
        for id in 1...300 {
            _ = try await first.accept(
                [.lead(Lead.sample(id: "\(id)", source: "web"))], atMilliseconds: 1)
        }
        await first.close()
        await #expect(processExitsWith: .failure) { [path = path as String] in
            SQLiteStore.noteCrashes()
            let store = try await SQLiteStore.open(path: path, ownership: .owner)
            store.deciding(112) {}
            store.deciding(123) { fatalError("the poison") }
        }
        let store = try await SQLiteStore.open(path: path, ownership: .owner)
        #expect(await store.leadOfCrash == 123)
        #expect(await !store.lastOwnerCrashed, "no delivery is to blame")
        let flow = try await Flow(
            configuration: try Stage.configuration([("main", Script(), "")]), store: store,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        async let run: Void = flow.run()
        while try await store.stats().leads[.received] != nil { try await aMoment() }
        flow.stop()
        try await run
        let held = try await store.leads(LeadFilter(state: .held))
        #expect(held.map(\.leadID.text) == ["123"])
        #expect(held.first?.reason == RoutingRecord.crashReason)
        #expect(try await store.stats().leads[.decided] == 299)
        await store.close()
        let next = try await SQLiteStore.open(path: path, ownership: .owner)
        #expect(await next.leadOfCrash == nil)
        await next.close()
    }

    /// The control: what another thread decides meanwhile is not to blame.
    @Test func `a process that dies of something else blames no lead`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "poison-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: "leads.db").path()
        await #expect(processExitsWith: .failure) { [path = path as String] in
            SQLiteStore.noteCrashes()
            let store = try await SQLiteStore.open(path: path, ownership: .owner)
            Thread.detachNewThread { fatalError("elsewhere") }
            store.deciding(123) { while true { Thread.sleep(forTimeInterval: 1) } }
        }
        let store = try await SQLiteStore.open(path: path, ownership: .owner)
        #expect(await store.leadOfCrash == nil)
        #expect(await store.lastOwnerCrashed)
        await store.close()
    }
}
