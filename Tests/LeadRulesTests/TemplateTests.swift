import LeadKit
import LeadRules
import LeadTesting
import Testing

/// RULES section 5: templates, and what hostile answers become in each place.
struct TemplateTests {
    static let table = """
        tables: {store: {file: s.csv, key: no, match: dealer}}

        """
    static let files = [
        "s.csv":
            "no,name,mail,web,größe\n7,Zoë & Co,s@example.com,https://s.example/a?b=1,XL\n8,,,,\n"
    ]

    private func configuration(_ sink: String, routes: String = "") -> LoadResult {
        var files = TemplateTests.files
        files["leadrouter.yaml"] =
            "version: 1\nsinks: {s: {plugin: places, \(sink)}}\ndefault: {to: s}\n"
            + TemplateTests.table
            + routes
        return load(files)
    }

    private func rendered(
        _ template: String, in place: String = "text", _ lead: Lead
    ) throws -> String {
        let own = place == "address" ? "" : "address: a@b.cd, "
        let result = configuration("\(own)\(place): \(quoted(template))")
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        let context = RenderContext(lead: lead, deliveryID: "key", route: "p/q")
        let settings = try rules.render(Target(sink: "s"), of: context)
        return try #require(settings.first { $0.name == place }).text
    }

    private func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return writer.text
    }

    static let sample = lead(
        [
            "dealer": ["7"], "f": [" one ", "", "two"], "no": [" "], "what car?": ["Kia"],
            "größe": ["M"],
            "a.b": ["dot"], "place": ["here"], "name": ["Nina"],
        ],
        consents: [
            Consent(key: "optional 1", isChecked: true), Consent(key: "x", isChecked: false),
        ],
        envelope: [.createdTime: "2025-10-09T08:53:20Z", .isOrganic: "false"])

    @Test(arguments: [
        ("{{f}}", "one, two"), ("{{ f }}", "one, two"), ("[{{no}}{{absent}}]", "[]"),
        ("{{#f}}<{{.}}>{{/f}}", "<one><two>"), ("{{^f}}none{{/f}}", ""),
        ("{{^no}}none{{/no}}", "none"),
        ("{{#no}}some{{/no}}", ""), ("{{#lead.is_test}}test{{/lead.is_test}}", ""),
        ("{{^lead.is_test}}real{{/lead.is_test}}", "real"), ("{{lead.is_test}}", "false"),
        ("{{^lead.is_organic}}paid{{/lead.is_organic}}", "paid"),
        ("{{consent.x}} {{consent.optional 1}}", "false true"),
        ("{{#consent.optional 1}}yes{{/consent.optional 1}}", "yes"),
        (
            "{{lead.id}} {{lead.created_date}} {{lead.created_time}}",
            "1730000000100000 2025-10-09 2025-10-09T08:53:20Z"
        ),
        ("{{delivery.id}} {{route}}", "key p/q"), ("{{store.name}}", "Zoë & Co"),
        ("{{#store}}{{mail}} {{name}}{{/store}}", "s@example.com Zoë & Co"),
        ("{{store.größe}} {{größe}}", "XL M"),
        ("{{what car?}}", "Kia"), ("{{field[\"a.b\"]}}", "dot"),
        ("{{#what car?}}{{.}}!{{/what car?}}", "Kia!"),
        ("{{! a comment }}x", "x"), ("a\n{{#f}}\n- {{.}}\n{{/f}}\nb", "a\n- one\n- two\nb"),
        // Names that only the program's own types have must not be looked up in them.
        ("{{#f}}{{texts}}{{place}} {{/f}}", "here here "), ("{{#f}}{{isTrusted}}{{/f}}", ""),
        ("{{#fields}}{{scope}}{{field}}{{/fields}}", ""),
        ("{{#store}}{{row}}{{table}}{{.}}{{/store}}", ""),
        ("{{#fields}}{{.}}{{/fields}}", ""),
        (
            "{{#fields}}{{name}}={{value}};{{/fields}}",
            "dealer=7;f=one, two;no=;what car?=Kia;größe=M;a.b=dot;place=here;name=Nina;"
        ),
        (
            "{{#fields}}{{#value}}{{name}};{{/value}}{{/fields}}",
            "dealer;f;f;what car?;größe;a.b;place;name;"
        ),
        ("$${HOME} {{f}}", "${HOME} one, two"),
    ]) func `a template becomes`(_ template: String, _ wanted: String) throws {
        #expect(try rendered(template, TemplateTests.sample) == wanted)
    }

    @Test func `a table without the lead's row is empty`() throws {
        #expect(
            try rendered("{{store.name}}{{^store.name}}no store{{/store.name}}", lead())
                == "no store")
        #expect(try rendered("{{#store}}{{mail}}{{/store}}", lead(["dealer": ["9"]])) == "")
    }

    static let hostile: [(place: String, value: String, wanted: String)] = [
        ("header", "x\r\nBcc: a@b", "x Bcc: a@b"),
        ("header", "a\u{85}b\u{2028}c\u{2029}d\u{0}e", "a b c d e"),
        ("header", "a\u{202E}b\u{2066}c\u{61C}d", "a b c d"),
        ("header", "x\r\n\u{301}y", "x \u{301}y"),
        ("html", "<img onerror=\"x\">&'`", "&lt;img onerror=&quot;x&quot;&gt;&amp;&#39;&#96;"),
        ("html", "\"\u{301} onmouseover=", "&quot;\u{301} onmouseover="),
        ("html", "<\u{338}b", "&lt;\u{338}b"),
        ("json", "\",\"admin\":true,\"", "\\\",\\\"admin\\\":true,\\\""),
        ("json", "\"\u{301}\\\n", "\\\"\u{301}\\\\"),
        ("json", "a\u{0}\u{1F}b", "a\\u0000\\u001fb"),
        ("url", "../../admin?x#", "..%2F..%2Fadmin%3Fx%23"), ("url", "a&b=1", "a%26b%3D1"),
        ("url", "é +%\r\n\u{301}", "%C3%A9%20%2B%25%0D%0A%CC%81"),
        ("url", "https://evil.example/", "https%3A%2F%2Fevil.example%2F"),
        ("path", "../x", "%2E.%2Fx"), ("path", "/etc/x", "%2Fetc%2Fx"),
        ("path", "..\u{301}/", "%2E.%CC%81%2F"),
        ("path", "a\u{0}b", "a%00b"), ("path", "-rf", "%2Drf"), ("path", ".x", "%2Ex"),
        ("path", "%2e%2e", "%252e%252e"),
        ("path", "..", "%2E."),
        ("text", "{{secret}} {{{f}}} ${HOME} $(id)", "{{secret}} {{{f}}} ${HOME} $(id)"),
        ("header", "{{f}} ${HOME}", "{{f}} ${HOME}"),
    ]

    @Test(arguments: hostile) func `an answer is harmless where it lands`(
        _ one: (place: String, value: String, wanted: String)
    ) throws {
        let lead = lead(["f": [one.value]])
        var files: [String: String] = [:]
        files["leadrouter.yaml"] =
            "version: 1\ndefault: {to: s}\nsinks: {s: {plugin: places\(one.place == "address" ? "" : ", address: a@b.cd"), \(one.place): \"[{{f}}]{{#f}}{{.}}{{/f}}{{#fields}}{{value}}{{/fields}}\"}}"
        let result = load(files)
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        let settings = try rules.render(
            Target(sink: "s"), of: RenderContext(lead: lead, deliveryID: "k", route: "r"))
        let text = try #require(settings.first { $0.name == one.place }).text
        let wanted = "[\(one.wanted)]\(one.wanted)\(one.wanted)"
        #expect(text.utf8.elementsEqual(wanted.utf8), "\(text)")
    }

    @Test func `a table's own address stands as it is, an answer's does not`() throws {
        #expect(
            try rendered("{{store.web}}", in: "url", TemplateTests.sample)
                == "https://s.example/a?b=1")
        #expect(
            try rendered("{{store.name}}", in: "url", TemplateTests.sample) == "Zo%C3%AB%20%26%20Co"
        )
    }

    @Test func `a long file name is cut and stays its own`() throws {
        let a = try rendered("{{f}}", in: "path", lead(["f": [String(repeating: "a", count: 300)]]))
        let b = try rendered("{{f}}", in: "path", lead(["f": [String(repeating: "a", count: 301)]]))
        #expect(a.utf8.count == 100 && b.utf8.count == 100 && a != b)
    }

    @Test(arguments: [
        "desk", "a@x.example; b@x.example", "a@x", "-f@x.example", "a%b@x.example",
        "a@b>\r\nRCPT TO:<c@d",
    ]) func `a recipient that is no mail address fails the delivery`(_ text: String) throws {
        #expect(throws: RenderFailure.self) {
            _ = try rendered("{{f}}", in: "address", lead(["f": [text]]))
        }
        // The control: an address passes, with blanks around it, too.
        for good in ["a@x.example", "a+b@localhost"] {
            _ = try rendered("{{f}}", in: "address", lead(["f": [good]]))
        }
    }

    @Test(arguments: [
        ("desk", "leads@example.com"), ("{store.email}", "{{store.email}}"),
        ("a@x.example; b@x.example", "one sink for each"),
    ]) func `a written recipient that is no mail address is an error`(
        _ text: String, _ help: String
    ) {
        let files = { (override: String, own: String) in
            """
            version: 1
            sinks: {a: {plugin: places, address: "\(own)"}}
            default: {to: [{sink: a, with: {address: "\(override)"}}, a]}
            """
        }
        for text in [files(text, "a@x.example"), files("a@x.example", text)] {
            let found = load(["leadrouter.yaml": text]).diagnostics
            #expect(found.map(\.code) == ["bad-address"])
            #expect(ByteSearch.contains(found.first?.help ?? "", help))
        }
    }

    @Test func `a text over the cap is refused, without lead data in the reason`() throws {
        let big = lead(["f": [String(repeating: "q", count: 1 << 19)]])
        do {
            _ = try rendered("{{f}}{{f}}{{f}}", big)
            Issue.record("rendered")
        } catch let failure as RenderFailure {
            #expect(failure.description == "the setting 'text' is over 1048576 bytes for this lead")
        }
    }

    @Test(arguments: [
        ("{{lead.idd}}", "unknown-attribute"), ("{{store.nam}}", "undefined-column"),
        ("{{shop.name}}", "undefined-table"), ("{{a.b}}", "undefined-table"),
        ("{{delivery.key}}", "unknown-name"),
        ("{{{f}}}", "bad-template"), ("{{&f}}", "bad-template"), ("{{ {f}}", "bad-template"),
        ("{{>f}}", "bad-template"), ("{{=<% %>=}}", "bad-template"),
        ("{{<f}}{{/f}}", "bad-template"),
        ("{{$f}}{{/f}}", "bad-template"), ("{{%CONTENT_TYPE:HTML}}", "bad-template"),
        ("{{}}", "bad-template"),
        ("{{ }}", "bad-template"), ("{{f", "bad-template"), ("{{#f}}x", "bad-template"),
        ("{{#f}}{{/g}}", "bad-template"),
        ("{{/f}}", "bad-template"), ("{{.}}", "bad-template"), ("{{lead}}", "bad-template"),
        ("{{store}}", "bad-template"),
        ("{{consent}}", "bad-template"), ("{{delivery}}", "bad-template"),
        ("{{fields}}", "bad-template"),
        ("{{#}}{{/}}", "bad-name"), ("{{field[\"\"]}}", "bad-name"),
    ]) func `a template is refused`(_ template: String, _ code: String) {
        let result = configuration("address: a@b.cd, text: \(quoted(template))")
        #expect(result.diagnostics.map(\.code) == [code], "\(result.report)")
        #expect(result.configuration == nil)
    }

    @Test func `with overrides some settings of a target, and the rest stays`() throws {
        let result = configuration(
            "address: a@b.cd, header: \"H {{f}}\", headers: {A: one, B: two}",
            routes:
                "routes: [{id: r, always: true, to: [{sink: s, with: {header: \"W {{f}}\", headers: {B: \"<{{f}}>\"}}}, s]}]"
        )
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        let lead = lead(["f": ["1\n2"]])
        let decision = rules.decide(lead)
        #expect(decision.deliveries.count == 2)
        let texts = try decision.deliveries.map { delivery in
            try rules.render(
                delivery.target, of: RenderContext(lead: lead, deliveryID: "k", route: "r")
            ).map { "\($0.name)=\($0.text)" }.sorted()
        }
        #expect(texts[0] == ["address=a@b.cd", "header=W 1 2", "headers.A=one", "headers.B=<1 2>"])
        #expect(texts[1] == ["address=a@b.cd", "header=H 1 2", "headers.A=one", "headers.B=two"])
        // An edit takes the override out of the rules; the decision made before it keeps it.
        let edited = try #require(configuration("address: c@d.ef, header: new").configuration)
            .ruleSet
        let later = try edited.render(
            decision.deliveries[0].target,
            of: RenderContext(lead: lead, deliveryID: "k", route: "r"))
        #expect(
            later.map { "\($0.name)=\($0.text)" }.sorted()
                == ["address=c@d.ef", "header=W 1 2", "headers.B=<1 2>"])
        let gone = Target(sink: "gone")
        #expect(throws: RenderFailure.self) {
            try edited.render(gone, of: RenderContext(lead: lead, deliveryID: "k", route: "r"))
        }
    }

    @Test func `targets with the same settings are one, whatever the order they are written in`()
        throws
    {
        let result = configuration(
            "address: a@b.cd",
            routes:
                "match: all\nroutes: [{id: r, always: true, to: {sink: s, with: {text: x, header: y}}}, {id: q, always: true, to: {sink: s, with: {header: y, text: x}}}, {id: z, always: true, to: {sink: s, with: {header: Y, text: x}}}]"
        )
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        #expect(rules.decide(lead()).deliveries.map(\.route) == ["r", "z"])
    }

    @Test(arguments: ["{{store.mail}}", "{{absent}}", " {{store.mail}} "])
    func `a required setting that is blank stops the delivery with that reason`(_ address: String)
        throws
    {
        let result = configuration("address: \"\(address)\"")
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        let lead = lead(["dealer": ["8"]])
        #expect(rules.decide(lead).outcome == .default)
        do {
            _ = try rules.render(
                Target(sink: "s"), of: RenderContext(lead: lead, deliveryID: "k", route: "r"))
            Issue.record("rendered")
        } catch {
            #expect(error.description == "the setting 'address' is empty for this lead")
        }
    }
}
