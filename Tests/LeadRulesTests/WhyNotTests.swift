import LeadKit
import LeadRules
import Testing

/// `why-not`: what keeps a lead away, and the smallest change, proved.
struct WhyNotTests {
    /// The answer for a lead with `f: x` and the given route `r` to sink `a`.
    private func answer(
        _ condition: String, _ fields: KeyValuePairs<String, [String]> = ["f": ["x"]],
        more: String = "", files: [String: String] = [:]
    ) throws -> WhyNot.Answer {
        let rules = try rules(
            more + "\nroutes: [{id: r, when: \(condition), to: a}]", files: files)
        let subject = lead(fields)
        let answer = try rules.whyNot(subject, expect: "r", at: RuleSet.noon)
        #expect(!answer.isReached)
        return try #require(answer.answers.first)
    }

    private func shown(_ answer: WhyNot.Answer) -> [String] {
        (answer.change?.edits ?? []).map {
            "\($0.name): \($0.old.joined(separator: "+")) > \($0.new.joined(separator: "+"))"
        }
    }

    @Test(arguments: [
        ("{f: y}", "f: x > y"), ("{f: [yyyyyy, yy]}", "f: x > yy"), ("{g: y}", "g:  > y"),
        ("{f: {starts_with: [ab]}}", "f: x > ab"), ("{f: {ends_with: z}}", "f: x > z"),
        ("{f: {contains: z}}", "f: x > z"), ("{f: {exists: false}}", "f: x > "),
        ("{g: {exists: true}}", "g:  > anything"), ("{f: {not_in: [x, q]}}", "f: x > q"),
        ("{not: {f: x}}", "f: x > other"), ("{f: {matches: '\\d{3}-[a-c]+'}}", "f: x > 000-a"),
        ("{f: {search: '^(?:AB|C)$'}}", "f: x > C"),
        ("{lead.form_id: 77}", "lead.form_id:  > 77"),
        ("{lead.is_test: true}", "lead.is_test: false > true"),
        ("{consent.news: true}", "consent.news:  > true"),
        ("{lead.is_duplicate: true}", "lead.is_duplicate: false > true"),
        (
            "{lead.created_time: {before: 2025-01-01}}",
            "lead.created_time:  > 2024-12-31T23:59:59Z"
        ),
        ("{all: [{f: {starts_with: a}}, {f: {ends_with: b}}]}", "f: x > axb"),
    ]) func `the smallest change is found and proved`(
        _ condition: String, _ expected: String
    ) throws {
        let answer = try answer(condition)
        if condition.contains("not_in") {
            // 'q' stands in the rule, but is refused by it too.
            #expect(shown(answer) == ["f: x > other"])
        } else {
            #expect(shown(answer) == [expected])
        }
        #expect(answer.change?.proof.routes == ["r"])
    }

    @Test(
        arguments: [
            ("{n: {above: 10}}", "11"), ("{n: {at_least: 10}}", "10"),
            ("{n: {between: [1, 3]}}", "3"),
            ("{n: {between: [7, 9]}}", "7"), ("{n: {below: 5}}", "4"),
            ("{n: {at_most: 4.5}}", "4.5"),
            ("{n: {above: 5, below: 6}}", nil), ("{not: {n: {at_most: 9}}}", "10"),
        ] as [(String, String?)])
    func `a number moves to the nearest bound`(_ condition: String, _ expected: String?) throws {
        let answer = try answer(condition, ["n": ["5"]])
        #expect(answer.change?.edits.first?.new.first == expected)
        #expect((answer.refusal == nil) == (expected != nil))
    }

    @Test func `a route may be named by its last part, when no other has it`() throws {
        let rules = try rules(
            """
            routes:
              - id: p
                always: true
                routes: [{id: one, when: {f: y}, to: a}, {id: two, when: {f: z}, to: a}]
              - {id: q, always: true, routes: [{id: two, when: {f: z}, to: b}]}
            """)
        func answer(_ name: String) throws -> String {
            do {
                return try rules.whyNot(lead(["f": ["x"]]), expect: name, at: RuleSet.noon).expected
            } catch {
                return "\(error); \(error.help ?? "-")"
            }
        }
        #expect(try answer("one") == "p/one")
        #expect(try answer("two").contains("write one of 'p/two' and 'q/two'"))
        #expect(try answer("oen").contains("did you mean 'p/one'?"))
        #expect(try answer("a") == "a")
    }

