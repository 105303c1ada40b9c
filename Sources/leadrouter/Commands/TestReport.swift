import LeadKit
import LeadRules

/// What the rule tests gave: for people, for programs, for CI systems.
struct TestReport {
    /// How many gaps are listed when not all are asked for.
    static let gapsMax = 10

    let suite: RuleTestSuite
    let ruleSet: RuleSet
    let listsAllGaps: Bool
    var minCoverage: Int?
    private var results: [(result: RuleTestResult, seconds: Double)] = []
    private var coverage: RuleCoverage

    init(suite: RuleTestSuite, ruleSet: RuleSet, listsAllGaps: Bool) {
        self.suite = suite
        self.ruleSet = ruleSet
        self.listsAllGaps = listsAllGaps
        coverage = RuleCoverage(of: ruleSet)
    }

    mutating func add(_ result: RuleTestResult, seconds: Double) {
        coverage.add(result.decision, result.explanation)
        results.append((result, seconds))
    }

    private var passedCount: Int { results.count { $0.result.isPassed } }
    private var failedCount: Int { results.count - passedCount }
    private var isCovered: Bool { minCoverage.map { coverage.reaches(percent: $0) } ?? true }

    /// Whether all is as it must be.
    var isGood: Bool { failedCount == 0 && suite.unreadable.isEmpty && isCovered }
}

// For people.
extension TestReport {
    var text: String {
        var blocks = results.filter { !$0.result.isPassed }.map { failure($0.result) }
        blocks += suite.unreadable.map { test in
            "error   \(Console.shown(test.name))\n        \(test.position)"
        }
        blocks.append(summary)
        return blocks.joined(separator: "\n\n") + "\n"
    }

    /// What is wrong with one test, and why.
    func failure(_ result: RuleTestResult) -> String {
        var lines = [
            "failed  \(Console.shown(result.test.name))", "        \(result.test.position)",
        ]
        for mismatch in result.mismatches { lines += TestReport.lines(mismatch) }
        lines.append("  decided: " + DecisionPrinter.sentence(result.decision))
        for note in result.notAsked(in: ruleSet) { lines.append("  " + note) }
        let part = result.decidingPart(of: ruleSet)
        if !part.isEmpty {
            lines.append("  why:")
            lines += ExplanationText.lines(part).map { "  " + $0 }
        }
        return lines.joined(separator: "\n")
    }

    private static func lines(_ mismatch: Mismatch) -> [String] {
        let head = "  \(Console.shown(mismatch.key)), at \(mismatch.position):"
        let isShort = ![mismatch.expected, mismatch.got].contains { $0.utf8.contains(0x0A) }
        if isShort {
            return [
                head, "    - expected  \(Console.shown(mismatch.expected))",
                "    + got       \(Console.shown(mismatch.got))",
            ]
        }
        return [head + " - expected, + got"]
            + mismatch.lines.map { "    " + Diagnostic.printable($0) }
    }

    private var summary: String {
        var text = "\(Summary.count(results.count + suite.unreadable.count, "test")) in "
        text += "\(Summary.count(suite.files.count, "file")): \(passedCount) passed"
        if failedCount > 0 { text += ", \(failedCount) failed" }
        if !suite.unreadable.isEmpty { text += ", \(suite.unreadable.count) cannot be read" }
        let routes = coverage.routes
        let tests = coverage.tests
        text += "\ncoverage: \(coverage.percent) % (\(coverage.shownCount) of \(coverage.count)); "
        text += "routes taken \(routes.taken)/\(routes.count), "
        text += "refused \(routes.refused)/\(routes.conditional); "
        text += "conditions true \(tests.isTrue)/\(tests.count), "
        text += "false \(tests.isFalse)/\(tests.count)"
        let gaps = coverage.gaps
        let shown = listsAllGaps ? gaps : Array(gaps.prefix(TestReport.gapsMax))
        if !shown.isEmpty { text += "\nnot covered:" }
        for gap in shown {
            text += "\n  " + (gap.position.map { "\($0): " } ?? "") + Console.shown(gap.text)
        }
        if shown.count < gaps.count {
            text += "\n  … and \(gaps.count - shown.count) more; --coverage lists all"
        }
        if !isCovered, let minCoverage {
            text += "\nerror: the coverage is below \(minCoverage) %"
        }
        return text
    }
}

