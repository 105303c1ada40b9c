import LeadKit
import LeadRules
import LeadTesting
import Testing

/// The rules that the tests of rule tests run against.
private let example = """
    tables: {store: {file: s.csv, key: number, match: dealer}}
    routes:
      - {id: archive, always: true, also_to: c}
      - {id: tests, when: {lead.is_test: true}, drop: a test}
      - id: stores
        when: {dealer: {in_table: store}}
        routes:
          - {id: rich, when: {budget: {at_least: 40000}, store.tier: premium}, to: [a, p]}
          - {id: rest, always: true, to: b}

    """

private func ruleSet() throws -> RuleSet {
    let root = """
        version: 1
        sinks:
          a: {plugin: plain}
          b: {plugin: plain}
          c: {plugin: plain}
          p:
            plugin: places
            address: "{{email}}"
            header: "{{car}} for {{store.tier}}"
            text: "one\\ntwo {{car}}\\n"
        default: {hold: nobody}

        """
    let result = load([
        "leadrouter.yaml": root + example, "s.csv": "number,tier\n1,premium\n2,basic\n",
    ])
    return try #require(result.configuration, "\(result.report)").ruleSet
}

/// Reads one file of tests.
private func suite(_ text: String, files: [String: String] = [:]) throws -> RuleTestSuite {
    var all = files
    all["x.test.yaml"] = text
    var suite = RuleTestSuite()
    suite.read("x.test.yaml", of: ConfigurationFilesInMemory(all), for: try ruleSet())
    return suite
}

/// Runs one test, given what stands below its name.
private func result(_ body: String, files: [String: String] = [:]) throws -> RuleTestResult {
    let text = "tests:\n  - name: t\n    " + body.split(separator: "\n").joined(separator: "\n    ")
    let read = try suite(text, files: files)
    let test = try #require(read.tests.first, "\(read.report)")
    return test.run(with: try ruleSet())
}

struct RuleTestRunTests {
    private static let rich = "lead: {dealer: 1, budget: 50000, car: Fiat, email: a@b.example}"

    @Test(arguments: [
        "outcome: routed", "route: stores/rich", "routes: [stores/rich]", "to: [p, a]",
        "also_to: c", "also_to: [c]", "rendered: {p: {header: Fiat for premium}}",
        "rendered: {p: {text: {contains: [two, Fiat]}}}",
        "rendered: {p: {text: \"one\\ntwo Fiat\"}}",
        "fails: []",
    ]) func `what happens passes`(_ expected: String) throws {
        let result = try result("\(RuleTestRunTests.rich)\nexpect: {\(expected)}")
        #expect(result.mismatches == [])
    }

    @Test(arguments: [
        ("outcome: dropped", "dropped", "routed"),
        ("route: stores/rest", "stores/rest", "stores/rich"),
        ("routes: []", "none", "stores/rich"), ("to: a", "a", "a, p"),
        ("to: [a, p, p]", "a, p, p", "a, p"), ("also_to: []", "none", "c"),
        ("reason: why", "why", "no reason"),
        ("rendered: {p: {header: fiat for premium}}", "fiat for premium", "Fiat for premium"),
        (
            "rendered: {p: {header: {contains: BMW}}}", "a text with 'BMW'", "Fiat for premium"
        ),
        ("rendered: {b: {x: y}}", "y", "nothing is sent to this sink"),
        (
            "rendered: {p: {subject: y}}", "y",
            "no such setting; filled in are text, header, address"
        ),
        ("fails: p", "p", "none"),
    ]) func `what does not happen is shown with what does`(
        _ expected: String, _ wanted: String, _ got: String
    ) throws {
        let result = try result("\(RuleTestRunTests.rich)\nexpect: {\(expected)}")
        #expect(result.mismatches.map(\.expected) == [wanted])
        #expect(result.mismatches.map(\.got) == [got])
    }

    @Test(arguments: [
        ("lead: {lead.is_test: true}", "outcome: dropped, route: tests, reason: a test, to: []"),
        ("lead: {dealer: 3}", "outcome: held, routes: [], reason: nobody, also_to: c"),
        ("lead: {dealer: [3, 1]}", "route: stores/rest"),
        ("lead: {dealer: 1, budget: 40000}", "route: stores/rich, fails: [p]"),
        ("lead: {dealer: \"  \"}", "outcome: held"),
        ("graph: {id: 7, field_data: [{name: dealer, values: [1]}]}", "route: stores/rest"),
        ("graph: {field_data: [], is_test: true}", "outcome: dropped"),
        ("file: l.ndjson\nid: \"8\"", "route: stores/rest"),
        ("file: one.json", "route: stores/rest"),
    ]) func `leads are written in three ways`(_ lead: String, _ expected: String) throws {
        let files = [
            "l.ndjson": #"{"id":7,"dealer":"3"}"# + "\n\n" + #"{"id":8,"dealer":"2"}"#,
            "one.json":
                #"{"data": [{"id": "9", "field_data": [{"name":"dealer","values":["2"]}]}]}"#,
        ]
        let result = try result("\(lead)\nexpect: {\(expected)}", files: files)
        #expect(result.mismatches == [], "\(result.decision)")
    }

