import Foundation
import GRDB
import LeadKit
import LeadMemory
import LeadTesting
import Logging
import Testing

@testable import LeadFlow
@testable import LeadStore

@Suite(.timeLimit(.minutes(1)))
struct FileCheckTests {
    private static func store() async throws -> (SQLiteStore, URL) {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "filecheck-\(UUID().uuidString)", directoryHint: .isDirectory)
        let store = try await SQLiteStore.open(
            path: folder.appending(path: "leads.db").path(), ownership: .owner)
        _ = try await store.accept(
            (1...600).map { .lead(.sample(id: String($0))) }, atMilliseconds: 1)
        return (store, folder)
    }

    @Test func `a sound store has no fault`() async throws {
        let (store, folder) = try await Self.store()
        let check = FileCheck(store: store, clock: FastClock(), logger: Logger(label: "test"))
        #expect(check.state == FileCheck.State())
        try await check.pass()
        #expect(check.state.faultCount == 0 && check.state.sinceMilliseconds == nil)
        #expect(check.state.checkedMilliseconds != nil)
        await store.close()
        try FileManager.default.removeItem(at: folder)
    }

    @Test func `damage anywhere is found, and is over when it is mended`() async throws {
        let (store, folder) = try await Self.store()
        let check = FileCheck(store: store, clock: FastClock(), logger: Logger(label: "test"))
        for id in ["1", "599"] {
            try await store.write { db in
                try db.execute(
                    sql: "UPDATE inbox SET lead = CAST(lead || x'20' AS BLOB) WHERE lead_id = ?",
                    arguments: [id])
            }
        }
        try await check.pass()
        #expect(check.state.faultCount == 2 && check.state.sinceMilliseconds != nil)
        try await store.write { db in
            try db.execute(
                sql: """
                    UPDATE inbox SET lead = substr(lead, 1, length(lead) - 1)
                    WHERE lead_id IN ('1', '599')
                    """)
        }
        try await check.pass()
        #expect(check.state.faultCount == 0 && check.state.sinceMilliseconds == nil)
        await store.close()
        try FileManager.default.removeItem(at: folder)
    }

    @Test func `a store that is in no file is left alone`() async throws {
        let check = FileCheck(
            store: MemoryStore(), clock: FastClock(), logger: Logger(label: "test"))
        try await check.pass()
        #expect(check.state == FileCheck.State())
    }
}
