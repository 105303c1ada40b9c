import LeadKit
import Testing

@testable import LeadRules

/// Members who share leads: who gets which.
struct PoolTests {
    /// Sends leads one after the other, at noon of 2025-10-09 UTC unless told; answers who got each:
    /// the member, `-SINK` for a fallback, `held: REASON`.
    private func run(
        _ rules: RuleSet, state: inout PoolState, at times: [String] = [],
        leads: [Lead] = [], count: Int? = nil
    ) throws -> [String] {
        let number = max(count ?? 0, times.count, leads.count)
        return try (0..<number).map { index in
            let now =
                times.isEmpty
                ? RuleSet.noon : try #require(Timestamp(times[min(index, times.count - 1)]))
            let lead = leads.isEmpty ? lead() : leads[min(index, leads.count - 1)]
            let before = rules.decide(lead, at: now)
            let assigned = rules.assign(before, of: lead, at: now, state: &state)
            if assigned.decision.outcome == .held {
                return "held: \(assigned.decision.reason ?? "-")"
            }
            return assigned.decision.deliveries.map {
                $0.assignment?.member ?? "-\($0.target.sink)"
            }.joined(separator: "+")
        }
    }

    private func run(
        _ pool: String, at times: [String] = [], leads: [Lead] = [], count: Int? = nil
    ) throws -> String {
        var state = PoolState()
        return try run(
            try rules(pooled(pool)), state: &state, at: times, leads: leads, count: count
        ).joined(separator: " ")
    }

    private static let night = "s: {time_zone: UTC, open: {mon-sun: \"20:00-24:00\"}}"

    private func pooled(_ pool: String, route: String = "to: {pool: p}") -> String {
        "schedules: {\(PoolTests.night)}\npools: {p: {\(pool)}}\nroutes: [{id: r, always: true, \(route)}]"
    }

    private static let abc = "members: [a, b, c], fallback: d"

    @Test func `round robin goes in the order written`() throws {
        #expect(try run(PoolTests.abc, count: 7) == "a b c a b c a")
    }

    @Test(arguments: [
        ("[5, 1, 1]", "a a b a c a a"), ("[1, 1, 1]", "a b c a b c a"),
        ("[1, 2, 4]", "c b c a c b c"),
    ]) func `weights are spread smoothly`(_ weights: String, _ wanted: String) throws {
        let numbers = weights.dropFirst().dropLast().split(separator: ", ")
        let members = zip(["a", "b", "c"], numbers).map { "{to: \($0), weight: \($1)}" }
        let pool = "choose: weighted, members: [\(members.joined(separator: ", "))], fallback: d"
        #expect(try run(pool, count: 7) == wanted)
    }

    @Test func `weighted members get their exact shares over any whole round`() throws {
        let pool =
            "choose: weighted, members: [{to: a, weight: 30}, {to: b, weight: 7}, {to: c}], fallback: d"
        let got = try run(pool, count: 38 * 5).split(separator: " ")
        let counts = Dictionary(grouping: got) { $0 }.mapValues(\.count)
        #expect(counts == ["a": 150, "b": 35, "c": 5])
    }

