import LeadKit
import LeadRules
import LeadTesting
import Testing

/// The mistakes that people make, each found once and at its place.
struct LoadingTests {
    /// One mistake below `root`: the code, then the lines with the place marked.
    static let mistakes: [(code: String, text: String)] = [
        ("unknown-key", "1️⃣route: []"), ("unknown-key", "1️⃣fiedls: {f: {type: number}}"),
        ("unknown-key", "routes: [{id: r, 1️⃣whne: {f: x}, always: true, to: a}]"),
        ("unknown-key", "fields: {f: {1️⃣typ: number}}"),
        ("unknown-key", "dedupe: {by: f, within: 1d, 1️⃣x: y}"),
        ("unknown-setting", "log: {1️⃣levle: info}"), ("bad-value", "log: {level: 1️⃣loud}"),
        ("duplicate-key", "routes: []\n1️⃣routes: []"),
        ("bad-value", "routes: 1️⃣{id: r, always: true, to: a}"), ("bad-value", "conditions: 1️⃣[x]"),
        ("bad-value", "match: 1️⃣any"), ("bad-route", "routes: [1️⃣a]"),
        ("missing-key", "routes: [1️⃣{always: true, to: a}]"),
        ("missing-key", "routes: [{id: 1️⃣r, to: a}]"),
        ("bad-route", "routes: [{id: r, when: {f: x}, always: 1️⃣true, to: a}]"),
        ("bad-value", "routes: [{id: r, always: 1️⃣false, to: a}]"),
        ("bad-route", "routes: [{id: 1️⃣r, always: true}]"),
        ("bad-route", "routes: [{id: r, always: true, to: a, drop: 1️⃣x}]"),
        ("bad-value", "routes: [{id: r, always: true, drop: 1️⃣\"\"}]"),
        ("bad-name", "routes: [{id: 1️⃣a b, always: true, to: a}]"),
        ("bad-name", "routes: [{id: 1️⃣a/b, always: true, to: a}]"),
        ("bad-name", "routes: [{id: 1️⃣é, always: true, to: a}]"),
        ("reserved-name", "routes: [{id: 1️⃣default, always: true, to: a}]"),
        (
            "duplicate-route",
            "routes: [{id: r, always: true, to: a}, {id: 1️⃣r, always: true, to: b}]"
        ),
        ("undefined-sink", "routes: [{id: r, always: true, to: 1️⃣aa}]"),
        ("undefined-sink", "routes: [{id: r, always: true, also_to: [a, 1️⃣e]}]"),
        ("undefined-pool", "routes: [{id: r, always: true, to: {pool: 1️⃣p}}]"),
        ("unknown-setting", "routes: [{id: r, always: true, to: {sink: a, with: {1️⃣label: x}}}]"),
        ("missing-key", "routes: [{id: r, always: true, to: 1️⃣{with: {x: y}}}]"),
        ("bad-value", "routes: [{id: r, always: true, to: 1️⃣[]}]"),
        ("bad-value", "routes: [{id: r, always: true, routes: 1️⃣[]}]"),
        ("no-effect", "routes: [{id: r, always: true, match: 1️⃣all, to: a}]"),
        ("bad-value", "routes: [{id: r, always: true, disabled: 1️⃣yes, to: a}]"),
        ("bad-condition", "conditions: {c: 1️⃣x}"), ("empty-condition", "conditions: {c: 1️⃣{}}"),
        ("empty-condition", "conditions: {c: {any: 1️⃣[]}}"),
        ("bad-condition", "conditions: {c: {any: 1️⃣{f: x}}}"),
        ("bad-condition", "conditions: {c: {all: 1️⃣x}}"),
        ("empty-condition", "conditions: {c: {not: 1️⃣{}}}"),
        ("empty-condition", "conditions: {c: {f: 1️⃣[]}}"),
        ("empty-condition", "conditions: {c: {f: 1️⃣{}}}"),
        ("empty-condition", "conditions: {c: {f: 1️⃣{or_missing: true}}}"),
        ("empty-condition", "conditions: {c: {use: 1️⃣[]}}"),
        ("undefined-condition", "conditions: {c: {use: 1️⃣d}}"),
        ("condition-cycle", "conditions: {1️⃣c: {not: {use: c}}}"),
        ("unknown-operator", "conditions: {c: {f: {1️⃣start_with: x}}}"),
        ("unknown-operator", "conditions: {c: {f: {1️⃣'=': x}}}"),
        ("bad-value", "conditions: {c: {f: {equals: 1️⃣[x]}}}"),
        ("bad-value", "conditions: {c: {f: {in: 1️⃣x}}}"),
        ("bad-value", "conditions: {c: {f: {not_in: 1️⃣x}}}"),
        ("bad-value", "conditions: {c: {f: {not_equals: 1️⃣{a: b}}}}"),
        ("bad-value", "conditions: {c: {f: {starts_with: 1️⃣{a: b}}}}"),
        ("bad-value", "conditions: {c: {f: [a, 1️⃣[b]]}}"),
        ("blank-literal", "conditions: {c: {f: 1️⃣\"\"}}"),
        ("blank-literal", "conditions: {c: {f: [a, 1️⃣\" \"]}}"),
        ("blank-literal", "conditions: {c: {f: {contains: 1️⃣\"\"}}}"),
        ("blank-literal", "conditions: {c: {f: {matches: 1️⃣\"\"}}}"),
        ("bad-pattern", "conditions: {c: {f: {matches: 1️⃣'(?=x)'}}}"),
        ("bad-pattern", "conditions: {c: {f: {search: 1️⃣'(a)\\1'}}}"),
        ("bad-pattern", "conditions: {c: {f: {search: 1️⃣'a('}}}"),
        ("bad-value", "conditions: {c: {f: {above: 1️⃣1e3}}}"),
        ("bad-value", "conditions: {c: {f: {at_most: 1️⃣\"20,000\"}}}"),
        ("bad-value", "conditions: {c: {f: {below: 1️⃣[1]}}}"),
        ("bad-value", "conditions: {c: {f: {between: 1️⃣[2, 1]}}}"),
        ("bad-value", "conditions: {c: {f: {between: 1️⃣[1]}}}"),
        ("bad-value", "conditions: {c: {f: {between: 1️⃣5}}}"),
        ("bad-value", "conditions: {c: {f: {before: 1️⃣tomorrow}}}"),
        ("bad-value", "conditions: {c: {f: {after: 1️⃣2025-02-30}}}"),
        ("bad-value", "conditions: {c: {f: {exists: 1️⃣yes}}}"),
        ("untyped-field", "conditions: {c: {f: {1️⃣valid: true}}}"),
        ("no-effect", "conditions: {c: {f: {above: 1, 1️⃣exact: true}}}"),
        ("no-effect", "conditions: {c: {f: {exists: true, 1️⃣every: true}}}"),
        ("no-effect", "conditions: {c: {f: {exists: true, 1️⃣or_missing: true}}}"),
        ("no-effect", "conditions: {c: {f: {not_equals: x, 1️⃣every: true}}}"),
        ("bad-value", "conditions: {c: {f: {equals: x, every: 1️⃣1}}}"),
        ("undefined-table", "conditions: {c: {f: {in_table: 1️⃣t}}}"),
        ("undefined-table", "conditions: {c: {1️⃣t.x: y}}"),
        ("unknown-attribute", "conditions: {c: {1️⃣lead.form: x}}"),
        ("bad-name", "conditions: {c: {1️⃣'consent.': x}}"),
        ("bad-name", "conditions: {c: {1️⃣\"\": x}}"), ("bad-name", "conditions: {1️⃣a.b: {f: x}}"),
        ("reserved-name", "conditions: {1️⃣lead: {f: x}}"),
        ("bad-value", "fields: {f: {type: 1️⃣numbr}}"), ("bad-value", "fields: {f: 1️⃣number}"),
        ("undefined-table", "fields: {f: {expect_in: 1️⃣t}}"),
        ("undefined-table", "fields: {1️⃣a.b: {type: text}}"),
        ("bad-name", "fields: {1️⃣lead.id: {type: text}}"),
        ("missing-key", "dedupe: 1️⃣{by: f}"), ("bad-value", "dedupe: {by: f, within: 1️⃣30 days}"),
        ("bad-value", "tables: {t: 1️⃣x.csv}"), ("missing-key", "tables: {1️⃣t: {key: k}}"),
        ("missing-key", "tables: {1️⃣t: {file: t.csv}}"),
        ("missing-file", "tables: {t: {file: 1️⃣none.csv, key: k}}"),
        ("outside-folder", "tables: {t: {file: 1️⃣../t.csv, key: k}}"),
        ("undefined-column", "tables: {t: {file: t.csv, key: 1️⃣kk}}"),
        ("unknown-key", "tables: {t: {file: t.csv, key: k, 1️⃣on: f}}"),
        ("bad-value", "tables: {t: {file: t.csv, key: k, delimiter: 1️⃣\";;\"}}"),
        ("reserved-name", "tables: {1️⃣consent: {file: t.csv, key: k}}"),
        ("table-cycle", "tables: {t: {file: t.csv, key: k, match: 1️⃣t.k}}"),
        ("undefined-column", "tables: {t: {file: t.csv, key: k, match: 1️⃣t.q}}"),
        ("missing-file", "include: 1️⃣none.yaml"), ("outside-folder", "include: [1️⃣../x.yaml]"),
        ("outside-folder", "include: 1️⃣/etc/x.yaml"),
        ("included-twice", "include: [x.yaml, 1️⃣./x.yaml]"),
        ("included-twice", "include: 1️⃣leadrouter.yaml"),
        ("bad-value", "store: {url: 1️⃣postgres://x}"),
        ("admin-without-token", "server: {admin: {listen: 1️⃣0.0.0.0:1}}"),
        ("bad-value", "server: {listen: 1️⃣here}"),
        ("undefined-plugin", "sources: {s: {plugin: 1️⃣meta}}"),
    ]

