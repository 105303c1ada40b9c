import Foundation
import Glibc
import LeadKit
import Testing

@testable import LeadStore

/// What is left of a backup that was killed, and what only looks like it.
@Suite(.timeLimit(.minutes(1)))
struct BackupRemainsTests {
    let folder = StoreFolder()

    private var target: String { folder.url.appending(path: "copy.db").path() }
    private var part: String { target + LedgerCopy.unfinishedSuffix }

    private func leave(_ bytes: [UInt8], mode: Int = 0o600) throws {
        try Data(bytes).write(to: URL(filePath: part))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: part)
    }

    private func refusal(_ store: SQLiteStore) async -> String {
        let error = await #expect(throws: StoreError.self) { try await store.backup(to: target) }
        return error?.description ?? ""
    }

    /// What a killed `VACUUM INTO` was seen to leave: nothing yet, pages behind zeros, nearly all.
    private static let remains: [[UInt8]] = [
        [], Array(repeating: 0, count: 4096) + Array(repeating: 7, count: 9000),
        Array("SQLite format 3\0".utf8) + Array(repeating: 9, count: 52) + Array("lead".utf8)
            + Array(repeating: 9, count: 5000),
    ]

    @Test(arguments: remains.indices)
    func `what a killed backup left is replaced, and that is said`(index: Int) async throws {
        let store = try await folder.open()
        try leave(Self.remains[index])
        try Data("old".utf8).write(to: URL(filePath: part + "-journal"))
        let copy = try await store.backup(to: target)
        #expect(copy.hadRemains)
        #expect(copy.bytes > 4096)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path())
        #expect(names.filter { $0.utf8.starts(with: "copy.db".utf8) } == ["copy.db"])
        let next = try await store.backup(to: target + "2")
        #expect(!next.hadRemains)
        await store.close()
    }

    /// The red control of the test above: a file is not ours by its name alone.
    @Test(
        arguments: [
            ("notes of somebody", 0o600), ("SQLite format 3\0and of another program", 0o600),
            ("\0\0\0\0", 0o644),
        ])
    func `what is somebody else's stays`(text: String, mode: Int) async throws {
        let store = try await folder.open()
        try leave(Array(text.utf8) + Array(repeating: 1, count: 200), mode: mode)
        let before = try Data(contentsOf: URL(filePath: part))
        #expect(ByteSearch.contains(await refusal(store), "is in the way"))
        #expect(try Data(contentsOf: URL(filePath: part)) == before)
        #expect(!FileManager.default.fileExists(atPath: target))
        await store.close()
    }

    @Test func `a link is not followed`() async throws {
        let store = try await folder.open()
        let mine = folder.url.appending(path: "mine").path()
        try Data().write(to: URL(filePath: mine))
        try FileManager.default.createSymbolicLink(atPath: part, withDestinationPath: mine)
        #expect(ByteSearch.contains(await refusal(store), "is in the way"))
        #expect(try Data(contentsOf: URL(filePath: mine)).isEmpty)
        await store.close()
    }

    @Test func `a backup that is being written is left alone`() async throws {
        let store = try await folder.open()
        try leave([])
        let descriptor = Glibc.open(part, O_RDWR)
        #expect(flock(descriptor, LOCK_EX) == 0)
        #expect(ByteSearch.contains(await refusal(store), "is being written"))
        #expect(FileManager.default.fileExists(atPath: part))
        // A child that another test is just starting may have it, too.
        _ = flock(descriptor, LOCK_UN)
        _ = Glibc.close(descriptor)
        #expect(try await store.backup(to: target).hadRemains)
        await store.close()
    }

    @Test func `a copy that was given its name keeps it when its other name is removed`()
        async throws
    {
        let store = try await folder.open()
        _ = try await store.backup(to: target)
        // As when the process is killed between the two; then the copy is put elsewhere.
        #expect(link(target, part) == 0)
        let elsewhere = folder.url.appending(path: "safe.db").path()
        #expect(rename(target, elsewhere) == 0)
        let bytes = try Data(contentsOf: URL(filePath: elsewhere))
        #expect(try await store.backup(to: target).hadRemains)
        #expect(try Data(contentsOf: URL(filePath: elsewhere)) == bytes)
        await store.close()
    }

    /// The control is each of the other tests: there the same name is taken.
    @Test(arguments: ["-wal", "-shm", "-journal"])
    func `a stale file beside the name would be read as the copy's, and is refused by name`(
        end: String
    ) async throws {
        let store = try await folder.open()
        try Data("old".utf8).write(to: URL(filePath: target + end))
        #expect(ByteSearch.contains(await refusal(store), "'\(target)\(end)' is there"))
        #expect(!FileManager.default.fileExists(atPath: target))
        try FileManager.default.removeItem(atPath: target + end)
        #expect(try await store.backup(to: target).bytes > 4096)
        await store.close()
    }

    @Test(
        arguments: [
            "-wal", "-shm", "-journal", ".lock", ".ballast", ".new", LedgerCopy.unfinishedSuffix,
        ])
    func `names that belong to a store are refused, also while they are free`(
        end: String
    ) async throws {
        let store = try await folder.open()
        for name in [folder.path + end] + (end == ".new" ? [] : [target + end]) {
            let error = await #expect(throws: StoreError.self) { try await store.backup(to: name) }
            #expect(ByteSearch.contains(error?.description ?? "", "name another file"))
        }
        #expect(!FileManager.default.fileExists(atPath: target + end))
        await store.close()
    }

    @Test func `a zero byte does not cut a name short`() async throws {
        let store = try await folder.open()
        await #expect(throws: StoreError.self) { try await store.backup(to: target + "\0-x") }
        #expect(!FileManager.default.fileExists(atPath: target))
        await store.close()
    }
}