    @Test func `least recent is whoever has waited longest`() throws {
        let pool = "choose: least_recent, members: [a, {to: b, schedule: s}, c], fallback: d"
        // 12:00 to 20:00 without b.
        #expect(
            try run(
                pool,
                at: ["2025-10-09T12:00:00Z", "2025-10-09T12:00:00Z", "2025-10-09T12:00:01Z"]
                    + Array(repeating: "2025-10-09T20:00:00Z", count: 4)) == "a c a b c a b")
    }

    @Test func `who is closed or disabled is passed over, and the explanation says why`() throws {
        let rules = try rules(
            pooled(
                "members: [{to: a, disabled: true}, {name: anna, to: b, schedule: s}, c], fallback: d"
            )
        )
        var state = PoolState()
        #expect(try run(rules, state: &state, count: 3) == ["c", "c", "c"])
        let night = try #require(Timestamp("2025-10-09T21:00:00Z"))
        #expect(try run(rules, state: &state, at: [night.text, night.text]) == ["anna", "c"])
        let assigned = rules.assign(
            rules.decide(lead()), of: lead(), at: RuleSet.noon, state: &state)
        let trace = try #require(assigned.traces.first)
        #expect(
            trace.lines == [
                "pool p: c, in turn", "  not a: disabled", "  not anna: schedule 's' is closed",
            ])
        var explanation = rules.explain(lead()).1
        explanation.pools = assigned.traces
        var writer = JSONWriter()
        writer.object { explanation.writePools(to: &$0) }
        #expect(
            writer.text
                == #"{"pools":[{"pool":"p","route":"r","member":"c","reason":"in turn","skipped":[{"member":"a","reason":"disabled"},{"member":"anna","reason":"schedule 's' is closed"}]}]}"#
        )
    }

    @Test func `when nobody is left the fallback gets the lead, or it is held`() throws {
        let closed = "members: [{to: a, schedule: s}]"
        #expect(try run("\(closed), fallback: [c, d]", count: 1) == "-c+-d")
        #expect(
            try run("\(closed), hold: nobody at work", count: 1) == "held: nobody at work")
        #expect(
            try run(
                "\(closed), fallback: d", at: ["2025-10-09T12:00:00Z", "2025-10-09T20:00:00Z"])
                == "-d a")
    }

    /// What one member with a cap of two gets, beside a fallback.
    static let borders: [(caps: String, zone: String, times: [String], wanted: String)] = [
        (
            "hour: 2", "",
            [
                "2025-10-09T12:59:57Z", "2025-10-09T12:59:58Z", "2025-10-09T12:59:59Z",
                "2025-10-09T13:00:00Z",
            ], "a a -d a"
        ),
        // The hour from 02:00 to 03:00 comes twice in Rome, and is two hours.
        (
            "hour: 2", "time_zone: Europe/Rome",
            [
                "2025-10-26T00:10:00Z", "2025-10-26T00:20:00Z", "2025-10-26T00:59:59Z",
                "2025-10-26T01:00:00Z", "2025-10-26T01:10:00Z", "2025-10-26T01:20:00Z",
                "2025-10-26T02:00:00Z",
            ], "a a -d a a -d a"
        ),
        // Kathmandu's full hours are a quarter past UTC's.
        (
            "hour: 2", "time_zone: Asia/Kathmandu",
            [
                "2025-10-09T12:14:00Z", "2025-10-09T12:14:30Z", "2025-10-09T12:14:59Z",
                "2025-10-09T12:15:00Z",
            ], "a a -d a"
        ),
        // Midnight in Rome.
        (
            "day: 2", "time_zone: Europe/Rome",
            [
                "2025-10-08T22:00:00Z", "2025-10-09T20:00:00Z", "2025-10-09T21:59:59Z",
                "2025-10-09T22:00:00Z",
            ], "a a -d a"
        ),
        // The day of 25 hours.
        (
            "day: 2", "time_zone: Europe/Rome",
            [
                "2025-10-25T22:00:00Z", "2025-10-26T00:00:00Z", "2025-10-26T22:59:59Z",
                "2025-10-26T23:00:00Z",
            ], "a a -d a"
        ),
        (
            "month: 2", "time_zone: America/New_York",
            [
                "2025-02-01T05:00:00Z", "2025-02-10T05:00:00Z", "2025-03-01T04:59:59Z",
                "2025-03-01T05:00:00Z",
            ], "a a -d a"
        ),
        (
            "month: 2", "time_zone: America/New_York",
            [
                "2025-12-10T05:00:00Z", "2026-01-01T04:59:59Z", "2026-01-01T04:59:59Z",
                "2026-01-01T05:00:00Z",
            ], "a a -d a"
        ),
        // The tightest counts.
        (
            "day: 3, hour: 2", "time_zone: UTC",
            [
                "2025-10-09T10:00:00Z", "2025-10-09T10:00:00Z", "2025-10-09T10:00:00Z",
                "2025-10-09T11:00:00Z", "2025-10-09T12:00:00Z", "2025-10-10T00:00:00Z",
            ], "a a -d a -d a"
        ),
    ]

    @Test(arguments: borders) func `a cap counts by the clock and calendar of the zone`(
        _ one: (caps: String, zone: String, times: [String], wanted: String)
    ) throws {
        let zone = one.zone.isEmpty ? "" : one.zone + ", "
        let pool = "\(zone)members: [{to: a, caps: {\(one.caps)}}], fallback: d"
        #expect(try run(pool, at: one.times) == one.wanted)
    }

    @Test(arguments: [
        ("fallback: d", "a b b b b"), ("when_full: next, fallback: d", "a b b b b"),
        ("when_full: fallback, fallback: d", "a b -d b -d"),
        (
            "when_full: hold, fallback: d",
            "a b held: pool 'p': it is the turn of a, full: 1 of 1 this hour b held: pool 'p': it is the turn of a, full: 1 of 1 this hour"
        ),
        ("when_full: hold, hold: too many", "a b held: too many b held: too many"),
    ]) func `a full member is passed over, or the lead falls back or is held`(
        _ rest: String, _ wanted: String
    ) throws {
        #expect(
            try run("members: [{to: a, caps: {hour: 1}}, b], \(rest)", count: 5) == wanted)
    }

    @Test func `the same answers go to the same member`() throws {
        let pool = "\(PoolTests.abc), sticky: {by: [email, phone], for: 90d}"
        let zoe = lead(["email": ["zoe@example.com"]])
        let again = lead(["email": [" ZOE@Example.com "], "phone": [""]])
        let other = lead(["email": ["zoe@example.com"], "phone": ["1"]])
        #expect(
            try run(pool, leads: [zoe, again, other, zoe, lead(), again, lead(), lead()])
                == "a a b a c a a b")
    }

    @Test func `sticky ends after its time, counted from the last lead`() throws {
        let pool = "\(PoolTests.abc), sticky: {by: email, for: 2d}"
        let zoe = lead(["email": ["zoe@example.com"]])
        #expect(
            try run(
                pool,
                at: [
                    "2025-10-01T12:00:00Z", "2025-10-03T11:59:59Z", "2025-10-05T11:59:58Z",
                    "2025-10-07T11:59:58Z",
                ], leads: [zoe]) == "a a a b")
    }

    @Test func `who is absent or full loses the customer to whoever takes over`() throws {
        let pool =
            "members: [{to: a, schedule: s}, b, {to: c, caps: {day: 1}}], time_zone: UTC, fallback: d, sticky: {by: email, for: 9d}"
        let (zoe, ann) = (lead(["email": ["zoe"]]), lead(["email": ["ann"]]))
        #expect(
            try run(
                pool,
                at: [
                    "2025-10-09T21:00:00Z", "2025-10-10T12:00:00Z", "2025-10-10T21:00:00Z",
                    "2025-10-10T21:00:00Z", "2025-10-10T21:00:00Z",
                ], leads: [zoe, zoe, zoe, ann, ann]) == "a b b c a")
    }

    @Test func `caps count what is sticky, turns do not`() throws {
        let pool =
            "members: [{to: a, caps: {hour: 2}}, b], fallback: d, sticky: {by: email, for: 9d}"
        let zoe = lead(["email": ["zoe"]])
        #expect(try run(pool, leads: [zoe, zoe, lead(), lead(), zoe]) == "a a b b b")
    }

    @Test func `the state holds no answer in clear`() throws {
        let rules = try rules(pooled("\(PoolTests.abc), sticky: {by: email, for: 9d}"))
        var state = PoolState()
        _ = try run(rules, state: &state, leads: [lead(["email": ["zoe@example.com"]])])
        #expect(!"\(state)".contains("zoe"))
        #expect("\(state)".contains("sticky"))
    }

    @Test func `what waits is for who works then, and counts for then`() throws {
        let rules = try rules(
            pooled(
                "members: [{to: a, schedule: s, caps: {hour: 2}}, {to: b, caps: {hour: 1}}], fallback: d",
                route: "to: {pool: p}, hold_until: {schedule: s, at_most: 1d}"))
        var state = PoolState()
        // Held till 20:00, all three; then at 20:30 the hour has no room.
        let times = ["2025-10-09T12:00:00Z", "2025-10-09T13:00:00Z", "2025-10-09T14:00:00Z"]
        #expect(
            try run(rules, state: &state, at: times + ["2025-10-09T20:30:00Z"])
                == ["a", "b", "a", "-d"])
        #expect(try run(rules, state: &state, at: ["2025-10-09T21:00:00Z"]) == ["b"])
    }

    @Test func `the state goes by names: new, renamed and removed members begin anew`() throws {
        var state = PoolState()
        func run(_ members: String, _ count: Int) throws -> String {
            try self.run(
                try rules(pooled("members: [\(members)], fallback: d")), state: &state, count: count
            ).joined(separator: " ")
        }
        #expect(try run("a, b, c", 2) == "a b")
        #expect(try run("a, b, c", 2) == "c a")
        // a is gone; the last turn among the others was c's.
        #expect(try run("b, c", 1) == "b")
        #expect(try run("b, {name: x, to: c}, c", 3) == "x c b")
    }

    @Test func `one member of two pools has two accounts, and one lead may ask both`() throws {
        let rules = try rules(
            "pools: {p: {members: [a, b], fallback: d}, q: {members: [a, c], fallback: d}}\nroutes: [{id: r, always: true, to: [{pool: p}, {pool: q}]}]"
        )
        var state = PoolState()
        // The first lead would go to a twice, which is one delivery.
        #expect(try run(rules, state: &state, count: 4) == ["a", "b+c", "a", "b+c"])
    }

    @Test func `a member that the route names, too, gets one delivery`() throws {
        let rules = try rules(
            "pools: {p: {members: [a, b], fallback: d}}\nroutes: [{id: r, always: true, to: [a, {pool: p}], also_to: [b]}]"
        )
        var state = PoolState()
        #expect(try run(rules, state: &state, count: 2) == ["-a+-b", "-a+b"])
    }

    @Test func `a copy and the default may name pools`() throws {
        let rules = try rules(
            "pools: {p: {members: [a, b], fallback: d}}\nroutes: [{id: r, always: true, also_to: [{pool: p}]}]",
            default: "{to: {pool: p}}")
        var state = PoolState()
        let assigned = rules.assign(
            rules.decide(lead()), of: lead(), at: RuleSet.noon, state: &state)
        #expect(assigned.decision.outcome == .default)
        // Reached twice, one delivery: a `to` before a copy.
        #expect(assigned.decision.deliveries.map(\.isCopy) == [false])
        #expect(assigned.decision.deliveries.map(\.route) == ["default"])
    }

    @Test func `held with other targets, the others get the lead`() throws {
        let rules = try rules(
            "pools: {p: {members: [{to: a, disabled: true}], hold: nobody}}\nroutes: [{id: r, always: true, to: [{pool: p}, b], also_to: c}]"
        )
        var state = PoolState()
        let decision = rules.assign(
            rules.decide(lead()), of: lead(), at: RuleSet.noon, state: &state
        ).decision
        #expect(decision.outcome == .held)
        #expect(decision.reason == "nobody")
        #expect(decision.routes == ["r"])
        #expect(decision.deliveries.map(\.target.sink) == ["b", "c"])
        #expect(state == PoolState())
    }

    @Test func `the same state and lead give the same member, and changes are what differs`() throws
    {
        let rules = try rules(
            pooled(
                "choose: weighted, members: [{to: a, weight: 3, caps: {hour: 9}}, {to: b, weight: 2}, c], fallback: d, sticky: {by: f, for: 1d}"
            ))
        var state = PoolState()
        var kept = PoolState()
        for number in 0..<50 {
            let lead = lead(["f": ["\(number % 20)"]])
            let decision = rules.decide(lead)
            var copy = state
            let first = rules.assign(decision, of: lead, at: RuleSet.noon, state: &state)
            let second = rules.assign(decision, of: lead, at: RuleSet.noon, state: &copy)
            #expect(first.decision == second.decision)
            #expect(first.changes == second.changes)
            kept.apply(first.changes)
            #expect(kept == state && copy == state)
        }
    }

    @Test func `a query asks for what assigning reads`() throws {
        let rules = try rules(pooled("\(PoolTests.abc), sticky: {by: f, for: 1d}"))
        let zoe = lead(["f": ["x"]])
        let query = try #require(rules.poolQuery(for: rules.decide(zoe), of: zoe))
        #expect(query.pools == ["p"])
        #expect(query.sticky.count == 1)
        #expect(rules.poolQuery(for: rules.decide(lead()), of: lead())?.sticky.isEmpty == true)
        let plain = try LeadRulesTests.rules("routes: [{id: r, always: true, to: a}]")
        #expect(plain.poolQuery(for: plain.decide(zoe), of: zoe) == nil)
    }

    @Test func `the object of a decision names pool and member`() throws {
        let rules = try rules(pooled("members: [{name: anna, to: a}], fallback: d"))
        var state = PoolState()
        let decision = rules.assign(
            rules.decide(lead()), of: lead(), at: RuleSet.noon, state: &state
        ).decision
        var writer = JSONWriter()
        decision.write(leadID: "17", to: &writer)
        #expect(
            writer.text
                == #"{"lead_id":"17","outcome":"routed","routes":["r"],"deliveries":[{"sink":"a","route":"r","copy":false,"pool":"p","member":"anna"}],"reason":null}"#
        )
        #expect(decision.deliveries.map(\.identity) == ["pool p"])
    }

    @Test func `templates know the pool and its member, and members override settings`() throws {
        let result = load([
            "leadrouter.yaml": """
            version: 1
            default: {to: {pool: p}}
            sinks: {s: {plugin: places, address: x@y.example, text: "{{delivery.pool}}/{{delivery.member}}{{^delivery.member}}nobody{{/delivery.member}}"}}
            pools: {p: {members: [{name: anna, to: {sink: s, with: {address: anna@x.example}}}], fallback: s}}
            """
        ])
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        var state = PoolState()
        let planned = try #require(
            rules.assign(rules.decide(lead()), of: lead(), at: RuleSet.noon, state: &state)
                .decision.deliveries.first)
        func rendered(pool: String?, member: String?) throws -> [String: String] {
            let context = RenderContext(
                lead: lead(), deliveryID: "1", route: "default", pool: pool, member: member)
            return Dictionary(
                uniqueKeysWithValues: try rules.render(planned.target, of: context).map {
                    ($0.name, $0.text)
                })
        }
        #expect(
            try rendered(pool: planned.assignment?.pool, member: planned.assignment?.member)
                == ["address": "anna@x.example", "text": "p/anna"])
        #expect(try rendered(pool: "p", member: nil)["text"] == "p/nobody")
    }

    static let mistakes: [(code: String, text: String)] = [
        ("bad-value", "1️⃣[a, b]"), ("missing-key", "{fallback: d}"),
        ("missing-key", "{members: [a]}"), ("bad-value", "{members: 1️⃣a, fallback: d}"),
        ("bad-value", "{members: 1️⃣[], fallback: d}"),
        ("unknown-key", "{members: [a], fallback: d, 1️⃣chose: x}"),
        ("bad-value", "{members: [a], fallback: d, choose: 1️⃣random}"),
        ("bad-value", "{members: [{to: a, caps: {hour: 1}}], fallback: d, when_full: 1️⃣skip}"),
        ("undefined-sink", "{members: [1️⃣x], fallback: d}"),
        ("undefined-sink", "{members: [{to: 1️⃣x}], fallback: d}"),
        ("undefined-sink", "{members: [a], fallback: 1️⃣x}"),
        ("unknown-setting", "{members: [{to: {sink: a, with: {1️⃣label: x}}}], fallback: d}"),
        ("bad-pool", "{members: [{to: {pool: 1️⃣p}}], fallback: d}"),
        ("bad-pool", "{members: [a], fallback: {pool: 1️⃣p}}"),
        ("missing-key", "{members: [1️⃣{name: x}], fallback: d}"),
        ("bad-value", "{members: [{to: 1️⃣[a, b]}], fallback: d}"),
        ("bad-name", "{members: [{name: 1️⃣a b, to: a}], fallback: d}"),
        ("duplicate-member", "{members: [a, {name: 1️⃣a, to: b}], fallback: d}"),
        ("duplicate-member", "{members: [a, 1️⃣{to: a}], fallback: d}"),
        ("unknown-key", "{members: [{to: a, 1️⃣wieght: 2}], fallback: d}"),
        ("bad-value", "{choose: weighted, members: [{to: a, weight: 1️⃣0}], fallback: d}"),
        ("bad-value", "{choose: weighted, members: [{to: a, weight: 1️⃣1.5}], fallback: d}"),
        ("no-effect", "{members: [{to: a, weight: 1️⃣2}], fallback: d}"),
        ("undefined-schedule", "{members: [{to: a, schedule: 1️⃣day}], fallback: d}"),
        ("bad-value", "{members: [{to: a, disabled: 1️⃣yes}], fallback: d}"),
        ("bad-value", "{members: [{to: a, caps: 1️⃣5}], fallback: d}"),
        ("bad-value", "{members: [{to: a, caps: {hour: 1️⃣0}}], fallback: d}"),
        ("bad-value", "{members: [{to: a, caps: {hour: 1️⃣many}}], fallback: d}"),
        ("unknown-key", "{members: [{to: a, caps: {1️⃣week: 5}}], fallback: d}"),
        ("missing-key", "{members: [1️⃣{to: a, caps: {day: 5}}], fallback: d}"),
        ("missing-key", "{members: [{name: 1️⃣x, to: a, caps: {month: 5}}], fallback: d}"),
        ("bad-value", "{members: [a], fallback: d, time_zone: 1️⃣Rome}"),
        ("bad-value", "{members: [a], fallback: d, sticky: 1️⃣email}"),
        ("missing-key", "{members: [a], fallback: d, sticky: 1️⃣{by: email}}"),
        ("bad-value", "{members: [a], fallback: d, sticky: {by: 1️⃣[], for: 9d}}"),
        ("bad-value", "{members: [a], fallback: d, sticky: {by: email, for: 1️⃣long}}"),
        ("bad-name", "{members: [a], fallback: d, sticky: {by: 1️⃣schedule.s, for: 9d}}"),
        ("undefined-table", "{members: [a], fallback: d, sticky: {by: 1️⃣t.x, for: 9d}}"),
        ("unknown-key", "{members: [a], fallback: d, sticky: {by: email, for: 9d, 1️⃣x: y}}"),
        ("bad-pool", "{members: [a], fallback: d, hold: 1️⃣x}"),
        ("bad-value", "{members: [a], hold: 1️⃣\" \"}"),
        ("bad-pool", "{members: [{to: a, caps: {hour: 1}}], hold: x, when_full: 1️⃣fallback}"),
        ("no-effect", "{members: [a], fallback: d, when_full: 1️⃣hold}"),
    ]

    @Test(arguments: mistakes) func `a mistake in a pool is found once, at its place`(
        _ one: (code: String, text: String)
    ) {
        let name = one.text.contains("1️⃣") ? "p" : "1️⃣p"
        expectOne(
            one.code,
            root("schedules: {\(PoolTests.night)}\npools: {\(name): \(one.text)}"))
    }

    static let uses: [(code: String, text: String)] = [
        ("undefined-pool", "routes: [{id: r, always: true, to: {pool: 1️⃣pp}}]"),
        ("undefined-pool", "routes: [{id: r, always: true, to: {pool: 1️⃣[p]}}]"),
        ("unknown-key", "routes: [{id: r, always: true, to: {pool: p, 1️⃣with: {x: y}}}]"),
        ("undefined-sink", "routes: [{id: r, always: true, to: 1️⃣p}]"),
        ("bad-pool", "routes: [{id: r, always: true, also_to: [a, 1️⃣{pool: p}]}]"),
        (
            "bad-value",
            "version: 1\ndefault: {to: x}\nsinks: {x: {plugin: plain, on_failure: [1️⃣{pool: p}]}}"
        ),
        (
            "undefined-sink",
            "version: 1\ndefault: {to: x}\nsinks: {x: {plugin: plain, on_failure: [1️⃣p]}}"
        ),
    ]

    @Test(arguments: uses) func `a mistake in naming a pool is found once, at its place`(
        _ one: (code: String, text: String)
    ) {
        let pools = "pools: {p: {members: [{to: x}], hold: nobody}}"
        let isWhole = ByteSearch.hasPrefix(one.text, "version")
        let text =
            isWhole
            ? one.text + "\n" + pools
            : root(one.text + "\n" + pools.replacing("to: x", with: "to: a"))
        expectOne(one.code, text)
    }

    @Test func `a message says what to type`() {
        let report = load([
            "leadrouter.yaml": root(
                "pools: {sales: {members: [a, {to: a}]}, q: {members: [{name: x, to: b, caps: {day: 5}}], fallback: c}}\nroutes: [{id: r, always: true, to: sales}]"
            )
        ]).diagnostics.map { "\($0.message); \($0.help ?? "-")" }
        #expect(
            report == [
                "the pool 'sales' does not say who gets a lead when nobody is left; add 'fallback: [SINK]', or 'hold: REASON' to hold it",
                "the member 'a' stands here twice, first at leadrouter.yaml:4:27; give each a 'name' of its own",
                "'x' has a cap a day, and the pool has no 'time_zone'; add 'time_zone: Europe/Rome' to the pool, or the zone where its days begin",
                "there is no sink 'sales'; 'sales' is a pool; write '{pool: sales}'",
            ])
    }
}