// For programs.
extension TestReport {
    var ndjson: String {
        var writer = JSONWriter()
        for (result, _) in results {
            write(result, to: &writer)
            writer.newline()
        }
        for test in suite.unreadable {
            write(test, to: &writer)
            writer.newline()
        }
        writeSummary(to: &writer)
        writer.newline()
        return writer.text
    }

    private func write(_ result: RuleTestResult, to writer: inout JSONWriter) {
        writer.object { writer in
            TestReport.head(
                result.test.name, result.test.position, result.isPassed ? "passed" : "failed",
                &writer)
            writer.name("failures")
            writer.array { writer in
                for mismatch in result.mismatches {
                    writer.object { writer in
                        writer.name("key")
                        writer.string(mismatch.key)
                        writer.name("line")
                        writer.integer(mismatch.position.line)
                        writer.name("expected")
                        writer.string(mismatch.expected)
                        writer.name("got")
                        writer.string(mismatch.got)
                    }
                }
            }
            writer.name("decision")
            result.decision.write(leadID: result.test.lead.id.text, to: &writer)
        }
    }

    private func write(_ test: UnreadableTest, to writer: inout JSONWriter) {
        writer.object { writer in
            TestReport.head(test.name, test.position, "error", &writer)
            writer.name("errors")
            writer.array { writer in
                for diagnostic in test.diagnostics {
                    writer.object { writer in
                        writer.name("code")
                        writer.string(diagnostic.code)
                        writer.name("line")
                        writer.integer(diagnostic.position.line)
                        writer.name("message")
                        writer.string(diagnostic.message)
                    }
                }
            }
        }
    }

    private static func head(
        _ name: String, _ position: Position, _ result: String, _ writer: inout JSONWriter
    ) {
        writer.name("test")
        writer.string(name)
        writer.name("file")
        writer.string(position.file)
        writer.name("line")
        writer.integer(position.line)
        writer.name("result")
        writer.string(result)
    }

    private func writeSummary(to writer: inout JSONWriter) {
        let routes = coverage.routes
        let tests = coverage.tests
        let numbers = [
            ("tests", results.count + suite.unreadable.count), ("passed", passedCount),
            ("failed", failedCount), ("errors", suite.unreadable.count),
            ("coverage_percent", coverage.percent), ("covered", coverage.shownCount),
            ("to_cover", coverage.count), ("routes", routes.count),
            ("routes_taken", routes.taken), ("routes_conditional", routes.conditional),
            ("routes_refused", routes.refused), ("conditions", tests.count),
            ("conditions_true", tests.isTrue), ("conditions_false", tests.isFalse),
        ]
        writer.object { writer in
            writer.name("summary")
            writer.object { writer in
                for (name, number) in numbers {
                    writer.name(name)
                    writer.integer(number)
                }
                writer.name("not_covered")
                writer.array { writer in
                    for gap in coverage.gaps {
                        writer.object { writer in
                            writer.name("place")
                            writer.string(gap.position?.description)
                            writer.name("text")
                            writer.string(gap.text)
                        }
                    }
                }
            }
        }
    }

    var junit: String {
        var report = JUnitReport(files: suite.files)
        for (result, seconds) in results {
            report.add(result, seconds: seconds, text: result.isPassed ? "" : failure(result))
        }
        for test in suite.unreadable {
            let text = test.diagnostics.map {
                $0.rendered(sourceLine: suite.texts.line($0.position))
            }.joined(separator: "\n")
            report.add(test, text: text)
        }
        return report.text
    }
}
