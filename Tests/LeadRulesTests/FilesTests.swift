import LeadKit
import LeadRules
import LeadTesting
import Testing

/// RULES section 1: includes, globs and secrets.
struct FilesTests {
    private func drop(_ id: String) -> String {
        "routes: [{id: \(id), always: true, also_to: a}]\n"
    }

    private func order(_ files: [String: String]) throws -> [String] {
        let result = load(files)
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        return rules.explain(lead()).1.routes.map(\.name)
    }

    @Test func `a file's own routes come first, then those of each include, depth first`() throws {
        #expect(
            try order([
                "leadrouter.yaml": root("include: [x/one.yaml, two.yaml]\n" + drop("root")),
                "x/one.yaml": "include: [sub/deep.yaml, ../three.yaml]\n" + drop("one"),
                "x/sub/deep.yaml": drop("deep"), "three.yaml": drop("three"),
                "two.yaml": drop("two"),
            ]) == ["root", "one", "deep", "three", "two"])
    }

    @Test func `globs sort by bytes and skip tests and dot files`() throws {
        #expect(
            try order([
                "leadrouter.yaml": root("include: [\"r/*.yaml\", \"s/**/?[a-c].yaml\"]"),
                "r/b.yaml": drop("b"), "r/B.yaml": drop("B"), "r/a.yaml": drop("a"),
                "r/é.yaml": drop("e"),
                "r/x.test.yaml": "tests: []", "r/.hidden.yaml": drop("hidden"),
                "r/sub/n.yaml": drop("n"),
                "s/1a.yaml": drop("s1a"), "s/t/u/2c.yaml": drop("s2c"), "s/t/2d.yaml": drop("s2d"),
                "s/.t/1b.yaml": drop("t"),
            ]) == ["B", "a", "b", "e", "s1a", "s2c"])
    }

    @Test func `a glob that matches nothing is a warning only`() {
        let result = load(["leadrouter.yaml": root("include: \"none/*.yaml\"")])
        #expect(result.configuration != nil)
        #expect(result.diagnostics.map(\.code) == ["empty-glob"] && result.warningCount == 1)
    }

    @Test func `a file reached twice names both includes`() {
        let result = load([
            "leadrouter.yaml": root("include: [x.yaml, \"*.yaml\"]"), "x.yaml": "include: y.yaml\n",
            "y.yaml": drop("y"),
        ])
        #expect(
            result.diagnostics.map(\.code) == [
                "included-twice", "included-twice", "included-twice",
            ])
        #expect(
            result.diagnostics.contains {
                ByteSearch.contains($0.message, "included at x.yaml:1:10")
            })
    }

    @Test(arguments: [
        "version: 1", "match: all", "default: {hold: y}", "dedupe: {by: f, within: 1d}",
        "log: {level: info}",
    ])
    func `what stands once may not stand in two files`(_ line: String) {
        let result = load([
            "leadrouter.yaml": root(
                "include: x.yaml\nmatch: all\ndedupe: {by: f, within: 1d}\nlog: {level: info}"),
            "x.yaml": line,
        ])
        #expect(
            result.diagnostics.contains {
                $0.code == "duplicate-key" && "\($0.position)" == "x.yaml:1:1"
            })
    }

    @Test func `files of tables are relative to the file that names them`() throws {
        let files = [
            "x/t.yaml": "tables: {t: {file: ../d/t.csv, key: k, match: f}}",
            "d/t.csv": "k,v\n1,2\n",
        ]
        #expect(
            try truth("{t.v: \"2\"}", lead(["f": ["1"]]), more: "include: x/t.yaml", files: files)
                == .yes)
    }

    @Test(arguments: [
        "log: {level: debug}", "retention: {held: 30d}", "server: {listen: \"127.0.0.1:1\"}",
    ])
    func `what only says how the service runs is not in the hash, and is another reading`(
        _ more: String
    ) throws {
        func read(_ more: String) throws -> Configuration {
            let result = load(["leadrouter.yaml": root(more)])
            return try #require(result.configuration, "\(result.report)")
        }
        let (plain, edited) = (try read(""), try read(more))
        #expect(plain.ruleSet.hash == edited.ruleSet.hash)
        #expect(!plain.isSame(as: edited))
        #expect(plain.isSame(as: try read("")))
    }

    @Test func `the hash follows what rules and tables say`() throws {
        let more = "tables: {t: {file: t.csv, key: k}}"
        let one = try rules(more, files: ["t.csv": "k\n1\n"]).hash
        #expect(try rules(more, files: ["t.csv": "k\n1\n"]).hash == one)
        #expect(try rules(more, files: ["t.csv": "k\n2\n"]).hash != one)
        #expect(try rules(more + " # said", files: ["t.csv": "\"k\"\n1\n"]).hash == one)
        let inFile = ["t.csv": "k\n1\n", "x.yaml": more]
        #expect(try rules("include: x.yaml", files: inFile).hash == one)
        #expect(
            try rules(more + "\nconditions: {c: {f: x}}", files: ["t.csv": "k\n1\n"]).hash != one)
    }

    // MARK: Secrets

    private func sink(
        _ settings: String, environment: [String: String] = [:], files: [String: String] = [:]
    ) -> LoadResult {
        var all = files
        all["leadrouter.yaml"] =
            "version: 1\ndefault: {to: s}\nsinks: {s: {plugin: places, address: a@b.cd, \(settings)}}"
        return load(all, environment: environment)
    }

    @Test(arguments: [
        ("text: \"a ${S} b\"", "a hunter2 b", true), ("text: {file: s/pw}", "from file", true),
        ("text: \"$${S} $S\"", "${S} $S", false),
        ("text: \"${S}${S}\"", "hunter2hunter2", true), ("text: \"$$${S}\"", "$${S}", false),
        ("text: \"$\"", "$", false),
        ("text: \"${T}\"", "${S}", true),
    ]) func `a setting is filled in with secrets`(
        _ setting: String, _ wanted: String, _ isSecret: Bool
    ) throws {
        let result = sink(
            setting, environment: ["S": "hunter2", "T": "${S}"], files: ["s/pw": "from file\r\n\n"])
        let rules = try #require(result.configuration, "\(result.report)").ruleSet
        let settings = try rules.render(
            Target(sink: "s"), of: RenderContext(lead: lead(), deliveryID: "k", route: "r"))
        let text = try #require(settings.first { $0.name == "text" })
        #expect(text.text == wanted && text.isSecret == isSecret)
        #expect(text.shown == (isSecret ? Secret.mask : wanted))
    }

    @Test(arguments: [
        ("text: 1️⃣\"${NONE}\"", "missing-secret"), ("text: 1️⃣\"${BLANK}\"", "missing-secret"),
        ("text: {file: 1️⃣none}", "missing-secret"),
        ("text: {file: 1️⃣../x}", "outside-folder"), ("text: 1️⃣\"${S\"", "bad-secret"),
        ("text: 1️⃣\"${a-b}\"", "bad-secret"), ("text: 1️⃣\"${}\"", "bad-secret"),
    ]) func `a secret that is not there is an error`(_ setting: String, _ code: String) {
        expectOne(
            code,
            "version: 1\ndefault: {to: s}\nsinks: {s: {plugin: places, address: a@b.cd, \(setting)}}",
            environment: ["BLANK": " ", "S": "x"])
    }

    @Test(arguments: [
        "plugin: plain, mode: \"${S}\"", "plugin: plain, count: \"${S}\"",
        "plugin: plain, flag: \"${S}\"", "plugin: plain, wait: \"${S}\"",
        "plugin: plain, size: \"${S}\"", "plugin: plain, rate: \"${S}\"",
        "plugin: plain, on_failure: \"${S}\"", "plugin: plain, retry: \"${S}\"",
        "plugin: plain, retry: {for: \"${S}\"}", "plugin: plain, timeout: \"${S}\"",
        "plugin: plain, paused: {file: pw}",
        "plugin: plain, mode: {file: pw}", "plugin: places, address: \"${TAG}\"",
        "plugin: places, address: \"{{a.${S}}}\"",
        "plugin: places, address: \"{{lead.${S}}}\"",
        "plugin: places, address: x, headers: {A: \"{{#${S} }}\"}",
        "plugin: places, address: \"{${HALF}\"",
    ]) func `a secret stands in no message`(_ settings: String) {
        let result = load(
            [
                "leadrouter.yaml": "version: 1\ndefault: {to: s}\nsinks: {s: {\(settings)}}",
                "pw": "hunter2\n",
            ],
            environment: ["S": "hunter2", "TAG": "{{{hunter2}}}", "HALF": "{&hunter2}}"])
        #expect(result.errorCount > 0)
        #expect(!ByteSearch.contains(result.report, "hunter2"), "\(result.report)")
    }

    @Test(arguments: [
        "store: {url: \"${S}\"}", "server: {listen: \"${S}\"}",
        "server: {admin: {listen: \"${S}\"}}",
    ])
    func `a secret of the service stands in no message`(_ line: String) {
        let result = load(["leadrouter.yaml": root(line)], environment: ["S": "hunter2"])
        #expect(result.errorCount == 1)
        #expect(!ByteSearch.contains(result.report, "hunter2"), "\(result.report)")
    }

    @Test func `nothing is filled in in routes`() throws {
        let rules = try rules("routes: [{id: r, when: {f: \"${S}\"}, drop: \"${S}\"}]")
        #expect(rules.decide(lead(["f": ["${s}"]])).reason == "${S}")
    }
}
