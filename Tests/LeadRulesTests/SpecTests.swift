import LeadKit
import LeadRules
import LeadTesting
import Testing

/// A sentence of the language's description with a configuration and what becomes of a lead.
///
/// `rest` stands below `root` (sinks `a` to `d`, `default: {hold: nobody}`). `wanted` is the outcome,
/// the deciding routes, the deliveries and the reason; or, for a configuration that is refused, the
/// codes of the findings.
struct SpecCase: Sendable, CustomTestStringConvertible {
    var sentence: String
    var rest: String
    var fields: [(String, [String])]
    var files: [String: String]
    var fallback: String
    var wanted: String

    init(
        _ sentence: String, _ rest: String, lead fields: [(String, [String])] = [("f", ["x"])],
        files: [String: String] = [:], default fallback: String = "{hold: nobody}",
        gives wanted: String
    ) {
        self.sentence = sentence
        self.rest = rest
        self.fields = fields
        self.files = files
        self.fallback = fallback
        self.wanted = wanted
    }

    var testDescription: String { sentence }

    /// What happens.
    func found() -> String {
        var all = files
        all["leadrouter.yaml"] = root(rest, default: fallback)
        let result = load(all, environment: ["S": "hunter2"])
        guard let configuration = result.configuration else {
            return result.diagnostics.map(\.code).joined(separator: " ")
        }
        let lead = Lead.sample(fields: FieldData(fields.map { Field($0.0, $0.1) }), envelope: [:])
        return SpecCase.shown(configuration.ruleSet.decide(lead))
    }

    /// `routed r s: a(r) c(s) +b(r)`, `dropped d: - "reason"`.
    static func shown(_ decision: Decision) -> String {
        let to = decision.deliveries.map {
            ($0.isCopy ? "+" : "") + $0.target.sink + $0.target.with + "(\($0.route))"
        }
        return ([decision.outcome.rawValue] + decision.routes).joined(separator: " ") + ": "
            + (to.isEmpty ? "-" : to.joined(separator: " "))
            + (decision.reason.map { " \"\($0)\"" } ?? "")
    }
}

/// RULES, sentence by sentence, as far as no other suite of this folder is about the sentence:
/// FilesTests (1: includes, globs, secrets), LoadingTests (1: errors), NameTests (2, 6),
/// OperatorTests (3), RouteTests (4), TemplateTests (5).
struct SpecTests {
    /// One more sink, with templates to override.
    private static let places = [
        "more.yaml": "sinks: {p: {plugin: places, address: x@y.example}}"
    ]

    /// A rule that takes what `f` must be, and a lead with that value.
    private static func text(_ written: String, _ value: String) -> SpecCase {
        SpecCase(
            "1: every scalar is what is written: \(written)",
            "routes: [{id: r, when: {f: {equals: \(written), exact: true}}, to: a}]",
            lead: [("f", [value])], gives: "routed r: a(r)")
    }

    static let texts: [SpecCase] = [
        text("0123", "0123"), text("no", "no"), text("12:30", "12:30"), text("~", "~"),
        text("null", "null"), text("1e3", "1e3"), text("0x1F", "0x1F"), text("TRUE", "TRUE"),
        text("2025-10-09", "2025-10-09"), text("+1", "+1"), text("1_000", "1_000"),
        text("'it''s'", "it's"), text("\"a\\tb\"", "a\tb"), text(".inf", ".inf"),
    ]

