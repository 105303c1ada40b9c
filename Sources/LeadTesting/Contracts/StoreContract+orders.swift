internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let order = Order(by: "ann", reason: "asked for", atMilliseconds: 5000)

    static let redeliverChecks: [Check] = [
        .init("a redelivery is a new generation, linked to the old one") { store in
            try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            _ = try await store.finish(leased, .dead(reason: "550", followUps: []))
            let answers = try await store.redeliver([leased.sequence], order)
            try requireEqual(answers, [.done], "answers")
            let entries = try await store.deliveries(DeliveryFilter(sink: "a"))
            try requireEqual(entries.map(\.state), [.pending, .dead], "states")
            try requireEqual(entries.map(\.generation), [1, 0], "generations")
            try requireEqual(entries[0].previousSequence, leased.sequence, "the link")
            try requireEqual(entries.map(\.isSuperseded), [false, true], "superseded")
            try requireEqual(
                entries[0].delivery.key, leased.delivery.key.ofNextGeneration, "the key")
            try requireEqual(entries[0].attempts, 0, "attempts")
            let next = try await store.leaseOne(at: 5000)
            try requireEqual(next.delivery.key, entries[0].delivery.key, "leased")
            try requireEqual(next.delivery.with, leased.delivery.with, "settings")
        },
        .init("a delivery has one later generation at most, and only when it is over") { store in
            try await store.route("1", to: ["a"])
            let first = try await store.entry(of: "a").sequence
            try requireEqual(try await store.redeliver([first], order), [.open], "pending")
            let leased = try await store.leaseOne(at: 1000)
            try requireEqual(try await store.redeliver([first], order), [.underWay], "leased")
            _ = try await store.finish(leased, .delivered(receipt: "ok"))
            try requireEqual(
                try await store.redeliver([first, first, 99], order),
                [.done, .superseded, .unknown], "delivered, again, and none")
            let entries = try await store.deliveries(DeliveryFilter(sink: "a"))
            try requireEqual(entries.map(\.state), [.pending, .delivered], "states")
            try requireEqual(
                try await store.redeliver(entries.map(\.sequence), order), [.open, .superseded],
                "while the new one is open")
        },
        .init("a cancelled delivery is over, and says by whom and why") { store in
            let lead = try await store.route("1", to: ["a"])
            let sequence = try await store.entry(of: "a").sequence
            try requireEqual(try await store.cancel([sequence, 99], order), [.done, .unknown], "")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .cancelled, "state")
            try requireEqual(entry.detail, "cancelled by ann: asked for", "detail")
            try requireEqual(try await store.lease(at: 99_999), [], "leased all the same")
            try requireEqual(try await store.cancel([sequence], order), [.over], "again")
            let orders = try await store.orders(ofLead: lead.sequence)
            try requireEqual(
                orders,
                [OrderEntry(verb: .cancelled, deliverySequence: sequence, order: order)], "orders")
            let stats = try await store.stats()
            try requireEqual(
                stats.deliveries.filter { $0.value > 0 }, [.cancelled: 1], "the books")
            try requireEqual(try await store.redeliver([sequence], order), [.done], "redelivered")
        },
        .init("what is under way cannot be cancelled") { store in
            try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            try requireEqual(try await store.cancel([leased.sequence], order), [.underWay], "")
            try require(try await store.finish(leased, .delivered(receipt: "ok")), "refused")
        },
    ]

    static let forgetChecks: [Check] = [
        .init("a forgotten lead leaves its id, states and counts, and nothing else") { store in
            let lead = try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            _ = try await store.finish(leased, .delivered(receipt: "250 zoe@example.com"))
            try requireEqual(
                try await store.forget([lead.sequence, 99], ForgetOptions(), order),
                [.done, .unknown], "answers")
            let kept = try requireValue(
                try await store.leads(LeadFilter(leadID: lead.leadID)).first, "no tombstone")
            try requireEqual(kept.state, .forgotten, "state")
            try require(kept.lead.isEmpty && kept.raw.isEmpty, "content is left")
            try requireEqual(kept.decision, nil, "decision")
            try requireEqual(kept.outcome, "routed", "outcome")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .delivered, "the delivery's state")
            try requireEqual(entry.detail, nil, "receipt")
            try requireEqual(entry.delivery.with, "", "settings")
            let attempts = try await store.attempts(of: entry.sequence)
            try requireEqual(attempts.map(\.detail), [""], "details of attempts")
            let stats = try await store.stats()
            try requireEqual(stats.leads.filter { $0.value > 0 }, [.forgotten: 1], "leads")
            try requireEqual(stats.outcomes, ["routed": 1], "outcomes")
            try requireEqual(
                stats.deliveries.filter { $0.value > 0 }, [.delivered: 1], "deliveries")
        },
        .init("a forgotten lead does not come in again, unless that is allowed") { store in
            let lead = try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            _ = try await store.finish(leased, .delivered(receipt: "ok"))
            _ = try await store.forget([lead.sequence], ForgetOptions(), order)
            try requireEqual(try await store.acceptLeads(["1"]), [.duplicate], "again")
            let kept = try await store.leads(LeadFilter(leadID: lead.leadID))
            try requireEqual(kept.map(\.state), [.forgotten], "filled in")
            try requireEqual(
                try await store.forget([lead.sequence], ForgetOptions(), order), [.forgotten],
                "forgotten twice")
            try requireEqual(
                try await store.redeliver([leased.sequence], order), [.forgotten], "redelivered")
            let allowing = ForgetOptions(allowsAgain: true)
            try requireEqual(
                try await store.forget([lead.sequence], allowing, order), [.done], "allowed")
            try await store.route("1", to: ["a"])
            let next = try await store.leaseOne(at: 9000)
            try requireEqual(next.lead, Lead.sample(id: "1").json, "the new lead's delivery")
            try requireEqual(next.attempt, 1, "its attempt")
        },
        .init("a lead that is not over is forgotten only when that calls it off") { store in
            let lead = try await store.route("1", to: ["a"])
            _ = try await store.acceptLeads(["2"])
            let received = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "no lead")
            let both = [lead.sequence, received.sequence]
            try requireEqual(
                try await store.forget(both, ForgetOptions(), order), [.open, .open], "answers")
            let leased = try await store.leaseOne(at: 1000)
            let calling = ForgetOptions(cancelsPending: true)
            try requireEqual(
                try await store.forget(both, calling, order), [.underWay, .done], "leased")
            _ = try await store.finish(leased, .retry(dueMilliseconds: 3000, reason: "busy"))
            try requireEqual(
                try await store.forget([lead.sequence], calling, order), [.done], "pending")
            try requireEqual(try await store.entry(of: "a").state, .cancelled, "state")
            try requireEqual(try await store.undecided(after: 0, limit: 9), [], "undecided")
            try await store.record([.sample(received, sinks: ["x"], at: 1)])
            try requireEqual(
                try await store.deliveries(DeliveryFilter(sink: "x")), [],
                "deliveries of a decision that came late")
        },
        .init("a forgotten lead's dedupe key is forgotten, too") { store in
            _ = try await store.acceptLeads(["1", "2"])
            let entries = try await store.undecided(after: 0, limit: 9)
            for entry in entries {
                var decision = DecisionRecord.sample(entry, sinks: [], at: 1)
                decision.dedupe = ("zoe", 500)
                try await store.record([decision])
            }
            _ = try await store.forget([entries[0].sequence], ForgetOptions(), order)
            try require(
                try await store.hasEarlier(dedupeKey: "zoe", sinceSeconds: 0), "of both leads")
            _ = try await store.forget([entries[1].sequence], ForgetOptions(), order)
            try require(
                try await !store.hasEarlier(dedupeKey: "zoe", sinceSeconds: 0), "still known")
        },
        .init("what is over is found by how it ended, longest kept first") { store in
            try await overIsFound(store)
        },
    ]

    @Sendable private static func overIsFound(_ store: any LeadStore) async throws {
        for (id, sink, time) in [("1", "a", Int64(300)), ("2", "b", 200), ("3", "c", 100)] {
            try await store.route(id, to: [sink], at: time)
        }
        try await store.route("4", to: ["b"], at: 150)
        _ = try await store.accept(
            [.quarantined(source: "facebook", raw: [0x7B], reason: "no object")],
            atMilliseconds: 50)
        for one in try await store.lease("b", at: 1000) {
            _ = try await store.finish(one, .delivered(receipt: "ok"))
        }
        let dead = try await store.leaseOne("a", at: 1000)
        _ = try await store.finish(dead, .dead(reason: "550", followUps: []))
        func times(
            _ end: OverQuery.End, before: Int64 = 9999, after: OverLead? = nil, limit: Int = 9
        ) async throws -> [Int64] {
            try await store.over(
                OverQuery(end: end, beforeMilliseconds: before, after: after, limit: limit)
            ).map(\.receivedMilliseconds)
        }
        try requireEqual(try await times(.delivered), [150, 200], "delivered")
        try requireEqual(try await times(.delivered, before: 200), [150], "before a time")
        try requireEqual(try await times(.delivered, limit: 1), [150], "limit")
        let first = OverLead(sequence: 4, receivedMilliseconds: 150)
        try requireEqual(try await times(.delivered, after: first), [200], "behind the first")
        try requireEqual(try await times(.dead), [300], "dead")
        try requireEqual(try await times(.quarantined), [50], "quarantined")
        try requireEqual(try await times(.held), [], "held")
        _ = try await store.redeliver([dead.sequence], order)
        try requireEqual(try await times(.dead), [], "dead, and redelivered")
        let open = try await store.oldestOpenMilliseconds(atMilliseconds: 9000)
        try requireEqual(open, ["a": 5000, "c": 100], "open")
    }
}
