import Foundation
import LeadKit
import Logging
import Testing

@testable import WebhookSource

/// An inbox that remembers, and knows an id the second time.
private actor RecordingInbox: InboxWriter {
    private(set) var calls: [[InboxItem]] = []
    private var known: Set<LeadID> = []

    func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance] {
        calls.append(items)
        return items.map { item in
            guard case .lead(let lead) = item else { return .quarantined }
            return known.insert(lead.id).inserted ? .stored : .duplicate
        }
    }

    var leads: [Lead] {
        calls.flatMap(\.self).compactMap { item in
            if case .lead(let lead) = item { lead } else { nil }
        }
    }
}

@Suite struct WebhookSourceTests {
    private let inbox = RecordingInbox()
    /// The settings of the source; each test may change them.
    private static var config: FormWebhookConfig {
        var config = FormWebhookConfig()
        var auth = FormAuth()
        auth.header = "X-Form-Token"
        auth.secret = Secret("sample-token")
        config.auth = auth
        return config
    }

    private func post(
        _ body: [UInt8], as type: String? = "application/json", token: String? = "sample-token",
        to config: FormWebhookConfig = config
    ) async throws -> WebhookResponse {
        let headers = [
            type.map { (name: "Content-Type", value: $0) },
            token.map { (name: "X-Form-Token", value: $0) },
        ].compactMap(\.self)
        let request = WebhookRequest(
            method: "POST", headers: headers, body: body,
            receivedTime: Timestamp(seconds: 1_760_000_000))
        return try await source(config).receive(request, into: inbox)
    }

    private func post(
        _ text: String, as type: String? = "application/json",
        to config: FormWebhookConfig = config
    ) async throws -> WebhookResponse {
        try await post(Array(text.utf8), as: type, to: config)
    }

