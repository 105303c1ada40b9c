import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Testing

@testable import LeadFlow

/// Destinations, pauses and reloads of the running loop. Nothing here waits for time to pass.
@Suite(.timeLimit(.minutes(1)))
struct DeliveryLoopTests {
    private let clock = SystemClock()

    private func state(_ name: String, _ flow: Flow) async throws -> SinkState {
        try #require(try await flow.delivery.states().first { $0.name == name })
    }

    /// Waits until a destination of `main` is left alone, and what had begun before is over.
    private func rests(_ flow: Flow) async throws {
        var sink = try await state("main", flow)
        while !sink.destinations.contains(where: { $0.health == .resting }) || sink.inFlight > 0 {
            try await aMoment()
            sink = try await state("main", flow)
        }
    }

    // MARK: Destinations

    @Test func `one destination that hangs leaves room for the others`() async throws {
        let gate = Gate()
        let main = Script { (delivery, _) in
            if delivery.rendered["destination"] == "1001" { await gate.wait() }
        }
        let stage = try await Stage(sinks: [
            ("main", main, "destination: \"{{lead.id}}\", max_in_flight: 2, timeout: 1h")
        ])
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(1...20), to: flow)
            try await stage.until { $0.deliveries == [.delivered: 19, .leased: 1] }
            // A receipt is on disk a moment before its destination is forgotten.
            while try await state("main", flow).destinations.map(\.name) != ["1001"] {
                try await aMoment()
            }
            gate.open()
            try await stage.until { $0.deliveries == [.delivered: 20] }
        }
    }

    @Test func `a destination that fails rests, and its deliveries are not churned`() async throws {
        let main = Script { (delivery, _) throws(DeliveryFailure) in
            if delivery.rendered["destination"] == "sick" { throw .retry("down") }
        }
        // Every second lead is for the sick one.
        let stage = try await Stage(
            sinks: [("main", main, "destination: well, max_in_flight: 8")],
            rest: """
                default: {to: [main]}
                routes:
                  - id: sick
                    when: {lead.id: {matches: "10[0-9][13579]"}}
                    to: [{sink: main, with: {destination: sick}}]
                """)
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(0..<80), to: flow)
            try await rests(flow)
            try await stage.until { $0.deliveries == [.delivered: 40, .pending: 40] }
            let sick = try #require(try await state("main", flow).destinations.first)
            #expect(sick.name == "sick" && sick.health == .resting && sick.reason == "down")
            #expect(sick.nextProbeMilliseconds != nil && sick.sinceMilliseconds != nil)
            // Those that were under way when it fell ill, and nobody after them.
            #expect(main.deliveries.count < 40 + 2 * 8)
            // Only they have spent an attempt.
            let pending = try await stage.store.deliveries(DeliveryFilter(state: .pending))
            #expect(pending.filter { $0.attempts > 0 }.count == main.deliveries.count - 40)
            let tried = main.deliveries.count
            #expect(try await flow.delivery.probe(sink: "main", destination: "sick") == 1)
            while main.deliveries.count == tried { try await aMoment() }
            try await stage.until { $0.deliveries == [.delivered: 40, .pending: 40] }
            #expect(main.deliveries.count == tried + 1, "a probe is one delivery")
            let after = try await stage.store.deliveries(DeliveryFilter(state: .pending))
            #expect(
                after.map(\.attempts).reduce(0, +) == pending.map(\.attempts).reduce(0, +),
                "and spends no attempt")
        }
    }

    @Test func `what waited goes at once when its destination is well again`() async throws {
        let sick = Counter()
        sick.add(1)
        let main = Script { (_, _) throws(DeliveryFailure) in
            if sick.value > 0 { throw .retry("down") }
        }
        let stage = try await Stage(sinks: [("main", main, "max_in_flight: 4")])
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(0..<30), to: flow)
            try await rests(flow)
            sick.add(-1)
            #expect(try await flow.delivery.probe(sink: "main") == 1)
            // Some of them have a due date in the future: they failed once.
            try await stage.until { $0.deliveries == [.delivered: 30] }
        }
    }

    /// As a mail server does that comes back and knows nobody: each lead waits for its own next
    /// attempt, however many come through meanwhile.
    @Test func `what fails where its destination is well again is not tried at once`() async throws
    {
        let isDown = Counter()
        isDown.add(1)
        let main = Script { (delivery, _) throws(DeliveryFailure) in
            if isDown.value > 0 { throw .retry("down") }
            if delivery.lead.id.text < "1100" { throw .retry("450", isOfThisLead: true) }
        }
        let stage = try await Stage(sinks: [
            ("main", main, "max_in_flight: 4, retry: {first: 1h, most: 6h}")
        ])
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(0..<30), to: flow)
            try await rests(flow)
            let tried = main.deliveries.count
            isDown.add(-1)
            #expect(try await flow.delivery.probe(sink: "main") == 1)
            for number in 100..<150 {
                try await stage.send([number], to: flow)
                try await stage.until { $0.deliveries[.delivered] == number - 99 }
            }
            let after = main.deliveries.dropFirst(tried).map(\.lead.id.text)
            let counts = Dictionary(grouping: after) { $0 }.mapValues(\.count)
            #expect(counts.count == 80 && Set(counts.values) == [1])
        }
    }

    /// A firewall may answer 403 to what one lead says, and to that one only.
    @Test func `a lead that gets what a wrong password gets does not keep its destination shut`()
        async throws
    {
        let sent = Gate()
        let main = Script { (delivery, _) throws(DeliveryFailure) in
            let id = delivery.lead.id.text
            guard ["1002", "1003", "1300"].contains(id) else { return }
            // Both of the first are under way at once, and others are there to be asked.
            await sent.wait()
            throw .halt("HTTP 403")
        }
        let stage = try await Stage(sinks: [
            ("main", main, "max_in_flight: 4, retry: {first: 1h, most: 6h}")
        ])
        try await stage.run(clock: clock) { flow in
            // They have halted it once each, and are tried again as failures of their own.
            func blamed(_ count: Int) async throws {
                while true {
                    let left = try await stage.store.deliveries(DeliveryFilter(state: .pending))
                    if left.count == count, left.allSatisfy({ $0.attempts > 0 }) {
                        #expect(left.map(\.attempts) == Array(repeating: 1, count: count))
                        let detail = "HTTP 403, while other leads pass"
                        #expect(left.allSatisfy { $0.detail == detail })
                        return
                    }
                    try await aMoment()
                }
            }
            try await stage.send([100], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 1] }
            // It has nothing to do, and is forgotten but for its answer.
            while try await !state("main", flow).destinations.isEmpty { try await aMoment() }
            try await stage.send(Array(0..<40), to: flow)
            sent.open()
            try await stage.until { $0.deliveries[.delivered] == 39 }
            try await blamed(2)
            // Another one halts it, and is blamed, too: those before wait on.
            try await stage.send([300], to: flow)
            while !main.deliveries.contains(where: { $0.lead.id.text == "1300" }) {
                try await aMoment()
            }
            try await stage.send(Array(200..<205), to: flow)
            try await stage.until { $0.deliveries[.delivered] == 44 }
            try await blamed(3)
            #expect(try await state("main", flow).destinations.allSatisfy { $0.health != .halted })
        }
    }

    @Test func `refusals of leads do not make a destination sick`() async throws {
        let main = Script { (_, _) throws(DeliveryFailure) in throw .reject("422") }
        let stage = try await Stage(sinks: [("main", main, "")])
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(0..<30), to: flow)
            try await stage.until { $0.deliveries == [.dead: 30] }
        }
    }

    // MARK: Pauses

    @Test func `a pause outlives the process, and a resume lets all go`() async throws {
        let main = Script()
        let stage = try await Stage(sinks: [("main", main, "")])
        try await stage.run(clock: clock) { flow in
            try await flow.delivery.pause(sink: "main", reason: "they move house")
            try await stage.send([1, 2], to: flow)
            try await stage.until { $0.deliveries == [.pending: 2] }
        }
        try await stage.run(clock: clock) { flow in
            let paused = try await state("main", flow).pause
            guard case .operator(_, "they move house") = paused else {
                Issue.record("\(String(describing: paused))")
                return
            }
            try await stage.send([3], to: flow)
            try await stage.until { $0.deliveries == [.pending: 3] }
            #expect(main.deliveries.isEmpty)
            try await flow.delivery.resume(sink: "main")
            try await stage.until { $0.deliveries == [.delivered: 3] }
            #expect(try await state("main", flow).pause == nil)
            #expect(main.deliveries.allSatisfy { $0.attempt == 1 })
        }
    }

    @Test func `a sink that the configuration pauses, too, stays paused`() async throws {
        let main = Script()
        let stage = try await Stage(sinks: [("main", main, "paused: true")])
        try await stage.run(clock: clock) { flow in
            #expect(try await state("main", flow).pause == .configuration)
            try await flow.delivery.pause(sink: "main", reason: "they move house")
            let both = try await state("main", flow)
            guard case .operator? = both.pause, both.isPausedByConfiguration else {
                Issue.record("\(both)")
                return
            }
            try await flow.delivery.resume(sink: "main")
            #expect(try await state("main", flow).pause == .configuration)
        }
    }

    @Test func `a probe of a destination that is not known is refused`() async throws {
        let stage = try await Stage(sinks: [("main", Script(), "")])
        try await stage.run(clock: clock) { flow in
            let count = try await flow.delivery.probe(sink: "main")
            #expect(count == 0)
            await #expect(throws: DeliveryLoopError.unknownDestination("elsewhere", sink: "main")) {
                _ = try await flow.delivery.probe(sink: "main", destination: "elsewhere")
            }
        }
    }

    @Test func `a pause lets attempts under way end and gives the rest back`() async throws {
        let gate = Gate()
        let main = Script { (_, _) in await gate.wait() }
        let stage = try await Stage(sinks: [("main", main, "max_in_flight: 2, timeout: 1h")])
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(0..<10), to: flow)
            while main.deliveries.count < 2 { try await aMoment() }
            try await flow.delivery.pause(sink: "main")
            try await stage.until { $0.deliveries == [.leased: 2, .pending: 8] }
            gate.open()
            try await stage.until { $0.deliveries == [.delivered: 2, .pending: 8] }
        }
    }

    @Test func `a sink that nobody knows cannot be paused`() async throws {
        let stage = try await Stage(sinks: [("main", Script(), "")])
        let flow = try await stage.flow()
        await #expect(throws: DeliveryLoopError.unknownSink("other")) {
            try await flow.delivery.pause(sink: "other")
        }
    }

    // MARK: Reloads

    @Test func `a reload closes a plugin after its last attempt, and uses the new one`()
        async throws
    {
        let gate = Gate()
        let (old, new) = (Script { (_, _) in await gate.wait() }, Script())
        let stage = try await Stage(sinks: [("main", old, "max_in_flight: 2, timeout: 1h")])
        let next = try Stage.configuration([("main", new, "max_in_flight: 8")])
        try await stage.run(clock: clock) { flow in
            try await stage.send(Array(0..<10), to: flow)
            while old.deliveries.count < 2 { try await aMoment() }
            try await flow.delivery.use(next)
            // It does not wait for the old one, which hangs.
            try await stage.until { $0.deliveries == [.leased: 2, .delivered: 8] }
            #expect(old.closed.value == 0)
            gate.open()
            try await stage.until { $0.deliveries == [.delivered: 10] }
            while old.closed.value == 0 { try await aMoment() }
        }
        #expect(old.deliveries.count == 2 && new.deliveries.count == 8)
        #expect(old.closed.value == 1)
    }

    @Test func `a reload keeps a plugin whose settings are the same`() async throws {
        let (main, more) = (Script(), Script())
        let stage = try await Stage(sinks: [("main", main, "")])
        let next = try Stage.configuration(
            [("main", main, ""), ("more", more, "")], rest: "default: {to: [main, more]}")
        try await stage.run(clock: clock) { flow in
            try await flow.delivery.use(next)
            #expect(try await flow.delivery.states().map(\.name) == ["main", "more"])
            #expect(main.made.value == 1 && main.closed.value == 0)
            #expect(more.made.value == 1)
        }
    }

    @Test func `a sink that is gone keeps its deliveries until it comes back`() async throws {
        let (main, gone) = (Script(), Script())
        let both = [("main", main, ""), ("gone", gone, "paused: true")]
        let stage = try await Stage(sinks: both, rest: "default: {to: [main, gone]}")
        let without = try Stage.configuration([("main", main, "")])
        let back = try Stage.configuration([("main", main, ""), ("gone", gone, "")])
        try await stage.run(clock: clock) { flow in
            try await stage.send([1, 2], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 2, .pending: 2] }
            #expect(try await state("gone", flow).pause == .configuration)
            try await flow.delivery.use(without)
            #expect(try await state("gone", flow).isAbsent)
            try await flow.delivery.use(back)
            try await stage.until { $0.deliveries == [.delivered: 4] }
        }
        // After a restart the store alone knows of it.
        let other = try await stage.flow()
        try await other.delivery.use(without)
        #expect(try await other.delivery.states().map(\.name).contains("main"))
    }

    @Test func `a sink that comes with a reload is paused when it was paused before`() async throws
    {
        let (main, late) = (Script(), Script())
        let stage = try await Stage(sinks: [("main", main, "")])
        let both = try Stage.configuration([("main", main, ""), ("late", late, "")])
        let pause = SinkPause(sink: "late", sinceMilliseconds: 5, reason: "not yet")
        try await stage.store.setPause(pause, sink: "late")
        try await stage.run(clock: clock) { flow in
            let before = try await state("late", flow)
            #expect(before.isAbsent && before.pause != nil)
            try await flow.delivery.use(both)
            let paused = SinkState.Pause.operator(sinceMilliseconds: 5, reason: "not yet")
            #expect(try await state("late", flow).pause == paused)
            #expect(try await !state("late", flow).isAbsent)
        }
    }

    @Test func `a plugin that cannot be made refuses the reload, and nothing changes`() async throws
    {
        let (main, more) = (Script(), Script())
        let stage = try await Stage(sinks: [("main", main, "")])
        let broken = try Stage.configuration(
            [("main", Script(), ""), ("more", more, ""), ("bad", Script(), "broken: true")])
        try await stage.run(clock: clock) { flow in
            await #expect(throws: ScriptedSink.Broken.self) {
                try await flow.delivery.use(broken)
            }
            #expect(more.made.value == more.closed.value, "what was made is closed")
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 1] }
            #expect(main.deliveries.count == 1)
            #expect(try await flow.delivery.states().map(\.name) == ["main"])
        }
    }

    // MARK: Leases

    @Test func `the lease of a long attempt is renewed, and one that is lost breaks it off`()
        async throws
    {
        let (gate, clock) = (Gate(), HandClock())
        let main = Script { (_, call) in if call == 1 { await gate.wait() } }
        let stage = try await Stage(sinks: [("main", main, "timeout: 1h")])
        try await stage.run(clock: clock) { flow in
            try await stage.send([1], to: flow)
            while main.deliveries.isEmpty { try await aMoment() }
            let start = clock.nowMilliseconds()
            func lost(by time: Int64) async throws -> Int {
                try await stage.store.voidLeases(
                    LeaseVoid(
                        exceptToken: "other", ranOutByMilliseconds: time, atMilliseconds: time)
                ).count
            }
            // Longer than a lease, without the end of the attempt.
            while clock.nowMilliseconds() < start + 3 * Lane.leaseMilliseconds {
                await clock.advanceAndSettle(by: .seconds(1))
                #expect(try await lost(by: clock.nowMilliseconds()) == 0)
            }
            // Another owner takes it away: the next heartbeat notices.
            #expect(try await lost(by: .max) == 1)
            while main.deliveries.count < 2 {
                clock.advance(by: .seconds(1))
                for _ in 0..<50 { try await nextTurn() }
            }
            try await stage.until { $0.deliveries == [.delivered: 1] }
        }
        #expect(main.deliveries.map(\.attempt) == [1, 2])
    }

    @Test func `time in which nobody was at work makes nothing older`() async throws {
        let main = Script { (_, _) throws(DeliveryFailure) in throw .retry("down") }
        let stage = try await Stage(sinks: [("main", main, "retry: {for: 1h, first: 1h}")])
        let now = clock.nowMilliseconds()
        let week: Int64 = 7 * 86_400_000
        try await stage.store.record(
            ClockJump(expectedMilliseconds: now - week, byMilliseconds: 0))
        let flow = try await stage.flow(clock: clock)
        try await stage.send(Array(0..<8), to: flow)
        try await stage.route(to: "main", at: now - week - 60_000)
        try await stage.run(clock: clock) { flow in
            try await rests(flow)
            try await stage.until { $0.deliveries == [.pending: 8] }
        }
        let jumps = try await stage.store.clockJumps()
        #expect(jumps.filter { !$0.isMark }.count == 1)
        #expect(jumps.filter(\.isMark).count == 1)
    }

    // MARK: Crashes

    @Test func `what was under way in a crash is tried alone, the rest together`() async throws {
        let main = Script()
        let stage = try await Stage(sinks: [("main", main, "max_in_flight: 8")])
        let flow = try await stage.flow()
        try await stage.send(Array(0..<4), to: flow)
        try await stage.route(to: "main")
        for _ in 1...2 {
            let leased = try await stage.store.lease(
                LeaseRequest(
                    sink: "main", token: "dead",
                    picks: [
                        LeasePick(destination: "", kind: .suspect, limit: 3),
                        LeasePick(destination: "", limit: 3),
                    ], limit: 3, atMilliseconds: .max, untilMilliseconds: .max))
            #expect(leased.taken.count == 3)
            let voided = try await stage.store.voidLeases(
                LeaseVoid(exceptToken: "new", countsCrash: true, atMilliseconds: 0))
            #expect(voided.quarantined.isEmpty)
        }
        try await stage.run(clock: clock) { _ in
            try await stage.until { $0.deliveries == [.delivered: 4] }
        }
        #expect(main.deliveries.count == 4)
    }
}

extension Stage {
    /// Decides what is received without a running flow: a delivery to a sink for each.
    func route(to sink: String, at time: Int64 = 0) async throws {
        let entries = try await store.undecided(after: 0, limit: 1000)
        try await store.record(
            entries.map { entry in
                DecisionRecord(
                    sequence: entry.sequence, state: .decided, outcome: "default", reason: nil,
                    decision: "{}", ruleSetHash: "h",
                    deliveries: [
                        NewDelivery(
                            key: DeliveryKey(
                                source: "web", lead: entry.leadID, route: "default", target: sink),
                            sink: sink, route: "default", isCopy: false)
                    ], atMilliseconds: time)
            })
    }
}
