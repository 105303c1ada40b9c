import LeadKit
import LeadRules
import LeadTesting
import Testing

/// Mistakes as people make them who run marketing: each is found at its place, and the help says
/// what to type.
struct SlipTests {
    /// Below `root`: the text with the place marked, the code, and a part of the help.
    static let slips: [(text: String, code: String, help: String)] = [
        // Blanks, tabs and characters that look like others.
        ("routes:\n  - id: r\n1️⃣\twhen: {f: x}\n    to: a", "yaml-syntax", "blanks, two for"),
        ("routes:\n  -1️⃣\u{A0}id: r\n    when: {f: x}\n    to: a", "yaml-syntax", "type a blank"),
        ("routes:\n  1️⃣– id: r\n    when: {f: x}\n    to: a", "yaml-syntax", "write '- '"),
        ("routes: [{id: 1️⃣honda–desk, always: true, to: a}]", "bad-name", "'honda-desk'"),
        ("routes: [{id: 1️⃣honda desk, always: true, to: a}]", "bad-name", "'honda-desk'"),
        ("routes: [{id: 1️⃣“honda”, always: true, to: a}]", "bad-name", "'honda'"),
        ("routes: [{id: r, always: true, to: 1️⃣‘a’}]", "undefined-sink", "write 'a'"),
        ("conditions: {c: {f: 1️⃣“Honda”}}", "quotes-in-text", "write \"Honda\""),
        // Colons, dashes and indentation.
        ("routes:\n  - 1️⃣id r\n    when: {f: x}\n    to: a", "yaml-syntax", "write 'id: r'"),
        ("routes:\n  - 1️⃣id:r\n    when: {f: x}\n    to: a", "yaml-syntax", "write 'id: r'"),
        ("routes:\n  - id: r\n     1️⃣when: {f: x}\n    to: a", "yaml-syntax", "in column 5"),
        ("routes:\n  - id: r\n  1️⃣when: {f: x}\n    to: a", "yaml-syntax", "in column 3"),
        ("routes:\n  - id: r\n    1️⃣when:\n    f: x\n    to: a", "yaml-empty-value", "indent"),
        ("routes:\n    1️⃣id: r\n    always: true\n    to: a", "bad-value", "'- id: NAME'"),
        ("routes:\n  - id: r\n    note: Honda1️⃣: all\n    to: a", "yaml-syntax", "\"Honda: all\""),
        ("conditions:\n  c: f1️⃣: [x, y]", "yaml-syntax", "{f: [x, y]}"),
        (
            "routes:\n  - id: r\n    when: f1️⃣: [x, y]\n    to: a", "yaml-syntax",
            "'when: {f: [x, y]}'"
        ),
        ("conditions:\n  c:\n    f: x\n    1️⃣- y\n    - z", "yaml-syntax", "'f: [x, y, z]'"),
        (
            "routes:\n  - id: r\n    always: true\n    to:\n      - a\n      1️⃣b\n",
            "yaml-syntax", "'- b'"
        ),
        ("conditions:\n  c:\n    f:\n    - x\n    1️⃣-y\n", "yaml-syntax", "'- y'"),
        (
            "routes:\n  - id: q\n    always: true\n    to: a\n  1️⃣-id: r\n    always: true",
            "yaml-syntax", "'- id: r'"
        ),
        (
            "conditions:\n  c:\n    f:1️⃣\u{A0}x\n    g: {above: 5}", "yaml-syntax",
            "type a blank"
        ),
        ("conditions:\n  c:\n1️⃣\u{A0}\u{A0}  f: x", "yaml-syntax", "type a blank"),
        (
            "routes:\n  - id: r\n    1️⃣when:\n    f: x\n      g: {above: 5}\n    to: a",
            "yaml-empty-value", "indent"
        ),
        ("routes: [{id: r, always: true, 1️⃣to: }]", "yaml-empty-value", "write the value"),
        (
            "routes:\n  - id: r\n    always: true\n    1️⃣drop: #1 offer\n", "yaml-empty-value",
            "\"#1 offer\""
        ),
        // Quotes and brackets.
        ("conditions: {c: {f: 1️⃣*Honda*}}", "yaml-syntax", "write \"*Honda*\""),
        ("conditions:\n  c:\n    f: 1️⃣*", "yaml-syntax", "{exists: true}"),
        ("conditions:\n  c:\n    f: 1️⃣@gmail.com # mail", "yaml-syntax", "write \"@gmail.com\""),
        ("sinks:\n  e:\n    label: 1️⃣{{lead.id}}.txt", "yaml-syntax", "\"{{lead.id}}.txt\""),
        ("routes:\n  - id: r\n    drop: 'don'1️⃣t care'", "yaml-syntax", "don''t"),
        ("conditions: {c: {f: 1️⃣\"Honda}}", "yaml-syntax", "the same quote"),
        ("conditions: {c: {f: 1️⃣[Honda, Acura}}", "yaml-syntax", "']'"),
        ("conditions:\n  c: {f: x} 1️⃣AND {g: y}", "yaml-syntax", "one pair of braces"),
        ("conditions: {c: {f: {matches: \"1️⃣\\d+\"}}}", "yaml-syntax", "single quotes"),
        ("conditions: {c: {f: 1️⃣!Honda}}", "yaml-syntax", "{not_equals: Honda"),
        ("conditions:\n  c:\n    f:\n      1️⃣-Honda\n      -Kia", "dash-in-text", "[Honda, Kia]"),
        ("conditions:\n  c:\n    f: 1️⃣-Honda", "dash-in-text", "'- Honda'"),
        // Words of other languages.
        ("conditions: {c: 1️⃣car_make = Honda}", "bad-condition", "write 'car_make: Honda'"),
        ("conditions: {c: 1️⃣budget >= 20000}", "bad-condition", "'budget: {at_least: 20000}'"),
        ("conditions: {c: {f: x}, d: 1️⃣c}", "bad-condition", "{use: c}"),
        ("conditions: {c: 1️⃣[{f: x}, {g: y}]}", "bad-condition", "'any:'"),
        ("conditions: {c: {1️⃣OR: [{f: x}, {g: y}]}}", "unknown-combinator", "write 'any'"),
        ("conditions: {c: {1️⃣and: [{f: x}, {g: y}]}}", "unknown-combinator", "write 'all'"),
        ("conditions: {c: {f: 1️⃣Honda OR Acura}}", "word-in-text", "[Honda, Acura]"),
        ("conditions: {c: {f: 1️⃣not Honda}}", "word-in-text", "{not_equals: Honda}"),
        ("conditions: {c: {f: 1️⃣\"> 20.000,00\"}}", "operator-in-text", "{above: 20000}"),
        ("conditions:\n  c:\n    f: 1️⃣>= 20000", "yaml-syntax", "{at_least: 20000}"),
        ("conditions:\n  c:\n    f: 1️⃣> 20000", "yaml-syntax", "{above: 20000}"),
        ("conditions: {c: {f: 1️⃣!= Honda}}", "yaml-tag", "{not_equals: Honda}"),
        ("conditions: {c: {f: {1️⃣atleast 20000}}}", "yaml-empty-value", "'atleast: 20000'"),
        ("conditions:\n  c: {1️⃣f; [x, y]}", "yaml-empty-value", "instead of the ';'"),
        ("conditions:\n  c:\n    f: x\n    1️⃣f: y", "duplicate-key", "'f: [x, y]'"),
        ("conditions: {c: {f: 1️⃣*Honda}}", "yaml-alias", "{ends_with: Honda}"),
        ("conditions: {c: {f: {1️⃣is: x}}}", "unknown-operator", "write 'equals'"),
        ("conditions: {c: {f: {1️⃣equal: x}}}", "unknown-operator", "'equals'?"),
        ("conditions: {c: {f: {1️⃣greater_than: 5}}}", "unknown-operator", "write 'above'"),
        ("conditions: {c: {f: {1️⃣'>=': 5}}}", "unknown-operator", "write 'at_least'"),
        ("conditions: {c: {f: {exists: 1️⃣yes}}}", "bad-value", "write 'true'"),
        ("routes: [{id: r, always: 1️⃣yes, to: a}]", "bad-value", "write 'always: true'"),
        ("routes: [{id: r, 1️⃣if: {f: x}, to: a}]", "unknown-key", "write 'when'"),
        ("routes: [{id: r, always: true, 1️⃣send_to: a}]", "unknown-key", "write 'to'"),
        ("routes: [{1️⃣name: r, always: true, to: a}]", "unknown-key", "write 'id'"),
        ("1️⃣rules: []", "unknown-key", "write 'routes'"),
        // Sinks and files.
        ("routes: [{id: r, always: true, to: 1️⃣\"a, b\"}]", "undefined-sink", "[a, b]"),
        ("routes: [{id: r, always: true, to: 1️⃣x@y.example}]", "undefined-sink", "'sinks:'"),
        ("tables: {t: {file: 1️⃣store.csv, key: k}}", "missing-file", "'stores.csv'?"),
        ("tables: {t: {file: 1️⃣stores.xlsx, key: k}}", "missing-file", "CSV (UTF-8)"),
        ("tables: {t: {file: 1️⃣deep.csv, key: k}}", "missing-file", "'data/deep.csv'"),
        ("tables: {t: {file: stores.csv, key: 1️⃣K}}", "undefined-column", "'k'?"),
        // Numbers, lists and patterns.
        ("conditions: {c: {f: {at_least: 1️⃣\"20.000,50\"}}}", "bad-value", "write 20000.50"),
        ("conditions: {c: {f: {at_least: 1️⃣\"20,5\"}}}", "bad-value", "write 20.5"),
        ("conditions: {c: {f: {at_least: 1️⃣\"$20,000\"}}}", "bad-value", "write 20000"),
        ("conditions: {c: {f: {at_least: 1️⃣20k}}}", "bad-value", "write 20000"),
        ("conditions: {c: {f: {at_least: 1️⃣20.000}}}", "thousands", "write 20000"),
        ("conditions: {c: {f: {at_least: 20,1️⃣000}}}", "yaml-empty-value", "without one"),
        ("conditions: {c: {f: {in: Honda, 1️⃣Acura}}}", "yaml-empty-value", "[a, b]"),
        ("conditions: {c: {f: {between: 1️⃣5 - 10}}}", "bad-value", "between: [5, 10]"),
        ("conditions: {c: {f: {matches: 1️⃣/gmail/}}}", "slashes-in-pattern", "write 'gmail'"),
        ("conditions: {c: {f: {at_least: 1️⃣“20000”}}}", "bad-value", "write 20000"),
        ("conditions: {c: {f: {between: 1️⃣[09:00, 18:00]}}}", "bad-value", "schedule.NAME"),
        ("conditions: {c: {f: {after: 2025-01-01, above: 1️⃣9:00}}}", "bad-value", "a schedule"),
        ("conditions: {c: 1️⃣[{f: x}, {f: y}]}", "bad-condition", "'f: [x, y]'"),
        ("conditions: {c: {f: 1️⃣[]}}", "empty-condition", "{exists: true}"),
        ("dedupe: {by: f, within: 1️⃣30 days}", "bad-value", "write 30d"),
        ("dedupe: {by: f, within: 1️⃣2 weeks}", "bad-value", "write 14d"),
        ("dedupe: {by: f, within: 1️⃣16}", "bad-value", "16h for hours"),
        ("routes: [{id: r, always: true, to: 1️⃣a b}]", "undefined-sink", "[a, b]"),
        ("routes: [{id: r, always: true, to: 1️⃣-a -b}]", "undefined-sink", "[a, b]"),
        ("routes: [{id: r, always: true, drop: 1️⃣true}]", "flag-as-reason", "write why"),
        // Opening hours.
        (hours("mon: 1️⃣9-13"), "bad-value", "write '09:00-13:00'"),
        (hours("mon: 1️⃣9am-1pm"), "bad-value", "write '09:00-13:00'"),
        (hours("mon: 1️⃣1-5pm"), "bad-value", "write '13:00-17:00'"),
        (hours("mon: 1️⃣09:00–13:00"), "bad-value", "write '09:00-13:00'"),
        (hours("mon: 1️⃣09:00 to 13:00"), "bad-value", "write '09:00-13:00'"),
        (hours("mon: 1️⃣\"9-12, 14-18.30\""), "bad-value", "[\"09:00-12:00\", \"14:00-18:30\"]"),
        (hours("1️⃣mon–fri: 09:00-13:00"), "bad-value", "write 'mon-fri'"),
        (hours("1️⃣weekend: 09:00-13:00"), "bad-value", "write 'sat-sun'"),
        (hours("mon: closed}, 1️⃣holidays: {x: y"), "unknown-key", "write 'closed'"),
        (
            hours("mon: closed}, closed: 1️⃣25/12/2025, special: {01-01: closed"), "bad-value",
            "2025-12-25"
        ),
        (
            hours("mon: closed}, closed: 1️⃣01/02/2025, special: {01-01: closed"), "bad-value",
            "'12-25'"
        ),
        ("conditions: {c: {f: {matches: 1️⃣\"*@gmail.com\"}}}", "bad-pattern", "'ends_with'"),
    ]