    static let files: [SpecCase] = [
        SpecCase(
            "1: a file's own routes, then those of each include in turn",
            "include: [b.yaml, a.yaml]\nroutes: [{id: r, when: {f: y}, to: a}]",
            files: [
                "a.yaml": "routes: [{id: one, always: true, to: a}]",
                "b.yaml": "routes: [{id: two, always: true, to: b}]",
            ], gives: "routed two: b(two)"),
        SpecCase(
            "1: maps are united by name over files",
            "include: b.yaml\nroutes: [{id: r, when: {use: c}, to: e}]",
            files: ["b.yaml": "conditions: {c: {f: x}}\nsinks: {e: {plugin: plain}}"],
            gives: "routed r: e(r)"),
        SpecCase(
            "1: the same name twice is an error", "include: b.yaml",
            files: ["b.yaml": "sinks: {a: {plugin: plain}}"], gives: "duplicate-name"),
        SpecCase(
            "10: names are formed as route ids", "include: b.yaml",
            files: ["b.yaml": "sinks: {a.b: {plugin: plain}}\nconditions: {é: {f: x}}"],
            gives: "bad-name bad-name"),
        SpecCase(
            "10: a route's id twice among its siblings over two files",
            "include: b.yaml\nroutes: [{id: r, always: true, to: a}]",
            files: ["b.yaml": "routes: [{id: r, always: true, to: b}]"], gives: "duplicate-route"),
        SpecCase(
            "10: include is relative to the file it stands in, globs too", "include: x/y.yaml",
            files: [
                "x/y.yaml": "include: \"z/*.yaml\"",
                "x/z/1.yaml": "routes: [{id: one, always: true, to: a}]",
                "z/2.yaml": "routes: [{id: two, always: true, to: b}]",
            ], gives: "routed one: a(one)"),
        SpecCase(
            "10: ** stands for folders", "include: \"x/**/*.yaml\"",
            files: [
                "x/b.yaml": "routes: [{id: b, when: {f: y}, to: a}]",
                "x/a/b/c.yaml": "routes: [{id: c, always: true, to: a}]",
                "y/d.yaml": "routes: [{id: d, always: true, to: a}]",
            ], gives: "routed c: a(c)"),
        SpecCase(
            "10: a glob that reaches a file again is an error", "include: [x/a.yaml, \"x/*.yaml\"]",
            files: ["x/a.yaml": "routes: [{id: r, always: true, to: a}]"], gives: "included-twice"),
        SpecCase(
            "10: a cycle of includes is a file reached twice", "include: x.yaml",
            files: ["x.yaml": "include: y.yaml", "y.yaml": "include: x.yaml"],
            gives: "included-twice"),
        SpecCase("10: a missing path is an error", "include: [none.yaml]", gives: "missing-file"),
        SpecCase(
            "10: a glob cannot leave the folder", "include: \"../*.yaml\"", gives: "outside-folder"),
        SpecCase(
            "10: version stands in the root only", "include: x.yaml",
            files: ["x.yaml": "version: 1"],
            gives: "duplicate-key bad-version"),
        SpecCase("10: an empty value is an error", "routes:", gives: "yaml-empty-value"),
        SpecCase(
            "10: the merge key is an error", "fields: {<<: {f: {type: text}}}", gives: "yaml-merge"),
        SpecCase("10: a second document is an error", "---\nroutes: []", gives: "yaml-documents"),
        SpecCase("1: explicit tags are refused", "log: {level: !!str info}", gives: "yaml-tag"),
        SpecCase(
            "1: anchors and aliases work",
            "conditions: {c: &x {f: x}}\nroutes: [{id: r, when: *x, to: a}]",
            gives: "routed r: a(r)"),
        SpecCase(
            "1: nothing is filled in in routes, tables, conditions or log",
            "routes: [{id: r, when: {f: \"${S}\"}, to: a}]", lead: [("f", ["hunter2"])],
            gives: "held: - \"nobody\""),
        SpecCase(
            "1: nothing is filled in in log", "log: {level: \"${S}\"}", gives: "bad-value"),
        SpecCase(
            "1: a secret's file is relative to the file it stands in", "include: x/y.yaml",
            files: [
                "x/y.yaml": "sinks: {e: {plugin: plain, password: {file: pw}}}",
                "x/pw": "hunter2\n",
            ], gives: "held: - \"nobody\""),
        SpecCase(
            "1: not relative to the root", "include: x/y.yaml",
            files: [
                "x/y.yaml": "sinks: {e: {plugin: plain, password: {file: pw}}}", "pw": "hunter2",
            ], gives: "missing-secret"),
        SpecCase(
            "1: dedupe needs fields", "dedupe: {by: [], within: 1d}", gives: "bad-value"),
    ]

