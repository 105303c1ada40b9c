import Foundation
import Glibc
import LeadFlow
import LeadKit
import LeadRules
import LeadTesting
import Testing

/// A folder of rules on disk, gone with the last reference.
final class RuleFolder: Sendable {
    let url = FileManager.default.temporaryDirectory.appending(path: "rules \(UUID().uuidString)")

    init(_ files: [String: String] = RuleFolder.good) throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for (path, text) in files { try write(text, to: path) }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    static let good = [
        "leadrouter.yaml": """
        version: 1
        include: "routes/*.yaml"
        sinks: {a: {plugin: scripted, script: one}, b: {plugin: scripted, script: one}}
        tables: {store: {file: stores.csv, key: number, match: dealer}}
        default: {hold: nobody}

        """,
        "routes/one.yaml": "routes: [{id: one, when: {store.tier: premium}, to: a}]\n",
        "stores.csv": "number,tier\n42,premium\n",
    ]

    func path(_ name: String) -> String { url.appending(path: name).path(percentEncoded: false) }

    func write(_ text: String, to name: String) throws {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(at: url.appending(path: name))
    }

    var rules: CurrentRules {
        CurrentRules(
            files: ConfigurationFolder(path: url.path(percentEncoded: false)),
            catalogue: PluginCatalogue(sinks: [ScriptedSink.self]))
    }
}

