import Foundation
import GRDB
import LeadKit
import LeadTesting
import Synchronization
import Testing

@testable import LeadStore

/// Bits flip on a disk, one at a time, anywhere in the file or its log: what is then leased is what
/// was written, or the store says that something is wrong.
@Suite(.timeLimit(.minutes(10)))
struct FlippedBitTests {
    /// The issue's figure with LEADROUTER_LONG.
    static let flips = ProcessInfo.processInfo.environment["LEADROUTER_LONG"] == nil ? 60 : 1000
    static let leads = 150
    static let leadsOfCommit = 10

    private struct Sent: Equatable {
        var delivery: NewDelivery
        var source: String
        var lead: [UInt8]
        var receivedMilliseconds: Int64
        var isDuplicate: Bool

        init(_ leased: LeasedDelivery) {
            delivery = leased.delivery
            source = leased.source
            lead = leased.lead
            receivedMilliseconds = leased.receivedMilliseconds
            isDuplicate = leased.isDuplicate
        }
    }

    @Test func `no altered lead is leased, wherever a bit has flipped`() async throws {
        let sound = try await Files.closed()
        let whole = try await sent(of: sound)
        for _ in 0..<Self.flips {
            let (copy, bit) = try sound.flipped(.file)
            // Refusing is an answer, too.
            guard let store = try? await copy.open() else { continue }
            for one in (try? await leased(store)) ?? [] where whole[one.delivery.key] != one {
                Issue.record("bit \(bit) is sent: \(one)")
            }
            await store.close()
        }
    }

    /// What the service looks at while it runs is at least this.
    @Test func `no changed lead or target goes unnoticed when everything is looked at`()
        async throws
    {
        let sound = try await Files.closed()
        let copy = try sound.copy()
        let store = try await copy.open()
        let (content, faults) = (try await Self.content(store), try await Self.faults(store))
        await store.close()
        for _ in 0..<Self.flips {
            let (copy, bit) = try sound.flipped(.file)
            guard let store = try? await copy.open() else { continue }
            let found = try? await Self.faults(store)
            if found == faults, try await Self.content(store) != content {
                Issue.record("bit \(bit) goes unnoticed")
            }
            await store.close()
        }
    }

    private static func faults(_ store: SQLiteStore) async throws -> [LedgerFault] {
        let found = Mutex<[LedgerFault]>([])
        _ = try await store.verify(
            isServed: true, atMilliseconds: 9, progress: { _ in },
            report: { fault in found.withLock { $0.append(fault) } })
        return found.withLock { $0 }
    }