    private static func hours(_ open: String) -> String {
        "schedules: {s: {time_zone: UTC, open: {\(open)}}}"
    }

    @Test(arguments: slips) func `a slip is found once, and the help says what to type`(
        _ one: (text: String, code: String, help: String)
    ) {
        let marked = MarkedText(root(one.text))
        let result = load([
            "leadrouter.yaml": marked.text, "stores.csv": "k\n1\n", "data/deep.csv": "k\n1\n",
        ])
        let place = marked.position("1️⃣", in: "leadrouter.yaml")
        #expect(findings(result) == ["\(place) \(one.code)"], "\(result.report)")
        let help = result.diagnostics.first?.help ?? ""
        #expect(ByteSearch.contains(help, one.help), "\(result.report)")
    }

    @Test(arguments: ["\u{FEFF}", ""], ["\r\n", "\n"])
    func `marks and line ends of Windows are no mistake`(_ mark: String, _ end: String) throws {
        let text = root(
            "conditions:\n  c:\n    f: x\nroutes:\n  - id: r\n    when: {use: c}\n    to: a")
        let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
        let windows = lines.map { String(decoding: $0, as: UTF8.self) }.joined(separator: end)
        let result = load(["leadrouter.yaml": mark + windows])
        #expect(result.diagnostics.isEmpty, "\(result.report)")
        let rules = try #require(result.configuration).ruleSet
        #expect(rules.decide(lead(["f": ["x"]])).routes == ["r"])
    }

    @Test func `texts with marks that belong to them are no surprise`() {
        for text in [
            "O'Neill", "yes or no", "<test lead: dummy data>", "A & B", "=", "Rock’n’Roll",
            "Washington, DC", "Smith, John", "-5", "-none-", "--", "Coca-Cola -Zero",
        ] {
            let result = load(["leadrouter.yaml": root("conditions: {c: {f: \"\(text)\"}}")])
            #expect(result.diagnostics.isEmpty, "\(result.report)")
        }
    }
}
