import LeadKit
import Testing

@testable import WebhookSource

@Suite struct ConfigTests {
    private func text(_ text: String) -> SettingNode {
        SettingNode(.text(text), at: Position(file: "x.yaml", line: 1, column: 1))
    }

    private func map(_ entries: [(String, SettingNode)]) -> SettingNode {
        SettingNode(
            .map(entries.map { (text($0.0), $0.1) }),
            at: Position(file: "x.yaml", line: 1, column: 1))
    }

    private func decode(_ node: SettingNode) -> (FormWebhookConfig?, SettingProblems) {
        var problems = SettingProblems()
        return (FormWebhookConfig.decode(node, problems: &problems), problems)
    }

    @Test func `a source without authentication is warned of`() {
        let (config, problems) = decode(map([]))
        #expect(config?.id == "id")
        #expect(problems.diagnostics.map(\.code) == ["no-auth"] && !problems.hasErrors)
    }

    @Test func `all settings are read`() {
        let (config, problems) = decode(
            map([
                ("auth", map([("header", text("X-Form-Token")), ("secret", text("s"))])),
                ("id", text("submission_id")), ("rename", map([("1.3", text("first_name"))])),
                ("honeypot", text("hp")),
            ]))
        #expect(problems.diagnostics.isEmpty)
        #expect(config?.rename["1.3"] == "first_name" && config?.honeypot == "hp")
    }

    @Test func `a header that no request can have is refused`() {
        let auth = map([("header", text("X Token:")), ("secret", text("s"))])
        #expect(decode(map([("auth", auth)])).1.hasErrors)
    }

    @Test func `a blank secret is refused`() {
        let auth = map([("header", text("X-Token")), ("secret", text(" "))])
        #expect(decode(map([("auth", auth)])).1.hasErrors)
    }
}
