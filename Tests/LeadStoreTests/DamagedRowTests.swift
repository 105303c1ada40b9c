import Foundation
import GRDB
import LeadKit
import LeadTesting
import Synchronization
import Testing

@testable import LeadStore

/// A flipped bit can make a value of another kind of a value, and GRDB's subscripts end the process
/// over that: no read may, and the verification names the row.
@Suite(.timeLimit(.minutes(3)))
struct DamagedRowTests {
    static let columns = [
        "inbox": [
            "source", "lead_id", "state", "received_ms", "lead", "raw", "envelope", "attempts",
            "due_ms", "outcome", "decision", "rule_set_hash", "is_duplicate", "reason",
            "decided_ms", "checksum",
        ],
        "outbox": [
            "key", "inbox_sequence", "sink", "route", "is_copy", "with_settings", "state",
            "attempts", "created_ms", "due_ms", "lease_token", "lease_until_ms", "detail",
            "not_before_ms", "pool", "member", "destination", "crashes", "generation",
            "previous_sequence", "checksum",
        ],
        "attempts": ["number", "started_ms", "duration_ms", "outcome", "detail"],
        "orders": ["outbox_sequence", "verb", "at_ms", "operator", "reason"],
        "lead_counts": ["count"],
        "delivery_counts": ["count"],
        "clock_jumps": ["expected_ms", "by_ms"],
    ]

    @Test(arguments: columns.keys.sorted())
    func `a value of another kind ends no process in any read`(table: String) async throws {
        for column in Self.columns[table] ?? [] {
            let folder = StoreFolder()
            let store = try await folder.filled()
            try store.damage(table, column)
            await Self.read(store)
            let found = try await store.faults()
            #expect(!found.isEmpty, "\(table).\(column)")
            await Self.order(store)
            await store.close()
        }
    }

    /// An error is an answer; what is tested is that there is one.
    private static func read(_ store: SQLiteStore) async {
        _ = try? await store.stats()
        _ = try? await store.leads(LeadFilter())
        _ = try? await store.leads(LeadFilter(afterSequence: 0))
        _ = try? await store.deliveries(DeliveryFilter())
        _ = try? await store.deliveries(DeliveryFilter(afterSequence: 0))
        for sequence in Int64(1)...6 {
            _ = try? await store.attempts(of: sequence)
            _ = try? await store.orders(ofLead: sequence)
        }
        _ = try? await store.tally(LeadFilter())
        _ = try? await store.tally(DeliveryFilter())
        _ = try? await store.oldestOpenMilliseconds(atMilliseconds: 999)
        _ = try? await store.damage(ofDeliveries: Array(1...6))
        for sequence in Int64(1)...6 { _ = try? await store.damage(ofLead: sequence) }
        for end in OverQuery.End.allCases {
            _ = try? await store.over(OverQuery(end: end, beforeMilliseconds: 999, limit: 9))
        }
        _ = try? await store.undecided(after: 0, limit: 9)
        _ = try? await store.dueReferences(source: "facebook", atMilliseconds: 999, limit: 9)
        _ = try? await store.nextReferenceMilliseconds(source: "facebook")
        _ = try? await store.pendingDestinations(sink: "d", after: "", limit: 9)
        _ = try? await store.clockJumps()
        _ = try? await store.pauses()
    }

    private static func order(_ store: SQLiteStore) async {
        let order = Order(by: "ann", atMilliseconds: 60)
        let rows = Array(Int64(1)...6)
        _ = try? await store.limitDue(
            DueLimit(
                sink: "d", atMilliseconds: 0, waitsMilliseconds: [0]))
        _ = try? await store.limitDue(
            ReferenceLimit(source: "facebook", atMilliseconds: 0, waitsMilliseconds: [0]))
        _ = try? await store.hasten(Hastening(sink: "d", destination: "", atMilliseconds: 0))
        _ = try? await store.lease(9, of: "d", token: "t", at: 60)
        _ = try? await store.voidLeases(LeaseVoid(exceptToken: "u", atMilliseconds: 70))
        for row in rows {
            _ = try? await store.redeliver([row], order)
            _ = try? await store.cancel([row], order)
            _ = try? await store.forget([row], ForgetOptions(cancelsPending: true), order)
        }
    }

