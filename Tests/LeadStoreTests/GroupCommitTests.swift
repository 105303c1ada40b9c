import Foundation
import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

@Suite(.timeLimit(.minutes(1)))
struct GroupCommitTests {
    let folder = StoreFolder()

    @Test func `what waits shares a commit`() async throws {
        let store = try await folder.open()
        let writer = try #require(store.writer)
        let before = writer.counts
        let gate = Gate()
        let answers = try await withThrowingTaskGroup(of: [Acceptance].self) { group in
            let first = Task { try await store.write { _ in gate.wait() } }
            await gate.isEntered()
            for id in 1...600 {
                group.addTask {
                    try await store.accept(
                        [.lead(.sampleNamed(String(id)))], atMilliseconds: 1)
                }
            }
            try await writer.waits(for: 600)
            gate.open()
            try await first.value
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(answers == Array(repeating: .stored, count: 600))
        #expect(writer.counts.jobs - before.jobs == 601)
        // The gate's own, 512 jobs, and the remaining 88.
        #expect(writer.counts.commits - before.commits == 3)
        await store.close()
    }

    @Test func `a job that fails takes back its own writes only`() async throws {
        let store = try await folder.open()
        let gate = Gate()
        let first = Task { try await store.write { _ in gate.wait() } }
        await gate.isEntered()
        let writer = try #require(store.writer)
        let good = Task { try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) }
        try await writer.waits(for: 1)
        let bad = Task {
            try await store.write { db in
                try db.execute(sql: "UPDATE inbox SET reason = 'half done'")
                try db.execute(sql: "UPDATE inbox SET state = 'nonsense'")
            }
        }
        try await writer.waits(for: 2)
        let last = Task { try await store.accept([.lead(.sampleNamed("2"))], atMilliseconds: 1) }
        try await writer.waits(for: 3)
        gate.open()
        try await first.value
        #expect(try await good.value == [.stored])
        await #expect(throws: StoreError.self) { try await bad.value }
        #expect(try await last.value == [.stored])
        #expect(try await store.leads(LeadFilter()).map(\.reason) == [nil, nil])
        #expect(writer.counts.commits == 2)
        await store.close()
    }