    @Test func `a short lead has its envelope, consents and frozen clock`() throws {
        let text = """
            now: 2025-10-09T10:00:00Z
            tests:
              - name: a
                source: website
                received_time: 2025-10-09T11:00:00+0200
                duplicate: true
                lead: {id: 42, lead.form_id: 5, consent.news: [true, false], 'field["a.b"]': x,
                  lead.created_time: 1760000000, 'field["id"]': y}
                expect: {outcome: held}
              - name: b
                now: 2025-10-10T00:00:00Z
                lead: {}
                expect: {outcome: held}
            """
        let tests = try suite(text).tests
        try #require(tests.count == 2)
        let lead = tests[0].lead
        #expect(lead.id.text == "42" && lead.source == "website" && tests[0].isDuplicate)
        #expect(lead[.formID] == "5" && lead[.createdTime] == "2025-10-09T08:53:20Z")
        #expect(lead[.receivedTime] == "2025-10-09T09:00:00Z")
        #expect(lead.consents.map(\.isChecked) == [true, false])
        #expect(lead.fieldData["a.b"] == ["x"] && lead.fieldData["id"] == ["y"])
        #expect(tests[0].now == Timestamp("2025-10-09T10:00:00Z"))
        #expect(tests[1].now == Timestamp("2025-10-10T00:00:00Z"))
        #expect(tests[1].lead[.receivedTime] == "2025-10-10T00:00:00Z")
        #expect(tests[1].lead.source == "test")
    }

    @Test func `the deciding part names what is to blame, and what was not asked`() throws {
        let poor = try result("lead: {dealer: 1, budget: 10}\nexpect: {route: stores/rich}")
        let part = poor.decidingPart(of: try ruleSet())
        #expect(part.map(\.name) == ["stores"])
        #expect(part[0].routes.map(\.name) == ["stores/rich", "stores/rest"])
        let blamed = try #require(part[0].routes[0].condition)
        #expect(blamed.parts.map(\.text) == ["budget at_least 40000"])
        #expect(poor.notAsked(in: try ruleSet()) == [])

        let dropped = try result("lead: {lead.is_test: true, dealer: 1}\nexpect: {to: b}")
        #expect(
            dropped.notAsked(in: try ruleSet()) == [
                "'stores/rest' was not asked: 'tests' comes before it and decided"
            ])
    }

    @Test func `the deciding part shows the route of a copy that nobody expected`() throws {
        let copied = try result(
            "lead: {dealer: 2}\nexpect: {route: stores/rest, to: b, also_to: []}")
        #expect(!copied.isPassed)
        #expect(
            copied.decidingPart(of: try ruleSet()).map(\.name) == ["archive", "stores"])
        // The control: an expected copy needs no word.
        let other = try result("lead: {dealer: 2}\nexpect: {route: stores/rest, to: a, also_to: c}")
        #expect(other.decidingPart(of: try ruleSet()).map(\.name) == ["stores"])
    }

    @Test func `a difference of several lines is shown line by line`() {
        let place = Position(file: "x")
        let mismatch = Mismatch(
            key: "k", position: place, expected: "a\nb\nd", got: "a\nc\nd\ne")
        #expect(mismatch.lines == ["  a", "- b", "+ c", "  d", "+ e"])
        // Canonically equal, and yet another text.
        let twins = Mismatch(
            key: "k", position: place, expected: "x\n\u{E9}", got: "x\ne\u{301}")
        #expect(twins.lines.count == 3)
    }
}

