internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let destinationChecks: [Check] = [
        .init("a destination is kept, and only its own picks take it") { store in
            for id in 1...3 { try await store.route(String(id), to: ["a"], at: Int64(id)) }
            let leased = try await store.lease(at: 1000)
            let retry = AttemptRecord.Result.retry(dueMilliseconds: 2000, reason: "busy")
            _ = try await store.finish(leased[0], retry, destination: "x")
            _ = try await store.finish(leased[1], .returned, destination: "y")
            _ = try await store.finish(leased[2], .returned)
            try requireEqual(
                try await store.pendingDestinations(sink: "a", after: "", limit: 10),
                [
                    PendingDestination(name: "x", dueMilliseconds: 2000),
                    PendingDestination(name: "y", dueMilliseconds: 2),
                ], "destinations")
            try requireEqual(
                try await store.pendingDestinations(sink: "a", after: "x", limit: 10).map(\.name),
                ["y"], "behind a name")
            try requireEqual(
                try await store.pendingDestinations(sink: "a", after: "", limit: 1).map(\.name),
                ["x"], "limit")
            try requireEqual(
                try await store.pendingDestinations(sink: "b", after: "", limit: 10), [], "sink")
            let again = try await store.lease(
                picks: [
                    LeasePick(destination: "x", limit: 5), LeasePick(destination: "y", limit: 5),
                    LeasePick(destination: "", limit: 5),
                ], at: 1500)
            try requireEqual(
                again.taken.map(\.sequence), [leased[1].sequence, leased[2].sequence], "due")
            try requireEqual(again.taken.map(\.destination), ["y", ""], "names")
            try requireEqual(again.nextDueMilliseconds, ["x": 2000], "next due")
        },
        .init("picks are taken in turn up to their limits and the whole one") { store in
            for id in 1...6 { try await store.route(String(id), to: ["a"], at: Int64(id) * 10) }
            let one = LeasePick(destination: "", kind: .dueSince(milliseconds: 35), limit: 1)
            let picks = [one, LeasePick(destination: "", limit: 2), one]
            try requireEqual(try await store.take(picks, at: 100, limit: 3), [4, 1, 2], "first")
            try requireEqual(try await store.take(picks, at: 100), [5, 3, 6], "then")
            try requireEqual(try await store.take(picks, at: 100), [], "at last")
        },
        .init("a probe is the latest that is due, or the next, but nothing before its own time") {
            store in
            try await store.route("1", to: ["a"], at: 1)
            let leased = try await store.leaseOne(at: 1)
            _ = try await store.finish(leased, .retry(dueMilliseconds: 9000, reason: "x"))
            let entry = try await store.routeLater("2", to: "a", at: 1, notBefore: 500)
            let probe = [LeasePick(destination: "", kind: .probe, limit: 1)]
            try requireEqual(try await store.take(probe, at: 499), [leased.sequence], "any")
            try requireEqual(try await store.take(probe, at: 500), [entry], "at its time")
            for id in 3...5 { try await store.route(String(id), to: ["a"], at: Int64(id) * 100) }
            let third = entry + 1
            try requireEqual(try await store.take(probe, at: 450), [third + 1], "the latest due")
            try requireEqual(try await store.take(probe, at: 450), [third], "then the one before")
            try requireEqual(try await store.take(probe, at: 450), [third + 2], "then the next")
        },
        .init("a pick by age goes by when a delivery was first due") { store in
            try await store.route("1", to: ["a"], at: 100)
            try await store.route("2", to: ["a"], at: 200)
            let later = try await store.routeLater("3", to: "a", at: 100, notBefore: 300)
            let leased = try await store.lease(at: 250)
            for one in leased {
                _ = try await store.finish(one, .retry(dueMilliseconds: 9000, reason: "x"))
            }
            func aged(_ time: Int64) -> [LeasePick] {
                [LeasePick(destination: "", kind: .agedBy(milliseconds: time), limit: 9)]
            }
            try requireEqual(try await store.take(aged(99), at: 999), [], "none")
            try requireEqual(
                try await store.take(aged(199), at: 999), [leased[0].sequence], "the oldest")
            try requireEqual(
                try await store.take(aged(300), at: 999), [later, leased[1].sequence],
                "the rest")
        },
        .init("an expired delivery is dead and spent no attempt") { store in
            let lead = try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            let expired = AttemptRecord.Result.expired(
                reason: "too old", followUps: [.sample(lead, sink: "desk")])
            try require(try await store.finish(leased, expired), "refused")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .dead, "state")
            try requireEqual(entry.attempts, 0, "attempts")
            try requireEqual(entry.detail, "too old", "reason")
            try requireEqual(try await store.entry(of: "desk").state, .pending, "follow-up")
        },
        .init("what was not begun comes back as it was, without a history") { store in
            try await store.route("1", to: ["a"], at: 700)
            let before = try await store.entry(of: "a")
            let leased = try await store.leaseOne(at: 1000)
            try require(!leased.wasTried, "tried")
            try require(try await store.finish(leased, .returned), "refused")
            let again = try await store.leaseOne(at: 1000)
            try require(!again.wasTried, "tried")
            _ = try await store.finish(again, .returned)
            try requireEqual(try await store.entry(of: "a"), before, "entry")
            try requireEqual(try await store.attempts(of: leased.sequence), [], "history")
        },
        .init("of releases in a row the history keeps the last") { store in
            try await store.route("1", to: ["a"])
            for reason in ["one", "two"] {
                let leased = try await store.leaseOne(at: 1000)
                _ = try await store.finish(
                    leased, .released(dueMilliseconds: nil, reason: reason))
            }
            let leased = try await store.leaseOne(at: 1000)
            try requireEqual(leased.attempt, 1, "attempt")
            try require(leased.wasTried, "nobody knows that it was tried")
            _ = try await store.finish(leased, .retry(dueMilliseconds: 1, reason: "three"))
            try requireEqual(
                try await store.attempts(of: leased.sequence).map(\.detail), ["two", "three"],
                "history")
        },
        .init("due dates behind a limit move to it, others stay") { store in
            try await store.route("1", to: ["a", "b"], at: 90_000)
            try await store.route("2", to: ["a"], at: 100)
            let later = try await store.routeLater("3", to: "a", at: 100, notBefore: 80_000)
            let leased = try await store.leaseOne(at: 100)
            _ = try await store.finish(leased, .retry(dueMilliseconds: 70_000, reason: "x"))
            var limit = DueLimit(
                sink: "a", atMilliseconds: 1000, waitsMilliseconds: [0, 500],
                toleranceMilliseconds: 89_000)
            try requireEqual(try await store.limitDue(limit), 0, "moved within the tolerance")
            limit.toleranceMilliseconds = 0
            try requireEqual(try await store.limitDue(limit), 2, "moved")
            try requireEqual(try await store.limitDue(limit), 0, "moved again")
            let entries = try await store.deliveries(DeliveryFilter(sink: "a"))
            let due = Dictionary(uniqueKeysWithValues: entries.map { ($0.leadID.text, $0) })
            try requireEqual(due["1"]?.dueMilliseconds, 1000, "of a new one")
            try requireEqual(due["2"]?.dueMilliseconds, 1500, "of a retry")
            try requireEqual(due["3"]?.dueMilliseconds, 80_000, "of \(later), which waits")
            try requireEqual(try await store.entry(of: "b").dueMilliseconds, 90_000, "elsewhere")
        },
        .init("what waits at a destination that is well again is due, once") { store in
            for id in 1...4 { try await store.route(String(id), to: ["a"], at: Int64(id)) }
            _ = try await store.routeLater("5", to: "a", at: 5, notBefore: 80_000)
            let leased = try await store.lease(at: 1000)
            let retry = AttemptRecord.Result.retry(dueMilliseconds: 70_000, reason: "down")
            for one in leased.prefix(3) {
                _ = try await store.finish(one, retry, destination: "x")
            }
            _ = try await store.finish(leased[3], retry, destination: "y")
            let hastening = Hastening(
                sink: "a", destination: "x", atMilliseconds: 2000,
                exceptSequence: leased[0].sequence)
            try requireEqual(try await store.hasten(hastening), 2, "moved")
            try requireEqual(try await store.hasten(hastening), 0, "moved again")
            let entries = try await store.deliveries(DeliveryFilter(sink: "a"))
            let due = Dictionary(
                uniqueKeysWithValues: entries.map { ($0.leadID.text, $0.dueMilliseconds) })
            try requireEqual(
                due, ["1": 70_000, "2": 2000, "3": 2000, "4": 70_000, "5": 80_000], "due dates")
        },
    ]

    static let crashChecks: [Check] = [
        .init("a lease is renewed while it is held") { store in
            try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            let name = LeaseName(sequence: leased.sequence, attempt: leased.attempt)
            let other = LeaseName(sequence: leased.sequence, attempt: 2)
            try requireEqual(
                try await store.renew([other, name], token: "t1", untilMilliseconds: 5000),
                [false, true], "answers")
            let void = LeaseVoid(
                exceptToken: "t2", ranOutByMilliseconds: 4999, atMilliseconds: 4999)
            try requireEqual(try await store.voidLeases(void).count, 0, "voided")
            try requireEqual(
                try await store.renew([name], token: "t2", untilMilliseconds: 9000), [false],
                "by another token")
            _ = try await store.finish(leased, .delivered(receipt: "ok"))
            try requireEqual(
                try await store.renew([name], token: "t1", untilMilliseconds: 9000), [false],
                "after its end")
        },
        .init("three crashes in a row make a delivery dead, an end between counts anew") { store in
            try await store.route("1", to: ["a"])
            let suspect = [LeasePick(destination: "", kind: .suspect, limit: 5)]
            func crash(expecting dead: Int) async throws {
                let voided = try await store.voidLeases(
                    LeaseVoid(exceptToken: "new", countsCrash: true, atMilliseconds: 5000))
                try requireEqual(voided.count, 1, "voided")
                try requireEqual(voided.quarantined.count, dead, "quarantined")
            }
            _ = try await store.leaseOne(at: 1000)
            try await crash(expecting: 0)
            try requireEqual(try await store.lease(at: 1000), [], "leased with the others")
            let second = try await store.lease(picks: suspect, at: 1000).taken
            try requireEqual(second.map(\.crashes), [1], "crashes")
            _ = try await store.finish(second[0], .retry(dueMilliseconds: 1000, reason: "x"))
            try requireEqual(try await store.leaseOne(at: 1000).crashes, 0, "after an end")
            try await crash(expecting: 0)
            _ = try await store.lease(picks: suspect, at: 1000)
            try await crash(expecting: 0)
            let last = try await store.lease(picks: suspect, at: 1000).taken
            try requireEqual(last.map(\.crashes), [2], "crashes")
            try await crash(expecting: 1)
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .dead, "state")
            try requireEqual(entry.detail, LeaseVoid.reason, "reason")
            try require(
                try await !store.finish(last[0], .delivered(receipt: "late")), "not fenced")
        },
        .init("a process that was killed blames nobody") { store in
            try await store.route("1", to: ["a"])
            for _ in 1...5 {
                _ = try await store.leaseOne(at: 1000)
                let voided = try await store.voidLeases(
                    LeaseVoid(exceptToken: "new", atMilliseconds: 5000))
                try requireEqual(voided, VoidedLeases(count: 1), "voided")
            }
        },
        .init("jumps of the clock are kept in order") { store in
            let jumps = [3, 1, 2].map {
                ClockJump(expectedMilliseconds: $0, byMilliseconds: -$0)
            }
            for jump in jumps { try await store.record(jump) }
            try requireEqual(try await store.clockJumps(), jumps, "jumps")
            let marks = [7, 8].map { ClockJump(expectedMilliseconds: $0, byMilliseconds: 0) }
            for mark in marks { try await store.record(mark) }
            try requireEqual(try await store.clockJumps(), jumps + [marks[1]], "the last mark")
            // One a minute: in a day there are more of them than jumps are kept.
            for minute in 9..<Int64(ClockJump.countMax + 20) {
                try await store.record(
                    ClockJump(expectedMilliseconds: minute, byMilliseconds: 0))
            }
            try requireEqual(
                try await store.clockJumps().filter { !$0.isMark }, jumps, "after many marks")
        },
        .init("a pause stays until it is taken back, and keeps its time") { store in
            let first = SinkPause(sink: "a", sinceMilliseconds: 5, reason: "holidays")
            try await store.setPause(first, sink: "a")
            try await store.setPause(
                SinkPause(sink: "b", sinceMilliseconds: 6), sink: "b")
            try await store.setPause(
                SinkPause(sink: "a", sinceMilliseconds: 9, reason: "still"), sink: "a")
            try requireEqual(
                try await store.pauses(),
                [
                    SinkPause(sink: "a", sinceMilliseconds: 5, reason: "still"),
                    SinkPause(sink: "b", sinceMilliseconds: 6),
                ], "pauses")
            try await store.setPause(nil, sink: "a")
            try await store.setPause(nil, sink: "c")
            try requireEqual(try await store.pauses().map(\.sink), ["b"], "pauses")
        },
    ]
}

extension LeadStore {
    /// Accepts a lead and decides it with a delivery that waits; answers the delivery's row.
    fileprivate func routeLater(
        _ id: String, to sink: String, at time: Int64, notBefore: Int64
    ) async throws -> Int64 {
        _ = try await acceptLeads([id], at: time)
        let entry = try requireValue(
            try await undecided(after: 0, limit: 1000).first { $0.leadID.text == id }, "no lead")
        var decision = DecisionRecord.sample(entry, sinks: [sink], at: time)
        decision.deliveries[0].notBeforeMilliseconds = notBefore
        try await record([decision])
        let found = try await deliveries(DeliveryFilter(leadID: entry.leadID))
        return try requireValue(found.first, "no delivery").sequence
    }
}