    static let conditions: [SpecCase] = [
        SpecCase(
            "3: an entry for each field, all must hold",
            "routes: [{id: r, when: {f: x, g: {in: [1, 2]}, not: {h: z}}, to: a}]",
            lead: [("f", ["X"]), ("g", ["2"]), ("h", ["y"])], gives: "routed r: a(r)"),
        SpecCase(
            "3: use takes a name",
            "conditions: {c: {f: x}}\nroutes: [{id: r, when: {use: c}, to: a}]",
            gives: "routed r: a(r)"),
        SpecCase(
            "10: use takes a list, all of which must hold",
            "conditions: {c: {f: x}, d: {f: y}}\nroutes: [{id: r, when: {use: [c, d]}, to: a}]",
            gives: "held: - \"nobody\""),
        SpecCase(
            "3: not takes a list: none of them",
            "routes: [{id: r, when: {not: [{f: y}, {f: z}]}, to: a}]", gives: "routed r: a(r)"),
        SpecCase(
            "3: a cycle among named conditions is an error",
            "conditions: {a: {use: b}, b: {any: [{use: a}]}}",
            gives: "condition-cycle condition-cycle"),
        SpecCase(
            "3: a condition may be named and not used", "conditions: {a: {f: x}}",
            gives: "held: - \"nobody\""),
        SpecCase(
            "10: a field named like a combinator",
            "routes: [{id: r, when: {'field[\"any\"]': x}, to: a}]", lead: [("any", ["x"])],
            gives: "routed r: a(r)"),
        SpecCase(
            "10: 'equals' on a number field is text",
            "fields: {f: {type: number}}\nroutes: [{id: r, when: {f: \"1.0\"}, to: a}]",
            lead: [("f", ["1"])], gives: "held: - \"nobody\""),
        SpecCase(
            "10: exact of a condition overrides that of the field",
            "fields: {f: {exact: true}}\nroutes: [{id: r, when: {f: {equals: X, exact: false}}, to: a}]",
            gives: "routed r: a(r)"),
        SpecCase(
            "3: exact of the field",
            "fields: {f: {exact: true}}\nroutes: [{id: r, when: {f: X}, to: a}]",
            gives: "held: - \"nobody\""),
        SpecCase(
            "3: exact of the field goes for the list, too",
            "fields: {f: {exact: true}}\nroutes: [{id: r, when: {f: [Y, X]}, to: a}]",
            gives: "held: - \"nobody\""),
        SpecCase(
            "10: fields are named as in conditions",
            "fields: {'field[\"a.b\"]': {exact: true}}\nroutes: [{id: r, when: {'field[\"a.b\"]': X}, to: a}]",
            lead: [("a.b", ["x"])], gives: "held: - \"nobody\""),
        SpecCase(
            "2: a column is missing when the cell is blank",
            "tables: {t: {file: t.csv, key: k, match: f}}\nroutes: [{id: r, when: {t.v: {exists: false}}, to: a}]",
            files: ["t.csv": "k,v\nx, \n"], gives: "routed r: a(r)"),
    ]

