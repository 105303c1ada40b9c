import LeadKit
import LeadRules
import LeadTesting
import Testing

/// Reads a folder in memory and looks at it with the linter, at noon of 2025-10-09.
func lint(_ files: [String: String]) -> LoadResult {
    Linter.lint(
        ConfigurationFilesInMemory(files), catalogue: catalogue, now: RuleSet.noon)
}

/// What legal rules can have wrong, each found once and at its place.
struct LintTests {
    private static let frame = """
        version: 1
        sinks: {a: {plugin: plain}, b: {plugin: plain}}
        default: {to: [a, b]}

        """
    private static let store = [
        "stores.csv": """
        number,name,tier,email
        42,Harbor,premium,h@x.example
        0043,Mesa,basic,
        44,Front,basic,f@x.example

        """
    ]
    private static let table = "tables: {s: {file: stores.csv, key: number, match: dealer}}\n"

    /// Where the finding stands is marked; the code comes first.
    static let findings: [(code: String, text: String)] = [
        ("not-on-missing", "routes: [{id: r, when: {1️⃣f: {not_equals: x}}, to: a}]"),
        ("not-on-missing", "routes: [{id: r, when: {1️⃣f: {not_in: [x, y]}}, to: a}]"),
        ("not-on-missing", "routes: [{id: r, when: {not: {1️⃣f: x}}, to: a}]"),
        (
            "not-on-missing",
            "routes: [{id: r, when: {not: [{lead.is_test: true}, {1️⃣f: x}]}, to: a}]"
        ),
        ("not-on-missing", "routes: [{id: r, when: {any: [{g: x}, {1️⃣f: {not_in: [x]}}]}, to: a}]"),
        (
            "not-on-missing",
            "conditions: {c: {1️⃣f: {not_in: [x]}}}\nroutes: [{id: r, when: {use: c}, to: a}]"
        ),
        ("not-on-missing", "routes: [{id: r, when: {1️⃣consent.x: {not_equals: \"true\"}}, to: a}]"),
        ("pattern-as-text", "routes: [{id: r, when: {f: 1️⃣'75*'}, to: a}]"),
        ("pattern-as-text", "routes: [{id: r, when: {f: {starts_with: 1️⃣'^75'}}, to: a}]"),
        ("pattern-as-text", "routes: [{id: r, when: {f: [x, 1️⃣'a|b']}, to: a}]"),
        ("pattern-as-text", "routes: [{id: r, when: {f: {contains: 1️⃣'@honda.*'}}, to: a}]"),
        ("repeated-text", "routes: [{id: r, when: {f: [x, y, 1️⃣X]}, to: a}]"),
        ("repeated-text", "routes: [{id: r, when: {f: {starts_with: [75, 1️⃣' 75']}}, to: a}]"),
        (
            "number-as-text",
            "fields: {f: {type: number}}\nroutes: [{id: r, when: {f: 1️⃣20000}, to: a}]"
        ),
        (
            "impossible-text",
            "fields: {f: {type: email}}\nroutes: [{id: r, when: {f: 1️⃣info}, to: a}]"
        ),
        (
            "impossible-text",
            "fields: {f: {type: phone}}\nroutes: [{id: r, when: {f: 1️⃣none}, to: a}]"
        ),
        ("past-date", "routes: [{id: r, when: {lead.created_time: {before: 1️⃣2025-10-09}}, to: a}]"),
        ("hidden-character", "routes: [{id: r, when: {f: 1️⃣\"x\u{200B}\"}, to: a}]"),
        ("hidden-character", "routes: [{id: r, when: {1️⃣\"f\u{FEFF}\": x}, to: a}]"),
        ("hidden-character", "routes: [{id: r, when: {f: 1️⃣\"Land\u{A0}Rover\"}, to: a}]"),
        ("pattern-as-text", "routes: [{id: r, when: {f: 1️⃣/honda/}, to: a}]"),
        ("pattern-as-text", "routes: [{id: r, when: {f: [1️⃣/honda/i]}, to: a}]"),
        ("mixed-scripts", "routes: [{id: r, when: {f: 1️⃣\"Hond\u{430}\"}, to: a}]"),
        ("same-condition", "routes: [{id: r, when: {any: [{f: x}, {1️⃣f: X}]}, to: a}]"),
        (
            "same-condition",
            "match: all\nroutes: [{id: p, when: {f: x}, to: a}, {id: 1️⃣q, when: {f: x}, to: b}]"
        ),
        ("disabled-route", "routes: [{id: 1️⃣r, when: {f: x}, disabled: true, to: a}]"),
        ("unused-condition", "conditions: {1️⃣c: {f: x}}"),
        ("unused-dedupe", "1️⃣dedupe: {by: f, within: 1d}"),
        ("contradiction", "routes: [{id: r, when: {1️⃣f: {above: 5, below: 5}}, to: a}]"),
        ("contradiction", "routes: [{id: r, when: {1️⃣f: {starts_with: a, equals: b}}, to: a}]"),
        ("contradiction", "routes: [{id: r, when: {1️⃣lead.is_test: 'yes'}, to: a}]"),
        ("contradiction", "routes: [{id: r, when: {1️⃣lead.is_duplicate: true}, to: a}]"),
        ("contradiction", "routes: [{id: r, when: {1️⃣consent.x: ticked}, to: a}]"),
        ("contradiction", "routes: [{id: 1️⃣r, when: {all: [{f: {exists: false}}, {f: x}]}, to: a}]"),
        (
            "contradiction",
            "routes: [{id: 1️⃣r, when: {all: [{lead.form_id: x}, {lead.form_id: y}]}, to: a}]"
        ),
        ("several-values", "routes: [{id: 1️⃣r, when: {all: [{f: x}, {f: y}]}, to: a}]"),
        (
            "drop-without-effect",
            "match: all\nroutes: [{id: 1️⃣p, when: {f: x}, drop: x}, {id: q, always: true, to: a}]"
        ),
    ]

