import LeadKit
import LeadTesting
import MetaSource
import SourceTesting
import Testing

@Suite struct EventTests {
    /// What the event put into the inbox, after a 200.
    private func accepted(
        _ event: String, config: MetaConfig = Meta.config()
    ) async throws -> MemoryInbox {
        let inbox = MemoryInbox()
        let response = try await Meta.source(config).receive(Meta.post(event), into: inbox)
        #expect(response.status == 200)
        return inbox
    }

    @Test func `the sample event announces its leads in order, each once`() async throws {
        let expected = try SampleFiles.json("meta-webhook.headers.json")
        let body = try SampleFiles.bytes("meta-webhook.json")
        let signature = try #require(expected["headers"]?["X-Hub-Signature-256"]?.string)
        let inbox = MemoryInbox()
        let response = try await Meta.source().receive(
            Meta.post(body, signatures: [signature]), into: inbox)
        #expect(response == WebhookResponse(status: 200, body: "ok"))
        var ids: [String] = []
        for id in expected["expect"]?["leadgen_ids_in_order"]?.elements ?? [] {
            let text = try #require(id.string)
            if !ids.contains(text) { ids.append(text) }
        }
        let references = await inbox.references
        #expect(ids.count == expected["expect"]?["distinct"]?.integer)
        #expect(references.map(\.id.text) == ids)
        #expect(await inbox.items.count == ids.count)
        #expect(await inbox.calls == 1)
    }

