import LeadKit
import Testing

@testable import MetaSource

@Suite struct ConfigTests {
    private func text(_ text: String) -> SettingNode {
        SettingNode(.text(text), at: Position(file: "x.yaml", line: 1, column: 1))
    }

    private func list(_ texts: [String]) -> SettingNode {
        SettingNode(.list(texts.map(text)), at: Position(file: "x.yaml", line: 1, column: 1))
    }

    private func map(_ entries: [(String, SettingNode)]) -> SettingNode {
        SettingNode(
            .map(entries.map { (text($0.0), $0.1) }),
            at: Position(file: "x.yaml", line: 1, column: 1))
    }

    private func decode(
        _ changes: [(String, SettingNode)], without: String = ""
    ) -> (config: MetaConfig?, problems: SettingProblems) {
        let pages = map([(Meta.page, map([("access_token", text("TOKEN"))]))])
        let base = [("verify_token", text("v")), ("app_secret", text("s")), ("pages", pages)]
        let names = changes.map(\.0) + [without]
        var problems = SettingProblems()
        let node = map(base.filter { !names.contains($0.0) } + changes)
        return (MetaConfig.decode(node, problems: &problems), problems)
    }

    @Test func `the defaults are those of the manual`() throws {
        let (decoded, problems) = decode([])
        let config = try #require(decoded)
        #expect(problems.diagnostics.isEmpty)
        #expect(config.graphURL == "https://graph.facebook.com" && config.graphVersion == "v21.0")
        #expect(config.appsecretProof && config.forms.isEmpty && config.catchUp == nil)
        #expect(config.token(page: Meta.page)?.revealed == "TOKEN")
        #expect(config.token(page: "9") == nil)
    }

    @Test func `two secrets and the catch-up are read`() throws {
        let catchUp = map([("every", text("5m")), ("overlap", text("1h"))])
        let config = decode([("app_secret", list(["new", "old"])), ("catch_up", catchUp)]).config
        #expect(config?.appSecrets.map(\.revealed) == ["new", "old"])
        #expect(config?.catchUp?.every == .seconds(300))
        #expect(config?.catchUp?.overlap == .seconds(3600))
    }

    @Test(arguments: [
        ("app_secret", [" "]), ("app_secret", []), ("app_secret", ["a", "b", "c"]),
        ("verify_token", [""]), ("forms", ["12x"]), ("fields", ["a b"]),
        ("graph_url", ["http://graph.facebook.com"]), ("graph_url", ["https://a@b"]),
        ("graph_url", ["https://"]), ("graph_url", ["https://a/?x=1"]),
        ("graph_url", ["file:///x"]),
        ("graph_url", ["http://127.0.0.1.evil.example"]),
        ("graph_url", ["http://127.0.0.1\\@evil"]),
        ("graph_version", ["21"]), ("graph_version", ["v21/.."]),
        ("default_access_token", ["a\r\nX: y"]),
    ])
    func `settings that cannot work are refused`(name: String, texts: [String]) {
        let node = texts.count == 1 ? text(texts[0]) : list(texts)
        #expect(decode([(name, node)]).config == nil)
    }

    @Test(arguments: [
        "http://127.0.0.1:8099", "http://localhost:1/", "http://[::1]:9", "https://x",
    ])
    func `plain http is for this machine only`(url: String) {
        #expect(decode([("graph_url", text(url))]).config != nil)
    }

    @Test func `missing secrets are refused`() {
        #expect(decode([], without: "app_secret").config == nil)
        #expect(decode([], without: "verify_token").config == nil)
    }

    @Test func `an instance without a secret does not start`() {
        var config = Meta.config
        config.appSecrets = []
        #expect(throws: MetaConfigError.self) { try Meta.source(config) }
        config.appSecrets = [Secret("")]
        #expect(throws: MetaConfigError.self) { try Meta.source(config) }
    }

    @Test func `a page id that is no id is refused`() {
        let pages = map([("my page", map([("access_token", text("T"))]))])
        #expect(decode([("pages", pages)]).config == nil)
    }

    @Test func `a source that can read no page is warned of`() {
        let (config, problems) = decode([], without: "pages")
        #expect(config != nil && problems.diagnostics.map(\.code) == ["no-access-token"])
    }

    @Test func `fields without which there is no lead are always asked for`() {
        #expect(
            FieldChoice(wanted: ["platform", "id"]).current == "created_time,field_data,platform,id"
        )
    }
}
