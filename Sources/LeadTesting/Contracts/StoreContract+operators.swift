internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let operatorChecks: [Check] = [
        .init("both sides of the books add up") { store in
            _ = try await store.accept(
                [
                    .reference(.sample("90")),
                    .quarantined(source: "facebook", raw: [0x7B], reason: "no object"),
                ], atMilliseconds: 1)
            for id in 1...4 { try await store.route(String(id), to: ["a", "b"]) }
            _ = try await store.acceptLeads(["91"])
            let leased = try await store.lease("a", at: 1000)
            try requireEqual(leased.count, 4, "leased")
            _ = try await store.finish(leased[0], .delivered(receipt: "ok"))
            _ = try await store.finish(leased[1], .dead(reason: "550", followUps: []))
            _ = try await store.finish(leased[2], .retry(dueMilliseconds: 9000, reason: "busy"))
            let stats = try await store.stats()
            let leads: [InboxState: Int] = [
                .announced: 1, .received: 1, .decided: 4, .quarantined: 1,
            ]
            try requireEqual(stats.leads.filter { $0.value > 0 }, leads, "leads")
            try requireEqual(stats.outcomes, ["routed": 4], "outcomes")
            let deliveries: [DeliveryState: Int] = [
                .delivered: 1, .dead: 1, .pending: 5, .leased: 1,
            ]
            try requireEqual(stats.deliveries.filter { $0.value > 0 }, deliveries, "deliveries")
            let sink = stats.sinks["b"]?.filter { $0.value > 0 }
            try requireEqual(sink, [.pending: 4], "deliveries of one sink")
            let sum = stats.sinks.values.flatMap(\.values).reduce(0, +)
            try requireEqual(sum, stats.deliveries.values.reduce(0, +), "sum over the sinks")
        },
        .init("leads are listed newest first, by any filter") { store in
            try await store.route("1", to: ["a"])
            _ = try await store.accept(
                [.lead(.sample(id: "1", source: "website")), .lead(.sample(id: "2"))],
                atMilliseconds: 2000)
            func ids(_ filter: LeadFilter) async throws -> [String] {
                try await store.leads(filter).map { "\($0.source):\($0.leadID)" }
            }
            let all = ["facebook:2", "website:1", "facebook:1"]
            try requireEqual(try await ids(LeadFilter()), all, "all")
            try requireEqual(try await ids(LeadFilter(limit: 1)), ["facebook:2"], "limit")
            try requireEqual(
                try await ids(LeadFilter(source: "website")), ["website:1"], "source")
            try requireEqual(
                try await ids(LeadFilter(leadID: LeadID("1"))), ["website:1", "facebook:1"], "id")
            try requireEqual(
                try await ids(LeadFilter(state: .decided)), ["facebook:1"], "state")
            try requireEqual(
                try await ids(LeadFilter(outcome: "routed")), ["facebook:1"], "outcome")
            for filter in [
                LeadFilter(sink: "a"), LeadFilter(route: "cars"),
                LeadFilter(sink: "a", route: "cars"),
            ] { try requireEqual(try await ids(filter), ["facebook:1"], "given to a by cars") }
            for filter in [LeadFilter(sink: "b"), LeadFilter(sink: "a", route: "vans")] {
                try requireEqual(try await ids(filter), [], "given to others")
                try requireEqual(try await store.tally(filter), LeadTally(), "counted")
            }
            let tally = try await store.tally(LeadFilter(sink: "a"))
            try requireEqual(tally.leads, [.decided: 1], "leads given to a")
            try requireEqual(tally.deliveries, ["a": [.pending: 1]], "deliveries of these")
            try requireEqual(
                try await ids(LeadFilter(sinceMilliseconds: 2000)), ["facebook:2", "website:1"],
                "since")
            let first = try requireValue(
                try await store.leads(LeadFilter(afterSequence: 0, limit: 1)).first, "the first")
            try requireEqual(first.leadID.text, "1", "the oldest comes first")
            try requireEqual(
                try await ids(LeadFilter(afterSequence: first.sequence)),
                ["website:1", "facebook:2"], "behind the first")
        },
        .init("deliveries are listed newest first, by any filter") { store in
            try await store.route("1", to: ["a"])
            try await store.route("2", to: ["a"])
            try await store.route("2b", to: ["b"])
            let leased = try await store.leaseOne("b", at: 1000)
            func ids(_ filter: DeliveryFilter) async throws -> [String] {
                try await store.deliveries(filter).map(\.leadID.text)
            }
            try requireEqual(try await ids(DeliveryFilter()), ["2b", "2", "1"], "all")
            try requireEqual(try await ids(DeliveryFilter(limit: 2)), ["2b", "2"], "limit")
            try requireEqual(try await ids(DeliveryFilter(sink: "a")), ["2", "1"], "sink")
            try requireEqual(try await ids(DeliveryFilter(state: .leased)), ["2b"], "state")
            try requireEqual(
                try await ids(DeliveryFilter(leadID: LeadID("2"))), ["2"], "lead")
            let prefix = String(leased.delivery.key.text.prefix(12))
            try requireEqual(try await ids(DeliveryFilter(keyPrefix: prefix)), ["2b"], "key")
            try requireEqual(try await ids(DeliveryFilter(keyPrefix: "%")), [], "a wild card")
        },
        .init("an empty batch is no error") { store in
            try requireEqual(try await store.accept([], atMilliseconds: 1), [], "accept")
            try await store.record([DecisionRecord]())
            try await store.record([FetchRecord]())
            try requireEqual(try await store.finish([]), [], "finish")
        },
        .init("close may come twice") { store in
            _ = try await store.acceptLeads(["1"])
            await store.close()
            await store.close()
        },
    ]
}
