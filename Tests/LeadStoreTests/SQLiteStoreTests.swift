import Foundation
import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

@Suite(.timeLimit(.minutes(1)))
struct SQLiteStoreTests {
    @Test(arguments: StoreContract.checks)
    func `SQLite holds to the contract`(check: StoreContract.Check) async throws {
        let folder = try TemporaryFolder()
        try await StoreContract {
            try await SQLiteStore.open(path: folder.path, ownership: .owner)
        }.verify(check)
    }

    @Test func `the writer syncs every commit to a write-ahead log`() async throws {
        try await withStore { store in
            let (synchronous, journal) = try await store.writer.write { db in
                (
                    try Int.fetchOne(db, sql: "PRAGMA synchronous"),
                    try String.fetchOne(db, sql: "PRAGMA journal_mode")
                )
            }
            #expect(synchronous == 2)
            #expect(journal == "wal")
        }
    }

    /// The control: without the store's own setting a power cut loses acknowledged leads.
    @Test func `GRDB alone does not sync every commit`() throws {
        let folder = try TemporaryFolder()
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let pool = try DatabasePool(path: folder.path, configuration: configuration)
        let synchronous = try pool.writeWithoutTransaction {
            try Int.fetchOne($0, sql: "PRAGMA synchronous")
        }
        #expect(synchronous == 1)
        try pool.close()
    }

