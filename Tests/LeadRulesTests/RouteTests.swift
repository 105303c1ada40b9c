import LeadKit
import LeadRules
import Testing

/// RULES sections 3 (combinators), 4 and 8.
struct RouteTests {
    /// Truth of `f`: yes for t, no for n, unknown for u.
    private func part(_ truth: Character) -> String {
        switch truth {
        case "t": "{f: x}"
        case "n": "{f: y}"
        default: "{g: x}"
        }
    }

    @Test(arguments: [
        ("tt", "t", "t"), ("tn", "n", "t"), ("tu", "u", "t"), ("nn", "n", "n"), ("nu", "n", "u"),
        ("uu", "u", "u"), ("t", "t", "t"), ("u", "u", "u"), ("ntu", "n", "t"),
    ]) func `all, any and not follow three-valued logic`(
        _ parts: String, _ all: String, _ any: String
    ) throws {
        let truths: [String: Truth] = ["t": .yes, "n": .no, "u": .unknown]
        let negated: [String: Truth] = ["t": .no, "n": .yes, "u": .unknown]
        let list = "[" + parts.map(part).joined(separator: ", ") + "]"
        let lead = lead(["f": ["x"]])
        #expect(try truth("{all: \(list)}", lead) == truths[all])
        #expect(try truth("{any: \(list)}", lead) == truths[any])
        #expect(try truth("{not: \(list)}", lead) == negated[any])
        #expect(try truth("{not: {all: \(list)}}", lead) == negated[all])
        #expect(try truth("{f: x, all: \(list)}", lead) == truths[all])
    }

    @Test func `a map needs all its entries, and not of a map swaps that`() throws {
        let lead = lead(["f": ["x"], "h": ["y"]])
        #expect(try truth("{f: x, h: y}", lead) == .yes)
        #expect(try truth("{f: x, h: x}", lead) == .no)
        #expect(try truth("{f: x, g: y}", lead) == .unknown)
        #expect(try truth("{not: {f: x, h: x}}", lead) == .yes)
        #expect(try truth("{not: {g: x}}", lead) == .unknown)
    }

    @Test func `named conditions may use each other in any order`() throws {
        let more = "conditions: {a: {use: b}, b: {f: x}, c: {g: x}}"
        let lead = lead(["f": ["x"]])
        #expect(try truth("{use: a}", lead, more: more) == .yes)
        #expect(try truth("{use: [a, b]}", lead, more: more) == .yes)
        #expect(try truth("{use: [a, c]}", lead, more: more) == .unknown)
        #expect(try truth("{not: {use: a}}", lead, more: more) == .no)
    }

    /// Routes, then what a lead with `f: x` becomes: outcome, deciding routes, deliveries, reason.
    static let walks: [(routes: String, wanted: String)] = [
        ("[{id: r, when: {f: x}, to: a}]", "routed r | a r | -"),
        ("[{id: r, when: {f: y}, to: a}]", "held  |  | nobody"),
        ("[{id: r, when: {g: x}, to: a}]", "held  |  | nobody"),
        ("[{id: r, when: {f: x}, to: a, disabled: true}]", "held  |  | nobody"),
        ("[{id: r, always: true, to: [a, b], disabled: false}]", "routed r | a r, b r | -"),
        ("[{id: r, always: true, to: a}, {id: s, always: true, to: b}]", "routed r | a r | -"),
        ("[{id: c, always: true, also_to: a}]", "held  | a c copy | nobody"),
        (
            "[{id: c, always: true, also_to: [a]}, {id: r, always: true, to: b}]",
            "routed r | b r, a c copy | -"
        ),
        ("[{id: c, always: true, also_to: a}, {id: r, always: true, to: a}]", "routed r | a r | -"),
        (
            "[{id: c, always: true, also_to: a}, {id: d, always: true, also_to: a}]",
            "held  | a c copy | nobody"
        ),
        ("[{id: r, always: true, to: a, also_to: a}]", "routed r | a r | -"),
        ("[{id: d, always: true, drop: no}]", "dropped d |  | no"),
        ("[{id: d, always: true, drop: no, also_to: c}]", "dropped d | c d copy | no"),
        ("[{id: d, always: true, drop: no}, {id: r, always: true, to: a}]", "dropped d |  | no"),
        (
            "[{id: p, always: true, routes: [{id: q, always: true, to: a}]}]",
            "routed p/q | a p/q | -"
        ),
        (
            "[{id: p, when: {f: y}, also_to: b, routes: [{id: q, always: true, to: a}]}]",
            "held  |  | nobody"
        ),
        (
            "[{id: p, always: true, to: b, routes: [{id: q, always: true, to: a}]}]",
            "routed p/q | a p/q | -"
        ),
        (
            "[{id: p, always: true, to: b, routes: [{id: q, when: {f: y}, to: a}]}]",
            "routed p | b p | -"
        ),
        (
            "[{id: p, always: true, drop: d, routes: [{id: q, when: {f: y}, to: a}]}]",
            "dropped p |  | d"
        ),
        (
            "[{id: p, always: true, routes: [{id: q, when: {f: y}, to: a}]}, {id: r, always: true, to: c}]",
            "routed r | c r | -"
        ),
        (
            "[{id: p, always: true, also_to: d, routes: [{id: q, always: true, also_to: a}]}]",
            "held  | d p copy, a p/q copy | nobody"
        ),
        (
            "[{id: p, always: true, match: all, routes: [{id: q, always: true, to: a}, {id: r, always: true, to: b}]}, {id: s, always: true, to: c}]",
            "routed p/q p/r | a p/q, b p/r | -"
        ),
        (
            "[{id: p, always: true, disabled: true, also_to: a, routes: [{id: q, always: true, to: b}]}]",
            "held  |  | nobody"
        ),
        ("[{id: r, always: true, to: [a, a]}]", "routed r | a r | -"),
    ]

