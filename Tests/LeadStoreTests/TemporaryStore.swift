import Foundation
import LeadKit
import LeadTesting

@testable import LeadStore

/// A folder that goes away with the value.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    var path: String { url.appending(path: "leads.db").path() }
}

/// Runs the body on a new store of its own.
func withStore(_ body: (SQLiteStore) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let store = try await SQLiteStore.open(path: folder.path, ownership: .owner)
    do {
        try await body(store)
    } catch {
        await store.close()
        throw error
    }
    await store.close()
}

func leadItem(_ number: Int) -> InboxItem {
    .lead(.sample(id: String(1_730_000_000_100_000 + number)))
}

/// Decides the row as routed to the sinks.
func routed(_ entry: InboxEntry, to sinks: [String] = ["mail"], at now: Int64 = 1000) -> DecisionRecord {
    DecisionRecord(
        sequence: entry.sequence, state: .decided, outcome: "routed", reason: nil, decision: "{}",
        ruleSetHash: "hash",
        deliveries: sinks.map { sink in
            NewDelivery(
                key: DeliveryKey(source: entry.source, lead: entry.leadID, route: "r", target: sink),
                sink: sink, route: "r", isCopy: false)
        }, atMilliseconds: now)
}
