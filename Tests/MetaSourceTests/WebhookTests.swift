import LeadKit
import Testing

@testable import MetaSource

@Suite struct WebhookTests {
    private let inbox = RecordingInbox()

    private func receive(_ request: WebhookRequest) async throws -> WebhookResponse {
        try await Meta.source().receive(request, into: inbox)
    }

    private func handshake(
        token: String = "sample-verify-token", challenge: String = "1158201444"
    ) -> WebhookRequest {
        WebhookRequest(
            method: "GET",
            query: [
                ("hub.mode", "subscribe"), ("hub.challenge", challenge),
                ("hub.verify_token", token),
            ], receivedTime: Timestamp(seconds: 0))
    }

    @Test func `the handshake returns the challenge as plain text`() async throws {
        let answer = try await receive(handshake())
        #expect(answer.status == 200 && answer.body == "1158201444")
        #expect(answer.contentType == "text/plain; charset=utf-8")
    }

    @Test func `a wrong verify token is refused without the challenge`() async throws {
        for token in ["", "Sample-verify-token", "sample-verify-token "] {
            let answer = try await receive(handshake(token: token))
            #expect(answer.status == 403)
            #expect(!ByteSearch.contains(answer.body, "1158201444"))
        }
    }

    @Test(arguments: ["", "1\r\nX: y", "a b", "é", String(repeating: "1", count: 65)])
    func `a challenge that is not printable or too long is refused`(text: String) async throws {
        #expect(try await receive(handshake(challenge: text)).status == 400)
    }

    @Test func `a handshake with missing or repeated parameters is refused`() async throws {
        var request = handshake()
        request.query.append(("hub.challenge", "2"))
        #expect(try await receive(request).status == 400)
        request.query = []
        #expect(try await receive(request).status == 400)
    }

    @Test func `other methods are refused`() async throws {
        var request = Meta.post("{}")
        request.method = "PUT"
        #expect(try await receive(request).status == 405)
    }

    @Test func `the sample announces exactly the expected leads, each once`() async throws {
        let body = try Samples.bytes("meta-webhook.json")
        let headers = try Samples.json("meta-webhook.headers.json")
        let signature = try #require(headers["headers"]?["X-Hub-Signature-256"]?.string)
        let expected = (headers["expect"]?["leadgen_ids_in_order"]?.elements ?? [])
            .compactMap(\.string).reduce(into: [String]()) { ids, id in
                if !ids.contains(id) { ids.append(id) }
            }
        let answer = try await receive(Meta.post(body, signature: signature))
        #expect(answer.status == 200)
        #expect(await inbox.calls.count == 1)
        #expect(await inbox.reasons.isEmpty)
        let references = await inbox.references
        #expect(expected.count == 6 && references.map(\.id.text) == expected)
        #expect(references[0].envelope[.pageID] == Meta.page)
        #expect(references[0].envelope[.formID] == "555000000000001")
        #expect(references[0].envelope[.adID] == "120210000000000123")
        #expect(references[0].envelope[.createdTime] == "2025-10-09T08:53:20Z")
        #expect(references[2].envelope[.adID] == nil)
        #expect(references[3].envelope[.adID] == "120210000000000323")
        #expect(references[5].envelope[.pageID] == Meta.otherPage)
    }

    @Test func `a body without a valid signature stores nothing`() async throws {
        let body = try Samples.bytes("meta-webhook.json")
        var unsigned = Meta.post(body)
        unsigned.headers = [("x-hub-signature", "sha1=dd62c335b49b0f6858a83fcfeb840298fdee16bf")]
        #expect(try await receive(unsigned).status == 401)
        let changed = Meta.post(body + [0x20], signature: Meta.sign(body))
        #expect(try await receive(changed).status == 401)
        #expect(await inbox.calls.isEmpty)
    }

