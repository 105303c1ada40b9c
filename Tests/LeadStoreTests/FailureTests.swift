import Foundation
import GRDB
import Glibc
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

@Suite(.timeLimit(.minutes(1)))
struct FailureTests {
    @Test func `a commit that fails fails its group and ends the store`() async throws {
        let folder = StoreFolder()
        let store = try await folder.open()
        let writer = try #require(store.writer)
        let gate = Gate()
        let first = Task { try await store.write { _ in gate.wait() } }
        await gate.isEntered()
        let good = Task { try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) }
        try await writer.waits(for: 1)
        let breaking = Task {
            try await store.write { db in
                // A foreign key that is checked at the commit only: the job passes, the commit not.
                try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
                try db.execute(sql: "INSERT INTO attempts VALUES (99, 1, 1, 1, 'dead', '')")
            }
        }
        try await writer.waits(for: 2)
        gate.open()
        try await first.value
        await #expect(throws: StoreError.self) { try await breaking.value }
        await #expect(throws: StoreError.self) { try await good.value }
        await #expect(throws: StoreError.self) {
            try await store.accept([.lead(.sampleNamed("2"))], atMilliseconds: 1)
        }
        #expect(try await store.leads(LeadFilter()) == [])
        await store.close()
        let again = try await folder.open()
        #expect(try await again.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) == [.stored])
        await again.close()
    }

    @Test(
        .enabled(if: SmallDisk.isPossible, "needs root and 'mount' for a disk of 4 MiB"),
        .timeLimit(.minutes(1)))
    func `on a full disk no lead is acknowledged that is not stored`() async throws {
        let disk = try SmallDisk(bytes: 4 << 20)
        let folder = StoreFolder(at: disk.url)
        let store = try await folder.open()
        let filling = [UInt8](repeating: 0x20, count: 50_000)
        var acknowledged: [Int] = []
        var failure: StoreError?
        for number in 0..<200 where failure == nil {
            var raw = filling
            raw[0] = UInt8(number)
            do throws(StoreError) {
                _ = try await store.accept(
                    [.lead(lead(number, raw: raw))], atMilliseconds: 1)
                acknowledged.append(number)
            } catch {
                failure = error
            }
        }
        guard case .full = failure else {
            Issue.record("\(String(describing: failure)) is not .full")
            return
        }
        #expect(acknowledged.count > 10)
        let copy = StoreFolder()
        try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.path + suffix, toPath: copy.path + suffix)
        }
        await store.close()
        let found = try await copy.open()
        let ids = Set(try await found.leads(LeadFilter(limit: 1000)).map(\.leadID.text))
        #expect(ids == Set(acknowledged.map(String.init)))
        await found.close()
    }

    @Test(
        .enabled(if: SmallDisk.isPossible, "needs root and 'mount' for a disk of 16 MiB"),
        .timeLimit(.minutes(1)))
    func `on a small disk the log is copied before it takes the ballast's room`() async throws {
        let disk = try SmallDisk(bytes: 16 << 20)
        let folder = StoreFolder(at: disk.url)
        let store = try await folder.open()
        let writer = try #require(store.writer)
        // The same row again and again: the log grows, the file does not. 16 MiB in all.
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        for _ in 0..<80 {
            try await store.write { db in
                try db.execute(
                    sql: "UPDATE inbox SET raw = randomblob(200000) WHERE lead_id = '1'")
            }
        }
        #expect(writer.counts.checkpoints >= 8)
        let log = try FileManager.default.attributesOfItem(atPath: folder.path + "-wal")
        // An eighth of the disk is the ballast, half of that the log, and a commit on top.
        #expect(try #require(log[.size] as? NSNumber).intValue < 2 << 20)
        await store.close()
    }

    @Test(
        .enabled(if: SmallDisk.isPossible, "needs root and 'mount' for a disk of 16 MiB"),
        .timeLimit(.minutes(1)))
    func `on a full disk deliveries go on by the ballast, and leads come again with the room`()
        async throws
    {
        let disk = try SmallDisk(bytes: 16 << 20)
        let folder = StoreFolder(at: disk.url)
        let store = try await folder.open()
        let writer = try #require(store.writer)
        // Makes the ballast.
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        let ballast = folder.path + ".ballast"
        #expect(FileManager.default.fileExists(atPath: ballast))
        let filler = disk.url.appending(path: "filler").path(percentEncoded: false)
        // The disk fills up between the question whether there is room and the commit.
        let gate = Gate()
        let holding = Task { try await store.write { _ in gate.wait() } }
        await gate.isEntered()
        let lead = Task { try await store.accept([.lead(.sampleNamed("2"))], atMilliseconds: 1) }
        let record = Task {
            try await store.write { db in
                try db.execute(
                    sql: "UPDATE inbox SET raw = zeroblob(200000) WHERE lead_id = '1'")
            }
        }
        try await writer.waits(for: 2)
        SmallDisk.fill(filler)
        gate.open()
        try await holding.value
        await #expect(throws: StoreError.hasNoRoom) { try await lead.value }
        try await record.value
        #expect(!FileManager.default.fileExists(atPath: ballast))
        await #expect(throws: StoreError.hasNoRoom) { try await store.checkIntake() }
        #expect(!writer.isRefusing)
        // Without any room the loops' writes wait for it.
        SmallDisk.fill(filler)
        let waiting = Task {
            try await store.write { db in
                try db.execute(
                    sql: "UPDATE inbox SET raw = zeroblob(300000) WHERE lead_id = '1'")
            }
        }
        try await writer.waits(for: 1)
        unlink(filler)
        try await waiting.value
        while (try? await store.checkIntake()) == nil {
            try await aMoment()
        }
        #expect(
            try await store.accept([.lead(.sampleNamed("2"))], atMilliseconds: 1) == [.stored])
        #expect(FileManager.default.fileExists(atPath: ballast))
        #expect(try await store.leads(LeadFilter()).count == 2)
        await store.close()
    }

    @Test(
        .enabled(if: SmallDisk.isPossible, "needs root and 'mount' for a disk of 16 MiB"),
        .timeLimit(.minutes(1)))
    func `a store that waits for room can be closed`() async throws {
        let disk = try SmallDisk(bytes: 16 << 20)
        let folder = StoreFolder(at: disk.url)
        let store = try await folder.open()
        let writer = try #require(store.writer)
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        unlink(folder.path + ".ballast")
        SmallDisk.fill(disk.url.appending(path: "filler").path(percentEncoded: false))
        let waiting = Task {
            try await store.write { db in
                try db.execute(
                    sql: "UPDATE inbox SET raw = zeroblob(9000000) WHERE lead_id = '1'")
            }
        }
        try await writer.waits(for: 1)
        await store.close()
        await #expect(throws: StoreError.hasNoRoom) { try await waiting.value }
    }

    private func lead(_ number: Int, raw: [UInt8]) -> Lead {
        var lead = Lead.sampleNamed(String(number))
        lead.raw = raw
        return lead
    }
}

/// A file system in memory that is soon full.
final class SmallDisk: Sendable {
    let url: URL

    init(bytes: Int) throws {
        url = FileManager.default.temporaryDirectory.appending(
            path: "leadstore-disk-\(UUID().uuidString)", directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        guard mount("tmpfs", url.path(), "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw POSIXError(.EPERM)
        }
    }

    /// Writes zeros until nothing fits.
    static func fill(_ path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(file) }
        for size in [1 << 16, 1 << 12, 1] {
            let zeros = [UInt8](repeating: 0, count: size)
            while write(file, zeros, size) > 0 {}
        }
    }

    deinit {
        umount2(url.path(), Int32(MNT_DETACH))
        rmdir(url.path())
    }

    /// Whether this process may mount one.
    static let isPossible = (try? SmallDisk(bytes: 1 << 20)) != nil
}