    @Test func `a reference keeps what the announcement said`() async throws {
        let inbox = MemoryInbox()
        _ = try await Meta.source().receive(
            Meta.post(SampleFiles.bytes("meta-webhook.json")), into: inbox)
        let references = await inbox.references
        let first = try #require(references.first)
        #expect(first.source == "facebook")
        #expect(
            first.envelope
                == Envelope([
                    .pageID: Meta.page, .formID: Meta.form, .adID: "120210000000000123",
                    .createdTime: "2025-10-09T08:53:20Z", .receivedTime: Meta.time.text,
                ]))
        let numbers = try #require(references.first { $0.id.text == "90071992547409954" })
        #expect(numbers.envelope[.adID] == "120210000000000523")
        #expect(numbers.envelope[.formID] == "555000000000002")
        #expect(references.first { $0.id.text == "1730000000100238" }?.envelope[.adID] == nil)
        #expect(references.last?.envelope[.pageID] == Meta.otherPage)
    }

    @Test func `the same event a hundred times at once is one lead`() async throws {
        let inbox = MemoryInbox()
        let source = try Meta.source()
        let request = Meta.post(Meta.event([#"{"leadgen_id":"1730000000100000"}"#]))
        let statuses = try await withThrowingTaskGroup(of: Int.self) { tasks in
            for _ in 0..<100 {
                tasks.addTask { try await source.receive(request, into: inbox).status }
            }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 100))
        #expect(await inbox.items.count == 1)
    }

    @Test func `an id as a number and as a text is one lead`() async throws {
        let inbox = try await accepted(
            Meta.event([
                #"{"leadgen_id":"90071992547409954"}"#, #"{"leadgen_id":90071992547409954}"#,
            ]))
        #expect(await inbox.references.map(\.id.text) == ["90071992547409954"])
    }

    @Test func `one bad change of fifty is kept aside and the others go on`() async throws {
        var values = (0..<50).map { #"{"leadgen_id":\#(1_730_000_000_100_000 + $0)}"# }
        values[17] = #"{"leadgen_id":"../me","note":"kept"}"#
        let inbox = try await accepted(Meta.event(values))
        #expect(await inbox.references.count == 49)
        #expect(await inbox.quarantineReasons.count == 1)
        let raw = try #require(await inbox.quarantinedBytes.first)
        #expect(ByteSearch.contains(String(decoding: raw, as: UTF8.self), "../me"))
    }

    @Test(arguments: [
        #""../me""#, #""1?fields=x""#, #""١٢٣""#, #""１２３""#, "9223372036854775808",
        #""9223372036854775808""#, "1.0", "1e5", "-1", "true", "false", "null", "0", #""0""#,
        #""""#,
        #"" 1""#, #""1 ""#, #""+1""#, #""0123""#, #""1\u0000""#, #""1\u0301""#, "[1]", #"{"id":1}"#,
        #""12345678901234567890""#, #""1,2""#, #""1%2F2""#,
    ])
    func `what is no id is kept aside`(id: String) async throws {
        let inbox = try await accepted(Meta.event([#"{"leadgen_id":\#(id)}"#]))
        #expect(await inbox.references.isEmpty)
        #expect(await inbox.quarantineReasons == ["'leadgen_id' is not 1 to 19 digits"])
    }

    @Test func `the largest id is taken`() async throws {
        let inbox = try await accepted(Meta.event([#"{"leadgen_id":9223372036854775807}"#]))
        #expect(await inbox.references.map(\.id.text) == ["9223372036854775807"])
    }

    @Test func `a page without a token is kept aside, unless there is a token for all`()
        async throws
    {
        let event = Meta.event([#"{"leadgen_id":"5000000000001"}"#], page: "106000000000009")
        #expect(
            try await accepted(event).quarantineReasons == [
                "no access token for the page of this lead"
            ])
        let config = Meta.config { $0.defaultAccessToken = Secret("TOKEN-FOR-ALL") }
        let inbox = try await accepted(event, config: config)
        #expect(await inbox.references.first?.envelope[.pageID] == "106000000000009")
    }

    @Test func `the page of the value goes before the page of the entry`() async throws {
        let value = #"{"leadgen_id":"5000000000001","page_id":"\#(Meta.otherPage)"}"#
        let inbox = try await accepted(Meta.event([value]))
        #expect(await inbox.references.first?.envelope[.pageID] == Meta.otherPage)
        let foreign = #"{"leadgen_id":"5000000000001","page_id":"106000000000009"}"#
        let other = try await accepted(Meta.event([foreign]))
        #expect(await other.references.first?.envelope[.pageID] == Meta.page)
    }

    @Test(arguments: [#""0""#, "0", #""""#, "null"])
    func `an empty ad counts as none`(ad: String) async throws {
        let value = #"{"leadgen_id":"5000000000001","ad_id":\#(ad),"form_id":\#(ad)}"#
        let inbox = try await accepted(Meta.event([value]))
        let reference = try #require(await inbox.references.first)
        #expect(reference.envelope[.adID] == nil)
        #expect(reference.envelope[.formID] == nil)
    }

    @Test(arguments: ["444444444444", "0"])
    func `the dashboard's sample is dropped`(page: String) async throws {
        let value =
            #"{"leadgen_id":"444444444444","page_id":"\#(page)","form_id":"444444444444"}"#
        for entry in ["0", page] {
            let inbox = try await accepted(Meta.event([value], page: entry))
            #expect(await inbox.calls == 0)
        }
        // On a page of ours the same id is a lead.
        let inbox = try await accepted(Meta.event([#"{"leadgen_id":"444444444444"}"#]))
        #expect(await inbox.references.count == 1)
    }

    @Test(arguments: [
        #"{"object":"user","entry":[{"changes":[{"field":"leadgen","value":{"leadgen_id":"5"}}]}]}"#,
        #"{"object":"page","entry":[]}"#,
        #"{"object":"page","entry":[{"id":"1","messaging":[{}]}]}"#,
        #"{"object":"page","entry":[{"id":"1","changed_fields":["leadgen"]}]}"#,
        #"{"object":"page","entry":[{"changes":[]}]}"#, "{}",
        #"{"object":"page","entry":[{"changes":[{"field":"feed","value":"text"}]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"leadgen_update","value":{"leadgen_id":"5"}}]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"leadgen_fat","value":{"leadgen_id":"5"}}]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"mention"}]}]}"#,
    ])
    func `what announces no lead is ignored`(event: String) async throws {
        #expect(try await accepted(event).calls == 0)
    }

    @Test(arguments: [
        #"{"object":"page"}"#, #"{"object":"page","entry":{}}"#, #"{"object":"page","entry":[7]}"#,
        #"{"object":"page","entry":[{"changes":{}}]}"#,
        #"{"object":"page","entry":[{"changes":[7]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"value":{"leadgen_id":"5"}}]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"leadgen"}]}]}"#,
        #"{"object":"page","entry":[{"changes":[{"field":"leadgen","value":"5"}]}]}"#,
    ])
    func `what is malformed is kept aside`(event: String) async throws {
        let inbox = try await accepted(event)
        #expect(await inbox.quarantineReasons.count == 1)
        #expect(await inbox.references.isEmpty)
    }

    @Test func `a name that comes twice refuses the whole event`() async throws {
        let event = Meta.event([
            #"{"leadgen_id":"5000000000001","leadgen_id":"5000000000002"}"#,
            #"{"leadgen_id":"5000000000003"}"#,
        ])
        let inbox = MemoryInbox()
        #expect(try await Meta.source().receive(Meta.post(event), into: inbox).status == 400)
        #expect(await inbox.calls == 0)
    }

    static let good = Meta.event([#"{"leadgen_id":"5000000000001"}"#])
    static let hostile: [[UInt8]] = [
        [], Array("null".utf8), Array("[]".utf8), Array("7".utf8), Array("{".utf8),
        Array(good.utf8) + [0], Array(good.utf8) + Array("{}".utf8),
        [0xEF, 0xBB, 0xBF] + good.utf8,
        Array(good.utf8.dropLast(1)) + Array(#","x":"\ud800"}"#.utf8),
        Array(good.utf8.dropLast(1)) + Array(#","x":""#.utf8) + [0xFF, 0x22, 0x7D],
        [0xFF, 0xFE] + good.utf8.flatMap { [$0, 0] }, good.utf8.flatMap { [0, $0] },
        Array(repeating: 0x5B, count: 100_000),
        Array((#"{"object":"# + String(repeating: #"{"a":"#, count: 100_000)).utf8),
        Array(good.utf8.dropLast(1)) + Array(",}".utf8),
        Array(Meta.event([#"{"leadgen_id":1E400}"#]).utf8),
    ]

    @Test(arguments: hostile.indices)
    func `a signed body that is no JSON object is refused`(index: Int) async throws {
        let inbox = MemoryInbox()
        let body = Self.hostile[index]
        #expect(try await Meta.source().receive(Meta.post(body), into: inbox).status == 400)
        #expect(await inbox.calls == 0)
    }

    @Test func `an encoded body is refused`() async throws {
        let request = Meta.post(Array(Self.good.utf8), more: [("Content-Encoding", "gzip")])
        let inbox = MemoryInbox()
        #expect(try await Meta.source().receive(request, into: inbox).status == 415)
        #expect(await inbox.calls == 0)
    }

    @Test(arguments: [IntakeError.overloaded(retryAfterSeconds: 5), .unavailable("disk full")])
    func `without a commit there is no 200`(error: IntakeError) async throws {
        let inbox = MemoryInbox()
        await inbox.fail(error)
        let source = try Meta.source()
        await #expect(throws: error) {
            try await source.receive(Meta.post(Self.good), into: inbox)
        }
        #expect(try await source.receive(Meta.post(Self.good), into: inbox).status == 200)
    }

    @Test func `what the fake service sends is understood`() async throws {
        let graph = FakeGraphAPI()
        let ids = try graph.add(ndjson: SampleFiles.leads())
        for style in [FakeGraphAPI.IDStyle.text, .number] {
            let inbox = MemoryInbox()
            let body = graph.webhookBody(for: ids, timeSeconds: 1, ids: style)
            #expect(try await Meta.source().receive(Meta.post(body), into: inbox).status == 200)
            #expect(await inbox.references.count == 482)
            #expect(await inbox.items.count == 482)
        }
    }
}
