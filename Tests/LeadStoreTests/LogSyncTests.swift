import Foundation
import GRDB
import LeadKit
import LeadTesting
import Synchronization
import Testing

@testable import LeadStore

/// Commits on their way to the disk, beside the writer.
@Suite(.timeLimit(.minutes(1)))
struct LogSyncTests {
    let folder = StoreFolder()
    static let cannotSync = ResultCode.SQLITE_IOERR_FSYNC.rawValue

    @Test func `each commit is synced before it is acknowledged`() async throws {
        let store = try await folder.open()
        let notes = Notes()
        let writer = try GroupCommit(
            pool: store.pool,
            sync: LogSync { file in
                let code = file.sync()
                if code == 0 { notes.syncs.add(1, ordering: .relaxed) }
                return code
            })
        for count in 1...5 {
            try await writer.write { try Self.insert("t\(count)", $0) }
            #expect(notes.syncs.load(ordering: .relaxed) == count)
        }
        await store.close()
    }

    @Test func `while a commit is synced others run, and nobody is answered nor committed`()
        async throws
    {
        let store = try await folder.open()
        let (entered, syncing) = (Gate(), Gate())
        let isFirst = Atomic(true)
        let writer = try GroupCommit(
            pool: store.pool,
            sync: LogSync { file in
                if isFirst.exchange(false, ordering: .relaxed) { syncing.wait() }
                return file.sync()
            })
        let isAnswered = Atomic(false)
        let first = Task {
            try await writer.write { _ in entered.wait() }
            isAnswered.store(true, ordering: .relaxed)
        }
        await entered.isEntered()
        let behind = Gate()
        let second = Task { try await writer.write { try Self.insert("second", $0, behind) } }
        await writer.waits(for: 1)
        entered.open()
        // The first is committed, and its sync is held.
        await syncing.isEntered()
        await behind.isEntered()
        // Who comes now joins the second.
        let third = Task { try await writer.write { try Self.insert("third", $0) } }
        await writer.waits(for: 1)
        behind.open()
        while writer.waitingCount > 0 { await Task.yield() }
        let isTooEarly = isAnswered.load(ordering: .relaxed)
        #expect(!isTooEarly)
        #expect(writer.counts.commits == 0)
        #expect(try await Self.names(store) == [])
        syncing.open()
        try await first.value
        try await second.value
        try await third.value
        #expect(writer.counts.commits == 2)
        #expect(try await Self.names(store) == ["second", "third"])
        await store.close()
    }

    @Test func `a sync that fails fails its commit and the group behind it, and ends the store`()
        async throws
    {
        let store = try await folder.open()
        let (entered, syncing) = (Gate(), Gate())
        let writer = try GroupCommit(
            pool: store.pool,
            sync: LogSync { _ in
                syncing.wait()
                return Self.cannotSync
            })
        let first = Task { try await writer.write { _ in entered.wait() } }
        await entered.isEntered()
        let second = Task { try await writer.write { try Self.insert("second", $0) } }
        await writer.waits(for: 1)
        entered.open()
        await syncing.isEntered()
        while writer.waitingCount > 0 { await Task.yield() }
        syncing.open()
        await #expect(throws: StoreError.self) { try await first.value }
        await #expect(throws: StoreError.self) { try await second.value }
        await #expect(throws: StoreError.self) { try await writer.write { _ in } }
        guard case .failed = writer.refusal else {
            Issue.record("\(String(describing: writer.refusal))")
            return
        }
        #expect(try await Self.names(store) == [])
        await store.close()
    }

    @Test func `a sync that fails at once fails its commit`() async throws {
        let store = try await folder.open()
        let writer = try GroupCommit(
            pool: store.pool, sync: LogSync { _ in Self.cannotSync })
        await #expect(throws: StoreError.self) { try await writer.write { _ in } }
        #expect(writer.isRefusing)
        await store.close()
    }

    @Test func `told to share nothing each write waits for its own sync`() async throws {
        let store = try await folder.open()
        let gate = Gate()
        let notes = Notes()
        let writer = try GroupCommit(
            pool: store.pool, jobsMax: 1,
            sync: LogSync { file in
                defer { notes.syncs.add(1, ordering: .relaxed) }
                return file.sync()
            })
        let first = Task { try await writer.write { _ in gate.wait() } }
        await gate.isEntered()
        let others = (0..<9).map { _ in
            Task {
                try await writer.write { _ in
                    let count = notes.syncs.load(ordering: .relaxed)
                    notes.seen.withLock { $0.append(count) }
                }
            }
        }
        await writer.waits(for: 9)
        gate.open()
        try await first.value
        for task in others { try await task.value }
        // Each began when all before it were synced.
        #expect(notes.seen.withLock { $0 } == Array(1...9))
        await store.close()
    }

    /// Pages of a long transaction are written before it is committed, so also while the commit
    /// before it is synced; a power cut may then tear that one.
    @Test func `pages of an unfinished commit behind a torn one are no damage`() async throws {
        let store = try await folder.open()
        let snapshot = try store.pool.makeSnapshot()
        for id in 1...3 {
            _ = try await store.accept([.lead(.sample(id: String(id)))], atMilliseconds: 1)
        }
        let log = URL(filePath: folder.path + "-wal")
        let before = try Data(contentsOf: log)
        var (unfinished, finished) = try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA cache_size = 5; BEGIN; CREATE TABLE t (x)")
            for _ in 0..<500 { try db.execute(sql: "INSERT INTO t VALUES (randomblob(2000))") }
            let unfinished = try Data(contentsOf: log)
            try db.execute(sql: "COMMIT")
            return (unfinished, try Data(contentsOf: log))
        }
        try snapshot.close()
        await store.close()
        #expect(unfinished.count > before.count)
        // A bit of the last page of the commit before.
        let bit = before.count - 100
        unfinished[bit] ^= 1
        finished[bit] ^= 1
        #expect(try !Self.isDamaged(unfinished))
        // The control: the commit that followed is whole, so the one before it was synced.
        #expect(try Self.isDamaged(finished))
    }

    private final class Notes: Sendable {
        let syncs = Atomic(0)
        let seen = Mutex<[Int]>([])
    }

    private static func isDamaged(_ log: Data) throws -> Bool {
        let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: url) }
        try log.write(to: url)
        return try StoreLog.isDamaged(path: url.path())
    }

    private static func insert(_ name: String, _ db: Database, _ gate: Gate? = nil) throws {
        try db.execute(sql: "CREATE TABLE \(name) (x)")
        gate?.wait()
    }

    private static func names(_ store: SQLiteStore) async throws -> [String] {
        try await store.read { db in
            try String.fetchAll(
                db,
                sql: "SELECT name FROM sqlite_master WHERE name IN ('second', 'third') ORDER BY 1")
        }
    }
}
