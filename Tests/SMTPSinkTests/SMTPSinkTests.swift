import LeadKit
import Logging
import SinkTesting
import Testing

@testable import SMTPSink

@Suite(.timeLimit(.minutes(2))) struct SMTPSinkTests {
    private func deliver(
        through server: ChildServer, to recipient: String = "store@example.com",
        _ settings: [(String, SettingNode)] = [], replyTo: String = "", attempt: Int = 1,
        body: String = "Name: Jörg", subject: String = "New lead", timeout: Duration = .seconds(20)
    ) async throws -> Receipt {
        let all: [(String, SettingNode)] =
            [
                ("url", .text("smtp://localhost:\(server.port)")), ("tls", "off"),
                ("from", "Leads <leads@example.com>"), ("to", "{{store.email}}"),
                ("reply_to", "{{email}}"),
            ] + settings
        let config = try #require(SMTPSink.Config.made(all))
        let context = PluginContext(instance: "mail", logger: Logger(label: "test"))
        return try await SMTPSink(config: config, context: context).deliver(
            Delivery(
                key: .sample(), lead: .sample, sink: "mail", route: "r", attempt: attempt,
                timeout: timeout,
                rendered: ["to": recipient, "reply_to": replyTo, "subject": subject, "body": body]))
    }

    @Test func `a mail arrives with the delivery's Message-ID on every attempt`() async throws {
        let server = try await ChildServer("smtp_server.py")
        for attempt in 1...2 {
            let receipt = try await deliver(
                through: server, replyTo: "jane@example.org", attempt: attempt)
            #expect(receipt.text == "SMTP 250")
            #expect(receipt.answer == "2.0.0 queued", "by which the relay's log knows it")
            #expect(receipt.recipient == "store@example.com")
            let seen = try #require(await server.next("mail"))
            #expect(seen["sender"]?.string == "leads@example.com")
            let text = seen["data"]?.string ?? ""
            #expect(
                ByteSearch.contains(
                    text, "\r\nMessage-ID: <\(DeliveryKey.sample())@example.com>\r\n"))
            #expect(ByteSearch.contains(text, "\r\nReply-To: jane@example.org\r\n"))
            #expect(ByteSearch.contains(text, "\r\n\r\nName: J=C3=B6rg\r\n"))
        }
    }

    @Test(arguments: ["a@b.de, c@d.de", "\"a b\"@c.de", "a@b.de\r\nBcc: x@y.de", "", "nobody"])
    func `a Reply-To that is not one address is left out`(replyTo: String) async throws {
        let server = try await ChildServer("smtp_server.py")
        _ = try await deliver(through: server, replyTo: replyTo)
        let text = await server.next("mail")?["data"]?.string ?? ""
        #expect(!ByteSearch.contains(text, "Reply-To"))
        #expect(!ByteSearch.contains(text, "Bcc"))
    }

    @Test(arguments: [
        "a@b>\r\nRCPT TO:<c@d", "a@b> NOTIFY=NEVER <x", "root", "a@[127.0.0.1]", "-oQ/tmp@x.de",
        "ä@b.de", "a@b", "a@b.de,c@d.de", "a%b@c.de", "a!b@c.de", "a@@b.de", "a..b@c.de",
        "\"a\"@b.de", "a@b.de\u{301}", "", "a@-b.de", "a@b.12",
    ])
    func `a recipient that is not one address is refused, unsent`(recipient: String) async throws {
        let server = try await ChildServer("smtp_server.py")
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: server, to: recipient)
        }
        #expect(failure?.verdict == .reject)
        #expect(failure?.reason == "bad-recipient: 'to' is not one mail address")
    }

    @Test(arguments: [
        (421, false), (450, true), (451, true), (452, true), (550, true), (535, false),
    ])
    func `a mailbox in trouble is no sick relay`(code: Int, isOfThisLead: Bool) async throws {
        let server = try await ChildServer("smtp_server.py")
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: server, to: "rcpt-\(code)@example.com")
        }
        #expect(failure?.isOfThisLead == isOfThisLead)
    }

    @Test(arguments: [
        (421, "retry"), (450, "retry"), (451, "retry"), (452, "retry"), (552, "retry"),
        (550, "reject"), (554, "reject"), (530, "halt"), (535, "halt"),
    ])
    func `each reply has its verdict, at RCPT and behind the final dot`(
        code: Int, verdict: String
    ) async throws {
        let server = try await ChildServer("smtp_server.py")
        for step in ["rcpt", "data"] {
            let failure = await #expect(throws: DeliveryFailure.self) {
                try await deliver(through: server, to: "\(step)-\(code)@example.com")
            }
            #expect(failure?.verdict.name == verdict)
            #expect(failure?.isAmbiguous == false)
            #expect(failure.map { !ByteSearch.contains($0.reason, "example.com") } == true)
            #expect(
                failure?.answer
                    == (step == "data" ? "refused" : "5.1.1 no such <rcpt-\(code)@example.com>"))
        }
    }

    /// A relay that does not talk to this host today says nothing of any mail: no dead letters.
    @Test(arguments: ["greeting=554", "greeting=421", "ehlo=550", "ehlo=500", "ehlo=421"])
    func `a session that is refused is tried again`(_ refusal: String) async throws {
        let server = try await ChildServer("smtp_server.py", refusal)
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: server)
        }
        #expect(failure?.verdict == .retry(after: nil))
        #expect(failure?.isOfThisLead == false)
        #expect(failure?.isAmbiguous == false)
    }

    @Test func `a connection lost behind the final dot is retried as ambiguous`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: server, to: "lost@example.com")
        }
        #expect(failure?.verdict == .retry(after: nil))
        #expect(failure?.isAmbiguous == true)
    }

    @Test func `nobody listening is retried and not ambiguous`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: server, [("url", "smtp://127.0.0.1:1")])
        }
        #expect(failure?.verdict == .retry(after: nil))
        #expect(failure?.isAmbiguous == false)
    }

    @Test func `credentials and missing TLS pause the sink`() async throws {
        let server = try await ChildServer("smtp_server.py", "auth")
        let wrong = await #expect(throws: DeliveryFailure.self) {
            try await deliver(
                through: server, [("username", "leads"), ("password", "hunter2-wrong")])
        }
        #expect(wrong?.verdict == .halt)
        #expect(wrong.map { !ByteSearch.contains("\($0)", "hunter2") } == true)
        let none = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: server)
        }
        #expect(none?.verdict == .halt)
        let open = try await ChildServer("smtp_server.py")
        let plain = await #expect(throws: DeliveryFailure.self) {
            try await deliver(through: open, [("tls", "required")])
        }
        #expect(plain?.verdict == .halt)
    }

    @Test func `cancelling returns at once`() async throws {
        let server = try await ChildServer("smtp_server.py")
        let task = Task { try await deliver(through: server, to: "hang@example.com") }
        #expect(await server.next("hung") != nil)
        task.cancel()
        let failure = await #expect(throws: DeliveryFailure.self) { try await task.value }
        #expect(failure?.verdict == .retry(after: nil))
        #expect(failure?.isAmbiguous == true)
    }
}
