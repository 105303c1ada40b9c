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
        await writer.waits(for: 1)
        let breaking = Task {
            try await store.write { db in
                // A foreign key that is checked at the commit only: the job passes, the commit not.
                try db.execute(sql: "PRAGMA defer_foreign_keys = ON")
                try db.execute(sql: "INSERT INTO attempts VALUES (99, 1, 1, 1, 'dead', '')")
            }
        }
        await writer.waits(for: 2)
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
        guard case .failed = failure else {
            Issue.record("\(String(describing: failure)) is not .failed")
            return
        }
        #expect(acknowledged.count > 10)
        let copy = StoreFolder()
        try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.path + suffix, toPath: copy.path + suffix)
        }
        await #expect(throws: StoreError.self) {
            try await store.accept([.lead(.sampleNamed("small"))], atMilliseconds: 1)
        }
        await store.close()
        let found = try await copy.open()
        let ids = Set(try await found.leads(LeadFilter(limit: 1000)).map(\.leadID.text))
        #expect(ids == Set(acknowledged.map(String.init)))
        await found.close()
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

    deinit {
        umount2(url.path(), Int32(MNT_DETACH))
        rmdir(url.path())
    }

    /// Whether this process may mount one.
    static let isPossible = (try? SmallDisk(bytes: 1 << 20)) != nil
}