    private func source(_ config: FormWebhookConfig = config) -> FormWebhookSource {
        FormWebhookSource(
            config: config,
            context: PluginContext(
                instance: "website",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }

    private func sample(_ name: String) throws -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Samples")
        return Array(try Data(contentsOf: folder.appending(path: name)))
    }

    private func counts(_ accepted: Int, _ duplicates: Int, _ quarantined: Int) -> WebhookResponse {
        WebhookResponse(
            status: 200, contentType: "application/json",
            body:
                "{\"accepted\":\(accepted),\"duplicates\":\(duplicates),\"quarantined\":\(quarantined)}"
        )
    }

    @Test func `a flat object is one lead, and the same once more a duplicate`() async throws {
        let body = try sample("generic-flat.json")
        #expect(try await post(body) == counts(1, 0, 0))
        #expect(try await post(body) == counts(0, 1, 0))
        let lead = try #require(await inbox.leads.first)
        #expect(lead.id.text == "web-000001" && lead.source == "website" && lead.raw == body)
        #expect(lead.fieldData["models"] == ["Civic", "CR-V"])
        #expect(lead.fieldData["vehicle.year"] == ["2025"])
        #expect(lead.envelope[.receivedTime] == "2025-10-09T08:53:20Z")
    }

    @Test func `renamed members become answers and attributes`() async throws {
        var config = Self.config
        config.rename = NamedSettings([
            ("1.3", "first_name"), ("4", "selected_dealer"), ("date_created", "created_time"),
        ])
        #expect(try await post(sample("gravity-forms.json"), to: config) == counts(1, 0, 0))
        let lead = try #require(await inbox.leads.first)
        #expect(lead.id.text == "731" && lead.envelope[.formID] == "4")
        #expect(lead.fieldData["first_name"] == ["Zoë"])
        #expect(lead.fieldData["selected_dealer"] == ["00001234"])
        #expect(lead.envelope[.createdTime] == "2025-10-09 08:53:20")
        #expect(lead.fieldData["created_time"].isEmpty && lead.fieldData["date_created"].isEmpty)
    }

    @Test func `the sample of NDJSON gives its distinct leads`() async throws {
        let body = try sample("dealer-leads.ndjson")
        #expect(try await post(body, as: "application/x-ndjson") == counts(482, 18, 0))
        #expect(await inbox.calls.count == 1)
    }

    @Test(arguments: [
        #"[{"id":1,"a":"x"},{"id":2}]"#, #"{"leads":[{"id":1},{"id":2}]}"#,
        #"{"data":[{"id":1},{"id":2,"field_data":[]}],"paging":{}}"#,
    ])
    func `lists and wrapped lists are several leads`(text: String) async throws {
        #expect(try await post(text) == counts(2, 0, 0))
        #expect(await inbox.leads.map(\.id.text) == ["1", "2"])
    }

    @Test func `a list of texts called data is an answer`() async throws {
        #expect(try await post(#"{"id":"1","data":["x","y"]}"#) == counts(1, 0, 0))
        #expect(await inbox.leads.first?.fieldData["data"] == ["x", "y"])
    }

    @Test func `an unusable item is kept aside and the others go on`() async throws {
        #expect(
            try await post(#"[{"id":1},7,{"id":1.5},{"id":2,"a":[[1]]},{"id":3}]"#)
                == counts(2, 0, 3))
        #expect(await inbox.calls.count == 1)
    }

    @Test(arguments: ["", "{", "{\"a\":1,\"a\":2}", "{\"a\":1}{\"a\":2}", "{\"a\":\"\\ud800\"}"])
    func `what is no strict JSON is refused whole`(text: String) async throws {
        #expect(try await post(text).status == 400)
        #expect(await inbox.calls.isEmpty)
    }

    @Test func `one bad line refuses all lines`() async throws {
        let answer = try await post("{\"id\":1}\n\n{\"id\":\n", as: "application/x-ndjson")
        #expect(answer.status == 400 && ByteSearch.hasPrefix(answer.body, "line 3: "))
        #expect(await inbox.calls.isEmpty)
    }

    @Test func `a wrong, missing or repeated token is refused and stores nothing`() async throws {
        for token in [nil, "", "Sample-token", "sample-token "] {
            #expect(try await post(Array("{}".utf8), token: token).status == 401)
        }
        let twice = WebhookRequest(
            method: "POST",
            headers: [
                ("content-type", "application/json"), ("x-form-token", "sample-token"),
                ("x-form-token", "sample-token"),
            ], body: Array("{}".utf8), receivedTime: Timestamp(seconds: 0))
        #expect(try await source().receive(twice, into: inbox).status == 401)
        #expect(await inbox.calls.isEmpty)
    }

    @Test func `other methods, types and encodings are refused`() async throws {
        for type in [nil, "text/plain", "application/json; charset=utf-16", "application/xml", "x"]
        {
            #expect(try await post("{}", as: type).status == 415)
        }
        for type in ["text/json; charset=UTF-8", "application/vnd.x+json", "application/json;"] {
            #expect(try await post("{\"id\":1}", as: type).status == 200)
        }
        var request = WebhookRequest(
            method: "GET", headers: [("x-form-token", "sample-token")],
            receivedTime: Timestamp(seconds: 0))
        #expect(try await source().receive(request, into: inbox).status == 405)
        request.method = "POST"
        request.headers += [("content-type", "application/json"), ("content-encoding", "gzip")]
        #expect(try await source().receive(request, into: inbox).status == 415)
    }

    @Test func `the urlencoded sample is one lead with an id from its content`() async throws {
        let body = try sample("form-urlencoded.txt")
        let type = "application/x-www-form-urlencoded"
        #expect(try await post(body, as: type) == counts(1, 0, 0))
        #expect(try await post(body, as: type) == counts(0, 1, 0))
        let lead = try #require(await inbox.leads.first)
        #expect(ByteSearch.hasPrefix(lead.id.text, "sha256-"))
        #expect(lead.fieldData["email"] == ["zoe+cars@example.com"])
        #expect(lead.fieldData["models"] == ["Civic", "CR-V"])
        #expect(lead.fieldData["comments"] == ["50% off?\r\nLine two"])
        #expect(lead.fieldData.map(\.name).prefix(2) == ["full_name", "email"])
    }

    @Test func `the multipart sample is one lead without its file`() async throws {
        let type = "multipart/form-data; boundary=\"----SampleBoundary7MA4\""
        #expect(try await post(sample("form-multipart.txt"), as: type) == counts(1, 0, 0))
        let lead = try #require(await inbox.leads.first)
        #expect(lead.fieldData["full_name"] == ["Zoë Example"])
        #expect(lead.fieldData["models"] == ["Civic", "CR-V"])
        #expect(lead.fieldData["comments"] == ["Line one\r\n--not a boundary"])
        #expect(lead.fieldData["photo"].isEmpty && lead.raw.isEmpty)
    }

    @Test func `a form's id and attributes are read like an object's`() async throws {
        var config = Self.config
        config.id = "submission_id"
        let text = "submission_id=s-1&form_id=7&created_time=2025-10-09T10%3A53%3A20%2B02%3A00&a=1"
        _ = try await post(text, as: "application/x-www-form-urlencoded", to: config)
        let lead = try #require(await inbox.leads.first)
        #expect(lead.id.text == "s-1" && lead.fieldData == FieldData([Field("a", "1")]))
        #expect(lead.envelope[.formID] == "7")
        #expect(lead.envelope[.createdTime] == "2025-10-09T08:53:20Z")
    }

    @Test func `the same answers have the same id however the form is sent`() async throws {
        _ = try await post("a=1&b=x", as: "application/x-www-form-urlencoded")
        let part = "Content-Disposition: form-data; name="
        let body = "--B\r\n\(part)a\r\n\r\n1\r\n--B\r\n\(part)b\r\n\r\nx\r\n--B--"
        #expect(try await post(body, as: "multipart/form-data; boundary=B") == counts(0, 1, 0))
    }

    @Test func `a filled honeypot drops the lead, and an empty one leaves no trace`() async throws {
        var config = Self.config
        config.honeypot = "hp_url"
        let type = "application/x-www-form-urlencoded"
        #expect(try await post("a=1&hp_url=spam", as: type, to: config) == counts(0, 0, 0))
        #expect(await inbox.calls.isEmpty)
        #expect(try await post("a=1&hp_url=", as: type, to: config) == counts(1, 0, 0))
        #expect(await inbox.leads.first?.fieldData == FieldData([Field("a", "1")]))
    }

    @Test func `an empty form is kept aside`() async throws {
        #expect(try await post("", as: "application/x-www-form-urlencoded") == counts(0, 0, 1))
    }

    @Test func `five thousand fields are one lead`() async throws {
        let text = (0..<5000).map { "f\($0)=\($0)" }.joined(separator: "&")
        #expect(try await post(text, as: "application/x-www-form-urlencoded") == counts(1, 0, 0))
        #expect(await inbox.leads.first?.fieldData.count == 5000)
    }
}