    @Test func `fewer fields come before smaller edits`() throws {
        let answer = try answer(
            "{any: [{f: yyyyyyyyyyyy}, {all: [{g: a}, {h: b}]}]}", ["f": ["x"]])
        #expect(shown(answer) == ["f: x > yyyyyyyyyyyy"])
        let three = try self.answer("{f: a, g: b, h: {exists: false}}", ["f": ["x"], "h": ["y"]])
        #expect(Set(shown(three)) == ["f: x > a", "g:  > b", "h: y > "])
        #expect(
            three.obstacle.condition?.parts.map(\.text) == [
                "f equals a", "g equals b", "h exists false",
            ])
    }

    @Test func `a column is reached by the nearest key whose row has it all`() throws {
        let more = "tables: {t: {file: t.csv, key: k, match: f}}"
        let csv = "k,tier,open\nx,basic,no\nxy,gold,no\nxyz,gold,yes\nabcdef,gold,yes\n"
        let answer = try answer("{t.tier: gold, t.open: 'yes'}", more: more, files: ["t.csv": csv])
        #expect(shown(answer) == ["f: x > xyz"])
    }

    @Test(arguments: [
        ("042", "leading zeros"), ("4-2", "blanks or marks"),
        ("0-42", "case, zeros, blanks or marks"),
    ]) func `a key that differs only slightly is named and comes first`(
        _ said: String, _ what: String
    ) throws {
        let more = "tables: {t: {file: t.csv, key: k, match: f}}"
        let answer = try answer(
            "{f: {in_table: t}}", ["f": [said]], more: more,
            files: ["t.csv": "k\n42\n043\n5-2\n0-43\n"])
        #expect(answer.change?.edits.first?.new == ["42"])
        #expect(
            answer.hints == [
                "table 't' has the key '42', the lead says '\(said)': they differ only in \(what)"
            ])
    }

    @Test func `a route before it that takes the lead must be avoided`() throws {
        let rules = try rules(
            """
            routes:
              - {id: copies, always: true, also_to: c}
              - {id: first, when: {f: {exists: true}}, routes: [{id: in, when: {g: {not_in: [q]}}, to: b}]}
              - {id: second, when: {f: x}, to: a}
            """)
        let answer = try rules.whyNot(
            lead(["f": ["x"], "g": ["z"]]), expect: "second", at: RuleSet.noon)
        let first = try #require(answer.answers.first)
        #expect(first.obstacle.kind == .takenBefore && first.obstacle.route == "first/in")
        #expect(first.change?.edits.map(\.name) == ["g"])
        #expect(first.change?.proof.routes == ["second"])
    }

    @Test(arguments: [
        ("{id: r, when: {f: y}, disabled: true, to: a}", "'r' is disabled"),
        (
            "{id: e, always: true, to: b}, {id: r, when: {f: y}, to: a}",
            "'e' comes first and takes every lead"
        ),
        (
            "{id: r, always: true, to: a, routes: [{id: c, always: true, to: b}]}",
            "'r/c' below it takes every lead"
        ),
    ]) func `what no change can do is said`(_ routes: String, _ reason: String) throws {
        let rules = try rules("routes: [\(routes)]")
        let answer = try rules.whyNot(lead(["f": ["x"]]), expect: "r", at: RuleSet.noon)
        let first = try #require(answer.answers.first)
        #expect(first.change == nil)
        #expect(first.refusal == "no change of the lead can do it: \(reason)")
    }

    @Test func `a sink is reached by the nearest of its routes, or by default`() throws {
        let rules = try rules(
            """
            routes:
              - {id: far, when: {f: q, g: r}, to: a}
              - {id: near, when: {f: y}, to: a}
              - {id: copy, when: {g: z, h: z, i: z}, also_to: a}
              - {id: here, when: {f: x}, to: b}
            """, default: "{to: a}")
        let answer = try rules.whyNot(lead(["f": ["x"]]), expect: "a", at: RuleSet.noon)
        #expect(answer.answers.first?.route == "default" || answer.answers.first?.route == "near")
        #expect(Set(answer.answers.map(\.route)) == ["far", "near", "copy", "default"])
        for one in answer.answers {
            let proof = try #require(one.change?.proof)
            #expect(proof.deliveries.contains { $0.target.sink == "a" })
        }
        #expect(try rules.whyNot(lead(["f": ["x"]]), expect: "b", at: RuleSet.noon).isReached)
    }

    @Test func `a parent stands for what is below it, and an unknown name gets the nearest`() throws
    {
        let rules = try rules(
            "routes: [{id: p, when: {f: y}, routes: [{id: one, when: {g: z}, to: a}, {id: two, always: true, to: b}]}]"
        )
        let answer = try rules.whyNot(lead(["f": ["x"]]), expect: "p", at: RuleSet.noon)
        #expect(answer.answers.map(\.route) == ["p/two", "p/one"])
        let error = try #require(throws: UnknownExpectation.self) {
            _ = try rules.whyNot(lead(), expect: "p/twp", at: RuleSet.noon)
        }
        #expect(error.help == "did you mean 'p/two'?")
    }

    @Test func `several values keep those that need no change`() throws {
        let answer = try answer("{f: y, not: {f: z}}", ["f": ["x", "w"]])
        #expect(answer.change?.edits.first?.new.count == 2)
        let removed = try self.answer("{f: {not_in: [w]}}", ["f": ["x", "w"]])
        #expect(removed.change?.edits.first?.new == ["x"])
    }

    @Test func `a schedule inside not is named, too`() throws {
        let answer = try answer(
            "{not: {schedule.s: open}}",
            more: "schedules: {s: {time_zone: UTC, open: {mon-sun: 00:00-24:00}}}")
        #expect(answer.hints.contains { ByteSearch.contains($0, "'s' is open") }, "\(answer.hints)")
    }

    @Test func `a spelling that is no key is tried when the name selects a row, too`() throws {
        let answer = try answer(
            "{f: ROME, t.v: {exists: false}}",
            more: "tables: {t: {file: t.csv, key: k, match: f}}",
            files: ["t.csv": "k,v\nrome,1\nRome,2\n"])
        #expect(shown(answer) == ["f: x > ROME"])
        let keyed = try self.answer(
            "{f: rome, t.v: 2}", more: "tables: {t: {file: t.csv, key: k, match: f}}",
            files: ["t.csv": "k,v\nrome,1\nRome,2\n"])
        #expect(shown(keyed) == ["f: x > Rome"])
    }
}
