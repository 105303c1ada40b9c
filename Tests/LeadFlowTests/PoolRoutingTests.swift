import Foundation
import GRDB
import LeadKit
import LeadRules
import LeadTesting
import Testing

@testable import LeadFlow
@testable import LeadStore

/// Pools and waiting deliveries through a real store.
@Suite(.timeLimit(.minutes(1))) struct PoolRoutingTests {
    private static let rules = """
        default: {to: [main]}
        schedules: {s: {time_zone: UTC, open: {mon-sun: "22:00-23:00"}}}
        pools: {p: {members: [a, b, {to: c, caps: {hour: 2}}], fallback: main, sticky: {by: email, for: 9d}}}
        routes:
          - {id: waiting, when: {kind: waiting}, to: [{pool: p}], hold_until: {schedule: s, at_most: 1d}}
          - {id: team, always: true, to: [{pool: p}]}
        """

    private func stage(in folder: URL? = nil) async throws -> Stage {
        try await Stage(
            sinks: ["main", "a", "b", "c"].map { ($0, Script(), "") },
            rest: PoolRoutingTests.rules, folder: folder)
    }

    private func accept(_ ids: Range<Int>, kind: String = "plain", _ stage: Stage) async throws {
        _ = try await stage.store.accept(
            ids.map { id in
                .lead(
                    Lead.sample(
                        id: String(id), source: "web",
                        fields: [Field("email", "\(id)@x.example"), Field("kind", kind)]))
            }, atMilliseconds: 1)
    }

    private func records(_ stage: Stage, _ clock: HandClock) async throws -> [DecisionRecord] {
        let routing = try await stage.flow(clock: clock).routing
        return try await routing.records(of: stage.store.undecided(after: 0, limit: 256))
    }

    private func members(_ stage: Stage) async throws -> String {
        try await stage.store.deliveries(DeliveryFilter(limit: 1000)).reversed()
            .map { $0.delivery.member ?? "-" }.joined(separator: " ")
    }

    @Test func `a batch that is decided again before it is stored is the same`() async throws {
        let stage = try await stage()
        let clock = HandClock()
        try await accept(0..<7, stage)
        let first = try await records(stage, clock)
        let second = try await records(stage, clock)
        #expect(first.map(\.deliveries) == second.map(\.deliveries))
        #expect(first.map(\.pools) == second.map(\.pools))
        #expect(first.flatMap(\.deliveries).map(\.member) == ["a", "b", "c", "a", "b", "c", "a"])
        try await stage.store.record(first)
        let query = PoolQuery(pools: ["p"])
        let state = try await stage.store.poolState(query)
        // The answer to the commit was lost: it is stored again, and changes nothing.
        try await stage.store.record(second)
        #expect(try await stage.store.poolState(query) == state)
        #expect(try await members(stage) == "a b c a b c a")
        #expect(state[PoolMember(pool: "p", name: "a")].total == 3)
        await stage.store.close()
    }

    @Test func `whose turn it is survives a restart, and so does what is full`() async throws {
        // The stages share one file, and the last one removes it.
        let stage = try await stage()
        await stage.store.close()
        let clock = HandClock()
        var stages = [stage]
        for ids in [0..<2, 2..<6, 6..<7, 7..<11] {
            let next = try await self.stage(in: stage.folder)
            stages.append(next)
            try await accept(ids, next)
            try await next.store.record(try await records(next, clock))
            if ids.upperBound == 11 {
                #expect(try await members(next) == "a b c a b c a b a b a")
            }
            await next.store.close()
        }
        withExtendedLifetime(stages) {}
    }

    @Test func `a running flow shares leads in the order of arrival`() async throws {
        let stage = try await stage()
        try await accept(0..<600, stage)
        let flow = try await stage.flow(clock: HandClock())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await flow.routing.run() }
            try await stage.until { $0.leads == [.decided: 600] }
            group.cancelAll()
            while let end = await group.nextResult() {
                if case .failure(let error) = end, !(error is CancellationError) { throw error }
            }
        }
        // c may get two an hour, and is passed over from then on.
        let state = try await stage.store.poolState(PoolQuery(pools: ["p"]))
        let totals = ["a", "b", "c"].map { state[PoolMember(pool: "p", name: $0)].total }
        #expect(totals == [299, 299, 2])
        let order = try await members(stage)
        #expect(order.hasPrefix("a b c a b c a b a b a b"))
        await stage.store.close()
    }

    @Test func `what waits is due when the schedule opens, and keeps its member`() async throws {
        let stage = try await stage()
        let clock = HandClock()
        try await accept(0..<1, kind: "waiting", stage)
        try await stage.store.record(try await records(stage, clock))
        // 22:13:20 on 2023-11-14 is open; an hour later it is closed until the next evening.
        let entry = try #require(try await stage.store.deliveries(DeliveryFilter()).first)
        #expect(entry.dueMilliseconds == clock.nowMilliseconds())
        clock.advance(by: .seconds(3600))
        try await accept(1..<2, kind: "waiting", stage)
        try await stage.store.record(try await records(stage, clock))
        let waiting = try #require(try await stage.store.deliveries(DeliveryFilter()).first)
        #expect(waiting.dueMilliseconds == 1_700_085_600_000)
        #expect(waiting.delivery.member == "b")
        #expect(waiting.delivery.sink == "b")
        #expect(waiting.delivery.pool == "p")
        let lead = try #require(try await stage.store.leads(LeadFilter(leadID: LeadID("1"))).first)
        #expect(
            lead.decision?.contains(
                #""pool":"p","member":"b","not_before":"2023-11-15T22:00:00Z""#) == true)
        await stage.store.close()
    }

    @Test func `keys tell pools apart, not members`() async throws {
        let stage = try await stage()
        let clock = HandClock()
        try await accept(0..<1, stage)
        let first = try await records(stage, clock)
        // Somebody else would get it now; it is the same delivery.
        var changes = PoolChanges()
        changes.members = [
            MemberRecord(member: PoolMember(pool: "p", name: "a"), latest: 1, latestInTurn: 1)
        ]
        var other = first[0]
        (other.deliveries, other.pools, other.sequence) = ([], changes, first[0].sequence)
        try await accept(1..<2, stage)
        let entry = try #require(try await stage.store.undecided(after: 1, limit: 1).first)
        other.sequence = entry.sequence
        try await stage.store.record([other])
        let second = try await records(stage, clock)
        #expect(first[0].deliveries[0].sink == "a")
        #expect(second[0].deliveries[0].sink == "b")
        #expect(first[0].deliveries[0].key == second[0].deliveries[0].key)
        await stage.store.close()
    }

    @Test func `a store of the first version gets the new tables and keeps its rows`() async throws
    {
        let stage = try await stage()
        let path = stage.folder.appending(path: "old.db").path()
        let old = try await SQLiteStore.open(path: path, ownership: .owner)
        _ = try await old.accept([.lead(.sample(id: "1"))], atMilliseconds: 1)
        try await old.write { db in
            // What the second migration made is taken back.
            for table in ["pool_members", "pool_counts", "pool_sticky"] {
                try db.execute(sql: "DROP TABLE \(table)")
            }
            for column in ["not_before_ms", "pool", "member"] {
                try db.execute(sql: "ALTER TABLE outbox DROP COLUMN \(column)")
            }
            try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier LIKE '2 %'")
        }
        await old.close()
        let store = try await SQLiteStore.open(path: path, ownership: .owner)
        #expect(try await store.undecided(after: 0, limit: 9).map(\.leadID.text) == ["1"])
        #expect(try await store.poolState(PoolQuery(pools: ["p"])) == PoolState())
        await store.close()
        await stage.store.close()
    }
}