struct RuleTestParsingTests {
    @Test(arguments: [
        ("tests: [{1️⃣nme: a, name: b, lead: {}, expect: {outcome: held}}]", "unknown-key"),
        ("1️⃣test: []\ntests: []", "unknown-key"),
        ("1️⃣now: 2025-10-09T10:00:00Z", "missing-key"),
        ("tests: 1️⃣{a: b}", "bad-value"),
        ("tests:\n  - 1️⃣a", "bad-test"),
        ("tests:\n  - name: a\n    lead: {}\n    expect: {1️⃣rout: x}", "unknown-key"),
        ("tests:\n  - name: 1️⃣a\n    lead: {}", "missing-key"),
        ("tests:\n  - name: a\n    lead: {}\n    expect: 1️⃣[]", "bad-value"),
        ("tests:\n  - name: a\n    lead: {}\n    expect: {outcome: 1️⃣router}", "bad-value"),
        ("tests:\n  - name: 1️⃣a\n    expect: {outcome: held}", "missing-key"),
        (
            "tests:\n  - name: 1️⃣a\n    lead: {}\n    file: x\n    expect: {outcome: held}",
            "bad-test"
        ),
        (
            "tests:\n  - name: a\n    lead: {1️⃣lead.formid: 5}\n    expect: {outcome: held}",
            "unknown-attribute"
        ),
        (
            "tests:\n  - name: a\n    lead: {1️⃣store.tier: 5}\n    expect: {outcome: held}",
            "bad-name"
        ),
        (
            "tests:\n  - name: a\n    lead: {lead.is_duplicate: 1️⃣true}\n    expect: {outcome: held}",
            "bad-value"
        ),
        (
            "tests:\n  - name: a\n    lead: {consent.news: 1️⃣yes}\n    expect: {outcome: held}",
            "bad-value"
        ),
        (
            "tests:\n  - name: a\n    lead: {dealer: 1️⃣{a: b}}\n    expect: {outcome: held}",
            "bad-value"
        ),
        (
            "tests:\n  - name: a\n    lead: {dealer: 1}\n    now: 1️⃣soon\n    expect: {outcome: held}",
            "bad-value"
        ),
        ("tests:\n  - name: a\n    graph: 1️⃣{dealer: 1}\n    expect: {outcome: held}", "bad-value"),
        ("tests:\n  - name: a\n    file: 1️⃣nix.json\n    expect: {outcome: held}", "missing-file"),
        (
            "tests:\n  - name: a\n    file: 1️⃣../l.json\n    expect: {outcome: held}",
            "outside-folder"
        ),
        ("tests:\n  - name: a\n    file: 1️⃣l.json\n    expect: {outcome: held}", "missing-key"),
        (
            "tests:\n  - name: a\n    file: l.json\n    id: 1️⃣7\n    expect: {outcome: held}",
            "bad-value"
        ),
        (
            "tests:\n  - name: a\n    lead: {}\n    expect: {route: x, routes: 1️⃣[tests]}",
            "bad-value"
        ),
        (
            "tests:\n  - name: a\n    lead: {}\n    expect: {outcome: held}\n  - name: 1️⃣a\n    lead: {}\n    expect: {outcome: held}",
            "duplicate-test"
        ),
    ]) func `a test that cannot be read is placed, and never passes`(
        _ marked: String, _ code: String
    ) throws {
        let marked = MarkedText(marked)
        let suite = try suite(marked.text, files: ["l.json": #"[{"id":"1"},{"id":"2"}]"#])
        let place = marked.position("1️⃣", in: "x.test.yaml")
        let found = suite.diagnostics.filter { $0.severity == .error }
        #expect(
            found.map { "\($0.position) \($0.code)" } == ["\(place) \(code)"], "\(suite.report)")
        #expect(suite.unreadable.count == 1)
    }

    @Test(arguments: [
        ("route: 1️⃣store/rich", "unknown-route"), ("routes: [1️⃣stores]", "unknown-route"),
        ("to: [1️⃣e]", "unknown-sink"), ("rendered: {1️⃣pp: {x: y}}", "unknown-sink"),
    ]) func `a name that no rule has is a warning, and the test fails`(
        _ expected: String, _ code: String
    ) throws {
        let marked = MarkedText("tests:\n  - name: a\n    lead: {}\n    expect: {\(expected)}")
        let suite = try suite(marked.text)
        let place = marked.position("1️⃣", in: "x.test.yaml")
        #expect(suite.diagnostics.map { "\($0.position) \($0.code)" } == ["\(place) \(code)"])
        #expect(try !#require(suite.tests.first).run(with: ruleSet()).isPassed)
    }

    @Test func `tests are found in all folders but dot files, in byte order`() throws {
        let files = ConfigurationFilesInMemory([
            "b.test.yaml": "", "a/z.test.yaml": "", "a/.x/y.test.yaml": "", ".c.test.yaml": "",
            "a.yaml": "", "B.test.yaml": "", "test.yaml": "",
        ])
        #expect(
            try RuleTestSuite.paths(in: files) == ["B.test.yaml", "a/z.test.yaml", "b.test.yaml"])
    }

