import LeadRules
import Testing

@testable import LeadFlow

@Suite struct StartSettingsTests {
    private static let sinks = [(name: "main", script: Script(), options: "")]

    private func configuration(_ server: String, log: String = "info") throws -> Configuration {
        try Stage.configuration(
            Self.sinks, rest: "server: {\(server)}\nlog: {level: \(log)}\ndefault: {hold: nobody}")
    }

    @Test func `each setting is told once, and once more when it is back`() throws {
        let first = try configuration("listen: \"127.0.0.1:1\"")
        let second = try configuration("listen: \"127.0.0.1:2\"")
        let third = try configuration("listen: \"127.0.0.1:3\", admin: {token: x}", log: "debug")
        var settings = StartSettings(first)
        #expect(settings.change(to: first) == StartSettings.Change())
        #expect(settings.change(to: second) == StartSettings.Change(differ: ["server.listen"]))
        #expect(settings.change(to: second) == StartSettings.Change())
        #expect(
            settings.change(to: third)
                == StartSettings.Change(differ: ["server.admin.token", "log.level"]))
        #expect(
            settings.change(to: first)
                == StartSettings.Change(back: ["server.listen", "server.admin.token", "log.level"]))
        #expect(settings.change(to: second) == StartSettings.Change(differ: ["server.listen"]))
    }

    @Test func `all that counts only at the start is looked at`() throws {
        var settings = StartSettings(try configuration(""))
        let other = try Stage.configuration(
            Self.sinks,
            rest: """
                server: {listen: "127.0.0.1:2", admin: {listen: "127.0.0.1:3", token: x}}
                store: {url: "sqlite:other.db"}
                log: {level: debug}
                default: {hold: nobody}
                """)
        #expect(
            settings.change(to: other).differ == [
                "server.listen", "server.admin.listen", "server.admin.token", "store.url",
                "log.level",
            ])
    }
}
