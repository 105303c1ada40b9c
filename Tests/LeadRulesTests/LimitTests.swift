import LeadKit
import LeadTesting
import Testing

@testable import LeadRules

/// RELIABILITY d, rows 61 and 65: files made to break the reader are refused, and told shortly.
struct LimitTests {
    private func codes(_ result: LoadResult) -> [String] { result.diagnostics.map(\.code) }

    private func lint(_ rest: String) -> LoadResult {
        Linter.lint(
            ConfigurationFilesInMemory(["leadrouter.yaml": root(rest)]), catalogue: catalogue,
            now: RuleSet.noon)
    }

    private func chain(_ count: Int, _ link: (Int) -> String) -> String {
        let links = (1..<count).map { "  c\($0): \(link($0 - 1))\n" }.joined()
        return
            "conditions:\n  c0: {f: x}\n\(links)routes: [{id: r, when: {use: c\(count - 1)}, to: a}]"
    }

    // MARK: Conditions

    @Test(arguments: ["{use: c%}", "{not: {use: c%}}", "{any: [{use: c%}, {g: y}]}"])
    func `a chain of thousands of conditions is one finding`(_ link: String) {
        let text = chain(4000) { link.replacing("%", with: "\($0)") }
        #expect(codes(lint(text)) == ["large-condition"])
        #expect(codes(lint(chain(4000) { link.replacing("%", with: "\($0)") })).count == 1)
    }

    @Test func `conditions of thirty levels are decided`() throws {
        let rules = try rules(chain(30) { "{not: {not: {use: c\($0)}}}" })
        #expect(rules.decide(lead(["f": ["x"]])).outcome == .routed)
        #expect(rules.explain(lead(["f": ["y"]])).0.outcome == .held)
    }

    @Test func `conditions that double at each level are one finding`() {
        let text = chain(30) { "{any: [{use: c\($0)}, {use: c\($0)}]}" }
        #expect(codes(lint(text)) == ["large-condition"])
    }

    @Test func `a route that joins large conditions is refused`() {
        let bomb = (1..<13).map { "  c\($0): {any: [{use: c\($0 - 1)}, {use: c\($0 - 1)}]}\n" }
        let text =
            "conditions:\n  c0: {f: x}\n\(bomb.joined())"
            + "routes: [{id: r, when: {any: [{use: c12}, {use: c12}, {use: c12}]}, to: a}]"
        #expect(codes(lint(text)) == ["large-condition"])
    }