    @Test func `a filter looks at names and files in either case`() throws {
        let text =
            "tests:\n  - {name: Über A, lead: {}, expect: {outcome: held}}\n"
            + "  - {name: B, lead: {}, expect: {outcome: held}}"
        var one = try suite(text)
        one.keep(matching: "u\u{308}BER")
        #expect(one.tests.map(\.name) == ["Über A"])
        var all = try suite(text)
        all.keep(matching: "X.TEST")
        #expect(all.tests.count == 2)
    }
}

struct RuleCoverageTests {
    private func coverage(_ leads: [Lead], of rest: String) throws -> RuleCoverage {
        let rules = try rules(rest)
        var coverage = RuleCoverage(of: rules)
        for lead in leads {
            let (decision, explanation) = rules.explain(lead)
            coverage.add(decision, explanation)
        }
        return coverage
    }

    private static let two =
        "routes: [{id: x, when: {f: y}, to: a}, {id: off, disabled: true, always: true, to: b}]"

    @Test(
        arguments: [
            (
                [[]],
                [
                    "the route 'x' is never taken", "'f equals y' is never true",
                    "'f equals y' is never false, only unknown",
                ]
            ),
            (
                [["y"]],
                [
                    "the route 'x' is never refused", "'f equals y' is never false",
                    "no lead goes to 'default'",
                ]
            ),
            ([["y"], ["z"]], []),
        ] as [([[String]], [String])])
    func `what no lead shows is a gap`(_ values: [[String]], _ gaps: [String]) throws {
        let leads = values.map { lead(["f": $0]) }
        let coverage = try coverage(leads, of: RuleCoverageTests.two)
        #expect(
            Set(coverage.gaps.map(\.text))
                == Set(
                    gaps.map {
                        $0 == "'f equals y' is never true" && values == [[]]
                            ? $0 + ", only unknown" : $0
                    }))
        #expect(coverage.count == 5)
        #expect(coverage.shownCount == 5 - gaps.count)
    }

    @Test func `a named condition is covered once, wherever it is used`() throws {
        let rest = """
            conditions: {n: {f: y}}
            routes: [{id: x, when: {use: n, g: y}, to: a}, {id: z, when: {use: n}, to: a}]
            """
        let coverage = try coverage([lead(["f": ["y"]])], of: rest)
        #expect(coverage.tests.count == 2)
        #expect(coverage.routes.count == 2)
    }

    @Test func `default is nothing to cover behind a route that takes every lead`() throws {
        let coverage = try coverage([lead()], of: "routes: [{id: x, always: true, to: a}]")
        #expect(coverage.count == 1 && coverage.percent == 100 && coverage.gaps == [])
    }

    @Test func `the limit is compared exactly, the shown figure is rounded down`() throws {
        // 1 of 5 items: 20 %; then 3 of 5.
        let one = try coverage([lead()], of: RuleCoverageTests.two)
        #expect(one.shownCount == 2 && one.percent == 40)
        #expect(one.reaches(percent: 40) && !one.reaches(percent: 41))
    }
}

struct JUnitReportTests {
    @Test func `what has a meaning in XML is escaped, what XML cannot hold is replaced`() throws {
        let text = """
            tests:
              - name: "a <b> & \\"c\\" \\u0007\\u0301"
                lead: {}
                expect: {outcome: dropped}
              - name: good
                lead: {}
                expect: {outcome: held}
              - name: bad
                lead: {dealer: {}}
            """
        let suite = try suite(text)
        var report = JUnitReport(files: suite.files)
        for test in suite.tests {
            report.add(
                test.run(with: try ruleSet()), seconds: 0.25, text: "one\n\"two\" ]]> \u{1B}[1m\r")
        }
        for test in suite.unreadable { report.add(test, text: "no") }
        let xml = report.text
        #expect(
            xml.contains(
                "<testcase name=\"a &lt;b&gt; &amp; &quot;c&quot; \u{FFFD}\u{301}\" "
                    + "classname=\"x.test.yaml\" file=\"x.test.yaml\" line=\"2\" time=\"0.250000\">"
            ))
        #expect(xml.contains(">one\n&quot;two&quot; ]]&gt; \u{FFFD}[1m&#13;</failure>"))
        #expect(
            xml.contains("<testsuites tests=\"3\" failures=\"1\" errors=\"1\" time=\"0.500000\">"))
        #expect(xml.contains("<error message="))
    }
}