    @Test(arguments: [
        "route", "is_copy", "with_settings", "created_ms", "not_before_ms", "pool", "member",
        "generation", "checksum", "inbox_sequence", "previous_sequence", "key",
    ])
    func `a delivery that cannot be written to is buried, and the others go on`(
        column: String
    ) async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try store.damage("outbox", column)
        // The lead that waited.
        _ = try await store.route("7", to: ["d"], at: 40)
        #expect(try await store.lease(9, of: "d", token: "t", at: 60).count == 1)
        let states = try await store.deliveries(DeliveryFilter(sink: "d")).map(\.state.rawValue)
        #expect(states.sorted() == ["dead", "leased"])
        await store.close()
    }

    /// One bit makes a NULL of a zero.
    @Test(arguments: [
        "route", "is_copy", "with_settings", "attempts", "created_ms", "crashes", "due_ms",
        "inbox_sequence",
    ])
    func `a delivery that has lost a value is buried, and the others go on`(
        column: String
    ) async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try store.damage("outbox", column, isNull: true)
        _ = try await store.route("7", to: ["d"], at: 40)
        // As a lane asks at last: also for what is not due.
        let picks = [
            LeasePick(destination: "", limit: 9),
            LeasePick(destination: "", kind: .probe, limit: 9),
        ]
        let request = LeaseRequest(
            sink: "d", token: "t", picks: picks, limit: 9, atMilliseconds: 60,
            untilMilliseconds: 99)
        #expect(try await store.lease(request).taken.count == 1)
        let states = try await store.deliveries(DeliveryFilter(sink: "d")).map(\.state.rawValue)
        #expect(states.sorted() == ["dead", "leased"])
        await store.close()
    }

    /// SQLite refuses each change that names a row which is not there.
    @Test func `a delivery of no lead is buried under one that stands for its lead`() async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(
                sql: """
                    UPDATE outbox SET inbox_sequence = inbox_sequence + 4096,
                        previous_sequence = 4096 WHERE sink = 'd'
                    """)
            try db.execute(sql: "PRAGMA foreign_keys = ON")
        }
        _ = try await store.route("7", to: ["d"], at: 40)
        #expect(try await store.lease(9, of: "d", token: "t", at: 60).count == 1)
        let buried = try #require(
            try await store.deliveries(DeliveryFilter(sink: "d", state: .dead)).first)
        #expect(buried.leadID.text == "damaged-delivery-\(buried.sequence)")
        // Its lead gets it when it is decided again, under the same key.
        #expect(buried.delivery.key == .ofDamaged(buried.sequence))
        let held = try await store.leads(LeadFilter(state: .held))
        #expect(held.map(\.leadID) == [buried.leadID])
        #expect(try await store.stats().leads[.held] == 1)
        let itsFaults = { () async throws in
            try await store.faults().filter { fault in
                [buried.leadID.text, buried.delivery.key.text].contains {
                    fault.subject.contains($0)
                }
            }
        }
        #expect(try await !itsFaults().isEmpty)
        // Whoever has seen it forgets it.
        _ = try await store.forget(
            [try #require(held.first?.sequence)], ForgetOptions(),
            Order(by: "ann", atMilliseconds: 90))
        #expect(try await itsFaults() == [])
        await store.close()
    }

    /// No number that a row may hold is as large, and what is added to it overflows.
    @Test(arguments: ["inbox", "outbox", "attempts", "clock_jumps", "pool_members", "sink_pauses"])
    func `a number that is none is read as damage`(table: String) async throws {
        for number in [.min, .max, (1 << 53) + 1] as [Int64] {
            let folder = StoreFolder()
            let store = try await folder.filled()
            try await store.setPause(
                SinkPause(sink: "d", sinceMilliseconds: 1, reason: ""), sink: "d")
            let names = try await store.pool.write { db in
                try db.execute(sql: "INSERT INTO pool_members VALUES ('p', 'm', 1, 1, 1, 1, 1)")
                let names = try String.fetchAll(
                    db,
                    sql: "SELECT name FROM pragma_table_info(?) WHERE type = 'INTEGER' AND pk = 0",
                    arguments: [table]
                ).filter { !["checksum", "inbox_sequence", "previous_sequence"].contains($0) }
                for name in names where name != "outbox_sequence" {
                    try db.execute(
                        sql: "UPDATE \(table) SET \(name) = ?", arguments: [number])
                }
                return names
            }
            #expect(!names.isEmpty)
            await Self.read(store)
            let pools = try await store.poolState(PoolQuery(pools: ["p"]))
            let latest = pools[PoolMember(pool: "p", name: "m")].latest
            #expect(RowReader.numbers.contains(latest))
            for jump in try await store.clockJumps() {
                #expect(RowReader.numbers.contains(jump.expectedMilliseconds))
            }
            for lead in try await store.leads(LeadFilter()) {
                #expect(RowReader.numbers.contains(lead.receivedMilliseconds))
            }
            for one in try await store.deliveries(DeliveryFilter()) {
                #expect(RowReader.numbers.contains(one.createdMilliseconds))
            }
            await Self.order(store)
            await store.close()
        }
    }

    @Test(arguments: [Int64.min, Int64.max])
    func `a count that is none is added to and shown`(count: Int64) async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try await store.write { db in
            try db.execute(sql: "UPDATE lead_counts SET count = ?", arguments: [count])
            try db.execute(sql: "UPDATE delivery_counts SET count = ?", arguments: [count])
        }
        _ = try await store.route("7", to: ["d"], at: 40)
        #expect(try await store.lease(9, of: "d", token: "t", at: 60).count == 2)
        _ = try await store.stats()
        #expect(try await store.faults().contains { $0.invariant == .counters })
        await store.close()
    }

    @Test func `a delivery that has lost its time hides no other's`() async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try store.damage("outbox", "due_ms", isNull: true)
        _ = try await store.route("7", to: ["d"], at: 40)
        let request = LeaseRequest(
            sink: "d", token: "t", picks: [LeasePick(destination: "", limit: 9)], limit: 9,
            atMilliseconds: 1, untilMilliseconds: 99)
        #expect(try await store.lease(request).nextDueMilliseconds == ["": 40])
        await store.close()
    }

    @Test func `what is decided is stored, also when the next leads cannot be read`() async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        let found = try await store.undecided(after: 0, limit: 9)
        try await store.write { db in try db.execute(sql: "DROP INDEX inbox_received") }
        let next = try await store.record(
            found.map { .routing($0, to: ["e"]) }, thenUndecided: 9)
        #expect(next == nil)
        #expect(try await store.lease(9, of: "e", token: "t", at: 60).count == found.count)
        await #expect(throws: StoreError.self) { try await store.undecided(after: 0, limit: 9) }
        await store.close()
    }

    @Test(arguments: ["received_ms", "raw", "envelope", "attempts", "due_ms", "checksum"])
    func `a lead that cannot be written to is held, and the others are decided`(
        column: String
    ) async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try store.damage("inbox", column)
        let found = try await store.undecided(after: 0, limit: 9)
        try await store.record(
            found.map {
                DecisionRecord(
                    sequence: $0.sequence, state: .decided, outcome: "routed", reason: nil,
                    decision: "{}", ruleSetHash: "h", deliveries: [], atMilliseconds: 50)
            })
        #expect(try await store.undecided(after: 0, limit: 9).isEmpty)
        #expect(try await store.stats().leads[.held] == 1)
        await store.close()
    }

    @Test func `what the disk has changed is not redelivered under a new checksum`() async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        let order = Order(by: "ann", atMilliseconds: 60)
        try await store.write { db in
            try db.execute(sql: "UPDATE outbox SET route = 'x' WHERE sink = 'a'")
        }
        #expect(try await store.redeliver([1], order) == [.damaged])
        #expect(try await store.deliveries(DeliveryFilter(sink: "a")).count == 1)
        await store.close()
    }

    @Test func `a lead whose id cannot be read is listed by its number, and held`() async throws {
        let folder = StoreFolder()
        let store = try await folder.filled()
        try store.damage("inbox", "lead_id")
        let found = try await store.undecided(after: 0, limit: 9)
        #expect(found.map(\.leadID.text) == ["damaged-4"] && found.map(\.lead) == [[]])
        await store.close()
    }
}

