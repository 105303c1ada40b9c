internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let routingChecks: [Check] = [
        .init("undecided leads come in order of arrival, page by page") { store in
            _ = try await store.acceptLeads(["3", "1"])
            _ = try await store.accept([.reference(.sample("8"))], atMilliseconds: 1)
            _ = try await store.acceptLeads(["2", "5", "4"])
            var seen: [String] = []
            var after: Int64 = 0
            while true {
                let page = try await store.undecided(after: after, limit: 2)
                guard let last = page.last else { break }
                try require(page.count <= 2 && last.sequence > after, "a page does not move on")
                seen += page.map(\.leadID.text)
                after = last.sequence
            }
            try requireEqual(seen, ["3", "1", "2", "5", "4"], "order")
        },
        .init("a decision is stored with its deliveries") { store in
            try await store.route("1", to: ["a", "b"])
            try requireEqual(try await store.undecided(after: 0, limit: 9), [], "undecided")
            let entry = try requireValue(try await store.leads(LeadFilter()).first, "no lead")
            try requireEqual(entry.state, .decided, "state")
            try requireEqual(entry.outcome, "routed", "outcome")
            try requireEqual(entry.decision, #"{"route":"cars"}"#, "decision")
            try requireEqual(entry.ruleSetHash, "hash-1", "hash")
            let delivery = try await store.entry(of: "a")
            try requireEqual(delivery.delivery, .sample(entry, sink: "a"), "delivery")
            try requireEqual(delivery.state, .pending, "state of the delivery")
            try requireEqual(delivery.attempts, 0, "attempts")
            try requireEqual(delivery.leadID.text, "1", "its lead")
            _ = try await store.entry(of: "b")
        },
        .init("deciding twice changes nothing") { store in
            let entry = try await store.route("1", to: ["a"])
            var second = DecisionRecord.sample(entry, sinks: ["a", "b"], at: 2000)
            second.outcome = "default"
            second.dedupe = ("late", 1)
            try await store.record([second])
            let lead = try requireValue(try await store.leads(LeadFilter()).first, "no lead")
            try requireEqual(lead.outcome, "routed", "outcome")
            let deliveries = try await store.deliveries(DeliveryFilter())
            try requireEqual(deliveries.map(\.delivery.sink), ["a"], "sinks")
            try require(
                try await !store.hasEarlier(dedupeKey: "late", sinceSeconds: 0),
                "the key of a skipped decision is known")
        },
        .init("a skipped decision does not stop the others of its batch") { store in
            let first = try await store.route("1", to: ["a"])
            _ = try await store.acceptLeads(["2"])
            let second = try await store.undecided(after: 0, limit: 9)[0]
            try await store.record([
                .sample(first, sinks: ["x"], at: 1), .sample(second, sinks: ["b"], at: 1),
            ])
            let sinks = try await store.deliveries(DeliveryFilter()).map(\.delivery.sink)
            try requireEqual(sinks.sorted(), ["a", "b"], "sinks")
        },
        .init("a batch of decisions answers what is undecided behind it") { store in
            _ = try await store.acceptLeads(["1", "2", "3", "4"])
            let entries = try await store.undecided(after: 0, limit: 1)
            let decisions = entries.map { DecisionRecord.sample($0, sinks: ["a"], at: 1) }
            let next = try requireValue(
                try await store.record(decisions, thenUndecided: 2), "no next leads")
            try requireEqual(next.map(\.leadID.text), ["2", "3"], "next leads")
            let all = try await store.undecided(after: 0, limit: 9)
            try requireEqual(next, Array(all.prefix(2)), "their rows")
            let last = all.map { DecisionRecord.sample($0, sinks: ["a"], at: 1) }
            try requireEqual(try await store.record(last, thenUndecided: 9), [], "none left")
        },
        .init("a key enters the outbox once") { store in
            _ = try await store.acceptLeads(["1", "2"])
            let entries = try await store.undecided(after: 0, limit: 9)
            var second = DecisionRecord.sample(entries[1], sinks: ["b"], at: 1)
            second.deliveries += [.sample(entries[0], sink: "a")]
            try await store.record([.sample(entries[0], sinks: ["a", "a"], at: 1), second])
            let sinks = try await store.deliveries(DeliveryFilter()).map(\.delivery.sink)
            try requireEqual(sinks.sorted(), ["a", "b"], "sinks")
        },
        .init("a held lead keeps its reason") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try await store.undecided(after: 0, limit: 9)[0]
            var decision = DecisionRecord.sample(entry, sinks: [], at: 1)
            decision.state = .held
            decision.outcome = "held"
            decision.reason = "no dealer"
            try await store.record([decision])
            let held = try await store.leads(LeadFilter(state: .held))
            try requireEqual(held.map(\.reason), ["no dealer"], "reasons")
            try requireEqual(try await store.undecided(after: 0, limit: 9), [], "undecided")
        },
        .init("an earlier dedupe key is found from its time on") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try await store.undecided(after: 0, limit: 9)[0]
            var decision = DecisionRecord.sample(entry, sinks: [], at: 1)
            decision.dedupe = ("zo\u{E9}@x.test", 500)
            func isKnown(_ key: String, _ since: Int64) async throws -> Bool {
                try await store.hasEarlier(dedupeKey: key, sinceSeconds: since)
            }
            try require(try await !isKnown("zo\u{E9}@x.test", 0), "known before it was decided")
            try await store.record([decision])
            try require(try await isKnown("zo\u{E9}@x.test", 500), "not known at its time")
            try require(try await !isKnown("zo\u{E9}@x.test", 501), "known past its time")
            try require(try await !isKnown("zoe\u{301}@x.test", 0), "found by other bytes")
        },
    ]
}
