import LeadKit
import Logging
import SinkTesting
import Testing

@testable import HTTPSink

@Suite(.timeLimit(.minutes(2))) struct HTTPSinkTests {
    let server: ChildServer

    init() async throws { server = try await ChildServer("http_server.py") }

    private func deliver(
        to path: String, _ settings: [(String, SettingNode)] = [], body: String? = nil,
        headers: [String: String] = [:], lead: Lead = .sample, attempt: Int = 1,
        timeout: Duration = .seconds(20)
    ) async throws -> Receipt {
        let config = try #require(HTTPSink.Config.made([("url", "http://x/")] + settings))
        let context = PluginContext(instance: "crm", logger: Logger(label: "test"))
        var rendered = ["url": "http://127.0.0.1:\(server.port)\(path)"]
        rendered["body"] = body
        for (name, value) in headers { rendered["headers.\(name)"] = value }
        return try await HTTPSink(config: config, context: context).deliver(
            Delivery(
                key: .sample(), lead: lead, sink: "crm", route: "dealers/premium", attempt: attempt,
                timeout: timeout, rendered: rendered))
    }

    @Test func `the lead arrives as JSON with the delivery key`() async throws {
        #expect(try await deliver(to: "/status/201").text == "HTTP 201")
        let seen = try #require(await server.next("request"))
        #expect(seen["method"]?.string == "POST")
        let headers = try #require(seen["headers"])
        for name in ["webhook-id", "idempotency-key"] {
            #expect(headers[name]?.string == DeliveryKey.sample().text)
        }
        #expect(headers["x-lead-id"]?.string == Lead.sample.id.text)
        #expect(headers["user-agent"]?.string == "leadrouter")
        #expect(headers["content-type"]?.string == "application/json")
        #expect(headers["webhook-signature"] == nil)
        let body = Array((seen["body"]?.string ?? "").unicodeScalars.map { UInt8($0.value) })
        let json = try JSONDocument.parse(body).root
        #expect(json["delivery_id"]?.string == DeliveryKey.sample().text)
        #expect(
            json["field_data"]?.elements.first?["values"]?.elements.first?.string == "Jörg & Co")
    }

    @Test func `a form has the answers and what is known of the lead`() async throws {
        var lead = Lead.sample
        lead.fieldData.append(Field("lead_id", "forged"))
        _ = try await deliver(to: "/status/200", [("format", "form")], lead: lead)
        let seen = await server.next("request")
        let pairs = (seen?["body"]?.string ?? "").split(separator: "&")
        #expect(pairs.contains("full_name=J%C3%B6rg%20%26%20Co"))
        #expect(
            pairs.filter { $0.utf8.starts(with: "lead_id=".utf8) } == ["lead_id=\(Lead.sample.id)"])
        #expect(pairs.contains("field.lead_id=forged"))
        #expect(pairs.contains("created_time=2026-05-04T03%3A02%3A01Z"))
        #expect(seen?["headers"]?["content-type"]?.string == "application/x-www-form-urlencoded")
    }

    @Test func `a body and headers of one's own are sent, and signed`() async throws {
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
        _ = try await deliver(
            to: "/status/200",
            [
                ("format", "template"), ("body", "<x/>"), ("content_type", "text/xml"),
                ("method", "PUT"), ("headers", .made([("X-Lead", "t")])),
                ("signing_secret", .text(secret)),
            ], body: "<a/>", headers: ["X-Lead": "ok\r\nX-Evil: 1"])
        let seen = try #require(await server.next("request"))
        #expect(seen["method"]?.string == "PUT")
        #expect(seen["body"]?.string == "<a/>")
        let headers = try #require(seen["headers"])
        #expect(headers["x-lead"]?.string == "ok X-Evil: 1")
        #expect(headers["x-evil"] == nil)
        #expect(headers["content-type"]?.string == "text/xml")
        let seconds = try #require(headers["webhook-timestamp"]?.string.flatMap { Int64($0) })
        let signer = try WebhookSigner(Secret(secret))
        let signature = signer.sign(
            id: DeliveryKey.sample().text, seconds: seconds, body: Array("<a/>".utf8))
        #expect(headers["webhook-signature"]?.string == signature)
    }

    @Test(arguments: [404, 409])
    func `a refusal that may be a mistake is believed at the third attempt`(
        status: Int
    ) async throws {
        for (attempt, verdict) in [(1, "retry"), (2, "retry"), (3, "reject"), (9, "reject")] {
            let failure = await #expect(throws: DeliveryFailure.self) {
                try await deliver(to: "/status/\(status)", attempt: attempt)
            }
            #expect(failure?.verdict.name == verdict)
            #expect(failure?.isOfThisLead == true, "an answer: the address is well")
        }
    }

    @Test(arguments: [
        ("https://CRM.example.com/a?b", "https://crm.example.com:443"),
        ("http://crm.example.com", "http://crm.example.com:80"),
        ("http://[::1]/x", "http://[::1]:80"), ("http://[::1]:8080?x", "http://[::1]:8080"),
        ("https://a:8443#x:1", "https://a:8443"), ("ftp://a/", nil), ("https:///x", nil), ("", nil),
    ])
    func `the destination is scheme, host and port`(url: String, origin: String?) {
        #expect(HTTPAddress.origin(of: url) == origin)
    }

    @Test(arguments: [
        ("https://a/{{lead.id}}", true), ("https://a?x={{b}}", true), ("{{store.url}}", false),
        ("https://{{store.host}}/x", false), ("https://a:{{store.port}}", false),
    ])
    func `a host that is filled in may be many`(source: String, isFixed: Bool) {
        #expect(HTTPAddress.hasFixedHost(source) == isFixed)
    }

    @Test(arguments: [
        (301, "reject"), (302, "reject"), (400, "reject"), (422, "reject"), (401, "halt"),
        (403, "halt"), (405, "reject"),
        (407, "halt"), (408, "retry"), (410, "halt"), (413, "reject"), (425, "retry"),
        (429, "retry"), (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry"),
    ])
    func `each status has its verdict`(status: Int, verdict: String) async throws {
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(to: "/status/\(status)?Location=/body/x")
        }
        #expect(failure?.verdict.name == verdict)
        #expect(failure?.isAmbiguous == false)
    }

    @Test(arguments: [
        ("5", 5), ("0", 1), ("-9", 1), ("99999999999", 3600), ("9999999999999999999999", 3600),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 3600), ("Sun, 06 Nov 1994 08:49:37 GMT", 1),
    ])
    func `Retry-After is obeyed within bounds`(text: String, seconds: Int) async throws {
        let query = Template.Place.percentEncoded(text)
        let failure = await #expect(throws: DeliveryFailure.self) {
            try await deliver(to: "/status/429?Retry-After=\(query)")
        }
        #expect(failure?.verdict == .retry(after: .seconds(seconds)))
    }

    @Test func `no answer is retried, and ambiguous only if the request left`() async throws {
        let lost = await #expect(throws: DeliveryFailure.self) { try await deliver(to: "/drop") }
        #expect(lost?.verdict == .retry(after: nil))
        #expect(lost?.isAmbiguous == true)
        let late = await #expect(throws: DeliveryFailure.self) {
            try await deliver(to: "/hang", timeout: .seconds(5))
        }
        #expect(late?.verdict == .retry(after: nil))
        #expect(late?.isAmbiguous == true)
    }

    @Test func `the answer's JSON decides when it is asked for`() async throws {
        let success: SettingNode = .made([("json", .made([("$.result.status", "ok")]))])
        let good = try await deliver(
            to: "/body/%7B%22result%22:%7B%22status%22:%22ok%22%7D%7D", [("success", success)])
        #expect(good.text == "HTTP 200")
        let no = await #expect(throws: DeliveryFailure.self) {
            try await deliver(to: "/body/%7B%22result%22:3%7D", [("success", success)])
        }
        #expect(no?.verdict == .reject)
        let unclear = await #expect(throws: DeliveryFailure.self) {
            try await deliver(to: "/body/hello", [("success", success)])
        }
        #expect(unclear?.verdict == .retry(after: nil))
        #expect(unclear?.isAmbiguous == true)
        #expect(unclear?.answer == "hello")
    }

    @Test func `what the other side says is kept in one short line, and is no reason`() async throws
    {
        #expect(try await deliver(to: "/body/id%207%0D%0A").answer == "id 7")
        #expect(try await deliver(to: "/big/5000").answer.utf8.count < 510)
        #expect(try await deliver(to: "/body/a%00b").answer == "", "no text")
        #expect(try await deliver(to: "/status/201").answer == "")
        let refused = await #expect(throws: DeliveryFailure.self) {
            try await deliver(
                to: "/body/no%0Aphone", [("success", .made([("status", .list("201"))]))])
        }
        #expect(refused?.answer == "no phone")
        #expect(refused.map { !ByteSearch.contains($0.reason, "phone") } == true)
    }

    @Test func `another status can mean success`() async throws {
        let success: SettingNode = .made([
            ("status", .list("2xx", "409"))
        ])
        #expect(try await deliver(to: "/status/409", [("success", success)]).text == "HTTP 409")
    }

    @Test(arguments: [
        "", "ftp://x/", "/x", "http:///x", "http://a@b/", "http://h/../x", "http://h/a b",
    ])
    func `a finished address that is no good is refused`(url: String) async throws {
        let failure = #expect(throws: DeliveryFailure.self) { try HTTPAddress.check(url) }
        #expect(failure?.verdict == .reject)
    }
}

@Suite struct WebhookSignerTests {
    @Test func `the published vector is met`() throws {
        let signer = try WebhookSigner(Secret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"))
        let body =
            #"{"type":"lead.routed","timestamp":"2025-10-09T08:53:20Z","data":{"id":"1730000000000003","dealer":"00001234"}}"#
        let signature = signer.sign(
            id: "msg_01HZX0000000000000000000", seconds: 1_760_000_000, body: Array(body.utf8))
        #expect(signature == "v1,B/hUPuwR2dYpoDey83hkhn1HxrwkqOyappm9w4p3e2s=")
    }

    @Test(arguments: ["whsec_AAEC", "whsec_", "not base64 at all, far from it", "whsec_é"])
    func `a short or unreadable secret is refused`(text: String) {
        #expect(throws: SignerError.self) { try WebhookSigner(Secret(text)) }
    }
}