    private static func content(_ store: SQLiteStore) async throws -> [String] {
        try await store.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT outbox.sequence, key, sink, route, is_copy, with_settings, pool, member,
                        not_before_ms, source, lead_id, received_ms, is_duplicate, lead
                    FROM inbox LEFT JOIN outbox ON inbox_sequence = inbox.sequence
                    ORDER BY inbox.sequence
                    """
            ).map { row in row.map { "\($0) \($1)" }.joined(separator: "\n") }
        }
    }

    /// The control: with checksums of what the disk has made of the rows, the same flips are sent.
    @Test func `without checksums altered leads are leased`() async throws {
        let sound = try await Files.closed()
        let whole = try await sent(of: sound)
        var altered = 0
        for _ in 0..<Self.flips {
            let (copy, _) = try sound.flipped(.file)
            guard let store = try? await copy.open() else { continue }
            try? await store.write { db in
                try db.execute(sql: "UPDATE inbox SET checksum = NULL")
                try MissingChecksums.fill(db)
            }
            altered += (try? await leased(store))?.count { whole[$0.delivery.key] != $0 } ?? 0
            await store.close()
        }
        #expect(altered > 0)
    }

    @Test func `no acknowledged lead is missing, wherever a bit of the log has flipped`()
        async throws
    {
        let sound = try await Files.killed()
        let whole = try await sent(of: sound)
        for _ in 0..<Self.flips {
            let (copy, bit) = try sound.flipped(.log)
            guard let store = try? await copy.open() else { continue }
            let found = try await leased(store)
            if found.count != whole.count || found.contains(where: { whole[$0.delivery.key] != $0 })
            {
                Issue.record("bit \(bit) of the log: \(found.count) leads")
            }
            await store.close()
        }
    }

    /// The control: SQLite begins silently with what is before the bit.
    @Test func `without a look at the log leads are missing`() async throws {
        let sound = try await Files.killed()
        var missing = 0
        for _ in 0..<20 {
            let (copy, _) = try sound.flipped(.log)
            #expect(try StoreLog.isDamaged(path: copy.path + "-wal") || !Self.loses(copy))
            missing += try Self.loses(copy) ? 1 : 0
        }
        #expect(missing > 0)
    }

    private static func loses(_ copy: StoreFolder) throws -> Bool {
        let queue = try DatabaseQueue(path: copy.path)
        defer { try? queue.close() }
        // Of the first commits not even the tables may be left.
        let count = queue.inDatabase { try? Int.fetchOne($0, sql: "SELECT count(*) FROM outbox") }
        return count != leads
    }

    @Test func `a log that a power cut tore is no damaged one`() async throws {
        let sound = try await Files.killed()
        let log = sound.bytes[.log] ?? Data()
        let commits = Self.commits(log)
        #expect(commits.count > 2 * Self.leads / Self.leadsOfCommit)
        for _ in 0..<Self.flips {
            // Of the last commit some bytes are there, and of those some sectors not.
            let commit = try #require(commits.randomElement())
            var torn = log.prefix(Int.random(in: commit))
            let hole = Int.random(in: commit)
            if Bool.random(), hole + 512 <= torn.count {
                torn.replaceSubrange(hole..<hole + 512, with: Data(count: 512))
            }
            let copy = StoreFolder()
            try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
            try torn.write(to: URL(filePath: copy.path + "-wal"))
            #expect(try !StoreLog.isDamaged(path: copy.path + "-wal"), "\(torn.count) bytes")
        }
    }

    /// Where the commits of a log are.
    private static func commits(_ log: Data) -> [ClosedRange<Int>] {
        var start = 32
        return stride(from: start, to: log.count, by: 24 + 4096).compactMap { offset in
            guard log[offset + 4..<offset + 8].contains(where: { $0 != 0 }) else { return nil }
            defer { start = offset + 24 + 4096 }
            return start...offset + 24 + 4096
        }
    }

    private func sent(of files: Files) async throws -> [DeliveryKey: Sent] {
        let copy = try files.copy()
        let store = try await copy.open()
        let whole = Dictionary(
            uniqueKeysWithValues: try await leased(store).map { ($0.delivery.key, $0) })
        await store.close()
        #expect(whole.count == Self.leads)
        return whole
    }

    private func leased(_ store: SQLiteStore) async throws -> [Sent] {
        try await store.lease(2 * Self.leads, of: "crm", token: "t", at: 9).map { Sent($0) }
    }
}

/// The files of a store with leads that wait to be delivered, to be copied and damaged.
private struct Files {
    enum Part: String, CaseIterable {
        case file = ""
        case log = "-wal"
        case lock = ".lock"
    }

    var bytes: [Part: Data] = [:]

    /// Closed as it should be: everything is in the file.
    static func closed() async throws -> Files {
        let folder = StoreFolder()
        let store = try await folder.open()
        try await fill(store)
        await store.close()
        return try read(folder)
    }

    /// Killed: everything is in the log, too. Damage in the last commit looks like a power cut, so
    /// that one has no leads.
    static func killed() async throws -> Files {
        let folder = StoreFolder()
        let store = try await folder.open()
        // While somebody reads what was there at first, the log does not begin anew.
        let snapshot = try store.pool.makeSnapshot()
        try await fill(store)
        try await store.record(ClockJump(expectedMilliseconds: 1, byMilliseconds: 1))
        let files = try read(folder)
        try snapshot.close()
        await store.close()
        return files
    }

    private static func fill(_ store: SQLiteStore) async throws {
        for first in stride(from: 1, to: FlippedBitTests.leads, by: FlippedBitTests.leadsOfCommit) {
            let ids = first..<first + FlippedBitTests.leadsOfCommit
            _ = try await store.accept(
                ids.map { .lead(.sample(id: String($0))) }, atMilliseconds: 1)
            let entries = try await store.undecided(after: 0, limit: FlippedBitTests.leadsOfCommit)
            try await store.record(entries.map { .routing($0, to: ["crm"]) })
        }
    }

    private static func read(_ folder: StoreFolder) throws -> Files {
        var files = Files()
        for part in Part.allCases {
            files.bytes[part] = try? Data(
                contentsOf: URL(filePath: folder.path + part.rawValue))
        }
        return files
    }

    func copy() throws -> StoreFolder {
        let copy = StoreFolder()
        try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
        for (part, bytes) in bytes {
            try bytes.write(to: URL(filePath: copy.path + part.rawValue))
        }
        return copy
    }

    /// A copy in which one bit is another, and which bit that is.
    func flipped(_ part: Part) throws -> (copy: StoreFolder, bit: Int) {
        var files = self
        var bytes = bytes[part] ?? Data()
        let bit = Int.random(in: 0..<bytes.count * 8)
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        files.bytes[part] = bytes
        return (try files.copy(), bit)
    }
}
