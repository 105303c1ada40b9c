import LeadKit
import LeadRules
import LeadTesting
import Testing

/// Routes that no lead reaches, worked out from what conditions mean.
struct ReachTests {
    private static let frame = """
        version: 1
        sinks: {a: {plugin: plain}, b: {plugin: plain}}
        default: {to: [a, b]}

        """

    /// Conditions of routes under `first`, in order; the last is never reached, because of `by`.
    static let closed: [(conditions: [String], by: String)] = [
        (["{f: x}", "{f: x}"], "'r0'"), (["{f: [x, y]}", "{f: X}"], "'r0'"),
        (["{f: x}", "{f: y}", "{f: [x, y]}"], "'r0' and 'r1'"),
        (["{f: {starts_with: a}}", "{f: ab}"], "'r0'"),
        (["{f: {starts_with: a}}", "{f: {starts_with: [ab, ac]}}"], "'r0'"),
        (["{f: {exists: true}}", "{f: {contains: x}}"], "'r0'"),
        (["{f: {exists: true}}", "{f: {search: 'x+'}}"], "'r0'"),
        (["{f: {search: 'x+'}}", "{f: {search: 'x+'}, g: y}"], "'r0'"),
        (["{n: {at_least: 10}}", "{n: {between: [10, 20]}}"], "'r0'"),
        (["{n: {above: 10}}", "{n: {at_most: 10}}", "{n: {above: 3}}"], "'r0' and 'r1'"),
        (["{t: {before: 2025-01-01}}", "{t: {before: 2024-01-01}}"], "'r0'"),
        (["{f: x}", "{f: {not_equals: x, or_missing: true}}", "{g: y}"], "'r0' and 'r1'"),
        (["{f: {exists: true}}", "{f: {exists: false}}", "{g: y}"], "'r0' and 'r1'"),
        (["{any: [{f: x}, {g: y}]}", "{f: x, h: z}"], "'r0'"),
        (["{not: {f: {exists: false}}}", "{f: x}"], "'r0'"),
        (["{lead.is_test: true}", "{lead.is_test: false}", "{f: x}"], "'r0' and 'r1'"),
        (["{f: {in: [x, y], every: true}}", "{f: {equals: x, every: true}}"], "'r0'"),
    ]

    @Test(arguments: closed)
    func `a route behind others that take everything is found`(
        conditions: [String], by: String
    ) throws {
        let result = lintRoutes(conditions)
        let finding = try #require(
            result.diagnostics.first { $0.code == "never-reached" }, "\(result.report)")
        #expect(finding.message.contains("'r\(conditions.count - 1)' is never reached"))
        #expect(finding.message.contains(by), "\(finding.message)")
    }

    /// The last of these is reached, or nobody can know.
    static let open: [[String]] = [
        ["{f: x}", "{f: y}"], ["{f: {equals: x, exact: true}}", "{f: x}"],
        ["{f: ab}", "{f: {starts_with: a}}"], ["{f: {search: 'x+'}}", "{f: xx}"].reversed(),
        ["{f: {contains: x}}", "{f: {contains: y}}"],
        ["{n: {above: 10}}", "{n: {below: 10}}", "{n: {exists: true}}"],
        // Between the limits, at them, and what is no number.
        ["{n: {above: 10}}", "{n: {at_most: 10}}", "{n: {exists: true}}"],
        ["{f: x}", "{f: {not_equals: x}}", "{g: y}"],
        // Two values at once.
        ["{f: {not_equals: x}}", "{all: [{f: x}, {f: y}]}"],
        ["{f: {equals: x, every: true}}", "{f: x}"],
        ["{lead.is_organic: true}", "{lead.is_organic: false}", "{g: y}"],
        ["{f: {matches: 'a.*'}}", "{f: {starts_with: a}}"],
        ["{f: {ends_with: x}}", "{f: {ends_with: yx}}"],
    ]

    @Test(arguments: open)
    func `a route that some lead reaches, or may reach, is not`(conditions: [String]) {
        let result = lintRoutes(conditions)
        #expect(!result.diagnostics.contains { $0.code == "never-reached" }, "\(result.report)")
    }

    private func lintRoutes(_ conditions: [String]) -> LoadResult {
        let routes = conditions.enumerated().map { number, condition in
            "  - {id: r\(number), when: \(condition), to: a}"
        }
        return lint(["leadrouter.yaml": Self.frame + "routes:\n" + routes.joined(separator: "\n")])
    }

    private func codes(_ routes: String) -> [String] {
        let result = lint(["leadrouter.yaml": Self.frame + routes])
        return result.diagnostics.map { "\($0.code): \($0.message)" }
    }

    @Test func `everything behind a route that always decides is one finding`() {
        let found = codes(
            """
            routes:
              - {id: p, always: true, to: a}
              - {id: q, when: {f: x}, to: b}
              - {id: r, when: {f: y}, to: b}
            """)
        #expect(
            found == [
                "never-reached: the routes 'q' and 'r' are never reached: 'p' takes every lead"
            ])
    }

    @Test func `children count: a parent decides when one of them does`() {
        let found = codes(
            """
            routes:
              - id: p
                when: {f: {exists: true}}
                routes:
                  - {id: x, when: {f: x}, to: a}
                  - {id: y, when: {f: y}, to: a}
              - {id: q, when: {f: [x, y]}, to: b}
              - {id: r, when: {f: [x, z]}, to: b}
            """)
        #expect(found.count == 2, "\(found)")
        #expect(found.first?.contains("the route 'q' is never reached") ?? false)
        #expect(found.last?.contains("'x' never gets to the route 'r'") ?? false)
    }

    @Test func `a child that contradicts its parent is found`() {
        let found = codes(
            """
            routes:
              - id: p
                when: {f: x}
                routes: [{id: c, when: {f: {not_equals: x}}, to: a}]
            """)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains("contradicts that of the route above") ?? false)
    }

    @Test func `routes that only copy, and routes switched off, take nothing`() {
        let found = codes(
            """
            routes:
              - {id: p, when: {f: x}, also_to: a}
              - {id: q, when: {f: x}, disabled: true, note: later, to: a}
              - {id: r, when: {f: x}, to: b}
            """)
        #expect(found == [])
    }

    @Test func `a text that an earlier route takes is shown with a lead`() throws {
        let result = lint([
            "leadrouter.yaml": Self.frame + """
                routes:
                  - {id: p, when: {dealer: ["11", "12"]}, to: a}
                  - {id: q, when: {dealer: ["12", "13"]}, to: b}
                """
        ])
        let finding = try #require(result.diagnostics.first)
        #expect(result.diagnostics.count == 1)
        #expect(finding.code == "competing-routes")
        #expect(finding.note == "the lead {dealer: \"12\"} goes to 'p'")
    }

    /// Work that grew with pairs of routes would not end within the limit.
    @Test(.timeLimit(.minutes(1)))
    func `thousands of routes of one store each are checked without comparing all pairs`() {
        let count = 10_000
        var text =
            Self.frame + "routes:\n  - {id: p, when: {zip: {starts_with: [75, 76]}}, to: a}\n"
        for number in 0..<count {
            text += "  - {id: s\(number), when: {dealer: \"\(number)\"}, to: b}\n"
        }
        text += "  - {id: again, when: {dealer: \"77\"}, to: a}\n"
        let result = lint(["leadrouter.yaml": text])
        #expect(result.diagnostics.map(\.code) == ["never-reached"])
    }
}
