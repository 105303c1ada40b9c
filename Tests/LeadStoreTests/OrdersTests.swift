import Foundation
import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

/// What orders do to the file, beyond the contract.
@Suite(.timeLimit(.minutes(1)))
struct OrdersTests {
    let folder = StoreFolder()
    let order = Order(by: "ann", reason: "asked for", atMilliseconds: 5000)

    @Test func `an id that looks like a forgotten lead's is in nobody's way`() async throws {
        let store = try await folder.open()
        _ = try await store.accept(
            [.lead(.sampleNamed("1")), .lead(.sampleNamed("forgotten-1"))], atMilliseconds: 1)
        let answers = try await store.forget(
            [1], ForgetOptions(cancelsPending: true, allowsAgain: true),
            Order(by: "ann", reason: "r", atMilliseconds: 2))
        #expect(answers == [.done])
        #expect(try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 3) == [.stored])
        await store.close()
    }

    @Test func `a store of an earlier version takes the new states`() async throws {
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        try StoreFile(folder.path, creates: true).create()
        let old = try DatabaseQueue(path: folder.path)
        try Schema.migrator.migrate(old, upTo: "2 pools, deliveries that wait")
        try await old.write { db in
            try db.execute(
                sql: """
                    INSERT INTO inbox (source, lead_id, state, received_ms, lead, outcome)
                    VALUES ('web', '1', 'decided', 1, x'7b7d', 'routed');
                    INSERT INTO outbox (key, inbox_sequence, sink, route, is_copy, state,
                        created_ms, due_ms) VALUES (?, 1, 'crm', 'r', 0, 'pending', 1, 1);
                    INSERT INTO inbox (source, lead_id, state, received_ms, lead)
                    VALUES ('a', '2', 'announced', 1, x'7b7d'), ('b', '1', 'announced', 1, x'7b7d')
                    """, arguments: [String(repeating: "a", count: 64)])
        }
        try old.close()
        let store = try await folder.open()
        // Ids stand in another order in the index than before.
        for (source, id) in [("web", "1"), ("a", "2"), ("b", "1")] {
            let found = try await store.leads(LeadFilter(source: source, leadID: LeadID(id)))
            #expect(found.count == 1)
        }
        let checksums = try await store.read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT (SELECT count(checksum) FROM inbox) + (SELECT count(checksum) FROM outbox)
                    """)
        }
        #expect(checksums == 4)
        #expect(try await store.cancel([1], order) == [.done])
        #expect(try await store.forget([1], ForgetOptions(), order) == [.done])
        #expect(try await store.stats().leads == [.forgotten: 1, .announced: 2])
        await #expect(throws: StoreError.self) {
            try await store.write { db in
                try db.execute(sql: "UPDATE outbox SET state = 'elsewhere'")
            }
        }
        let soundness = try await store.read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check")
        }
        #expect(soundness == ["ok"])
        await store.close()
    }

    /// An index that is made anew from a damaged table would hide the damage, or could not be made.
    @Test(arguments: [("first", "other"), ("first", "fifth")])
    func `a damaged table of an earlier version keeps its indexes`(
        id: String, damaged: String
    ) async throws {
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        try StoreFile(folder.path, creates: true).create()
        let old = try DatabaseQueue(path: folder.path)
        try Schema.migrator.migrate(old, upTo: "9 decided leads are decided again")
        try await old.write { db in
            try db.execute(
                sql: """
                    INSERT INTO inbox (source, lead_id, state, received_ms, lead)
                    VALUES ('web', 'first', 'announced', 1, x'7b7d'),
                        ('web', 'other', 'announced', 1, x'7b7d')
                    """)
        }
        try old.close()
        var file = try Data(contentsOf: URL(filePath: folder.path))
        let place = try #require(file.range(of: Data("web\(id)announced".utf8)))
        file.replaceSubrange(place, with: Data("web\(damaged)announced".utf8))
        try file.write(to: URL(filePath: folder.path))
        let store = try await folder.open()
        #expect(try await store.accept([.lead(.sampleNamed("7"))], atMilliseconds: 3) == [.stored])
        let soundness = try await store.read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check")
        }
        #expect(soundness != ["ok"])
        let indexes = try await store.read { db in
            try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE name = 'inbox_lead'")
        }
        #expect(indexes == ["inbox_lead"])
        await store.close()
    }

    @Test func `a lead is not decided by what a damaged delivery says`() async throws {
        let store = try await folder.open()
        for id in ["1", "2", "3"] { try await store.route(id, to: ["crm", "mail"]) }
        try await store.write { db in
            try db.execute(sql: "UPDATE outbox SET sink = 'crn' WHERE sequence = 1")
            try db.execute(
                sql: """
                    PRAGMA ignore_check_constraints = 1;
                    UPDATE outbox SET state = 'zzz' WHERE sequence = 4
                    """)
        }
        let answers = try await store.decideAgain([1, 2, 3], .init(), order)
        #expect(answers == [.damaged, .damaged, .done])
        #expect(try await store.undecided(after: 0, limit: 9).map(\.sequence) == [3])
        await store.close()
    }

    @Test func `two orders at once make one new generation`() async throws {
        let store = try await folder.open()
        let sequence = try await store.dead("1", at: "crm")
        let answers = try await withThrowingTaskGroup(of: [OrderAnswer].self) { group in
            for _ in 0..<20 { group.addTask { try await store.redeliver([sequence], order) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(answers.count { $0 == .done } == 1)
        #expect(answers.count { $0 == .superseded } == 19)
        #expect(try await store.deliveries(DeliveryFilter()).count == 2)
        await store.close()
    }

    @Test(arguments: [true, false])
    func `what is forgotten is in no file any more`(erases: Bool) async throws {
        let store = try await folder.open()
        let marks = (1...200).map { "canary-\($0)-\(UUID().uuidString)" }
        for (number, mark) in marks.enumerated() {
            var lead = Lead.sample(id: String(number), fields: [Field("email", mark)])
            lead.raw = Array("raw \(mark) \(String(repeating: "x", count: number * 40))".utf8)
            _ = try await store.accept([.lead(lead)], atMilliseconds: 1)
            let entry = try await store.undecided(after: 0, limit: 1)[0]
            var decision = DecisionRecord.routing(entry, to: ["crm"])
            decision.decision = #"{"deliveries":[],"reason":"\#(mark)"}"#
            try await store.record([decision])
        }
        for leased in try await store.lease(500, of: "crm", token: "t", at: 9) {
            let mark = marks[Int(leased.sequence) - 1]
            _ = try await store.finish([
                AttemptRecord(
                    sequence: leased.sequence, sink: leased.delivery.sink, token: "t", attempt: 1,
                    startedMilliseconds: 9,
                    durationMilliseconds: 1, result: .delivered(receipt: "250 \(mark)"))
            ])
        }
        // The control: without the order every mark is still to be found.
        if erases {
            let sequences = (1...200).map(Int64.init)
            let answers = try await store.forget(sequences, ForgetOptions(), order)
            #expect(answers == sequences.map { _ in .done })
        }
        #expect(await store.clearLog())
        let log = try Data(contentsOf: URL(filePath: folder.path + "-wal"))
        #expect(log.isEmpty)
        let file = try Data(contentsOf: URL(filePath: folder.path))
        let found = marks.count { file.range(of: Data($0.utf8)) != nil }
        #expect(found == (erases ? 0 : 200))
        await store.close()
    }

    @Test func `the log is not cleared while somebody reads it, and writers go on`() async throws {
        let store = try await folder.open()
        try await store.route("1", to: ["crm"])
        let reader = try await folder.open(.reader)
        let gate = Gate()
        let reading = Task {
            try await reader.read { db in
                _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM inbox")
                gate.wait()
            }
        }
        await gate.isEntered()
        try await store.route("2", to: ["crm"])
        #expect(await !store.clearLog())
        #expect(try await store.accept([.lead(.sampleNamed("3"))], atMilliseconds: 1) == [.stored])
        gate.open()
        try await reading.value
        #expect(await store.clearLog())
        await reader.close()
        await store.close()
    }

    @Test func `a damaged lead is not delivered, and not decided`() async throws {
        let store = try await folder.open()
        try await store.route("1", to: ["crm"])
        _ = try await store.accept([.lead(.sampleNamed("2"))], atMilliseconds: 1)
        try await store.flipLeads()
        let leased = try await store.lease(9, of: "crm", token: "t", at: 9)
        #expect(leased == [])
        let entry = try await store.deliveries(DeliveryFilter(sink: "crm"))[0]
        #expect(entry.state == .dead)
        #expect(ByteSearch.contains(entry.detail ?? "", "damaged"))
        #expect(try await store.attempts(of: entry.sequence).map(\.outcome) == ["dead"])
        #expect(try await store.undecided(after: 0, limit: 9).map(\.lead) == [[]])
        await store.close()
    }

    @Test(
        arguments: [
            "sink = 'other'", "route = 'x'", "with_settings = '{}'", "member = 'eve'",
            "inbox_sequence = 2", "not_before_ms = 0", "pool = ''", "member = ''",
            "checksum = NULL",
        ])
    func `a damaged delivery is not delivered`(change: String) async throws {
        let store = try await folder.open()
        try await store.route("1", to: ["crm"])
        _ = try await store.accept([.lead(.sampleNamed("2"))], atMilliseconds: 1)
        try await store.write { try $0.execute(sql: "UPDATE outbox SET \(change)") }
        for sink in ["crm", "other"] {
            let leased = try await store.lease(9, of: sink, token: "t", at: 9)
            #expect(leased == [])
        }
        #expect(try await store.deliveries(DeliveryFilter()).map(\.state) == [.dead])
        await store.close()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct BackupTests {
    let folder = StoreFolder()

    @Test func `a backup is whole while the store is written, and opens`() async throws {
        let store = try await folder.open()
        for id in 1...50 { try await store.route(String(id), to: ["crm"]) }
        let copy = StoreFolder()
        try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
        let writing = Task {
            for id in 51...150 { try await store.route(String(id), to: ["crm"]) }
        }
        let reader = try await folder.open(.reader)
        let bytes = try await reader.backup(to: copy.path).bytes
        await reader.close()
        try await writing.value
        #expect(bytes > 4096)
        let attributes = try FileManager.default.attributesOfItem(atPath: copy.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        let restored = try await copy.open()
        let stats = try await restored.stats()
        let leads = stats.leads.values.reduce(0, +)
        #expect(leads >= 50)
        // A lead and its delivery are two transactions; none of them is half there.
        #expect((stats.leads[.decided] ?? 0) == (stats.deliveries[.pending] ?? 0))
        #expect(
            try await restored.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1) == [.duplicate]
        )
        #expect(
            try await restored.lease(1, of: "crm", token: "t", at: 9).count == 1)
        await restored.close()
        await store.close()
    }

    @Test func `a backup replaces nothing`() async throws {
        let store = try await folder.open()
        let path = folder.url.appending(path: "copy.db").path()
        try Data("mine".utf8).write(to: URL(filePath: path))
        let error = await #expect(throws: StoreError.self) { try await store.backup(to: path) }
        #expect(ByteSearch.contains(error?.description ?? "", "exists"))
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("mine".utf8))
        await #expect(throws: StoreError.self) {
            try await store.backup(to: folder.url.appending(path: "none/copy.db").path())
        }
        await store.close()
    }

    @Test func `the lock tells whether somebody owns a store`() async throws {
        #expect(!SQLiteStore.isOwned(path: folder.path))
        let store = try await folder.open()
        #expect(SQLiteStore.isOwned(path: folder.path))
        await store.close()
        #expect(!SQLiteStore.isOwned(path: folder.path))
    }
}

extension SQLiteStore {
    /// Routes a lead and gives its delivery up; answers the delivery's row.
    func dead(_ id: String, at sink: String) async throws -> Int64 {
        try await route(id, to: [sink])
        let leased = try await lease(1, of: sink, token: "t", at: 9)[0]
        _ = try await finish([
            AttemptRecord(
                sequence: leased.sequence, sink: leased.delivery.sink, token: "t", attempt: 1,
                startedMilliseconds: 9,
                durationMilliseconds: 1, result: .dead(reason: "550", followUps: []))
        ])
        return leased.sequence
    }

    /// One bit of each stored lead, as a disk might.
    func flipLeads() async throws {
        try await write { db in
            for row in try Row.fetchAll(db, sql: "SELECT sequence, lead FROM inbox") {
                var lead: Data = row["lead"]
                lead[lead.count / 2] ^= 4
                try db.execute(
                    sql: "UPDATE inbox SET lead = ? WHERE sequence = ?",
                    arguments: [lead, row["sequence"] as Int64])
            }
        }
    }
}

extension LeadStore {
    /// Leases what is due.
    func lease(
        sink: String, limit: Int, token: String, atMilliseconds: Int64, untilMilliseconds: Int64
    ) async throws -> [LeasedDelivery] {
        try await lease(
            limit, of: sink, token: token, at: atMilliseconds, until: untilMilliseconds)
    }
}
