import Foundation
import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

@Suite(.timeLimit(.minutes(1)))
struct GroupCommitTests {
    struct JobFault: Error {}

    /// Holds the writer with `first`, lets `count` jobs gather behind it, then lets go.
    private func behind(
        _ store: SQLiteStore, count: Int,
        first: @escaping @Sendable (Database) throws -> Void = { _ in },
        jobs: @escaping @Sendable (_ index: Int) async -> Void
    ) async throws -> StoreError? {
        let began = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        return try await withThrowingTaskGroup(of: StoreError?.self) { group in
            group.addTask {
                do throws(StoreError) {
                    try await store.writer.write { db in
                        began.continuation.yield()
                        gate.wait()
                        try first(db)
                    }
                    return nil
                } catch {
                    return error
                }
            }
            for await _ in began.stream { break }
            for index in 0..<count {
                group.addTask {
                    await jobs(index)
                    return nil
                }
            }
            while store.writer.counts.waiting < count { await Task.yield() }
            gate.signal()
            var failure: StoreError?
            for try await end in group where end != nil { failure = end }
            return failure
        }
    }

    /// A commit that fails for real: a foreign key that is only checked at the end.
    private static let failsAtCommit: @Sendable (Database) throws -> Void = { db in
        try db.execute(
            sql: """
                PRAGMA defer_foreign_keys = ON;
                INSERT INTO outbox (key, inbox_sequence, sink, route, is_copy, state, created_ms, due_ms)
                VALUES ('k', 99, 's', 'r', 0, 'pending', 0, 0)
                """)
    }

    @Test func `writes that wait share one commit`() async throws {
        try await withStore { store in
            let before = store.writer.counts
            let failure = try await behind(store, count: 64) { index in
                _ = try? await store.accept([leadItem(index)], atMilliseconds: 1)
            }
            let after = store.writer.counts
            #expect(failure == nil)
            #expect(after.jobs - before.jobs == 65)
            #expect(after.commits - before.commits == 2)
            #expect(try await store.stats().leads == [.received: 64])
        }
    }

    @Test func `a job that fails rolls back alone`() async throws {
        try await withStore { store in
            _ = try await behind(store, count: 9) { index in
                _ = try? await store.writer.write { db in
                    try db.execute(
                        sql: "INSERT INTO inbox (source, lead_id, state, received_ms) VALUES ('s', ?, 'held', 1)",
                        arguments: ["\(index)"])
                    if index % 3 == 0 { throw JobFault() }
                }
            }
            let ids = try await store.leads(LeadFilter()).map(\.leadID.text).sorted()
            #expect(ids == ["1", "2", "4", "5", "7", "8"])
            _ = try await store.accept([leadItem(1)], atMilliseconds: 1)
        }
    }

    @Test func `after a failed commit nothing is written any more`() async throws {
        try await withStore { store in
            _ = try await store.accept([leadItem(1)], atMilliseconds: 1)
            let answers = Answers()
            let failure = try await behind(store, count: 5, first: Self.failsAtCommit) { index in
                await answers.add(try? await store.accept([leadItem(10 + index)], atMilliseconds: 1))
            }
            #expect(failure != nil)
            #expect(await answers.stored == 0, "jobs that waited were acknowledged")
            await #expect(throws: StoreError.self) {
                try await store.accept([leadItem(3)], atMilliseconds: 1)
            }
            #expect(try await store.stats().leads == [.received: 1])
        }
    }

    @Test func `a rollback by SQLite itself stores nothing of the group`() async throws {
        try await withStore { store in
            let answers = Answers()
            _ = try await behind(store, count: 6) { index in
                if index == 0 {
                    _ = try? await store.writer.write { try $0.execute(sql: "ROLLBACK") }
                } else {
                    await answers.add(try? await store.accept([leadItem(index)], atMilliseconds: 1))
                }
            }
            #expect(await answers.stored == 0)
            #expect(try await store.stats().leads == [:])
        }
    }

    @Test func `intake is refused when too many wait, the loops are not`() async throws {
        try await withStore { store in
            let answers = Answers()
            _ = try await behind(store, count: GroupCommit.waitingMax + 1, jobs: { index in
                if index < GroupCommit.waitingMax {
                    _ = try? await store.writer.write(isIntake: true) { _ in }
                } else {
                    while store.writer.counts.waiting < GroupCommit.waitingMax { await Task.yield() }
                    do throws(StoreError) {
                        _ = try await store.accept([leadItem(1)], atMilliseconds: 1)
                    } catch {
                        await answers.add(error)
                    }
                    _ = try? await store.record([] as [DecisionRecord])
                }
            })
            #expect(await answers.errors == [.overloaded])
            #expect(try await store.stats().leads == [:])
        }
    }

    @Test func `a write after close fails and does not hang`() async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        await store.close()
        await store.close()
        await #expect(throws: StoreError.self) {
            try await store.accept([leadItem(1)], atMilliseconds: 1)
        }
    }
}

private actor Answers {
    var stored = 0
    var errors: [StoreError] = []

    func add(_ answers: [Acceptance]?) { stored += answers?.count ?? 0 }
    func add(_ error: StoreError) { errors.append(error) }
}