    static let routes: [SpecCase] = [
        SpecCase(
            "4: 'default' is reserved at the root only",
            "routes: [{id: p, always: true, routes: [{id: default, always: true, to: a}]}]",
            gives: "routed p/default: a(p/default)"),
        SpecCase(
            "4: ids are told apart by case",
            "routes: [{id: r, when: {f: y}, to: a}, {id: R, always: true, to: b}]",
            gives: "routed R: b(R)"
        ),
        SpecCase(
            "4: the same id under different parents",
            "routes: [{id: p, when: {f: y}, routes: [{id: r, always: true, to: a}]}, {id: q, always: true, routes: [{id: r, always: true, to: b}]}]",
            gives: "routed q/r: b(q/r)"),
        SpecCase(
            "4.1: a route whose condition is unknown is skipped",
            "routes: [{id: r, when: {g: {not_equals: x}}, to: a}]", gives: "held: - \"nobody\""),
        SpecCase(
            "4.1: with all below it, copies too",
            "routes: [{id: p, when: {f: y}, also_to: b, routes: [{id: r, always: true, to: a}]}]",
            gives: "held: - \"nobody\""),
        SpecCase(
            "4.3: the routes below use their own match",
            "match: all\nroutes: [{id: p, always: true, match: first, routes: [{id: r, always: true, to: a}, {id: s, always: true, to: b}]}, {id: q, always: true, to: c}]",
            gives: "routed p/r q: a(p/r) c(q)"),
        SpecCase(
            "4.4: a parent's drop applies when no route below decided",
            "routes: [{id: p, always: true, drop: away, routes: [{id: r, when: {f: y}, to: a}]}]",
            gives: "dropped p: - \"away\""),
        SpecCase(
            "4.4: a parent's own target does not apply beside that of a route below",
            "routes: [{id: p, always: true, to: b, also_to: c, routes: [{id: r, always: true, to: a}]}]",
            gives: "routed p/r: a(p/r) +c(p)"),
        SpecCase(
            "4.5: a route with copies below only does not decide",
            "routes: [{id: p, always: true, routes: [{id: r, always: true, also_to: a}]}, {id: q, always: true, to: b}]",
            gives: "routed q: b(q) +a(p/r)"),
        SpecCase(
            "4.6: under all, a drop below a parent is one decision of many",
            "match: all\nroutes: [{id: p, always: true, routes: [{id: d, always: true, drop: no}]}, {id: q, always: true, to: b}]",
            gives: "routed p/d q: b(q)"),
        SpecCase(
            "4: dropped only if every decision was a drop, with the first reason",
            "match: all\nroutes: [{id: d, always: true, drop: one}, {id: c, always: true, also_to: c}, {id: e, always: true, drop: two}]",
            gives: "dropped d e: +c(c) \"one\""),
        SpecCase(
            "4: copies go out with the default",
            "routes: [{id: c, always: true, also_to: [a, b]}]", default: "{to: [b, d]}",
            gives: "default: b(default) d(default) +a(c)"),
        SpecCase(
            "4: one delivery, credited to the first route",
            "match: all\nroutes: [{id: c, always: true, also_to: a}, {id: r, always: true, to: a}, {id: s, always: true, to: a}]",
            gives: "routed r s: a(r)"),
        SpecCase(
            "4: a copy twice is credited to the first",
            "routes: [{id: c, always: true, also_to: a}, {id: d, always: true, also_to: a}, {id: r, always: true, to: b}]",
            gives: "routed r: b(r) +a(c)"),
        SpecCase(
            "10: to comes in the order reached, then the copies",
            "match: all\nroutes: [{id: r, always: true, to: [c, a], also_to: [d]}, {id: s, always: true, to: b}]",
            gives: "routed r s: c(r) a(r) b(s) +d(r)"),
        SpecCase(
            "10: other settings make another delivery",
            "include: more.yaml\nroutes: [{id: r, always: true, to: [p, {sink: p, with: {text: t}}, {sink: p, with: {text: 't'}}]}]",
            files: places, gives: "routed r: p(r) p{\"text\":\"t\"}(r)"),
        SpecCase(
            "1: nothing is filled in in overrides",
            "include: more.yaml\nroutes: [{id: r, always: true, to: {sink: p, with: {text: \"${S}\"}}}]",
            files: places, gives: "routed r: p{\"text\":\"${S}\"}(r)"),
        SpecCase(
            "4: a target of the default may have its own settings",
            "include: more.yaml", files: places,
            default: "{to: {sink: p, with: {text: t}}}",
            gives: "default: p{\"text\":\"t\"}(default)"),
        SpecCase(
            "4: disabled, with all below it",
            "routes: [{id: p, always: true, disabled: true, also_to: a, to: b}]",
            gives: "held: - \"nobody\""),
        SpecCase(
            "4: what is disabled is checked all the same",
            "routes: [{id: p, always: true, disabled: true, to: nowhere}]", gives: "undefined-sink"),
        SpecCase(
            "4: at least one of to, also_to, drop, routes",
            "routes: [{id: p, always: true, note: x}]", gives: "bad-route"),
        SpecCase("4: no routes at all", "", gives: "held: - \"nobody\""),
        SpecCase(
            "4: an empty list of routes at the root", "routes: []", gives: "held: - \"nobody\""),
        SpecCase(
            "4: an empty list of routes below a route",
            "routes: [{id: p, always: true, routes: []}]",
            gives: "bad-value"),
    ]

