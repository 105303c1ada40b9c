internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let poolChecks: [Check] = [
        .init("a delivery waits until its time, and keeps its pool") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try await store.undecided(after: 0, limit: 9)[0]
            var decision = DecisionRecord.sample(entry, sinks: ["a"], at: 1000)
            decision.deliveries[0].notBeforeMilliseconds = 5000
            decision.deliveries[0].pool = "team"
            decision.deliveries[0].member = "anna"
            try await store.record([decision])
            let early = try await store.lease(
                picks: [LeasePick(destination: "", limit: 9)], at: 4999)
            try requireEqual(early.nextDueMilliseconds, ["": 5000], "next due")
            try requireEqual(early.taken, [], "leased too early")
            let leased = try await store.leaseOne(at: 5000)
            try requireEqual(leased.delivery, decision.deliveries[0], "delivery")
            try requireEqual(leased.createdMilliseconds, 1000, "when it was made")
            try requireEqual(leased.firstDueMilliseconds, 5000, "what retries count from")
            let listed = try await store.entry(of: "a")
            try requireEqual(listed.delivery, decision.deliveries[0], "delivery in the list")
        },
        .init("a time that is over does not make a delivery older") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try await store.undecided(after: 0, limit: 9)[0]
            var decision = DecisionRecord.sample(entry, sinks: ["a"], at: 1000)
            decision.deliveries[0].notBeforeMilliseconds = 500
            try await store.record([decision])
            try requireEqual(try await store.leaseOne(at: 1000).firstDueMilliseconds, 1000, "due")
        },
        .init("pools remember what is stored with a decision") { store in
            try await store.remember(.sample(number: 1), with: "1")
            try await store.remember(.sample(number: 2), with: "2")
            var wanted = PoolState()
            wanted.apply(.sample(number: 2))
            try requireEqual(try await store.poolState(.sample), wanted, "state")
        },
        .init("pools are told apart") { store in
            try await store.remember(.sample(number: 1), with: "1")
            try await store.remember(.sample(number: 2, pool: "other"), with: "2")
            let state = try await store.poolState(.sample)
            let anna = PoolMember(pool: "team", name: "anna")
            try requireEqual(state[anna].total, 1, "total")
            try requireEqual(state[.sample(of: anna)], 1, "count")
            try requireEqual(state[.sample]?.untilMilliseconds, 10_001, "sticky")
        },
        .init("a forgotten lead's sticky answers are forgotten, unless a later lead has them") {
            store in
            let first = try await store.remember(.sample(number: 1), with: "1")
            let second = try await store.remember(.sample(number: 2), with: "2")
            let calling = ForgetOptions(cancelsPending: true)
            let order = Order(by: "ann", atMilliseconds: 5000)
            _ = try await store.forget([first.sequence], calling, order)
            try requireEqual(
                try await store.poolState(.sample)[.sample]?.untilMilliseconds, 10_002,
                "of the later lead")
            _ = try await store.forget([second.sequence], calling, order)
            let state = try await store.poolState(.sample)
            try requireEqual(state[.sample], nil, "still known")
            let anna = PoolMember(pool: "team", name: "anna")
            try requireEqual(state[anna].total, 2, "the member's leads are still counted")
        },
        .init("a skipped decision does not move a pool") { store in
            let entry = try await store.remember(.sample(number: 1), with: "1")
            var second = DecisionRecord.sample(entry, sinks: ["a"], at: 2000)
            second.pools = .sample(number: 2)
            try await store.record([second])
            var wanted = PoolState()
            wanted.apply(.sample(number: 1))
            try requireEqual(try await store.poolState(.sample), wanted, "state")
        },
    ]
}

extension LeadStore {
    /// Accepts a lead and decides it with what its pools remember.
    @discardableResult
    fileprivate func remember(
        _ changes: PoolChanges, with id: String
    ) async throws -> InboxEntry {
        _ = try await acceptLeads([id])
        let entry = try requireValue(
            try await undecided(after: 0, limit: 9).first, "the lead is not there")
        var decision = DecisionRecord.sample(entry, sinks: ["a"], at: 1000)
        decision.pools = changes
        try await record([decision])
        return entry
    }
}

extension PoolChanges {
    /// What a pool remembers after so many leads, all to one member.
    fileprivate static func sample(number: Int64, pool: String = "team") -> PoolChanges {
        let anna = PoolMember(pool: pool, name: "anna")
        return PoolChanges(
            members: [
                MemberRecord(
                    member: anna, latest: number, latestInTurn: number, credit: -number,
                    total: number, atMilliseconds: number)
            ],
            counts: [
                CapCount(window: .sample(of: anna), count: Int(number), untilMilliseconds: 10_000)
            ],
            sticky: [
                StickyRecord(
                    key: StickyKey(pool: pool, hash: StickyKey.sample.hash), member: "anna",
                    untilMilliseconds: 10_000 + number)
            ])
    }
}

extension PoolQuery {
    fileprivate static let sample = PoolQuery(pools: ["team"], sticky: [.sample])
}

extension StickyKey {
    fileprivate static let sample = StickyKey(
        pool: "team", hash: String(repeating: "0a", count: 32))
}

extension CapWindow {
    fileprivate static func sample(of member: PoolMember) -> CapWindow {
        CapWindow(member: member, period: .day, start: 86_400)
    }
}
