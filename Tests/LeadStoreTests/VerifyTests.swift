import Foundation
import GRDB
import LeadKit
import LeadTesting
import Synchronization
import Testing

@testable import LeadStore

/// Each invariant is broken by SQL, and the verification must name it: a check that finds nothing
/// in a broken ledger proves nothing.
@Suite(.timeLimit(.minutes(1)))
struct VerifyTests {
    let folder = StoreFolder()

    /// Six leads: delivered; dead and redelivered; leased; cancelled; received; kept aside.
    private func store() async throws -> SQLiteStore {
        let store = try await folder.open()
        for (id, sink) in [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")] {
            _ = try await store.accept([.lead(.sampleNamed(id))], atMilliseconds: 1)
            let entry = try await store.undecided(after: 0, limit: 1)[0]
            var decision = DecisionRecord.routing(entry, to: [sink])
            decision.decision =
                #"{"outcome":"routed","deliveries":[{"sink":"\#(sink)","route":"r","copy":false}]}"#
            try await store.record([decision])
        }
        let ends: [(String, AttemptRecord.Result)] = [
            ("a", .delivered(receipt: "ok")), ("b", .dead(reason: "550", followUps: [])),
        ]
        for (sink, result) in ends {
            let leased = try await store.lease(1, of: sink, token: "t", at: 9)[0]
            let record = AttemptRecord(
                sequence: leased.sequence, sink: leased.delivery.sink, token: "t", attempt: 1,
                startedMilliseconds: 9,
                durationMilliseconds: 1, result: result)
            #expect(try await store.finish([record]) == [true])
        }
        let order = Order(by: "ann", atMilliseconds: 20)
        #expect(try await store.redeliver([2], order) == [.done])
        _ = try await store.lease(1, of: "c", token: "t", at: 9)
        #expect(try await store.cancel([4], order) == [.done])
        _ = try await store.accept(
            [
                .lead(.sampleNamed("5")),
                .quarantined(source: "facebook", raw: [0x7B], reason: "no object"),
            ], atMilliseconds: 30)
        return store
    }

    private func faults(
        _ store: SQLiteStore, isServed: Bool = true, at time: Int64 = 50
    ) async throws -> [LedgerFault] {
        let found = Mutex<[LedgerFault]>([])
        _ = try await store.verify(
            isServed: isServed, atMilliseconds: time, progress: { _ in },
            report: { fault in found.withLock { $0.append(fault) } })
        return found.withLock { $0 }
    }

    @Test func `a sound ledger has no fault`() async throws {
        let store = try await store()
        #expect(try await faults(store) == [])
        _ = try await store.forget(
            [1, 2, 4], ForgetOptions(cancelsPending: true, allowsAgain: true),
            Order(by: "ann", atMilliseconds: 40))
        #expect(try await faults(store) == [])
        let extent = try await store.verify(
            isServed: true, atMilliseconds: 50, progress: { _ in }, report: { _ in })
        #expect(extent.leads == 6)
        #expect(extent.deliveries == 5)
        #expect(extent.attempts == 2)
        await store.close()
    }