    @Test(arguments: mistakes) func `a mistake is found once, at its place`(
        _ one: (code: String, text: String)
    ) {
        let files = ["t.csv": "k,v\n1,2\n", "x.yaml": "fields: {x: {type: text}}\n"]
        expectOne(one.code, root(one.text), files: files)
    }

    static let inRoot: [(code: String, text: String)] = [
        ("missing-default", "1️⃣version: 1"), ("missing-version", "1️⃣default: {hold: x}"),
        ("bad-version", "version: 1️⃣2\ndefault: {hold: x}"),
        ("bad-default", "version: 1\ndefault: 1️⃣{}"),
        ("bad-default", "version: 1\nsinks: {a: {plugin: plain}}\ndefault: 1️⃣{to: a, hold: x}"),
        ("bad-value", "version: 1\ndefault: 1️⃣hold"),
        ("unknown-key", "version: 1\ndefault: {hold: x, 1️⃣too: a}"),
        ("bad-value", "version: 1\ndefault: {hold: 1️⃣\" \"}"),
        ("undefined-sink", "version: 1\ndefault: {to: [1️⃣a]}"),
        ("undefined-plugin", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: 1️⃣plian}}"),
        ("missing-key", "version: 1\ndefault: {to: a}\nsinks: {1️⃣a: {label: x}}"),
        ("unknown-setting", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, 1️⃣lable: x}}"),
        ("missing-setting", "version: 1\ndefault: {to: a}\nsinks: {a: 1️⃣{plugin: places}}"),
        ("bad-value", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, wait: 1️⃣30}}"),
        ("bad-value", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, size: 1️⃣64KB}}"),
        ("bad-value", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, flag: 1️⃣no}}"),
        ("bad-value", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, count: 1️⃣-1}}"),
        (
            "bad-value",
            "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, max_in_flight: 1️⃣0}}"
        ),
        ("bad-value", "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, rate: 1️⃣10}}"),
        (
            "undefined-sink",
            "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, on_failure: [1️⃣b]}}"
        ),
        (
            "on-failure-cycle",
            "version: 1\ndefault: {to: a}\nsinks: {a: {plugin: plain, on_failure: 1️⃣a}}"
        ),
        ("bad-file", "1️⃣[a]"),
        ("bad-name", "version: 1\ndefault: {hold: x}\nsinks: {1️⃣a b: {plugin: plain}}"),
    ]

    @Test(arguments: inRoot) func `a mistake of the root file is found once`(
        _ one: (code: String, text: String)
    ) {
        expectOne(one.code, one.text)
    }

    static let csv: [(code: String, text: String)] = [
        ("bad-table", "k,v\n1,2\n1️⃣1,2,3\n"), ("bad-table", "k,v\n1️⃣1\n"),
        ("bad-table", "k,v\n1️⃣ ,2\n"),
        ("duplicate-table-key", "k,v\n42,1\n1️⃣\" 42\",2\n"),
        ("duplicate-table-key", "k,v\né,1\n1️⃣e\u{301},2\n"),
        ("bad-table", "1️⃣k,k\n"), ("bad-table", "1️⃣k,\n"), ("bad-table", "1️⃣k;v\n1;2\n"),
        ("bad-table", "1️⃣k\tv\n"),
        ("bad-table", "k,v\n1️⃣1,a\"b\n"), ("bad-table", "k,v\n1,\"a\nb\"\n\n1️⃣2\n"),
        ("bad-table", "k,v\n1️⃣1,\"a\n\n"),
    ]

    @Test(arguments: csv) func `a table's mistake is found at its line`(
        _ one: (code: String, text: String)
    ) {
        let top = root(
            "tables: {t: {file: t.csv, key: k}}\nroutes: [{id: r, when: {t.v: x}, to: a}]")
        expectOne(one.code, one.text, file: "t.csv", files: ["leadrouter.yaml": top])
    }

    @Test func `a value that is missing hides no other mistake`() {
        let result = load([
            "leadrouter.yaml": root(
                """
                routes:
                  - {id: r, when: {car_make is Honda}, to: a}
                  - id: s
                    when: {f: {is: x}}
                    to: a, b
                  - id: t
                    when: {n: {at_least: 20.000,00}}
                    to: a
                    prioritty: 1
                """)
        ])
        #expect(
            result.diagnostics.map { "\($0.position.line) \($0.code)" } == [
                "5 yaml-empty-value", "7 unknown-operator", "8 undefined-sink",
                "10 yaml-empty-value", "12 unknown-key",
            ], "\(result.report)")
        #expect(result.configuration == nil)
    }

    @Test func `a cycle of conditions or tables names each that is in it`() {
        let result = load([
            "leadrouter.yaml": root(
                "conditions: {a: {use: b}, b: {f: x, not: {use: c}}, c: {any: [{use: a}]}, d: {use: a}}"
            )
        ])
        #expect(result.diagnostics.map(\.code) == Array(repeating: "condition-cycle", count: 3))
    }

    @Test func `every problem of every file is reported in one pass, as a compiler would`() {
        let result = load([
            "leadrouter.yaml": root(
                "include: more.yaml\nroutes:\n  - id: one\n    when: {car_make: {equls: Honda}}\n    to: [aa]\n  - id: one\n    allways: true\n    to: b\n"
            ),
            "more.yaml": "sinks:\n  a: {plugin: plain}\nconditions:\n  c: {shop.tier: x}\n",
        ])
        #expect(result.configuration == nil)
        #expect(
            result.report == """
                leadrouter.yaml:7:23: error[unknown-operator]: unknown operator 'equls'
                 7 |     when: {car_make: {equls: Honda}}
                   |                       ^~~~~
                help: did you mean 'equals'?
                leadrouter.yaml:8:10: error[undefined-sink]: there is no sink 'aa'
                 8 |     to: [aa]
                   |          ^~
                help: known here: 'a', 'b', 'c', 'd'
                leadrouter.yaml:9:9: error[missing-key]: the route 'one' has no condition
                 9 |   - id: one
                   |         ^~~
                help: add 'when: {field: value}', or 'always: true' for every lead
                leadrouter.yaml:9:9: error[duplicate-route]: the route 'one' stands here twice, first at leadrouter.yaml:6:9
                 9 |   - id: one
                   |         ^~~
                help: give one of them another id
                leadrouter.yaml:10:5: error[unknown-key]: unknown key 'allways'
                 10 |     allways: true
                    |     ^~~~~~~
                help: did you mean 'always'?
                more.yaml:2:3: error[duplicate-name]: 'a' is defined at leadrouter.yaml:2:9, too
                 2 |   a: {plugin: plain}
                   |   ^
                help: give one of them another name
                more.yaml:4:7: error[undefined-table]: there is no table 'shop' for 'shop.tier'
                 4 |   c: {shop.tier: x}
                   |       ^~~~~~~~~
                help: a field whose name has a dot is written field["shop.tier"]
                """)
    }

    @Test func `what a file that cannot be read may define is not called missing`() {
        let result = load([
            "leadrouter.yaml":
                "version: 1\ninclude: more.yaml\nroutes: [{id: r, when: {use: c, t.x: y}, to: q}]\n",
            "more.yaml": "sinks: {q: {plugin: plain}}\n\tdefault: x\n",
        ])
        #expect(result.diagnostics.map(\.code) == ["yaml-syntax"])
        #expect(load([:]).diagnostics.map(\.code) == ["missing-file"])
    }
}
