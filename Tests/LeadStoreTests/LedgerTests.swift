import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

/// Rules beyond the contract that every store holds to.
@Suite(.timeLimit(.minutes(1)))
struct LedgerTests {
    let folder = StoreFolder()

    @Test func `a lead fills in a reference that was given up`() async throws {
        let store = try await folder.open()
        let id = try #require(LeadID("1"))
        _ = try await store.accept(
            [.reference(LeadReference(source: "facebook", id: id))], atMilliseconds: 1)
        let due = try await store.dueReferences(source: "facebook", atMilliseconds: 1, limit: 1)
        try await store.record([
            FetchRecord(sequence: due[0].sequence, result: .quarantined(reason: "gone"))
        ])
        #expect(
            try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 2) == [.duplicate])
        let entry = try #require(try await store.undecided(after: 0, limit: 1).first)
        #expect(entry.lead == Lead.sampleNamed("1").json)
        #expect(entry.reason == nil)
        #expect(try await store.stats().leads == [.received: 1])
        await store.close()
    }

    @Test func `a batch of large leads ends early, and none is left out`() async throws {
        let store = try await folder.open()
        let text = String(repeating: "x", count: 1 << 20)
        let leads = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"].map { id in
            var lead = Lead.sampleNamed(id)
            lead.fieldData = [Field("comments", text)]
            return InboxItem.lead(lead)
        }
        _ = try await store.accept(leads, atMilliseconds: 1)
        var sizes: [Int] = []
        var entries = try await store.undecided(after: 0, limit: 100)
        while !entries.isEmpty {
            sizes.append(entries.count)
            let decisions = entries.map { DecisionRecord.routing($0, to: ["crm"]) }
            entries = try #require(try await store.record(decisions, thenUndecided: 100))
        }
        #expect(sizes == [8, 2])
        #expect(SQLiteStore.undecidedBytesMax == 8 << 20)
        await store.close()
    }

    @Test func `a quarantined item is kept once, with its bytes`() async throws {
        let store = try await folder.open()
        let raw: [UInt8] = [0x7B, 0x00, 0xFF]
        let item = InboxItem.quarantined(source: "website", raw: raw, reason: "no object")
        #expect(
            try await store.accept([item, item], atMilliseconds: 1) == [.quarantined, .quarantined])
        let kept = try await store.leads(LeadFilter(state: .quarantined))
        #expect(kept.map(\.raw) == [raw])
        #expect(kept.first.map { ByteSearch.hasPrefix($0.leadID.text, "quarantine-") } == true)
        await store.close()
    }

    @Test func `dedupe keys differ behind a NUL, and are not kept as text`() async throws {
        let store = try await folder.open()
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        var decision = DecisionRecord.routing(
            try await store.undecided(after: 0, limit: 1)[0], to: [])
        decision.dedupe = ("zoe@example.com\0a", 5)
        try await store.record([decision])
        #expect(try await store.hasEarlier(dedupeKey: "zoe@example.com\0a", sinceSeconds: 5))
        #expect(try await !store.hasEarlier(dedupeKey: "zoe@example.com\0b", sinceSeconds: 5))
        let keys = try await store.read { db in
            try String.fetchAll(db, sql: "SELECT key FROM dedupe")
        }
        #expect(keys.allSatisfy { !ByteSearch.contains($0, "zoe") })
        await store.close()
    }

    @Test func `a lost lease does not wait for the backlog`() async throws {
        let store = try await folder.open()
        try await store.route("1", to: ["crm"], at: 1)
        let lost = try await store.lease(1, of: "crm", token: "old", at: 1, until: 5)
        for id in 2...4 { try await store.route(String(id), to: ["crm"], at: 2) }
        _ = try await store.voidLeases(
            LeaseVoid(exceptToken: "new", ranOutByMilliseconds: 6, atMilliseconds: 6))
        let taken = try await store.lease(2, of: "crm", token: "new", at: 6)
        #expect(taken.map(\.sequence).first == lost.first?.sequence)
        #expect(taken.map(\.attempt) == [2, 1])
        await store.close()
    }

    @Test func `counters equal the rows`() async throws {
        let store = try await folder.open()
        for id in 1...6 { try await store.route(String(id), to: ["a", "b"]) }
        let leased = try await store.lease(5, of: "a", token: "t", at: 9)
        let results: [AttemptRecord.Result] = [
            .delivered(receipt: "ok"), .retry(dueMilliseconds: 50, reason: "busy"),
            .dead(reason: "no", followUps: []), .released(dueMilliseconds: 50, reason: "pause"),
        ]
        let ended = zip(leased, results).map { one, result in
            AttemptRecord(
                sequence: one.sequence, sink: one.delivery.sink, token: "t", attempt: one.attempt,
                startedMilliseconds: 9,
                durationMilliseconds: 1, result: result)
        }
        #expect(try await store.finish(ended) == [true, true, true, true])
        let stats = try await store.stats()
        #expect(stats.sinks["a"] == [.delivered: 1, .pending: 3, .dead: 1, .leased: 1])
        let counted = try await store.read { db in
            try Row.fetchAll(db, sql: "SELECT sink, state, count(*) AS n FROM outbox GROUP BY 1, 2")
                .map { "\($0["sink"] as String) \($0["state"] as String) \($0["n"] as Int)" }
        }
        let told = stats.sinks.flatMap { sink, states in
            states.map { "\(sink) \($0.key.rawValue) \($0.value)" }
        }
        #expect(counted == told.sorted())
        await store.close()
    }

    /// What is done stays; what is to be done must be found without walking over it.
    /// The hot queries say so themselves, with INDEXED BY, and fail without.
    @Test(arguments: [
        "SELECT * FROM inbox WHERE state = 'held' ORDER BY sequence DESC LIMIT 5",
        "SELECT * FROM outbox WHERE state = 'dead' ORDER BY sequence DESC LIMIT 5",
        "SELECT * FROM inbox WHERE lead_id = 'x' ORDER BY sequence DESC LIMIT 5",
        "SELECT * FROM outbox WHERE key >= 'ab' AND key < 'abg'",
        "SELECT 1 FROM dedupe WHERE key = 'x' AND created_seconds >= 5",
        "SELECT * FROM attempts WHERE outbox_sequence = 1 ORDER BY rowid",
    ])
    func `a listing uses an index`(sql: String) async throws {
        let store = try await folder.open()
        let plan = try await store.read { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
        }
        let usesIndex = plan.contains {
            ByteSearch.contains($0, "INDEX") || ByteSearch.contains($0, "PRIMARY KEY")
        }
        #expect(usesIndex, "\(plan)")
        await store.close()
    }
}