    @Test(
        arguments: [
            ("UPDATE inbox SET lead = x'' WHERE lead_id = '1'", "I1"),
            ("UPDATE inbox SET state = 'received', outcome = NULL WHERE lead_id = '1'", "I1"),
            ("UPDATE inbox SET outcome = 'lost' WHERE lead_id = '1'", "I1"),
            ("UPDATE inbox SET reason = NULL WHERE state = 'quarantined'", "I1"),
            ("UPDATE inbox SET state = 'forgotten' WHERE lead_id = '1'", "I1"),
            ("UPDATE inbox SET outcome = 'dropped', reason = NULL WHERE lead_id = '1'", "I2"),
            ("UPDATE inbox SET decision = '{}' WHERE lead_id = '1'", "I2"),
            ("UPDATE inbox SET decision = 'no' WHERE lead_id = '1'", "I2"),
            (
                "UPDATE outbox SET key = '\(String(repeating: "0", count: 64))' WHERE sink = 'a'",
                "I3"
            ),
            ("UPDATE inbox SET lead_id = '9' WHERE lead_id = '1'", "I3"),
            ("UPDATE outbox SET route = 'x', checksum = NULL WHERE sink = 'a'", "I3"),
            ("UPDATE outbox SET state = 'pending' WHERE sink = 'a'", "I4"),
            ("DELETE FROM attempts", "I4"),
            ("INSERT INTO attempts VALUES (1, 2, 9, 1, 'delivered', 'twice')", "I4"),
            ("UPDATE outbox SET attempts = 0 WHERE sink = 'a'", "I4"),
            ("UPDATE outbox SET generation = 7 WHERE generation = 1", "I4"),
            ("UPDATE outbox SET previous_sequence = NULL WHERE generation = 1", "I4"),
            ("UPDATE outbox SET lease_token = NULL WHERE state = 'leased'", "I5"),
            ("UPDATE outbox SET lease_token = 't' WHERE sink = 'a'", "I5"),
            ("UPDATE inbox SET rule_set_hash = NULL WHERE lead_id = '1'", "I6"),
            ("UPDATE inbox SET rule_set_hash = '' WHERE lead_id = '1'", "I6"),
            ("UPDATE inbox SET lead = x'7b7d' WHERE lead_id = '1'", "I8"),
            ("UPDATE outbox SET member = 'eve' WHERE sink = 'a'", "I8"),
            ("UPDATE outbox SET inbox_sequence = 3 WHERE sink = 'a'", "I8"),
            ("UPDATE inbox SET is_duplicate = 1 WHERE lead_id = '1'", "I8"),
            ("UPDATE delivery_counts SET count = count + 1 WHERE sink = 'a'", "counters"),
            ("UPDATE lead_counts SET count = 0 WHERE state = 'received'", "counters"),
            ("DELETE FROM lead_counts WHERE state = 'received'", "counters"),
        ])
    func `a broken row is named with its invariant`(sql: String, invariant: String) async throws {
        let store = try await store()
        try await store.write { try $0.execute(sql: sql) }
        let found = try await faults(store)
        #expect(found.contains { $0.invariant.rawValue == invariant }, "\(found)")
        await store.close()
    }

    @Test func `a delivery without its lead is named`() async throws {
        await (try await store()).close()
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: folder.path, configuration: configuration)
        try await queue.write { try $0.execute(sql: "DELETE FROM inbox WHERE lead_id = '1'") }
        try queue.close()
        let store = try await folder.open()
        let found = try await faults(store)
        #expect(
            found.contains { $0.invariant == .file && $0.subject == "outbox row 1" }, "\(found)")
        await store.close()
    }

    @Test func `a lease long over is a fault only while somebody serves`() async throws {
        let store = try await store()
        let late = 100 + LedgerCheck.leaseOverdueMilliseconds
        #expect(try await faults(store, isServed: true, at: late).map(\.invariant) == [.leases])
        #expect(try await faults(store, isServed: false, at: late) == [])
        await store.close()
    }

    @Test func `an order of on_failure has the key of what it follows`() async throws {
        let store = try await folder.open()
        _ = try await store.accept([.lead(.sampleNamed("1"))], atMilliseconds: 1)
        let entry = try await store.undecided(after: 0, limit: 1)[0]
        var decision = DecisionRecord.routing(entry, to: ["a"])
        decision.decision = #"{"deliveries":[{"sink":"a","route":"r","copy":false}]}"#
        try await store.record([decision])
        let leased = try await store.lease(1, of: "a", token: "t", at: 9)[0]
        let followUp = NewDelivery(
            key: DeliveryKey(
                source: entry.source, lead: entry.leadID, route: "r",
                target: "desk after \(leased.delivery.key)"), sink: "desk", route: "r",
            isCopy: false)
        _ = try await store.finish([
            AttemptRecord(
                sequence: leased.sequence, sink: leased.delivery.sink, token: "t", attempt: 1,
                startedMilliseconds: 9,
                durationMilliseconds: 1, result: .dead(reason: "550", followUps: [followUp]))
        ])
        #expect(try await faults(store) == [])
        await store.close()
    }
}
