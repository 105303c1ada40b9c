internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let leaseChecks: [Check] = [
        .init("a lease takes what is due, oldest due first, up to its limit") { store in
            try await store.route("1", to: ["a"], at: 300)
            try await store.route("2", to: ["a", "b"], at: 100)
            try await store.route("3", to: ["a"], at: 200)
            try requireEqual(try await store.lease(at: 99), [], "before anything is due")
            let first = try await store.lease(at: 300, limit: 2)
            try requireEqual(first.map(\.createdMilliseconds), [100, 200], "order")
            try requireEqual(first.map(\.attempt), [1, 1], "attempts")
            let rest = try await store.lease(at: 300)
            try requireEqual(rest.map(\.createdMilliseconds), [300], "the rest")
            try requireEqual(try await store.lease(at: 300), [], "leased twice")
        },
        .init("a leased delivery has its lead") { store in
            let entry = try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            try requireEqual(leased.delivery, .sample(entry, sink: "a"), "delivery")
            try requireEqual(leased.lead, Lead.sample(id: "1").json, "lead")
            try requireEqual(leased.source, "facebook", "source")
            try requireEqual(leased.receivedMilliseconds, 1000, "time")
            try requireEqual(leased.token, "t1", "token")
            try requireEqual(try await store.entry(of: "a").state, .leased, "state")
        },
        .init("concurrent leases never share a delivery") { store in
            for id in 1...20 { try await store.route(String(id), to: ["a"]) }
            let leased = try await withThrowingTaskGroup(of: [LeasedDelivery].self) { group in
                for worker in 0..<10 {
                    group.addTask { try await store.lease(as: "t\(worker)", at: 1000, limit: 5) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try requireEqual(leased.count, 20, "leased")
            try requireEqual(Set(leased.map(\.sequence)).count, 20, "different ones")
        },
        .init("a lease that ran out is taken over") { store in
            try await store.route("1", to: ["a"])
            let lost = try await store.leaseOne(at: 1000)
            try requireEqual(try await store.lease(as: "t2", at: 1500), [], "while it holds")
            var void = LeaseVoid(
                exceptToken: "t2", ranOutByMilliseconds: 1999, atMilliseconds: 1999)
            try requireEqual(try await store.voidLeases(void).count, 0, "voided too early")
            (void.exceptToken, void.ranOutByMilliseconds) = ("t1", 2001)
            try requireEqual(try await store.voidLeases(void).count, 0, "voided by its owner")
            void.exceptToken = "t2"
            try requireEqual(try await store.voidLeases(void).count, 1, "voided")
            let taken = try await store.leaseOne(as: "t2", at: 2001)
            try requireEqual(taken.attempt, 2, "attempt")
            try require(try await !store.finish(lost, .delivered(receipt: "late")), "not fenced")
            try requireEqual(try await store.entry(of: "a").state, .leased, "state")
            try require(try await store.finish(taken, .delivered(receipt: "ok")), "refused")
        },
        .init("voided leases come back at once, own ones stay") { store in
            try await store.route("1", to: ["a"])
            try await store.route("2", to: ["b"])
            let lost = try await store.leaseOne("a", as: "old", at: 1000)
            _ = try await store.leaseOne("b", as: "new", at: 1000)
            let voided = try await store.voidLeases(
                LeaseVoid(exceptToken: "new", atMilliseconds: 1001))
            try requireEqual(voided, VoidedLeases(count: 1), "voided")
            try requireEqual(try await store.lease("b", as: "new2", at: 1001), [], "own lease")
            let taken = try await store.leaseOne("a", as: "new", at: 1001)
            try requireEqual(taken.sequence, lost.sequence, "row")
            try require(try await !store.finish(lost, .delivered(receipt: "x")), "not fenced")
        },
        .init("a lease tells when the next delivery is due") { store in
            func next(at time: Int64, limit: Int = 0) async throws -> [String: Int64] {
                let pick = LeasePick(destination: "", limit: limit)
                let leased: LeasedDeliveries = try await store.lease(picks: [pick], at: time)
                return leased.nextDueMilliseconds
            }
            try requireEqual(try await next(at: 0), [:], "of nothing")
            try await store.route("1", to: ["a", "b"], at: 100)
            try await store.route("2", to: ["a"], at: 50)
            try requireEqual(try await next(at: 0), ["": 50], "of all")
            let first: [LeasedDelivery] = try await store.lease("a", at: 200, limit: 1)
            try requireEqual(try await next(at: 0), ["": 100], "of the rest")
            try requireEqual(try await next(at: 200, limit: 1), [:], "of leased ones")
            _ = try await store.finish(first[0], .retry(dueMilliseconds: 700, reason: "busy"))
            try requireEqual(try await next(at: 0), ["": 700], "of the retry")
        },
    ]

    static let finishChecks: [Check] = [
        .init("a receipt ends a delivery for good") { store in
            try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            try require(try await store.finish(leased, .delivered(receipt: "250 ok")), "refused")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .delivered, "state")
            try requireEqual(entry.detail, "250 ok", "receipt")
            try require(
                try await !store.finish(leased, .retry(dueMilliseconds: 1, reason: "x")),
                "finished twice")
            try requireEqual(try await store.lease(as: "t2", at: 99_999), [], "leased again")
            let attempts = try await store.attempts(of: entry.sequence)
            try requireEqual(attempts.map(\.outcome), ["delivered"], "outcomes")
            try requireEqual(attempts.map(\.number), [1], "numbers")
            try requireEqual(attempts.map(\.durationMilliseconds), [5], "durations")
        },
        .init("a retry waits until it is due and counts") { store in
            try await store.route("1", to: ["a"])
            let first = try await store.leaseOne(at: 1000)
            let retry = AttemptRecord.Result.retry(dueMilliseconds: 5000, reason: "busy")
            try require(try await store.finish(first, retry), "refused")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .pending, "state")
            try requireEqual(entry.detail, "busy", "reason")
            try requireEqual(entry.dueMilliseconds, 5000, "due")
            try requireEqual(try await store.lease(at: 4999), [], "too early")
            let second = try await store.leaseOne(at: 5000)
            try requireEqual(second.attempt, 2, "attempt")
            try requireEqual(second.delivery.key, first.delivery.key, "key")
            _ = try await store.finish(second, .delivered(receipt: "ok"))
            let attempts = try await store.attempts(of: entry.sequence)
            try requireEqual(attempts.map(\.outcome), ["retry", "delivered"], "outcomes")
            try requireEqual(attempts.map(\.detail), ["busy", "ok"], "details")
        },
        .init("what the other side said stands in the history") { store in
            try await store.route("1", to: ["a"])
            let first = try await store.leaseOne(at: 1000)
            let retry = AttemptRecord.Result.retry(dueMilliseconds: 1, reason: "HTTP 422")
            _ = try await store.finish(first, retry, answer: "{\"why\": \"no phone\"}")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.detail, "HTTP 422", "reason")
            let second = try await store.leaseOne(at: 5000)
            _ = try await store.finish(second, .delivered(receipt: "HTTP 201"), answer: "id 7")
            try requireEqual(
                try await store.attempts(of: entry.sequence).map(\.detail),
                ["HTTP 422; the answer: {\"why\": \"no phone\"}", "HTTP 201; the answer: id 7"],
                "history")
        },
        .init("a released attempt is not spent") { store in
            try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            let release = AttemptRecord.Result.released(dueMilliseconds: 1500, reason: "paused")
            try require(try await store.finish(leased, release), "refused")
            try requireEqual(try await store.entry(of: "a").attempts, 0, "attempts spent")
            try requireEqual(try await store.lease(at: 1499), [], "too early")
            try requireEqual(try await store.leaseOne(at: 1500).attempt, 1, "attempt")
        },
        .init("a dead delivery brings its follow-ups") { store in
            let lead = try await store.route("1", to: ["a"])
            let leased = try await store.leaseOne(at: 1000)
            let followUps = [
                NewDelivery.sample(lead, sink: "desk"), .sample(lead, sink: "a"),
            ]
            try require(
                try await store.finish(leased, .dead(reason: "550", followUps: followUps)),
                "refused")
            let entry = try await store.entry(of: "a")
            try requireEqual(entry.state, .dead, "state")
            try requireEqual(entry.detail, "550", "reason")
            let next = try await store.leaseOne("desk", at: 99_999)
            try requireEqual(next.delivery, followUps[0], "follow-up")
            try requireEqual(next.lead, Lead.sample(id: "1").json, "its lead")
            try requireEqual(try await store.lease(as: "t2", at: 99_999), [], "leased again")
        },
        .init("a dead delivery is not handed to a sink that has the lead, or will") { store in
            let lead = try await store.route("1", to: ["a", "sent", "waits", "sending", "failed"])
            _ = try await store.finish(
                try await store.leaseOne("sent", at: 1000), .delivered(receipt: "ok"))
            _ = try await store.leaseOne("sending", at: 1000)
            _ = try await store.finish(
                try await store.leaseOne("failed", at: 1000), .dead(reason: "x", followUps: []))
            let leased = try await store.leaseOne(at: 1000)
            let sinks = ["sent", "waits", "sending", "failed", "new"]
            let followUps = sinks.map { sink in
                var followUp = NewDelivery.sample(lead, sink: sink)
                followUp.key = DeliveryKey(
                    source: lead.source, lead: lead.leadID, route: "cars", standIn: sink,
                    for: leased.delivery.key)
                return followUp
            }
            _ = try await store.finish(leased, .dead(reason: "550", followUps: followUps))
            let made = try await store.deliveries(DeliveryFilter()).prefix { $0.sequence > 5 }
            try requireEqual(made.map(\.delivery.sink), ["new", "failed"], "follow-ups")
            let told =
                "550; 'sent' has the lead already; 'waits' has the lead already; "
                + "'sending' has the lead already"
            try requireEqual(try await store.entry(of: "a").detail, told, "what is told")
            try requireEqual(
                try await store.attempts(of: leased.sequence).map(\.detail), [told], "history")
        },
        .init("an attempt without its lease changes nothing") { store in
            let lead = try await store.route("1", to: ["a"])
            var leased = try await store.leaseOne(at: 1000)
            leased.token = "other"
            let dead = AttemptRecord.Result.dead(
                reason: "x", followUps: [.sample(lead, sink: "desk")])
            try require(try await !store.finish(leased, dead), "accepted")
            try requireEqual(try await store.entry(of: "a").state, .leased, "state")
            try requireEqual(
                try await store.deliveries(DeliveryFilter(sink: "desk")), [], "follow-ups")
            try requireEqual(try await store.attempts(of: leased.sequence), [], "attempts")
        },
        .init("attempts are answered in order") { store in
            try await store.route("1", to: ["a"])
            try await store.route("2", to: ["a"])
            let leased = try await store.lease(at: 1000)
            try requireEqual(leased.count, 2, "leased")
            var records = leased.map { one in
                AttemptRecord(
                    sequence: one.sequence, sink: one.delivery.sink, token: one.token,
                    attempt: one.attempt,
                    startedMilliseconds: 1000, durationMilliseconds: 1,
                    result: .delivered(receipt: "ok"))
            }
            records[0].token = "other"
            try requireEqual(try await store.finish(records), [false, true], "answers")
        },
    ]
}
