import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

/// What is told of a delivery beside its row.
@Suite(.timeLimit(.minutes(1)))
struct StandInTests {
    let folder = StoreFolder()

    /// A delivery of one lead.
    private func entry(
        _ sequence: Int64, to sink: String, _ state: DeliveryState, key: DeliveryKey? = nil
    ) throws -> DeliveryEntry {
        let id = try #require(LeadID("1"))
        let own = DeliveryKey(source: "web", lead: id, route: "cars", target: sink)
        return DeliveryEntry(
            sequence: sequence,
            delivery: NewDelivery(key: key ?? own, sink: sink, route: "cars", isCopy: false),
            source: "web", leadID: id, state: state, attempts: 1, createdMilliseconds: 1,
            dueMilliseconds: 1, detail: nil)
    }

    @Test func `a stand-in is known by its key, and nothing else is one`() throws {
        let id = try #require(LeadID("1"))
        let crm = try entry(1, to: "crm", .dead)
        let mail = try entry(2, to: "mail", .dead)
        let forCRM = DeliveryKey(
            source: "web", lead: id, route: "cars", standIn: "office", for: crm.delivery.key)
        let office = try entry(3, to: "office", .delivered, key: forCRM)
        // The control: the same sink in its own right.
        let other = try entry(4, to: "office", .delivered)
        let all = StandIns([other, office, mail, crm])
        #expect(all.failed(behind: office) == crm)
        #expect(all.successors(of: crm) == [office])
        #expect(all.failed(behind: other) == nil)
        #expect(all.successors(of: mail).isEmpty)
    }

    @Test func `damage is told of the row that has it, and of those made from it`() async throws {
        let store = try await folder.open()
        for id in ["1", "2", "3"] { try await store.route(id, to: ["crm"]) }
        #expect(try await store.damage(ofDeliveries: [1, 2, 3, 99]) == [:])
        try await store.write { db in
            try db.execute(sql: "UPDATE inbox SET lead = x'7b7d' WHERE sequence = 1")
            try db.execute(sql: "UPDATE outbox SET sink = 'crn' WHERE sequence = 2")
        }
        let damage = try await store.damage(ofDeliveries: [1, 2, 3])
        #expect(damage.keys.sorted() == [1, 2])
        #expect(damage[1]?.hasPrefix("the stored lead is damaged") == true)
        #expect(damage[2]?.hasPrefix("the stored delivery is damaged") == true)
        #expect(try await store.damage(ofLead: 1) != nil)
        #expect(try await store.damage(ofLead: 2) == nil)
        await store.close()
    }
}