    static let tables: [SpecCase] = [
        SpecCase(
            "6: the first value that is a key selects the row",
            "tables: {t: {file: t.csv, key: k, match: f}}\nroutes: [{id: r, when: {t.v: two}, to: a}]",
            lead: [("f", ["0", "2", "1"])], files: ["t.csv": "k,v\n1,one\n2,two\n"],
            gives: "routed r: a(r)"),
        SpecCase(
            "6: keys are exact",
            "tables: {t: {file: t.csv, key: k, match: f}}\nroutes: [{id: r, when: {t.v: {exists: true}}, to: a}]",
            lead: [("f", ["ab"])], files: ["t.csv": "k,v\nAB,one\n"], gives: "held: - \"nobody\""),
        SpecCase(
            "10: keys are trimmed and NFC in the file and in the lead",
            "tables: {t: {file: t.csv, key: k, match: f}}\nroutes: [{id: r, when: {t.v: one}, to: a}]",
            lead: [("f", [" e\u{301} "])], files: ["t.csv": "k,v\n\" é \",one\n"],
            gives: "routed r: a(r)"),
        SpecCase(
            "6: two tables may be one file",
            "tables: {t: {file: t.csv, key: k, match: f}, u: {file: t.csv, key: v, match: g}}\nroutes: [{id: r, when: {t.v: one, u.k: x}, to: a}]",
            lead: [("f", ["x"]), ("g", ["one"])], files: ["t.csv": "k,v\nx,one\n"],
            gives: "routed r: a(r)"),
        SpecCase(
            "10: match may be a column of a table that comes later",
            "tables: {t: {file: t.csv, key: k, match: u.t}, u: {file: u.csv, key: k, match: f}}\nroutes: [{id: r, when: {t.v: one}, to: a}]",
            files: ["t.csv": "k,v\n7,one\n", "u.csv": "k,t\nx,7\n"], gives: "routed r: a(r)"),
        SpecCase(
            "10: but not its own, by whatever way",
            "tables: {t: {file: t.csv, key: k, match: u.k}, u: {file: t.csv, key: k, match: t.k}}",
            files: ["t.csv": "k,v\n7,one\n"], gives: "table-cycle"),
        SpecCase(
            "10: a table without rows",
            "tables: {t: {file: t.csv, key: k, match: f}}\nroutes: [{id: r, when: {f: {not_in_table: t}}, to: a}]",
            files: ["t.csv": "k,v\n"], gives: "routed r: a(r)"),
        SpecCase(
            "10: blank lines are skipped",
            "tables: {t: {file: t.csv, key: k}}\nroutes: [{id: r, when: {f: {in_table: t}}, to: a}]",
            files: ["t.csv": "\n\nk,v\r\n\r\n  \nx,1\n\n"], gives: "routed r: a(r)"),
        SpecCase(
            "10: the delimiter may be set",
            "tables: {t: {file: t.csv, key: k, delimiter: \"\\t\", match: f}}\nroutes: [{id: r, when: {t.v: \"1,2\"}, to: a}]",
            files: ["t.csv": "k\tv\nx\t1,2\n"], gives: "routed r: a(r)"),
        SpecCase(
            "10: a header with another delimiter", "tables: {t: {file: t.csv, key: k}}",
            files: ["t.csv": "k|v\nx|1\n"], gives: "bad-table"),
        SpecCase(
            "6: the file is UTF-8", "tables: {t: {file: t.csv, key: k}}", files: ["t.csv": ""],
            gives: "bad-table"),
        SpecCase(
            "6: a table's keys are texts", "tables: {t: {file: [t.csv], key: k}}",
            gives: "bad-value"),
        SpecCase(
            "6: the key is one column", "tables: {t: {file: t.csv, key: [k]}}",
            files: ["t.csv": "k\n1\n"], gives: "bad-value"),
        SpecCase(
            "6: quoted cells may hold line breaks, commas and quotes",
            "tables: {t: {file: t.csv, key: k, match: f}}\nroutes: [{id: r, when: {t.v: \"a,\\nb \\\"c\\\"\"}, to: a}]",
            files: ["t.csv": "k,v\nx,\"a,\nb \"\"c\"\"\"\n"], gives: "routed r: a(r)"),
        SpecCase(
            "6: expect_in warns only",
            "tables: {t: {file: t.csv, key: k}}\nfields: {f: {expect_in: t}}\nroutes: [{id: r, always: true, to: a}]",
            files: ["t.csv": "k\n1\n"], gives: "routed r: a(r)"),
        SpecCase(
            "5: on_failure never leads back, by whatever way",
            "include: more.yaml",
            files: [
                "more.yaml":
                    "sinks: {x: {plugin: plain, on_failure: y}, y: {plugin: plain, on_failure: [a, z]}, z: {plugin: plain, on_failure: x}}"
            ],
            gives: "on-failure-cycle on-failure-cycle on-failure-cycle"),
        SpecCase(
            "5: a chain that ends is good",
            "include: more.yaml",
            files: [
                "more.yaml":
                    "sinks: {x: {plugin: plain, on_failure: [y, a]}, y: {plugin: plain, on_failure: a}}"
            ],
            gives: "held: - \"nobody\""),
    ]

    @Test(arguments: texts + files + conditions + routes + tables)
    func `a sentence of the language holds`(_ one: SpecCase) {
        #expect(one.found() == one.wanted)
    }

    @Test func `a duplicate key names both lines, a duplicate name both places`() {
        let twice = load(["leadrouter.yaml": root("routes: []\nroutes: []\n")])
        #expect(ByteSearch.contains(twice.report, "leadrouter.yaml:5:1"))
        #expect(ByteSearch.contains(twice.report, "first in line 4"))
        let files = [
            "leadrouter.yaml": root("include: b.yaml"), "b.yaml": "sinks: {a: {plugin: plain}}",
        ]
        let name = load(files)
        #expect(ByteSearch.contains(name.report, "b.yaml:1:9"))
        #expect(ByteSearch.contains(name.report, "leadrouter.yaml:2:9"))
    }

    @Test func `a key that stands twice in a table names both lines`() {
        let result = load([
            "leadrouter.yaml": root("tables: {t: {file: t.csv, key: k}}"),
            "t.csv": "k,v\n1,\"a\nb\"\n2,c\n 1 ,d\n",
        ])
        #expect(ByteSearch.contains(result.report, "t.csv:5:1"))
        #expect(ByteSearch.contains(result.report, "first in line 2"))
    }
}
