import LeadKit
import LeadTesting
import Testing

@testable import LeadRules

/// Compiled rules decide as the walk over every route does, and look at no route for nothing.
struct DecidingTests {
    @Test(arguments: UInt64(1)...80) func `random rules decide what their explanation says`(
        _ seed: UInt64
    ) throws {
        var random = RandomRules(chance: SeededNumbers(seed))
        let written = random.configuration()
        let fallback = random.isTrue(0.5) ? "{to: [a, d]}" : "{hold: nobody}"
        let rules = try rules(written, default: fallback, files: ["t.csv": RandomRules.table])
        // One for all leads: what it remembers of one must not show in the next.
        let decider = rules.decider()
        for _ in 0..<60 {
            let lead = random.lead()
            let isDuplicate = random.isTrue(0.2)
            let wanted = rules.explain(lead, at: RuleSet.noon, isDuplicate: isDuplicate).0
            let found = decider.decide(lead, at: RuleSet.noon, isDuplicate: isDuplicate)
            guard found != wanted else { continue }
            Issue.record("\(written)\n\(lead.fieldData)\nwanted \(wanted)\nfound \(found)")
            return
        }
    }

    private func stores(_ count: Int, _ condition: (Int) -> String) -> String {
        "routes:\n"
            + (0..<count).map { "  - {id: s\($0), when: {\(condition($0))}, to: a}" }
            .joined(separator: "\n") + "\n"
    }

    @Test func `a rule for one store is filed under its number, and needs no condition`() throws {
        let rules = try rules(
            stores(100) { "dealer: \"\($0)\"" } + "  - {id: z, when: {make: Kia}, to: b}")
        #expect(rules.compiled.generic.isEmpty)
        #expect(rules.compiled.postings.isEmpty)
        #expect(rules.compiled.files.filter { $0.count == 1 && $0.single.isCertain }.count == 101)
        #expect(rules.compiled.steps.isEmpty)
        #expect(rules.decide(lead(["dealer": [" 42 "]])).routes == ["s42"])
        #expect(rules.decide(lead(["dealer": ["100"], "make": ["KIA"]])).routes == ["z"])
    }

    @Test(arguments: [
        "dealer: \"#\", budget: {above: 1}", "dealer: {equals: \"#\", every: true}",
        "dealer: {starts_with: \"#-\"}", "dealer: {ends_with: \"-#\"}",
        "dealer: {matches: \"#-?\"}", "dealer: {contains: \"-#-\"}",
        "any: [{dealer: \"#\"}, {other: \"#\"}]", "all: [{make: Kia}, {dealer: \"#\"}]",
        "use: kia, dealer: [\"#\", \"#-\"]",
    ]) func `what a rule needs of a lead files it`(_ condition: String) throws {
        let rules = try rules(
            "conditions: {kia: {make: Kia}}\n"
                + stores(20) { condition.replacing("#", with: String($0 + 100)) })
        #expect(rules.compiled.generic.isEmpty)
    }

    @Test(arguments: [
        "dealer: {equals: \"#\", or_missing: true}", "not: {dealer: \"#\"}",
        "dealer: {not_equals: \"#\"}", "any: [{dealer: \"#\"}, {budget: {above: #}}]",
        "budget: {above: #}",
    ]) func `a rule that may take a lead without its text is looked at for every lead`(
        _ condition: String
    ) throws {
        let rules = try rules(stores(20) { condition.replacing("#", with: String($0)) })
        #expect(rules.compiled.generic.count == 20)
        #expect(rules.compiled.files.allSatisfy { $0.count == 0 })
    }

    @Test func `the rarer text files a rule that needs two`() throws {
        let rules = try rules(stores(50) { "make: Kia, dealer: \"\($0)\"" })
        #expect(rules.compiled.keyProbes.count == 1)
        let slot = try #require(rules.compiled.keyProbes.first?.slot)
        #expect(rules.compiled.names[Int(slot)] == .field("dealer"))
    }

    @Test func `what is filed under nothing that the lead says is not asked for`() throws {
        let rules = try rules(
            stores(20) { "dealer: \"\($0)\"" } + "  - {id: z, when: {make: Kia}, to: b}")
        let dealer = try #require(rules.compiled.names.firstIndex(of: .field("dealer")))
        let probes = rules.compiled.keyProbes
        #expect(probes.map(\.firstRoute) == [0, 20])
        #expect(probes.first.map { Int($0.slot) } == dealer)
    }

    @Test func `a list of leads is decided as each alone`() throws {
        var random = RandomRules(chance: SeededNumbers(7))
        let rules = try rules(random.configuration(), files: ["t.csv": RandomRules.table])
        let leads = (0..<30).map { _ in random.lead() }
        var found: [Decision] = []
        rules.decider().decide(leads, at: RuleSet.noon) { place, decision in
            #expect(place == found.count)
            found.append(copy decision)
        }
        #expect(found == leads.map { rules.decide($0) })
    }

    @Test func `a repeated field, and one that a trim makes the same, append their values`() throws
    {
        let rules = try rules(stores(20) { "dealer: \"\($0)\"" } + "match: all\n")
        let lead = lead([
            "dealer": ["3", ""], " dealer ": ["7"], "x": ["5"], "dealer\u{A0}": ["1"],
        ])
        #expect(rules.decide(lead).routes == ["s1", "s3", "s7"])
    }

    @Test func `fields that should be keys of a table are named when they are not`() throws {
        let rules = try rules(
            """
            tables: {t: {file: t.csv, key: key, match: g}}
            fields: {g: {expect_in: t}, h: {expect_in: t}}
            routes: [{id: r, when: {h: {exists: true}}, to: a}]
            """, files: ["t.csv": RandomRules.table])
        let found = rules.unexpectedFields(of: lead(["g": ["42", "43"], "h": [" x "]]))
        #expect(found.map(\.field) == ["g"])
        #expect(found.map(\.table) == ["t"])
        #expect(rules.unexpectedFields(of: lead(["g": ["42", " "]])).isEmpty)
    }
}