extension StoreFolder {
    /// Delivered; dead; pending; received; a reference; kept aside.
    fileprivate func filled() async throws -> SQLiteStore {
        let store = try await open()
        for (id, sink) in [("1", "a"), ("2", "b"), ("3", "d")] {
            try await store.route(id, to: [sink])
        }
        let ends: [(String, AttemptRecord.Result)] = [
            ("a", .delivered(receipt: "ok")), ("b", .dead(reason: "550", followUps: [])),
        ]
        for (sink, result) in ends {
            let leased = try await store.lease(1, of: sink, token: "t", at: 9)[0]
            _ = try await store.finish([
                AttemptRecord(
                    sequence: leased.sequence, sink: leased.delivery.sink, token: "t", attempt: 1,
                    startedMilliseconds: 9,
                    durationMilliseconds: 1, result: result)
            ])
        }
        let reference = try #require(LeadID("5"))
        _ = try await store.redeliver([2], Order(by: "ann", reason: "r", atMilliseconds: 20))
        _ = try await store.accept(
            [
                .lead(.sampleNamed("4")),
                .reference(LeadReference(source: "facebook", id: reference, envelope: Envelope())),
                .quarantined(source: "facebook", raw: [0x7B], reason: "no object"),
            ], atMilliseconds: 30)
        try await store.record(ClockJump(expectedMilliseconds: 1, byMilliseconds: 1))
        return store
    }
}

