internal import LeadKit
internal import LeadStore

// What is counted and listed for operators.
extension StoreContract {
    static let tallyChecks: [Check] = [
        .init("what waits for a time of its own is open from then on") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "no lead")
            var decision = DecisionRecord.sample(entry, sinks: ["a"], at: 1000)
            decision.deliveries[0].notBeforeMilliseconds = 7000
            try await store.record([decision])
            func open(_ time: Int64) async throws -> [String: Int64] {
                try await store.oldestOpenMilliseconds(atMilliseconds: time)
            }
            try requireEqual(try await open(6999), [:], "before")
            try requireEqual(try await open(7000), ["a": 7000], "then")
            _ = try await store.leaseOne("a", at: 7000)
            try requireEqual(try await open(6000), ["a": 7000], "under way")
        },
        .init("dead letters that were redelivered are told apart") { store in
            for id in ["1", "2"] { try await store.route(id, to: ["a"]) }
            for one in try await store.lease("a", at: 1000) {
                _ = try await store.finish(one, .dead(reason: "550", followUps: []))
            }
            let all = try await store.deliveries(DeliveryFilter(state: .dead))
            _ = try await store.redeliver([all[0].sequence], order)
            func dead(_ isSuperseded: Bool?) async throws -> [String] {
                let filter = DeliveryFilter(state: .dead, isSuperseded: isSuperseded)
                let tally = try await store.tally(filter)
                let ids = try await store.deliveries(filter).map(\.leadID.text)
                try requireEqual(tally.counts.values.reduce(0, +), ids.count, "the tally")
                return ids
            }
            try requireEqual(try await dead(nil), ["2", "1"], "all")
            try requireEqual(try await dead(false), ["1"], "open")
            try requireEqual(try await dead(true), ["2"], "redelivered")
        },
        .init("the history says to whom it went") { store in
            try await store.route("1", to: ["a"])
            for (time, result) in [
                (Int64(1000), AttemptRecord.Result.retry(dueMilliseconds: 1001, reason: "busy")),
                (2000, .delivered(receipt: "SMTP 250")),
            ] {
                let leased = try await store.leaseOne("a", at: time)
                _ = try await store.finish([
                    AttemptRecord(
                        sequence: leased.sequence, sink: "a", token: leased.token,
                        attempt: leased.attempt, startedMilliseconds: time, durationMilliseconds: 1,
                        result: result, recipient: "zoe@example.com", answer: "as 7")
                ])
            }
            let row = try requireValue(try await store.deliveries(DeliveryFilter()).first, "no row")
            try requireEqual(row.detail, "SMTP 250", "the receipt alone")
            try requireEqual(
                try await store.attempts(of: row.sequence).map(\.detail),
                [
                    "busy (to zoe@example.com); the answer: as 7",
                    "SMTP 250 to zoe@example.com; the answer: as 7",
                ], "the history")
        },
        .init("nothing that was written is damaged, and nothing that is forgotten") { store in
            for id in ["1", "2"] { try await store.route(id, to: ["a"]) }
            for one in try await store.lease("a", at: 1000, limit: 1) {
                _ = try await store.finish(one, .delivered(receipt: "ok"))
            }
            _ = try await store.acceptLeads(["3"])
            _ = try await store.forget([1], ForgetOptions(), order)
            try requireEqual(try await store.damage(ofDeliveries: [1, 2]), [:], "deliveries")
            for sequence in Int64(1)...3 {
                try requireEqual(try await store.damage(ofLead: sequence), nil, "lead \(sequence)")
            }
        },
        .init("a tally of leads says what forgetting them would do") { store in
            for id in 1...3 { try await store.route(String(id), to: ["a"], at: 1000) }
            let leased = try await store.lease("a", at: 1000, limit: 2)
            _ = try await store.finish(leased[0], .delivered(receipt: "ok"))
            _ = try await store.acceptLeads(["4"])
            try requireEqual(
                try await store.tally(LeadFilter()).answers, [.done: 1, .underWay: 1, .open: 2],
                "answers")
            let done = try await store.leads(LeadFilter(leadID: LeadID("1")))
            _ = try await store.forget(done.map(\.sequence), ForgetOptions(), order)
            try requireEqual(
                try await store.tally(LeadFilter(leadID: LeadID("1"))).answers, [.forgotten: 1],
                "of a forgotten one")
        },
        .init("a tally counts what a filter finds, whatever its limit") { store in
            for id in 1...3 { try await store.route(String(id), to: ["a", "b"], at: 1000) }
            let leased = try await store.lease("a", at: 1000, limit: 2)
            _ = try await store.finish(leased[0], .dead(reason: "550", followUps: []))
            _ = try await store.redeliver([leased[0].sequence], order)
            let tally = try await store.tally(DeliveryFilter(sink: "a", limit: 1))
            let counts: [DeliveryTally.Kind: Int] = [
                .init(sink: "a", state: .pending): 2, .init(sink: "a", state: .leased): 1,
                .init(sink: "a", state: .dead, isSuperseded: true): 1,
            ]
            try requireEqual(tally.counts, counts, "deliveries of a sink")
            let newest = try await store.deliveries(DeliveryFilter(sink: "a", limit: 1))
            try requireEqual(tally.lastSequence, newest.first?.sequence ?? 0, "the newest")
            let leads = try await store.tally(LeadFilter(leadID: LeadID("3")))
            try requireEqual(leads.leads, [.decided: 1], "leads of an id")
            try requireEqual(leads.deliveries["b"], [.pending: 1], "their deliveries")
            try requireEqual(
                try await store.tally(DeliveryFilter(sink: "none")), DeliveryTally(), "nothing")
        },
        .init("pages join without gap or repeat") { store in
            for id in 1...5 { try await store.route(String(id), to: ["a"], at: Int64(id)) }
            func newest(_ before: Int64?) async throws -> [DeliveryEntry] {
                try await store.deliveries(DeliveryFilter(beforeSequence: before, limit: 2))
            }
            var ids: [String] = []
            var before: Int64?
            while let page = Optional(try await newest(before)), let last = page.last {
                ids += page.map(\.leadID.text)
                before = last.sequence
            }
            try requireEqual(ids, ["5", "4", "3", "2", "1"], "newest first")
            let oldest = try await store.deliveries(DeliveryFilter(afterSequence: 2, limit: 2))
            try requireEqual(oldest.map(\.leadID.text), ["3", "4"], "oldest first")
            let times = DeliveryFilter(route: "cars", sinceMilliseconds: 2, untilMilliseconds: 4)
            try requireEqual(
                try await store.deliveries(times).map(\.leadID.text), ["3", "2"], "between times")
            let leads = LeadFilter(untilMilliseconds: 4, beforeSequence: 3)
            try requireEqual(
                try await store.leads(leads).map(\.leadID.text), ["2", "1"], "leads")
            try requireEqual(
                try await store.deliveries(DeliveryFilter(source: "website")), [], "of a source")
        },
    ]
}