    @Test func `an event whose leads cannot be stored is not acknowledged`() async throws {
        let full = RecordingInbox(failures: [.overloaded(retryAfterSeconds: 2)])
        let request = Meta.post(Meta.event([Meta.change("17")]))
        await #expect(throws: IntakeError.overloaded(retryAfterSeconds: 2)) {
            try await Meta.source().receive(request, into: full)
        }
    }

    @Test func `an id as number and as text is one lead`() async throws {
        _ = try await receive(
            Meta.post(
                Meta.event([Meta.change("1730000000000003"), Meta.change("\"1730000000000003\"")])))
        #expect(await inbox.references.map(\.id.text) == ["1730000000000003"])
    }

    @Test func `one bad id of fifty is kept aside and the others go on`() async throws {
        let changes = (1...50).map { Meta.change($0 == 7 ? "\"../me\"" : "\($0)") }
        #expect(try await receive(Meta.post(Meta.event(changes))).status == 200)
        #expect(await inbox.references.count == 49)
        #expect(await inbox.reasons.count == 1)
        #expect(await inbox.calls.count == 1)
    }

    @Test(arguments: [
        "\"../me\"", "\"1?fields=x\"", "\"١٢٣\"", "9223372036854775808",
        "\"9223372036854775808\"", "1.0", "1e5", "-1", "true", "null", "\"\"", "\" 1\"", "\"01\"",
        "0", "[1]", "{}", "\"1\\u0000\"",
    ])
    func `what is no id is kept aside`(id: String) async throws {
        #expect(try await receive(Meta.post(Meta.event([Meta.change(id)]))).status == 200)
        #expect(await inbox.references.isEmpty)
        #expect(await inbox.reasons.count == 1)
    }

    @Test func `the largest id passes`() async throws {
        _ = try await receive(Meta.post(Meta.event([Meta.change("9223372036854775807")])))
        #expect(await inbox.references.map(\.id.text) == ["9223372036854775807"])
    }

    @Test func `a page without a token is kept aside`() async throws {
        let event = """
            {"object":"page","entry":[{"id":"9","changes":[\(Meta.change("17", page: "9"))]}]}
            """
        #expect(try await receive(Meta.post(event)).status == 200)
        #expect(await inbox.reasons == ["no access token for the page of this lead"])
    }

    @Test func `the default token makes every page known`() async throws {
        var config = Meta.config
        config.defaultAccessToken = Secret("ANY")
        let event = """
            {"object":"page","entry":[{"id":"9","changes":[\(Meta.change("17", page: "9"))]}]}
            """
        _ = try await Meta.source(config).receive(Meta.post(event), into: inbox)
        #expect(await inbox.references.map { $0.envelope[.pageID] } == ["9"])
    }

    @Test(arguments: [
        #"{"object":"page","entry":[],"entry":[]}"#, "", "[]", "1", "{", "{\"a\":1}x",
        "{\"object\":\"\\ud800\"}", "\u{FEFF}{}",
    ])
    func `what is no strict JSON object is refused`(text: String) async throws {
        #expect(try await receive(Meta.post(text)).status == 400)
        #expect(await inbox.calls.isEmpty)
    }

    @Test func `UTF-16, bad UTF-8, a NUL behind the end and deep nesting are refused`() async throws
    {
        let deep = [UInt8](repeating: 0x5B, count: 100_000)
        let bodies: [[UInt8]] = [
            "{}".utf8.flatMap { [$0, 0] }, [0x7B, 0x22, 0xFF, 0x22, 0x7D], [0x7B, 0x7D, 0], deep,
        ]
        for body in bodies { #expect(try await receive(Meta.post(body)).status == 400) }
    }

    @Test func `an encoded body is refused`() async throws {
        var request = Meta.post("{}")
        request.headers.append(("content-encoding", "gzip"))
        #expect(try await receive(request).status == 415)
    }

    @Test(arguments: [
        #"{"object":"user","entry":[{"changes":[{"field":"leadgen","value":{"leadgen_id":"1"}}]}]}"#,
        #"{"object":"page","entry":[{"id":"1","messaging":[]},{"changed_fields":["leadgen"]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"feed","value":"text"}]}]}"#,
        #"{"object":"page","entry":[]}"#,
        #"{"object":"page","entry":[{"id":"0","changes":[{"field":"leadgen","value":{"leadgen_id":"444444444444","page_id":"444444444444","form_id":"444444444444"}}]}]}"#,
        #"{"object":"page","entry":[{"id":0,"changes":[{"field":"leadgen","value":{"leadgen_id":444444444444,"page_id":0}}]}]}"#,
    ])
    func `what announces no lead is acknowledged and not stored`(text: String) async throws {
        #expect(try await receive(Meta.post(text)).status == 200)
        #expect(await inbox.calls.isEmpty)
    }

    @Test(arguments: [
        #"{"object":"page"}"#, #"{"object":"page","entry":[1]}"#,
        #"{"object":"page","entry":[{"changes":1}]}"#,
        #"{"object":"page","entry":[{"changes":[1]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"leadgen"}]}]}"#,
    ])
    func `what is signed and of the wrong shape is kept aside`(text: String) async throws {
        #expect(try await receive(Meta.post(text)).status == 200)
        #expect(await inbox.reasons.count == 1)
        #expect(await inbox.items.count == 1)
    }
}