    @Test func `a condition of a circle and a chain has the finding of each`() {
        let text = chain(200) { "{use: c\($0)}" } + "\nx: 1"
        #expect(codes(lint(text)).sorted() == ["large-condition", "unknown-key"])
        #expect(
            codes(lint("conditions: {a: {use: b}, b: {use: a}, c: {use: a}}"))
                == ["condition-cycle", "condition-cycle"])
    }

    // MARK: Files

    private func includes(_ count: Int) -> [String: String] {
        var files = ["leadrouter.yaml": root("include: 1.yaml")]
        for number in 1...count {
            files["\(number).yaml"] =
                number < count ? "include: \(number + 1).yaml" : "conditions: {c: {f: x}}"
        }
        return files
    }

    @Test func `a chain of includes has a limit`() {
        #expect(codes(load(includes(32))) == [])
        #expect(codes(load(includes(33))) == ["large-configuration"])
        #expect(codes(load(includes(5000))) == ["large-configuration"])
    }

    @Test func `a file named a hundred thousand times is told a thousand times`() {
        let many = Array(repeating: "x.yaml", count: 100_000).joined(separator: ", ")
        let result = load(["leadrouter.yaml": root("include: [\(many)]"), "x.yaml": "routes: []"])
        let twice = Array(repeating: "included-twice", count: 1000)
        #expect(codes(result) == twice + ["large-configuration"])
    }

    @Test func `a configuration has at most ten thousand files`() {
        var files = ["leadrouter.yaml": root("include: \"x/*.yaml\"")]
        for number in 0...IncludeReader.filesMax { files["x/\(number).yaml"] = "routes: []" }
        #expect(codes(load(files)) == ["large-configuration"])
    }

    @Test func `a rule file has a size limit`() {
        let comment = "#" + String(repeating: "x", count: IncludeReader.fileBytesMax)
        #expect(
            codes(load(["leadrouter.yaml": root("include: x.yaml"), "x.yaml": comment]))
                .contains("yaml-size"))
    }

    @Test func `stars for folders match without trying every split`() {
        let glob = String(repeating: "**/", count: 30) + "x.yaml"
        let path = String(repeating: "a/", count: 200) + "y.yaml"
        #expect(!ConfigurationPath.matches(glob, path))
        #expect(ConfigurationPath.matches("**/b/**/x.yaml", "a/b/c/b/d/x.yaml"))
        #expect(ConfigurationPath.matches("**/x.yaml", "x.yaml"))
        #expect(!ConfigurationPath.matches("a/**/b", "a/b/c"))
    }

    // MARK: What is printed

    @Test func `a long line is shown around the place, and a long name cut`() {
        let name = String(repeating: "k", count: 1000)
        let value = String(repeating: "v", count: 1_000_000)
        let result = load([
            "leadrouter.yaml": root("\(name): 1\nlog: {\(name): \"\(value)\", b: x}")
        ])
        #expect(result.errorCount > 1)
        for line in result.report.split(separator: "\n") {
            #expect(line.unicodeScalars.count < 600)
        }
    }

    @Test func `the caret stands below its place in a line that is cut`() {
        let line = String(repeating: "x", count: 500) + "HERE" + String(repeating: "y", count: 500)
        let shown = Diagnostic(
            .error, "c", at: Position(file: "f", line: 1, column: 501, length: 4), "m"
        ).rendered(sourceLine: line)
        let lines = shown.split(separator: "\n").map { Array($0.unicodeScalars) }
        let caret = lines[2].firstIndex(of: "^") ?? 0
        #expect(String(String.UnicodeScalarView(lines[1][caret..<(caret + 4)])) == "HERE")
        #expect(lines[2].count == caret + 4)
        #expect(lines[1].count < 180)
    }

    @Test(arguments: [
        "password: hunter2, bogus: 1", "bogus: 1, api_token: \"hunter2, too\"",
        "bogus: \"https://me:hunter2@x.example/a\"", "bogus: 1, secret: 'hunter2'",
        "\"https://x.example/?a=1&access_token=hunter2&b\": 1",
        "headers: {Authorization: Bearer hunter2}",
    ])
    func `a line that is quoted shows no secret`(_ settings: String) {
        let result = load([
            "leadrouter.yaml":
                "version: 1\ndefault: {to: s}\nsinks: {s: {plugin: plain, \(settings)}}"
        ])
        #expect(result.errorCount > 0)
        #expect(!ByteSearch.contains(result.report, "hunter2"), "\(result.report)")
        #expect(ByteSearch.contains(result.report, Secret.mask))
    }

    @Test func `what is read from elsewhere is shown as written`() {
        for text in [
            "password: ${PW}", "token: \"${A}\"", "secret: {file: x}", "url: https://a.example/b",
            "url: \"https://u:${PW}@a.example/?token=${T}&x=1\"", "car_make: Honda", "a token of",
        ] {
            #expect(SecretText.line(text) == text)
        }
    }

    @Test(arguments: [
        ("url", "https://x.example/?a=1&token=hunter2", "https://x.example/?a=1&token=•••"),
        ("url", "https://u:hunter2@x.example/", "https://u:•••@x.example/"),
        ("headers.X-Api-Key", "hunter2", "•••"), ("headers.Authorization", "Basic aHU=", "•••"),
        ("subject", "see https://x.example/?code=1", "see https://x.example/?code=1"),
        ("headers.Idempotency-Key", "1", "1"),
    ]) func `a rendered setting is shown without secrets`(
        _ name: String, _ text: String, _ shown: String
    ) {
        #expect(RenderedSetting(name: name, text: text, isSecret: false).shown == shown)
    }

    @Test func `no line of a report begins with a text of a file`() {
        let result = load([
            "leadrouter.yaml": root(
                #""x\n::error file=a::pwn\r\e[31m\u009b\u202e": 1"# + "\n"
                    + #"routes: [{id: "a\n::warning::b", when: {f: {"c\n::x": 1}}, to: "d\n::y"}]"#)
        ])
        #expect(result.errorCount > 2)
        for scalar in result.report.unicodeScalars {
            #expect(
                scalar == "\n" || (scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value)))
            #expect(scalar.value != 0x202E)
        }
        for line in result.report.split(separator: "\n") {
            #expect(!line.utf8.starts(with: "::".utf8))
        }
    }

    // MARK: The linter's work

    @Test func `work that is spent leaves questions open, and counts them`() {
        let work = LintWork(routes: 0)
        var asked = 0
        while work.openCount == 0 || asked < 10 {
            work.beginQuestion()
            #expect(!work.isSpent || work.openCount > 0)
            work.spend(LintWork.questionMax)
            work.endQuestion()
            asked += 1
        }
        #expect(work.openCount == asked)
        for _ in 0..<(LintWork.base / LintWork.questionMax) {
            work.beginQuestion()
            work.spend(LintWork.questionMax)
        }
        work.beginQuestion()
        #expect(work.isSpent)
    }

    @Test func `ordinary rules leave no question open`() {
        let routes = (0..<200).map {
            "  - {id: r\($0), when: {zip: {starts_with: \"7\($0)\"}, car: [a\($0), b]}, to: a}\n"
        }
        let result = lint("routes:\n" + routes.joined())
        #expect(result.openQuestionCount == 0)
        #expect(result.errorCount == 0)
    }
}
