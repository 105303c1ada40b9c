import Foundation
import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    var store: String { url.appending(path: "leads.db").path() }
}

@Suite struct SQLiteStoreTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ ownership: SQLiteStore.Ownership = .owner) async throws -> SQLiteStore {
        try await SQLiteStore.open(path: folder.store, ownership: ownership)
    }

    @Test(arguments: StoreContract.checks)
    func `it keeps the contract`(check: StoreContract.Check) async throws {
        let folders = Folders()
        let contract = StoreContract {
            try await SQLiteStore.open(path: try folders.next().store, ownership: .owner)
        }
        try await contract.verify(check)
    }

    @Test func `a commit is on disk before it is answered`() async throws {
        let store = try await open()
        let (synchronous, journal) = try await store.pool.writeWithoutTransaction { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                try String.fetchOne(db, sql: "PRAGMA journal_mode")
            )
        }
        #expect(synchronous == 2)
        #expect(journal == "wal")
        await store.close()
    }

    /// The control: what the store would be without our own setting.
    @Test func `the library alone would lose acknowledged commits in a power cut`() async throws {
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let pool = try DatabasePool(path: folder.store, configuration: configuration)
        let synchronous = try await pool.writeWithoutTransaction {
            try Int.fetchOne($0, sql: "PRAGMA synchronous")
        }
        #expect(synchronous == 1)
        try pool.close()
    }

    @Test func `a second owner is refused and told who the first is`() async throws {
        let store = try await open()
        await #expect(throws: StoreError.self) { try await open() }
        do {
            _ = try await open()
        } catch let error as StoreError {
            #expect(error.description.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
        }
        await store.close()
    }

    @Test func `a reader looks on beside the owner and cannot write`() async throws {
        let owner = try await open()
        let reader = try await open(.reader)
        _ = try await owner.accept([.lead(.sample(id: "1"))], atMilliseconds: 1)
        #expect(try await reader.leads(LeadFilter()).map(\.leadID.text) == ["1"])
        await #expect(throws: StoreError.self) {
            try await reader.accept([.lead(.sample(id: "2"))], atMilliseconds: 1)
        }
        await reader.close()
        await owner.close()
    }

    @Test func `what was accepted is there after opening again`() async throws {
        var store = try await open()
        _ = try await store.accept([.lead(.sample(id: "1"))], atMilliseconds: 7)
        let before = try await store.leads(LeadFilter())
        await store.close()
        await store.close()
        store = try await open()
        #expect(try await store.leads(LeadFilter()) == before)
        #expect(try await store.stats().leads == [.received: 1])
        await store.close()
    }

    @Test func `another program's file is refused and left alone`() async throws {
        let queue = try DatabaseQueue(path: folder.store)
        try await queue.write { try $0.execute(sql: "CREATE TABLE theirs (x)") }
        try queue.close()
        await #expect(throws: StoreError.unusable("the file is no leadrouter store")) {
            try await open()
        }
        let again = try DatabaseQueue(path: folder.store)
        #expect(try await again.read { try $0.tableExists("theirs") })
    }

    @Test func `a store of a newer version is refused`() async throws {
        let store = try await open()
        try await store.pool.write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 from the future')")
        }
        await store.close()
        await #expect(throws: StoreError.self) { try await open(.reader) }
    }

    @Test func `concurrent writes share commits`() async throws {
        let store = try await open()
        let before = store.writer.counts
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                group.addTask {
                    _ = try await store.accept([.lead(.sample(id: "\(number)"))], atMilliseconds: 1)
                }
            }
            try await group.waitForAll()
        }
        let after = store.writer.counts
        #expect(after.jobs - before.jobs == 400)
        #expect(after.commits - before.commits < 400)
        #expect(try await store.stats().leads == [.received: 400])
        await store.close()
    }

    @Test func `a job that fails takes nothing else with it`() async throws {
        let store = try await open()
        async let good = store.accept([.lead(.sample(id: "1"))], atMilliseconds: 1)
        await #expect(throws: StoreError.self) {
            try await store.writer.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO inbox (source, lead_id, state, received_ms)
                        VALUES ('x', 'y', 'received', 1)
                        """)
                try db.execute(sql: "INSERT INTO nowhere VALUES (1)")
            }
        }
        let answers = try await good
        #expect(answers == [.stored])
        #expect(try await store.leads(LeadFilter()).map(\.leadID.text) == ["1"])
        await store.close()
    }

    @Test func `after a commit that failed nothing is acknowledged any more`() async throws {
        let store = try await open()
        // A deferred constraint fails at the commit itself, as a full disk would.
        await #expect(throws: StoreError.self) {
            try await store.writer.write { db in
                try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
                try db.execute(
                    sql: """
                        INSERT INTO outbox (key, inbox_sequence, sink, route, is_copy, state,
                            created_ms, due_ms) VALUES ('k', 999, 's', 'r', 0, 'pending', 1, 1)
                        """)
            }
        }
        await #expect(throws: StoreError.self) {
            try await store.accept([.lead(.sample(id: "1"))], atMilliseconds: 1)
        }
        await store.close()
    }

    @Test(arguments: [
        ("inbox_received", "SELECT * FROM inbox WHERE state = 'received' AND sequence > 0 ORDER BY sequence LIMIT 5"),
        ("inbox_announced", "SELECT sequence FROM inbox WHERE state = 'announced' AND source = 's' AND due_ms <= 1 ORDER BY due_ms, sequence LIMIT 5"),
        ("outbox_pending", "SELECT sequence FROM outbox WHERE state = 'pending' AND sink = 's' AND due_ms <= 1 ORDER BY due_ms, sequence LIMIT 5"),
        ("outbox_leased", "SELECT sequence FROM outbox WHERE state = 'leased' AND sink = 's' AND lease_until_ms <= 1"),
    ])
    func `hot queries touch only what is still to be done`(index: String, sql: String) async throws {
        let store = try await open()
        let plan = try await store.pool.read { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + sql).map { $0["detail"] as String }
        }
        #expect(plan.allSatisfy { $0.contains("USING") && $0.contains(index) }, "\(plan)")
        await store.close()
    }
}

/// A new folder for each store of a contract.
private final class Folders: Sendable {
    private let made = LockedList()

    func next() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        made.append(folder)
        return folder
    }
}

private final class LockedList: @unchecked Sendable {
    // Guarded by the lock.
    private var folders: [TemporaryFolder] = []
    private let lock = NSLock()

    func append(_ folder: TemporaryFolder) { lock.withLock { folders.append(folder) } }
}