/// A folder that is edited, broken and mended while its rules are in force.
@Suite(.timeLimit(.minutes(1))) struct CurrentRulesTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

    private func route(_ rules: CurrentRules) throws -> [String] {
        let edition = try #require(rules.edition)
        let lead = Lead.sample(fields: FieldData([Field("dealer", ["42"])]))
        return edition.configuration.ruleSet.decide(lead, at: time(0), isDuplicate: false).routes
    }

    @Test func `nothing is in force before the first reading`() throws {
        let rules = try RuleFolder().rules
        #expect(rules.edition == nil && rules.refusal == nil)
    }

    @Test func `an edit is published whole, with its hash and time`() throws {
        let folder = try RuleFolder()
        let rules = folder.rules
        guard case .published(let first) = rules.reload(at: time(1)) else {
            Issue.record("not published: \(rules.refusal?.findings.report ?? "")")
            return
        }
        #expect(first.since == time(1) && first.hash.utf8.count == 64)
        try folder.write(
            "routes: [{id: two, when: {store.tier: premium}, to: b}]\n", to: "routes/one.yaml")
        guard case .published(let second) = rules.reload(at: time(2)) else {
            Issue.record("not published")
            return
        }
        #expect(second.hash != first.hash && second.since == time(2))
        #expect(try route(rules) == ["two"])
    }

    @Test func `a broken edit changes nothing, says what is wrong, and is forgotten when mended`()
        throws
    {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(1))
        let hash = try #require(rules.edition).hash
        try folder.write("routes: [{id: one, whne: {f: x}, to: q}]\n", to: "routes/one.yaml")
        guard case .refused(let refusal) = rules.reload(at: time(2)) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.findings.diagnostics.map(\.code).contains("unknown-key"))
        #expect(ByteSearch.contains(refusal.findings.report, "routes/one.yaml:1:20"))
        #expect(try route(rules) == ["one"])
        #expect(rules.edition?.since == time(1))
        rules.reload(at: time(3))
        #expect(rules.refusal?.since == time(2))
        try folder.write(RuleFolder.good["routes/one.yaml"] ?? "", to: "routes/one.yaml")
        guard case .unchanged(let edition) = rules.reload(at: time(4)) else {
            Issue.record("not unchanged")
            return
        }
        #expect(edition.hash == hash && edition.since == time(1) && rules.refusal == nil)
    }

    @Test func `a folder that is broken from the start is refused, and taken when mended`() throws {
        let folder = try RuleFolder(["leadrouter.yaml": "version: 1\nrou"])
        let rules = folder.rules
        rules.reload(at: time(1))
        #expect(rules.edition == nil && rules.refusal != nil)
        for (path, text) in RuleFolder.good { try folder.write(text, to: path) }
        rules.reload(at: time(2))
        #expect(try route(rules) == ["one"])
        #expect(rules.refusal == nil)
    }

    @Test(arguments: [
        ("stores.csv", "number,tier\n42,basic\n"),
        ("stores.csv", "number,tier\n42,premium\n43,x\n"),
        ("routes/two.yaml", "routes: [{id: two, always: true, drop: x}]\n"),
        ("routes/one.yaml", "routes: [{id: one, when: {store.tier: Premium}, to: a}]\n"),
        ("routes/one.yaml", "routes: [{id: one, when: {store.tier: premium}, to: [a]}]\n"),
    ]) func `what a rule or a cell says changes the hash`(_ file: String, _ text: String) throws {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(1))
        let before = try #require(rules.edition).hash
        try folder.write(text, to: file)
        rules.reload(at: time(2))
        #expect(rules.refusal == nil, "\(rules.refusal?.findings.report ?? "")")
        #expect(rules.edition?.hash != before)
    }

    @Test(arguments: [
        ("stores.csv", "\u{FEFF}\"number\",tier\r\n42,\"premium\"\r\n\r\n"),
        ("routes/one.test.yaml", "tests: []\n"), ("samples/leads.ndjson", "{}\n"),
        (
            "routes/one.yaml",
            "# who gets what\nroutes:\n    - id: 'one'\n      when: {\"store.tier\": premium}\n      to: a\n"
        ),
    ]) func `comments, indentation, quotes, tests and samples do not`(
        _ file: String, _ text: String
    )
        throws
    {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(1))
        try folder.write(text, to: file)
        guard case .unchanged = rules.reload(at: time(2)) else {
            Issue.record("\(rules.refusal?.findings.report ?? "published")")
            return
        }
    }

    @Test(arguments: [
        "log: {level: debug}", "retention: {delivered: 9d}", "store: {url: \"sqlite:x.db\"}",
        "server: {listen: \"127.0.0.1:1\"}",
    ]) func `a setting of the service is published under the same hash`(text: String) throws {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(1))
        let before = try #require(rules.edition).hash
        try folder.write(
            (RuleFolder.good["leadrouter.yaml"] ?? "") + text + "\n", to: "leadrouter.yaml")
        guard case .published(let edition) = rules.reload(at: time(2)) else {
            Issue.record("not published: \(rules.refusal?.findings.report ?? "")")
            return
        }
        #expect(edition.hash == before)
    }

    @Test func `another secret is published under the same hash`() throws {
        let folder = try RuleFolder()
        let sinks =
            "sinks: {a: {plugin: scripted, script: {file: pw}}, b: {plugin: scripted, script: x}}"
        try folder.write(
            "version: 1\ninclude: routes/one.yaml\n\(sinks)\ndefault: {hold: x}\n"
                + "tables: {store: {file: stores.csv, key: number, match: dealer}}\n",
            to: "leadrouter.yaml")
        try folder.write("hunter2\n", to: "pw")
        let rules = folder.rules
        rules.reload(at: time(1))
        let first = try #require(rules.edition)
        try folder.write("hunter3\n", to: "pw")
        guard case .published(let second) = rules.reload(at: time(2)) else {
            Issue.record("not published")
            return
        }
        #expect(second.hash == first.hash)
    }

    @Test func `an included file that vanishes is refused or, behind a glob, gone`() throws {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(1))
        try folder.remove("stores.csv")
        rules.reload(at: time(2))
        #expect(rules.refusal?.findings.diagnostics.map(\.code) == ["missing-file"])
        #expect(try route(rules) == ["one"])
        try folder.write("number,tier\n42,premium\n", to: "stores.csv")
        try folder.remove("routes/one.yaml")
        rules.reload(at: time(3))
        #expect(rules.refusal == nil)
        #expect(rules.edition?.findings.diagnostics.map(\.code) == ["empty-glob"])
        try folder.remove("leadrouter.yaml")
        rules.reload(at: time(4))
        #expect(rules.refusal?.findings.diagnostics.map(\.code) == ["missing-file"])
        #expect(rules.edition?.since == time(3))
    }

    @Test func `a pipe, a folder or a file that may not be read is refused without waiting`() throws
    {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(1))
        try folder.remove("stores.csv")
        #expect(mkfifo(folder.path("stores.csv"), 0o600) == 0)
        rules.reload(at: time(2))
        #expect(
            ByteSearch.contains(rules.refusal?.findings.report ?? "", "it is not a regular file"))
        try folder.remove("stores.csv")
        #expect(mkdir(folder.path("stores.csv"), 0o700) == 0)
        rules.reload(at: time(3))
        #expect(
            ByteSearch.contains(rules.refusal?.findings.report ?? "", "it is not a regular file"))
        try folder.remove("stores.csv")
        try folder.write("number,tier\n42,premium\n", to: "stores.csv")
        #expect(chmod(folder.path("stores.csv"), 0) == 0)
        rules.reload(at: time(4))
        // Root may read it all the same.
        if geteuid() != 0 {
            #expect(ByteSearch.contains(rules.refusal?.findings.report ?? "", "permission denied"))
        }
        #expect(try route(rules) == ["one"])
    }

    @Test func `links to files are files, links that lead nowhere or in a circle are not`() throws {
        let folder = try RuleFolder()
        let rules = folder.rules
        try folder.write("routes: [{id: two, always: true, also_to: a}]\n", to: ".data/two")
        #expect(symlink("../.data/two", folder.path("routes/two.yaml")) == 0)
        #expect(symlink("loop.yaml", folder.path("routes/loop.yaml")) == 0)
        #expect(symlink("none", folder.path("routes/none.yaml")) == 0)
        #expect(symlink("..", folder.path("routes/up")) == 0)
        #expect(mkfifo(folder.path("routes/pipe.yaml"), 0o600) == 0)
        rules.reload(at: time(1))
        let edition = try #require(rules.edition, "\(rules.refusal?.findings.report ?? "")")
        let nobody = Lead.sample(fields: FieldData([]))
        let trace = edition.configuration.ruleSet.explain(nobody, at: time(0)).1
        #expect(trace.routes.map(\.name) == ["one", "two"])
        let link = FileManager.default.temporaryDirectory.appending(path: "l-\(UUID().uuidString)")
        #expect(symlink(folder.path(""), link.path(percentEncoded: false)) == 0)
        defer { try? FileManager.default.removeItem(at: link) }
        let linked = CurrentRules(
            files: ConfigurationFolder(path: link.path(percentEncoded: false)),
            catalogue: PluginCatalogue(sinks: [ScriptedSink.self]))
        linked.reload(at: time(1))
        #expect(linked.edition?.hash == edition.hash)
    }

    @Test func `a folder that is rewritten all the time gives a whole edition or a refusal`()
        async throws
    {
        let folder = try RuleFolder()
        let rules = folder.rules
        rules.reload(at: time(0))
        let texts = ["routes: [{id: one, alw", "", "routes: [{id: x, always: true, to: b}]\n"]
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for round in 0..<300 {
                    if round % 7 == 0 { try? folder.remove("routes/one.yaml") }
                    try folder.write(texts[round % texts.count], to: "routes/one.yaml")
                    await Task.yield()
                }
            }
            for reader in 0..<2 {
                group.addTask {
                    for round in 0..<100 {
                        rules.reload(at: Timestamp(seconds: Int64(reader * 1000 + round)))
                        #expect(rules.edition != nil)
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        try folder.write(texts[2], to: "routes/one.yaml")
        rules.reload(at: time(9))
        #expect(try route(rules) == ["x"])
    }
}
