import LeadKit
@testable import LeadRules
import LeadTesting
import Testing

/// Random rules and leads: what the linter says of reachability holds for the evaluator.
struct ReachPropertyTests {
    @Test(arguments: 0..<60)
    func `no lead reaches a route that is said to be never reached`(seed: Int) throws {
        var world = RandomRules(seed: UInt64(seed) &+ 1)
        let files = world.files()
        let result = lint(files)
        let ruleSet = try #require(result.configuration?.ruleSet, "\(result.report)")
        let claimed = RandomRules.neverReached(result)
        let reached = world.reached(in: ruleSet, leads: 1_500)
        #expect(claimed.intersection(reached) == [], "\(files)\n\(result.report)")
    }

    @Test func `many routes of the random rules are found, so that the property says something`() {
        var claims = 0
        var missed = 0
        for seed in 0..<40 {
            var world = RandomRules(seed: UInt64(seed) &+ 1)
            let result = lint(world.files())
            guard let ruleSet = result.configuration?.ruleSet else { continue }
            let claimed = RandomRules.neverReached(result)
            let reached = world.reached(in: ruleSet, leads: 400)
            claims += claimed.count
            ruleSet.routes.forEach { path in
                if !reached.contains(path.route.name), !claimed.contains(path.route.name) {
                    missed += 1
                }
            }
        }
        #expect(claims >= 20, "only \(claims) claims, \(missed) routes not reached by chance")
    }

    /// The control: a linter that called every route unreachable would be caught.
    @Test func `a false claim is caught by the leads`() throws {
        var caught = 0
        for seed in 0..<10 {
            var world = RandomRules(seed: UInt64(seed) &+ 1)
            let ruleSet = try #require(lint(world.files()).configuration?.ruleSet)
            caught += world.reached(in: ruleSet, leads: 400).count
        }
        #expect(caught > 20)
    }
}

/// Rules and leads out of few names and texts, so that they meet often.
struct RandomRules {
    private var random: SplitMix
    private static let fields = ["f", "g", "n"]
    private static let texts = ["x", "X", "xy", "y", "5", "10", "10.0", "15", "k1", "k2", "K1"]