    @Test func `a second owner is refused and told who the first is`() async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        let error = await #expect(throws: StoreError.self) {
            try await SQLiteStore.open(path: folder.path, ownership: .owner)
        }
        guard case .locked(let text) = error else {
            Issue.record("\(String(describing: error)) is not .locked")
            return
        }
        #expect(text.utf8.split(separator: 0x20).contains { $0.elementsEqual("\(getpid()));".utf8) })
        await store.close()
        let next = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        await next.close()
    }

    @Test func `a reader looks on beside the owner and cannot write`() async throws {
        let folder = try TemporaryFolder()
        let owner = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        let reader = try await SQLiteStore.open(path: folder.path, ownership: .reader)
        _ = try await owner.accept([leadItem(1)], atMilliseconds: 1)
        #expect(try await reader.leads(LeadFilter()).count == 1)
        await #expect(throws: StoreError.self) {
            try await reader.accept([leadItem(2)], atMilliseconds: 1)
        }
        await reader.close()
        await owner.close()
    }

    @Test func `everything is there after reopening`() async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        _ = try await store.accept([leadItem(1), leadItem(2)], atMilliseconds: 1)
        let entries = try await store.undecided(after: 0, limit: 1)
        try await store.record(entries.map { routed($0) })
        let leads = try await store.leads(LeadFilter())
        let deliveries = try await store.deliveries(DeliveryFilter())
        let stats = try await store.stats()
        await store.close()
        let again = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        #expect(try await again.leads(LeadFilter()) == leads)
        #expect(try await again.deliveries(DeliveryFilter()) == deliveries)
        #expect(try await again.stats() == stats)
        await again.close()
    }

    @Test(arguments: ["CREATE TABLE t (a)", "PRAGMA application_id = 7"])
    func `another program's database is refused and left as it is`(sql: String) async throws {
        let folder = try TemporaryFolder()
        let other = try DatabaseQueue(path: folder.path)
        try await other.writeWithoutTransaction { try $0.execute(sql: sql) }
        try other.close()
        try await expectRefused(folder)
    }

    @Test func `a file that is no database is refused and left as it is`() async throws {
        let folder = try TemporaryFolder()
        try Data("a shopping list".utf8).write(to: URL(filePath: folder.path))
        try await expectRefused(folder)
    }

    private func expectRefused(_ folder: TemporaryFolder) async throws {
        let before = try Data(contentsOf: URL(filePath: folder.path))
        let error = await #expect(throws: StoreError.self) {
            try await SQLiteStore.open(path: folder.path, ownership: .owner)
        }
        guard case .unusable = error else {
            Issue.record("\(String(describing: error)) is not .unusable")
            return
        }
        #expect(try Data(contentsOf: URL(filePath: folder.path)) == before)
    }

    @Test func `a store of a newer version is refused`() async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteStore.open(path: folder.path, ownership: .owner)
        try await store.writer.write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 of a later version')")
        }
        await store.close()
        for ownership in [SQLiteStore.Ownership.owner, .reader] {
            let error = await #expect(throws: StoreError.self) {
                try await SQLiteStore.open(path: folder.path, ownership: ownership)
            }
            #expect(
                error == .unusable("the store was written by a newer leadrouter; use that version"))
        }
    }

    @Test(arguments: HotQuery.allCases)
    func `a hot query uses its partial index and sorts nothing`(query: HotQuery) async throws {
        try await withStore { store in
            let plan = try await store.read { db in
                let values = query.sql.utf8.count { $0 == 0x3F }
                return try Row.fetchAll(
                    db, sql: "EXPLAIN QUERY PLAN " + query.sql,
                    arguments: StatementArguments(Array(repeating: 1, count: values))
                ).map { $0["detail"] as String }
            }
            let words = plan.flatMap { $0.utf8.split(separator: 0x20).map { String($0) } }
            #expect(words.contains(query.index), "\(plan)")
            #expect(!words.contains("B-TREE"), "\(plan)")
        }
    }

    @Test func `a delivery of an unknown lead is refused`() async throws {
        try await withStore { store in
            await #expect(throws: StoreError.self) {
                try await store.writer.write { db in
                    let key = DeliveryKey(
                        source: "s", lead: Lead.sample().id, route: "r", target: "t")
                    try SQLiteStore.insert(
                        NewDelivery(key: key, sink: "t", route: "r", isCopy: false), of: 99, at: 1,
                        db)
                }
            }
            _ = try await store.accept([leadItem(1)], atMilliseconds: 1)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the counters equal a recount after anything`(seed: UInt64) async throws {
        try await withStore { store in
            var random = SplitMix(state: seed)
            for step in 0..<300 {
                try await randomStep(store, Int64(step) * 100, &random)
            }
            #expect(try await store.stats() == recount(store))
            #expect(try await store.stats().deliveries.count == 4)
        }
    }
}

/// Numbers that are the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

private func randomStep(
    _ store: SQLiteStore, _ now: Int64, _ random: inout SplitMix
) async throws {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: _ = try await store.accept([leadItem(.random(in: 0..<80, using: &random))], atMilliseconds: now)
    case 1:
        let reference = LeadReference(
            source: "facebook", id: Lead.sample(id: String(Int.random(in: 1...50, using: &random))).id)
        let item = InboxItem.quarantined(source: "s", raw: [UInt8(now % 251)], reason: "odd")
        _ = try await store.accept([.reference(reference), item], atMilliseconds: now)
    case 2:
        let due = try await store.dueReferences(source: "facebook", atMilliseconds: now, limit: 2)
        try await store.record(due.map {
            FetchRecord(
                sequence: $0.sequence,
                result: Bool.random(using: &random)
                    ? .lead(.sample(id: $0.reference.id.text)) : .quarantined(reason: "gone"))
        })
    case 3:
        for entry in try await store.undecided(after: 0, limit: 3) {
            var record = routed(entry, to: ["mail", "crm"], at: now)
            if Bool.random(using: &random) {
                (record.state, record.outcome, record.deliveries) = (.held, "held", [])
            }
            try await store.record([record])
        }
    case 4:
        let sink = Bool.random(using: &random) ? "mail" : "crm"
        let leased = try await store.lease(
            sink: sink, limit: 3, token: "t", atMilliseconds: now, untilMilliseconds: now + 5000)
        for lease in leased.dropLast() {
            let results: [AttemptRecord.Result] = [
                .delivered(receipt: "ok"), .retry(dueMilliseconds: now + 300, reason: "busy"),
                .dead(
                    reason: "no",
                    followUps: [
                        NewDelivery(
                            key: DeliveryKey(
                                source: "s", lead: Lead.sample().id, route: "f",
                                target: "\(lease.sequence)"), sink: "fallback", route: "f",
                            isCopy: false)
                    ]),
                .released(dueMilliseconds: now, reason: "stop"),
            ]
            guard let result = results.randomElement(using: &random) else { continue }
            _ = try await store.finish([
                AttemptRecord(
                    sequence: lease.sequence, token: "t", attempt: lease.attempt,
                    startedMilliseconds: now, durationMilliseconds: 1, result: result)
            ])
        }
    default: if now % 1000 == 0 { _ = try await store.voidLeases(exceptToken: "other") }
    }
}

private func recount(_ store: SQLiteStore) async throws -> StoreStats {
    var stats = StoreStats()
    for lead in try await store.leads(LeadFilter(limit: 10_000)) {
        stats.leads[lead.state, default: 0] += 1
        if let outcome = lead.outcome { stats.outcomes[outcome, default: 0] += 1 }
    }
    for entry in try await store.deliveries(DeliveryFilter(limit: 10_000)) {
        stats.deliveries[entry.state, default: 0] += 1
        stats.sinks[entry.delivery.sink, default: [:]][entry.state, default: 0] += 1
    }
    return stats
}