    @Test(arguments: findings)
    func `it is found once and at its place`(code: String, text: String) {
        let marked = MarkedText(Self.frame + text)
        let result = lint(["leadrouter.yaml": marked.text])
        let place = marked.position("1️⃣", in: "leadrouter.yaml")
        #expect(
            result.diagnostics.map { "\($0.position) \($0.code)" } == ["\(place) \(code)"],
            "\(result.report)")
        #expect(result.configuration != nil)
    }

    static let clean: [String] = [
        // Missing values were thought of.
        "routes: [{id: r, when: {f: {not_equals: x, or_missing: true}}, to: a}]",
        "routes: [{id: r, when: {f: {not_equals: x, exists: true}}, to: a}]",
        "routes: [{id: r, when: {all: [{f: {exists: true}}, {f: {not_equals: x}}]}, to: a}]",
        "routes: [{id: r, when: {f: {exists: true}}, routes: [{id: c, when: {f: {not_in: [x]}}, to: a}]}]",
        "routes: [{id: r, when: {f: {starts_with: x, not_equals: xy}}, to: a}]",
        "routes: [{id: r, when: {any: [{f: {exists: false}}, {f: {not_equals: x}}]}, to: a}]",
        "routes: [{id: r, when: {not: {lead.is_test: true}}, to: a}]",
        "routes: [{id: r, when: {not: {f: {exists: true}}}, to: a}]",
        "routes: [{id: r, when: {not: {f: {exists: false}}, f: {not_in: [x]}}, to: a}]",
        // Texts that only look a little like patterns.
        "routes: [{id: r, when: {f: ['SUV | Crossover', '$100', '5*****', 'C++', 'a.b', 'why?']}, to: a}]",
        "routes: [{id: r, when: {f: {matches: '75.*'}}, to: a}]",
        "routes: [{id: r, when: {landing_page: /honda/, f: [/a/b/, 'n/a', /]}, to: a}]",
        "routes: [{id: r, when: {f: [\"10\u{A0}000\u{A0}€\", \"neuve\u{A0}?\", \"Honda\u{A0}\"]}, to: a}]",
        "routes: [{id: r, when: {f: ['Škoda', 'Citroën', '5 µm', 'Лада', 'Nissan Ω']}, to: a}]",
        "routes: [{id: r, when: {f: {in: [x, X], exact: true}}, to: a}]",
        // Order that is meant.
        "routes: [{id: p, when: {f: {starts_with: 752}}, to: a}, {id: q, when: {f: {starts_with: 75}}, to: b}]",
        "routes: [{id: p, when: {n: {at_least: 20}}, to: a}, {id: q, when: {n: {at_least: 10}}, to: b}]",
        "routes: [{id: p, when: {f: x}, to: a}, {id: q, when: {f: {exists: true}}, to: b}, {id: r, always: true, to: a}]",
        "routes: [{id: p, always: true, also_to: b}, {id: q, when: {f: x}, to: a}]",
        "match: all\nroutes: [{id: p, when: {f: x}, to: a}, {id: q, when: {g: x}, to: b}]",
        "match: all\nroutes: [{id: p, when: {f: x}, drop: x}, {id: q, when: {f: {not_in: [x], or_missing: true}}, to: a}]",
        "routes: [{id: r, when: {lead.created_time: {after: 2020-01-01}}, to: a}]",
        "routes: [{id: r, when: {bought: {before: 2020-01-01}}, to: a}]",
    ]

    @Test(arguments: clean)
    func `what is meant is left alone`(text: String) {
        let result = lint(["leadrouter.yaml": Self.frame + text])
        #expect(result.diagnostics.isEmpty, "\(result.report)")
        #expect(result.configuration != nil, "\(result.report)")
    }

    private func lintTable(_ text: String, _ more: [String: String] = [:]) -> LoadResult {
        var files = Self.store.merging(more) { $1 }
        files["leadrouter.yaml"] = Self.frame + Self.table + text
        return lint(files)
    }

    @Test func `a blank of another kind is meant when leads have it, too`() {
        let text = Self.frame + "routes: [{id: r, when: {\"a\u{A0}b\": \"x\u{A0}y\"}, to: a}]"
        let sample = "{\"id\":\"1\",\"a\u{A0}b\":\"x\u{A0}y\"}\n"
        #expect(lint(["leadrouter.yaml": text]).diagnostics.map(\.code).count == 2)
        let seen = lint(["leadrouter.yaml": text, "samples/a.ndjson": sample])
        #expect(seen.diagnostics.isEmpty, "\(seen.report)")
    }

    @Test func `a route that another one takes all but doubled answers from names that one`() {
        let found = lintTable(
            "routes: [{id: x, when: {s.name: Harbor}, to: a}, {id: y, when: {dealer: '42'}, to: b}]"
        ).diagnostics.filter { $0.code == "several-values" }
        #expect(found.count == 1)
        #expect(found.allSatisfy { ByteSearch.contains($0.message, "'x' takes the others first") })
        #expect(found.first?.help == "move it before 'x', or remove it")
    }

    @Test func `a route for rows without a cell that all rows have today is left alone`() {
        let routes = { (asked: String) in
            "routes: [{id: p, when: {dealer: {in_table: s}}, routes: [{id: x, when: {s.tier: "
                + "{exists: true}}, to: a}, {id: y, when: {\(asked)}, to: b}]}]"
        }
        #expect(lintTable(routes("s.tier: {exists: false}")).diagnostics.isEmpty)
        // The control: what no row can have is said.
        let other = lintTable(routes("s.tier: {exists: true}, dealer: '77'"))
        #expect(
            other.diagnostics.contains { $0.code == "never-reached" || $0.code == "contradiction" })
    }

    static let tableFindings: [(code: String, place: String, text: String)] = [
        ("near-key", "leadrouter.yaml", "routes: [{id: r, when: {dealer: '0042'}, to: a}]"),
        ("near-key", "leadrouter.yaml", "routes: [{id: r, when: {dealer: '43'}, to: a}]"),
        (
            "contradiction", "leadrouter.yaml",
            "routes: [{id: r, when: {s.tier: premum}, to: a}, {id: q, when: {dealer: {in_table: s}}, to: b}]"
        ),
        ("unserved-key", "stores.csv:2:1", "routes: [{id: r, when: {s.tier: basic}, to: a}]"),
        (
            "unserved-key", "stores.csv:3:1",
            "routes: [{id: r, when: {dealer: ['42', '44']}, to: a}]"
        ),
        (
            "not-on-missing", "leadrouter.yaml",
            "routes: [{id: r, when: {dealer: {in_table: s}, s.email: {not_equals: x}}, to: a}, {id: q, when: {dealer: {in_table: s}}, to: b}]"
        ),
        (
            "never-reached", "leadrouter.yaml",
            "routes: [{id: p, when: {dealer: {in_table: s}}, to: a}, {id: q, when: {s.tier: premium}, to: b}]"
        ),
        (
            "never-reached", "leadrouter.yaml",
            "routes: [{id: p, when: {s.tier: [basic, premium]}, to: a}, {id: q, when: {dealer: {in_table: s}}, to: b}]"
        ),
        (
            "never-reached", "leadrouter.yaml",
            "routes: [{id: p, when: {dealer: ['42', '0043', '44']}, to: a}, {id: q, when: {dealer: {in_table: s}}, to: b}]"
        ),
    ]

    @Test(arguments: tableFindings)
    func `what rows show is found`(code: String, place: String, text: String) throws {
        let result = lintTable(text)
        let finding = try #require(
            result.diagnostics.first { $0.code == code }, "\(result.report)")
        #expect(finding.position.description.hasPrefix(place), "\(result.report)")
        // A literal that is nearly a key serves nobody: that follows.
        #expect(
            Set(result.diagnostics.map(\.code)).subtracting(["unserved-key", "unused-table"]).count
                <= 1,
            "\(result.report)")
    }

    @Test func `a column without blank cells is there when its row is`() {
        let result = lintTable(
            """
            routes:
              - id: r
                when: {dealer: {in_table: s}, s.tier: {not_equals: premium}}
                to: a
              - {id: q, when: {dealer: {in_table: s}}, to: b}
            """)
        #expect(result.diagnostics.isEmpty, "\(result.report)")
    }

    @Test func `rows without a recipient are named, when a route sends them there`() {
        func result(_ condition: String) -> LoadResult {
            var files = Self.store
            files["leadrouter.yaml"] = """
                version: 1
                sinks: {m: {plugin: places, address: "{{s.email}}"}, a: {plugin: plain}}
                default: {to: a}
                \(Self.table)
                routes:
                  - {id: r, when: {dealer: {in_table: s}, \(condition)}, to: m}
                  - {id: q, when: {dealer: {in_table: s}}, to: a}
                """
            return lint(files)
        }
        let found = result("lead.is_test: 'false'")
        #expect(found.diagnostics.map(\.code) == ["missing-recipient"], "\(found.report)")
        #expect(found.diagnostics.first?.message.contains("'0043'") ?? false)
        #expect(found.diagnostics.first?.message.contains("'42'") == false)
        #expect(result("s.email: {exists: true}").diagnostics.isEmpty)
    }

    @Test func `errors and warnings come in one pass, by place`() {
        let result = lint([
            "leadrouter.yaml": Self.frame + """
                routes:
                  - {id: p, when: {f: 'x*'}, to: a}
                  - {id: q, when: {f: y}, to: aa}
                """
        ])
        #expect(result.diagnostics.map(\.code) == ["pattern-as-text", "undefined-sink"])
        #expect(result.configuration == nil)
    }
}