    @Test func `a full queue refuses at once`() async throws {
        let store = try await folder.open()
        let writer = try GroupCommit(pool: store.pool, waitingMax: 2)
        let gate = Gate()
        let first = Task { try await writer.write { _ in gate.wait() } }
        await gate.isEntered()
        let waiting = (0..<2).map { _ in Task { try await writer.write { _ in } } }
        try await writer.waits(for: 2)
        await #expect(throws: StoreError.overloaded) {
            try await writer.write(isIntake: true) { _ in }
        }
        gate.open()
        try await first.value
        for task in waiting { try await task.value }
        try await writer.write { _ in }
        await store.close()
    }

    @Test func `a disk that does not answer gets no more leads, until it answers`() async throws {
        let store = try await folder.open()
        let writer = try GroupCommit(pool: store.pool, stallMax: .milliseconds(1))
        let gate = Gate()
        let first = Task { try await writer.write { _ in gate.wait() } }
        await gate.isEntered()
        while !writer.isStalled { try await aMoment() }
        await #expect(throws: StoreError.overloaded) {
            try await writer.write(isIntake: true) { _ in }
        }
        let own = Task { try await writer.write { _ in } }
        try await writer.waits(for: 1)
        gate.open()
        try await first.value
        try await own.value
        while writer.isStalled { try await aMoment() }
        // The control: a write that goes through is no stall.
        let quick = try GroupCommit(pool: store.pool)
        try await quick.write(isIntake: true) { _ in }
        #expect(!quick.isStalled)
        await store.close()
    }

    @Test func `close finishes what waits and refuses what comes`() async throws {
        let store = try await folder.open()
        let writer = try #require(store.writer)
        let gate = Gate()
        let first = Task { try await store.write { _ in gate.wait() } }
        await gate.isEntered()
        let waiting = Task { try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) }
        try await writer.waits(for: 1)
        let closing = (0..<2).map { _ in Task { await store.close() } }
        try await writer.isClosing()
        await #expect(throws: StoreError.isClosed) { try await store.write { _ in } }
        gate.open()
        try await first.value
        #expect(try await waiting.value == [.stored])
        for task in closing { await task.value }
        await #expect(throws: StoreError.isClosed) { try await store.write { _ in } }
        await #expect(throws: StoreError.self) { try await store.stats() }
        let again = try await folder.open()
        #expect(try await again.leads(LeadFilter()).count == 1)
        await again.close()
    }

    @Test func `a cancelled caller still learns the truth`() async throws {
        let store = try await folder.open()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            let answers = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
            return (answers, try await store.undecided(after: 0, limit: 9).count)
        }
        let (answers, count) = try await task.value
        #expect(answers == [.stored])
        #expect(count == 1)
        await store.close()
    }

    @Test func `while another program holds the file new leads are refused, and the rest waits`()
        async throws
    {
        let store = try await folder.open()
        try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA busy_timeout = 0")
        }
        let other = try DatabaseQueue(path: folder.path)
        try await other.writeWithoutTransaction { db in
            try db.beginTransaction(.immediate); try db.rollback()
        }
        let gate = Gate()
        let holder = Task.detached {
            try await other.writeWithoutTransaction { db in
                try db.beginTransaction(.immediate)
                gate.wait()
                try db.rollback()
            }
        }
        await gate.isEntered()
        await #expect(throws: StoreError.overloaded) {
            try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        }
        await #expect(throws: StoreError.isHeld) { try await store.checkIntake() }
        let waits = Task { try await store.write { _ in } }
        gate.open()
        try await holder.value
        try await waits.value
        try await store.checkIntake()
        #expect(try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) == [.stored])
        try other.close()
        await store.close()
    }

    @Test func `the log is copied when it has grown and stays bounded`() async throws {
        let store = try await folder.open()
        let writer = try #require(store.writer)
        let filling = [UInt8](repeating: 0x20, count: 1 << 20)
        for number in 0..<80 {
            var raw = filling
            raw[0] = UInt8(number)
            _ = try await store.accept(
                [.quarantined(source: "s", raw: raw, reason: "large")], atMilliseconds: 1)
        }
        #expect(writer.counts.checkpoints >= 1)
        let log = try FileManager.default.attributesOfItem(atPath: folder.path + "-wal")
        let size = try #require(log[.size] as? NSNumber).intValue
        #expect(size < 40 << 20)
        await store.close()
        #expect(!FileManager.default.fileExists(atPath: folder.path + "-wal"))
    }

    @Test func `a log that was long is an empty file when it is quiet, and when a store is opened`()
        async throws
    {
        let log = folder.path + "-wal"
        func bytes() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int
        }
        let long = [UInt8](repeating: 0x20, count: 6 << 20)
        var store = try await folder.open()
        _ = try await store.accept(
            [.quarantined(source: "s", raw: long, reason: "large")], atMilliseconds: 1)
        while try bytes() != 0 { try await aMoment() }
        // What a process leaves behind that is killed: the log, and the file as it was.
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        let copy = StoreFolder()
        try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
        for end in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: folder.path + end, toPath: copy.path + end)
        }
        await store.close()
        store = try await copy.open()
        let left = try FileManager.default.attributesOfItem(atPath: copy.path + "-wal")
        #expect(left[.size] as? Int == 0)
        #expect(
            try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) == [.duplicate])
        await store.close()
    }

    @Test func `the log is copied when it is quiet`() async throws {
        let store = try await folder.open()
        let writer = try #require(store.writer)
        let raw = [UInt8](repeating: 0x20, count: 2 << 20)
        _ = try await store.accept(
            [.quarantined(source: "s", raw: raw, reason: "large")], atMilliseconds: 1)
        while writer.counts.checkpoints == 0 { try await aMoment() }
        // The writer is free again, and what was copied once is not copied again.
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        #expect(writer.counts.checkpoints == 1)
        await store.close()
    }
}
