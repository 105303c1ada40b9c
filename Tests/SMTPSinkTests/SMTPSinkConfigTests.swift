import LeadKit
import SinkTesting
import Testing

@testable import SMTPSink

@Suite struct SMTPSinkConfigTests {
    private let good: [(String, SettingNode)] = [
        ("url", "smtp://mail.example.com:587"), ("from", "leads@example.com"), ("to", "{{a}}"),
    ]

    @Test func `TLS is required and the subject names the lead unless told otherwise`() throws {
        let config = try #require(SMTPSink.Config.made(good))
        #expect(config.tls == .required)
        #expect(config.subject?.source == "New lead {{lead.id}}")
        #expect(config.templates.map(\.name) == ["to", "subject", "body"])
        #expect(config.templates.map(\.place) == [.address, .header, .text])
    }

    @Test func `the body is escaped as the format needs, in any order of settings`() throws {
        let format: (String, SettingNode) = ("format", "html")
        let body: (String, SettingNode) = ("body", "<b>{{name}}</b>")
        for settings in [good + [format, body], good + [body, format]] {
            let config = try #require(SMTPSink.Config.made(settings))
            #expect(config.body?.place == .html)
            #expect(config.body?.source == "<b>{{name}}</b>")
        }
        let standard = try #require(SMTPSink.Config.made(good + [format]))
        #expect(standard.body?.place == .html)
        #expect(standard.body.map { ByteSearch.contains($0.source, "<table>") } == true)
    }

    @Test(arguments: [
        "http://h", "smtp://", "smtp://h:0", "smtp://h:70000", "smtp://u:p@h", "smtp://h/x",
        "smtp://h?x", "smtp://{{store.host}}", "smtp://h h", "smtp://[::1", "smtp://h:25:25",
    ])
    func `the relay's address is fixed and plain`(url: String) {
        #expect(
            SMTPSink.Config.problems([("url", .text(url)), ("from", "a@b.de"), ("to", "{{a}}")])
                == ["bad-url"])
    }

    @Test(arguments: [
        "A\" <ceo@bank.example>", "a@b.de <c@d.de", "Name <a@b.de> x", "Name <a@b>",
        "two@a.de, x@a.de",
        "Na\r\nme <a@b.de>",
    ])
    func `the sender is one address, perhaps with a name`(from: String) {
        #expect(
            SMTPSink.Config.problems([("url", "smtp://h"), ("from", .text(from)), ("to", "{{a}}")])
                == ["bad-sender"])
    }

    @Test(arguments: [
        ("smtp://mail.example.com", "off", false),
        ("smtp://mail.example.com", "opportunistic", false),
        ("smtp://127.example.com", "off", false), ("smtp://127.0.0.1:25", "off", true),
        ("smtp://localhost", "off", true), ("smtp://[::1]:25", "off", true),
        ("smtp://mail.example.com", "required", true),
    ])
    func `a password never goes over an open line`(url: String, tls: String, isGood: Bool) {
        let problems = SMTPSink.Config.problems([
            ("url", .text(url)), ("tls", .text(tls)), ("from", "a@b.de"), ("to", "{{a}}"),
            ("username", "u"), ("password", "p"),
        ])
        #expect(problems == (isGood ? [] : ["plain-password"]))
    }

    @Test func `what contradicts itself is told`() {
        #expect(SMTPSink.Config.problems(good + [("username", "u")]) == ["missing-setting"])
        #expect(SMTPSink.Config.problems(good + [("hello", "a b")]) == ["bad-value"])
        let smtps: [(String, SettingNode)] = [
            ("url", "smtps://h"), ("tls", "off"), ("from", "a@b.de"), ("to", "{{a}}"),
        ]
        #expect(SMTPSink.Config.problems(smtps) == ["bad-value"])
    }
}
