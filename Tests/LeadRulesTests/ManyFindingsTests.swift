import LeadKit
import LeadRules
import Testing

struct ManyFindingsTests {
    private func wrong(_ count: Int) -> LoadResult {
        let routes = (0..<count).map { "  - {id: r\($0), when: {a: b}, to: x\($0)}\n" }
        return load(["leadrouter.yaml": root("routes:\n" + routes.joined())])
    }

    @Test func `every error is found, and the report says how many it leaves out`() throws {
        let result = wrong(300)
        #expect(result.errorCount == 300)
        let lines = result.report.split(separator: "\n")
        #expect(lines.count { $0.utf8.starts(with: "leadrouter.yaml:".utf8) } == 100)
        #expect(
            lines.last == "200 more findings not shown; 'leadrouter check --format json' prints all"
        )
    }

    @Test func `a report of a hundred leaves nothing out`() {
        #expect(!ByteSearch.contains(wrong(100).report, "more finding"))
        #expect(ByteSearch.contains(wrong(101).report, "1 more finding not shown"))
    }

    @Test func `twenty thousand errors are found in a few seconds`() {
        let start = ContinuousClock.now
        let result = wrong(20_000)
        #expect(result.errorCount == 20_000 && !result.report.isEmpty)
        // Quadratic work would take minutes.
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test func `a report shows the lines of errors on the last line of a file, too`() {
        let result = load(["leadrouter.yaml": root("routes: [{id: r, when: {a: b}, to: x}]")])
        #expect(ByteSearch.contains(result.report, "| routes: [{id: r, when: {a: b}, to: x}]"))
    }
}

struct CycleTests {
    @Test func `a condition that leads back to itself is named, one that leads there is not`() {
        let result = load([
            "leadrouter.yaml": root(
                """
                conditions:
                  a: {use: b}
                  b: {use: [c, d]}
                  c: {use: a}
                  d: {x: y}
                  e: {use: a}
                  f: {use: f}
                """)
        ])
        #expect(
            result.diagnostics.filter { $0.code == "condition-cycle" }.map(\.message) == [
                "the condition 'a' uses itself", "the condition 'b' uses itself",
                "the condition 'c' uses itself", "the condition 'f' uses itself",
            ])
    }

    @Test func `a chain of five thousand conditions is no cycle`() {
        let chain = (0..<5_000).map { "  c\($0): {use: c\($0 + 1)}\n" }.joined()
        let result = load(["leadrouter.yaml": root("conditions:\n\(chain)  c5000: {x: y}\n")])
        #expect(result.diagnostics.map(\.code) == ["large-condition"])
    }

    @Test func `sinks that fall back to each other in a ring are all named`() {
        let result = load([
            "leadrouter.yaml": """
            version: 1
            sinks:
              a: {plugin: plain, on_failure: b}
              b: {plugin: plain, on_failure: [c, d]}
              c: {plugin: plain, on_failure: a}
              d: {plugin: plain}
            default: {to: [a]}
            """
        ])
        #expect(
            result.diagnostics.map(\.code) == Array(repeating: "on-failure-cycle", count: 3))
    }
}