    init(seed: UInt64) { random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15) }

    mutating func files() -> [String: String] {
        let routes = (0..<Int.random(in: 2...6, using: &random)).map { route("r\($0)", depth: 0) }
        return [
            "leadrouter.yaml": """
            version: 1
            sinks: {a: {plugin: plain}, b: {plugin: plain}}
            tables: {t: {file: t.csv, key: k, match: g}}
            conditions: {c: \(condition(depth: 1))}
            match: \(pick(["first", "first", "first", "all"]))
            routes: [\(routes.joined(separator: ", "))]
            default: {to: [a, b]}
            """,
            "t.csv": "k,v,w\nk1,p,x\nk2,q,\nxy,p,y\n",
        ]
    }

    private mutating func pick(_ list: [String]) -> String { list.randomElement(using: &random) ?? "" }

    private mutating func route(_ id: String, depth: Int) -> String {
        let when =
            Int.random(in: 0..<12, using: &random) == 0
            ? "always: true" : "when: \(condition(depth: 0))"
        let end = pick(["to: a", "to: b", "drop: no", "also_to: a"])
        guard depth == 0, Int.random(in: 0..<4, using: &random) == 0 else {
            return "{id: \(id), \(when), \(end)}"
        }
        let children = (0..<2).map { route("c\($0)", depth: 1) }
        let mode = pick(["", "match: all, "])
        return "{id: \(id), \(when), \(mode)routes: [\(children.joined(separator: ", "))]"
            + (pick(["", ", to: b"])) + "}"
    }

    private mutating func condition(depth: Int) -> String {
        switch Int.random(in: 0..<10, using: &random) {
        case 0 where depth < 2:
            return "{any: [\(condition(depth: depth + 1)), \(condition(depth: depth + 1))]}"
        case 1 where depth < 2:
            return "{all: [\(condition(depth: depth + 1)), \(condition(depth: depth + 1))]}"
        case 2 where depth < 2: return "{not: \(condition(depth: depth + 1))}"
        case 3 where depth == 0: return "{use: c}"
        default: return "{\(test())}"
        }
    }

    private mutating func test() -> String {
        let name = pick(RandomRules.fields + ["t.v", "t.w", "lead.is_test", "consent.k", "f"])
        if name == "lead.is_test" || name == "consent.k" { return "\(name): \(pick(["true", "false"]))" }
        var operators = [operation()]
        if Int.random(in: 0..<4, using: &random) == 0 {
            let second = operation()
            if second.name != operators[0].name { operators.append(second) }
        }
        var parts = operators.map { "\($0.name): \($0.argument)" }
        let names = operators.map(\.name)
        if Int.random(in: 0..<6, using: &random) == 0, !names.contains("exists") {
            parts.append("or_missing: true")
        }
        if Int.random(in: 0..<6, using: &random) == 0,
            !names.contains(where: { $0.hasPrefix("not") || $0 == "exists" })
        {
            parts.append("every: true")
        }
        if Int.random(in: 0..<6, using: &random) == 0,
            names.contains(where: { ["equals", "in", "starts_with", "not_in"].contains($0) })
        {
            parts.append("exact: true")
        }
        return "\(name): {\(parts.joined(separator: ", "))}"
    }

    private mutating func operation() -> (name: String, argument: String) {
        let texts = RandomRules.texts
        let list = "[\(pick(texts)), \(pick(["p", "q", "z"]))]"
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: return ("equals", pick(texts + ["p"]))
        case 2: return ("in", list)
        case 3: return ("not_in", list)
        case 4: return ("starts_with", pick(["x", "1", "k", "X"]))
        case 5: return ("exists", pick(["true", "false"]))
        case 6: return (pick(["above", "at_least"]), pick(["5", "10", "7"]))
        case 7: return (pick(["below", "at_most"]), pick(["5", "10", "12"]))
        case 8: return ("between", "[5, \(pick(["5", "10"]))]")
        case 9: return (pick(["in_table", "not_in_table"]), "t")
        case 10: return (pick(["contains", "ends_with"]), pick(["x", "y", "0"]))
        default: return (pick(["search", "matches"]), pick(["'x.*'", "'[0-9]+'"]))
        }
    }

    /// The routes that some of so many random leads are taken by.
    mutating func reached(in ruleSet: RuleSet, leads count: Int) -> Set<String> {
        var result: Set<String> = []
        for _ in 0..<count {
            let (_, explanation) = ruleSet.explain(lead())
            RandomRules.collect(explanation.routes, into: &result)
        }
        return result
    }

    private static func collect(_ traces: [RouteTrace], into result: inout Set<String>) {
        for trace in traces where trace.truth == .yes && !trace.isDisabled {
            result.insert(trace.name)
            collect(trace.routes, into: &result)
        }
    }

    private mutating func lead() -> Lead {
        var fields: [Field] = []
        for name in RandomRules.fields where Int.random(in: 0..<3, using: &random) > 0 {
            let count = Int.random(in: 0..<6, using: &random) == 0 ? 2 : 1
            let more = RandomRules.texts + ["4", "6", "7.5", "11", "13", "p", "q", "z", "other", "1x"]
            fields.append(Field(name, (0..<count).map { _ in pick(more) }))
        }
        var lead = Lead.sample(
            fields: FieldData(fields), envelope: pick(["", "t"]) == "t" ? [.isTest: "true"] : [:])
        lead.consents =
            pick(["", "k"]) == "k"
            ? [Consent(key: "k", isChecked: pick(["true", "false"]) == "true")] : []
        return lead
    }

    /// The routes that the findings call never reached.
    static func neverReached(_ result: LoadResult) -> Set<String> {
        var names: Set<String> = []
        for finding in result.diagnostics where finding.code == "never-reached" {
            let head = finding.message.split(separator: ":")[0]
            let quoted = head.split(separator: "'", omittingEmptySubsequences: false)
            for index in quoted.indices where index % 2 == 1 { names.insert(String(quoted[index])) }
        }
        return names
    }
}

/// A small generator, so that each seed is the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