@Suite(.timeLimit(.minutes(1)))
struct UnreadableRowTests {
    let folder = StoreFolder()

    /// Rows in an unknown state are no entries. A page with fewer entries is the last.
    @Test func `a page goes on behind rows that cannot be read`() async throws {
        let store = try await folder.open()
        for id in 1...6 { try await store.route(String(id), to: ["crm"]) }
        let all = try await store.leads(LeadFilter(limit: 6)).map(\.leadID.text)
        try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
            for table in ["inbox", "outbox"] {
                try db.execute(
                    sql: "UPDATE \(table) SET state = 'nonsense' WHERE sequence IN (2, 4, 5)")
            }
            try db.execute(sql: "PRAGMA ignore_check_constraints = OFF")
        }
        let kept = [all[0], all[3], all[5]]
        for limit in 1...4 {
            let leads = try await store.leads(LeadFilter(limit: limit))
            #expect(leads.map(\.leadID.text) == Array(kept.prefix(limit)))
            let deliveries = try await store.deliveries(DeliveryFilter(limit: limit))
            #expect(deliveries.map(\.leadID.text) == Array(kept.prefix(limit)))
            let forward = try await store.leads(LeadFilter(afterSequence: 0, limit: limit))
            #expect(forward.map(\.leadID.text) == Array(kept.reversed().prefix(limit)))
        }
        await store.close()
    }
}

extension SQLiteStore {
    fileprivate func faults() async throws -> [LedgerFault] {
        let found = Mutex<[LedgerFault]>([])
        _ = try await verify(
            isServed: true, atMilliseconds: 50, progress: { _ in },
            report: { fault in found.withLock { $0.append(fault) } })
        return found.withLock { $0 }
    }

    /// Gives a column of all rows a value that no value of its kind is. No table is strict for as
    /// long.
    fileprivate func damage(_ table: String, _ column: String, isNull: Bool = false) throws {
        try pool.writeWithoutTransaction { db in
            let isText =
                try String.fetchOne(
                    db, sql: "SELECT type = 'TEXT' FROM pragma_table_info(?) WHERE name = ?",
                    arguments: [table, column]) == "1"
            let junk =
                isNull
                ? "NULL" : isText ? "CAST(x'fffe' || random() AS BLOB)" : "'junk' || random()"
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            try SQLiteStore.setStrict(false, db)
            try db.execute(sql: "UPDATE \(table) SET \(column) = \(junk)")
            try SQLiteStore.setStrict(true, db)
            try db.execute(sql: "PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF")
        }
    }

    private static func setStrict(_ isStrict: Bool, _ db: Database) throws {
        try db.execute(sql: "PRAGMA writable_schema = ON")
        // "WITHOUT ROWID" may stand behind it, after a comma.
        let marked =
            isStrict
            ? (") /*STRICT, */", ") STRICT, ", ") /*STRICT*/", ") STRICT")
            : (") STRICT, ", ") /*STRICT, */", ") STRICT", ") /*STRICT*/")
        try db.execute(
            sql: """
                UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ?, ?), ?, ?), ?, ?)
                WHERE type = 'table'
                """,
            arguments: [
                marked.0, marked.1, marked.2, marked.3,
                isStrict ? "/*NOT*/ NULL" : "NOT NULL", isStrict ? "NOT NULL" : "/*NOT*/ NULL",
            ])
        let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
        try db.execute(sql: "PRAGMA schema_version = \(version + 1)")
        try db.execute(sql: "PRAGMA writable_schema = RESET")
        db.clearSchemaCache()
    }
}