    @Test(arguments: walks) func `the first decision ends a list`(
        _ walk: (routes: String, wanted: String)
    ) throws {
        #expect(
            shown(try rules("routes: \(walk.routes)").decide(lead(["f": ["x"]]))) == walk.wanted)
    }

    static let walksOfAll: [(routes: String, wanted: String)] = [
        (
            "[{id: r, always: true, to: a}, {id: s, always: true, to: b}]",
            "routed r s | a r, b s | -"
        ),
        ("[{id: r, always: true, to: a}, {id: s, always: true, to: a}]", "routed r s | a r | -"),
        ("[{id: d, always: true, drop: no}, {id: r, always: true, to: a}]", "routed d r | a r | -"),
        (
            "[{id: d, always: true, drop: no}, {id: e, always: true, drop: never}]",
            "dropped d e |  | no"
        ),
        (
            "[{id: r, always: true, also_to: b, to: a}, {id: s, always: true, to: b}]",
            "routed r s | a r, b s | -"
        ),
        (
            "[{id: p, always: true, routes: [{id: q, always: true, to: a}, {id: r, always: true, to: b}]}, {id: s, when: {f: x}, to: c}]",
            "routed p/q s | a p/q, c s | -"
        ),
    ]

    @Test(arguments: walksOfAll) func `match all asks every route`(
        _ walk: (routes: String, wanted: String)
    ) throws {
        let rules = try rules("match: all\nroutes: \(walk.routes)")
        #expect(shown(rules.decide(lead(["f": ["x"]]))) == walk.wanted)
    }

    @Test func `the default sends or holds, and copies go out all the same`() throws {
        let routes = "routes: [{id: c, always: true, also_to: [a, b]}]"
        #expect(
            shown(try rules(routes, default: "{to: [b, d]}").decide(lead()))
                == "default  | b default, d default, a c copy | -")
        #expect(
            shown(try rules("match: all\n" + routes, default: "{to: d}").decide(lead()))
                == "default  | d default, a c copy, b c copy | -")
        #expect(shown(try rules("").decide(lead())) == "held  |  | nobody")
    }

    @Test func `the object of a decision has exactly the promised members in their order`() throws {
        let empty = try rules("")
        let rules = try rules(
            "routes: [{id: c, always: true, also_to: b}, {id: p, always: true, routes: [{id: q, always: true, to: a}]}]"
        )
        var writer = JSONWriter()
        rules.decide(lead()).write(leadID: "17", to: &writer)
        #expect(
            writer.text
                == #"{"lead_id":"17","outcome":"routed","routes":["p/q"],"deliveries":[{"sink":"a","route":"p/q","copy":false},{"sink":"b","route":"c","copy":true}],"reason":null}"#
        )
        var held = JSONWriter()
        empty.decide(lead()).write(leadID: nil, to: &held)
        #expect(
            held.text
                == #"{"lead_id":null,"outcome":"held","routes":[],"deliveries":[],"reason":"nobody"}"#
        )
    }

    @Test func `an explanation shows what was seen and where unknown arose`() throws {
        let rules = try rules(
            "conditions: {n: {f: {above: 1}}}\nroutes: [{id: r, note: why, when: {any: [{use: n}, {g: x}, {f: {before: 2025-01-01}}]}, to: a}]"
        )
        let (_, explanation) = rules.explain(lead(["f": [" x "]]))
        var writer = JSONWriter()
        explanation.write(to: &writer)
        #expect(
            writer.text
                == #"[{"route":"r","taken":"unknown","decided":false,"note":"why","when":{"asked":"any of","result":"unknown","parts":[{"asked":"condition 'n'","result":"unknown","parts":[{"asked":"f above 1","result":"unknown","values":["x"],"reason":"not a number"}]},{"asked":"g equals x","result":"unknown","values":[],"reason":"missing"},{"asked":"f before 2025-01-01","result":"unknown","values":["x"],"reason":"not a time"}]}}]"#
        )
    }

    private func shown(_ decision: Decision) -> String {
        let deliveries = decision.deliveries.map {
            "\($0.target.sink) \($0.route)\($0.isCopy ? " copy" : "")"
        }
        return "\(decision.outcome.rawValue) \(decision.routes.joined(separator: " ")) | "
            + deliveries.joined(separator: ", ") + " | \(decision.reason ?? "-")"
    }
}
