internal import LeadKit
internal import LeadStore

// Leads that are given to the rules again.
extension StoreContract {
    static let decideAgainChecks: [Check] = [
        .init("a held lead is received again, and is no duplicate of itself") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "no lead")
            var decision = DecisionRecord.sample(entry, sinks: [], at: 1)
            (decision.state, decision.outcome, decision.reason) = (.held, "held", "no store")
            decision.dedupe = ("zoe", 500)
            try await store.record([decision])
            try requireEqual(
                try await store.decideAgain([entry.sequence, 99], .init(), order),
                [.done, .unknown],
                "answers")
            let again = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "not to be decided")
            try requireEqual(again.lead, entry.lead, "content")
            let row = try requireValue(try await store.leads(LeadFilter()).first, "no row")
            try requireEqual(row.state, .received, "state")
            try requireEqual(row.outcome, nil, "outcome")
            try requireEqual(row.reason, nil, "reason")
            try require(
                again.decidedMilliseconds != nil, "it does not know that it is no duplicate")
            try requireEqual(again.isDuplicate, false, "duplicate")
            try require(
                try await store.hasEarlier(dedupeKey: "zoe", sinceSeconds: 0), "for others")
            try requireEqual(
                try await store.decideAgain([entry.sequence], .init(), order), [.open], "twice")
            var second = DecisionRecord.sample(again, sinks: ["a"], at: 2)
            second.dedupe = ("zoe", 500)
            try await store.record([second])
            let stats = try await store.stats()
            try requireEqual(stats.leads.filter { $0.value > 0 }, [.decided: 1], "the books")
            try requireEqual(stats.outcomes.filter { $0.value > 0 }, ["routed": 1], "outcomes")
            try requireEqual(
                try await store.orders(ofLead: entry.sequence).map(\.verb), [.decidedAgain],
                "orders")
        },
        .init("copies of a held lead that went out are not sent again") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "no lead")
            var decision = DecisionRecord.sample(entry, sinks: ["a"], at: 1)
            (decision.state, decision.outcome, decision.reason) = (.held, "held", "no store")
            decision.isDuplicate = true
            try await store.record([decision])
            let copy = try await store.leaseOne(at: 1000)
            _ = try await store.finish(copy, .delivered(receipt: "ok"))
            try requireEqual(
                try await store.decideAgain([entry.sequence], .init(), order), [.done], "answer")
            let again = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "not to be decided")
            try requireEqual(again.isDuplicate, true, "duplicate")
            var second = DecisionRecord.sample(again, sinks: ["a", "b"], at: 2)
            second.isDuplicate = again.isDuplicate
            try await store.record([second])
            try requireEqual(
                try await store.deliveries(DeliveryFilter(sink: "a")).map(\.state), [.delivered],
                "the copy")
            let new = try await store.leaseOne("b", at: 5000)
            try requireEqual(new.isDuplicate, true, "its mark")
        },
        .init("what was given up is made anew with a decision") { store in
            _ = try await store.acceptLeads(["1"])
            let entry = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "no lead")
            var decision = DecisionRecord.sample(entry, sinks: ["a"], at: 1)
            (decision.state, decision.outcome, decision.reason) = (.held, "held", "no store")
            try await store.record([decision])
            let copy = try await store.leaseOne(at: 1000)
            _ = try await store.finish(copy, .dead(reason: "422", followUps: []))
            _ = try await store.decideAgain([entry.sequence], .init(), order)
            var second = DecisionRecord.sample(entry, sinks: ["b"], at: 2)
            second.anew = [
                .init(copy.sequence, sink: "a", notBeforeMilliseconds: 4000), .init(99, sink: "a"),
            ]
            try await store.record([second])
            try requireEqual(try await store.lease(at: 3999), [], "before its time")
            let anew = try await store.leaseOne(at: 5000)
            try requireEqual(anew.delivery.key, copy.delivery.key.ofNextGeneration, "its key")
            let rows = try await store.deliveries(DeliveryFilter(sink: "a"))
            try requireEqual(rows.map(\.generation), [1, 0], "generations")
            try requireEqual(rows.map(\.isSuperseded), [false, true], "what follows what")
            try requireEqual(
                try await store.orders(ofLead: entry.sequence).map(\.verb),
                [.decidedAgain, .redelivered], "orders")
        },
        .init("a decided lead is received again, and what was decided before is kept") { store in
            let lead = try await store.route("1", to: ["a"])
            try requireEqual(
                try await store.decideAgain([lead.sequence], .init(), order), [.done], "answer")
            let stats = try await store.stats()
            try requireEqual(stats.leads.filter { $0.value > 0 }, [.received: 1], "the books")
            try requireEqual(stats.outcomes.filter { $0.value > 0 }, [:], "outcomes")
            try requireEqual(try await store.entry(of: "a").state, .pending, "its delivery")
            let again = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "not to be decided")
            try requireEqual(again.cancelsOthers, false, "what it calls off")
            var second = DecisionRecord.sample(again, sinks: ["b"], at: 7000)
            second.ruleSetHash = "other"
            try await store.record([second])
            let earlier = try await store.earlierDecisions(ofLead: lead.sequence)
            try requireEqual(earlier.map(\.outcome), ["routed"], "the outcome before")
            try requireEqual(earlier.map(\.decision), [#"{"route":"cars"}"#], "the decision before")
            try requireEqual(earlier.map(\.ruleSetHash), ["hash-1"], "its rule set")
            try requireEqual(earlier.map(\.endedMilliseconds), [5000], "when it ended")
            let now = try requireValue(try await store.leads(LeadFilter()).first, "no row")
            try requireEqual(now.ruleSetHash, "other", "the rule set now")
            let rows = try await store.deliveries(DeliveryFilter())
            try requireEqual(rows.map(\.delivery.sink), ["b", "a"], "deliveries")
            try requireEqual(rows.map(\.state), [.pending, .pending], "states")
            try requireEqual(
                try await store.orders(ofLead: lead.sequence).map(\.verb), [.decidedAgain],
                "orders")
        },
        .init("what a lead is decided without is called off while it is pending") { store in
            let lead = try await store.route("1", to: ["a", "b", "c"])
            let (a, b) = (
                try await store.entry(of: "a").sequence, try await store.leaseOne("b", at: 1000)
            )
            let c = try await store.leaseOne("c", at: 1000)
            _ = try await store.finish(c, .delivered(receipt: "ok"))
            let options = DecideAgainOptions(cancelsOthers: true)
            try requireEqual(
                try await store.decideAgain([lead.sequence], options, order), [.done], "answer")
            let again = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "not to be decided")
            try requireEqual(again.cancelsOthers, true, "what it calls off")
            var second = DecisionRecord.sample(again, sinks: ["d"], at: 7000)
            second.cancels = [a, b.sequence, c.sequence, 99]
            try await store.record([second])
            let rows = try await store.deliveries(DeliveryFilter()).reversed()
            try requireEqual(
                rows.map { "\($0.delivery.sink) \($0.state)" },
                ["a cancelled", "b leased", "c delivered", "d pending"], "states")
            try requireEqual(
                try await store.entry(of: "a").detail,
                "cancelled by rules: the lead was decided again", "who called it off")
            try require(try await store.finish(b, .delivered(receipt: "ok")), "the lease is lost")
            try requireEqual(
                try await store.orders(ofLead: lead.sequence).map(\.verb),
                [.decidedAgain, .cancelled], "orders")
        },
        .init("new leads are decided before those that are decided again") { store in
            let first = try await store.route("1", to: ["a"])
            let second = try await store.route("2", to: ["a"])
            _ = try await store.acceptLeads(["3", "4"])
            _ = try await store.decideAgain([first.sequence, second.sequence], .init(), order)
            let found = try await store.undecided(after: 0, limit: 9)
            try requireEqual(found.map(\.leadID.text), ["3", "4", "1", "2"], "the order")
            let page = try await store.undecided(after: 0, limit: 3)
            try requireEqual(page.map(\.leadID.text), ["3", "4", "1"], "up to the limit")
        },
        .init("the latest earlier decisions are kept until the lead is forgotten") { store in
            let lead = try await store.route("1", to: ["a"])
            let most = EarlierDecision.keptMax
            for time in 1...Int64(most + 2) {
                let order = Order(by: "ann", atMilliseconds: time)
                _ = try await store.decideAgain([lead.sequence], .init(), order)
                try await store.record([.sample(lead, sinks: ["a"], at: time)])
            }
            let kept = try await store.earlierDecisions(ofLead: lead.sequence)
            try requireEqual(
                kept.map(\.endedMilliseconds), Array(3...Int64(most + 2)), "the latest")
            _ = try await store.forget(
                [lead.sequence], ForgetOptions(cancelsPending: true), order)
            try requireEqual(
                try await store.earlierDecisions(ofLead: lead.sequence), [], "of a forgotten lead")
            try requireEqual(
                try await store.decideAgain([lead.sequence], .init(), order), [.forgotten],
                "decided again")
        },
    ]
}
