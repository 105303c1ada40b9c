import LeadKit
import LeadTesting
import SourceTesting
import Testing

@testable import MetaSource

/// Against the fake Graph API over real HTTP.
@Suite(.timeLimit(.minutes(1))) struct FetchTests {
    private static let ids = ["1730000000100000", "1730000000100007", "1730000000100238"]

    /// Runs with a fake that has the 482 leads.
    private func withGraph(
        _ options: FakeGraphAPI.Options = .init(), token: String = "TOKEN-OF-PAGE-ONE",
        change: (inout MetaConfig) -> Void = { _ in },
        _ body: (MetaSource, FakeGraphAPI) async throws -> Void
    ) async throws {
        let graph = FakeGraphAPI(options: options)
        try graph.add(ndjson: SampleFiles.leads())
        try await graph.start()
        let config = Meta.config(token: token) { config in
            config.graphURL = graph.url
            change(&config)
        }
        do {
            try await body(Meta.source(config), graph)
            await graph.stop()
        } catch {
            await graph.stop()
            throw error
        }
    }

    private func proofChecked() -> FakeGraphAPI.Options {
        var options = FakeGraphAPI.Options()
        options.appSecret = Meta.appSecret
        options.requiresProof = true
        options.tokens = ["TOKEN-OF-PAGE-ONE", "TOKEN-OF-PAGE-TWO"]
        return options
    }

    @Test func `many leads come with one call, in the order asked for`() async throws {
        try await withGraph(proofChecked()) { source, graph in
            let results = await source.fetch(Self.ids.reversed().map { Meta.reference($0) })
            #expect(results.map { $0.lead?.id.text } == Self.ids.reversed())
            #expect(graph.calls[.ids] == 1)
            #expect(graph.http.requestCount == 1)
        }
    }

    @Test func `a lead is whole`() async throws {
        try await withGraph(proofChecked()) { source, graph in
            var reference = Meta.reference(Self.ids[0])
            reference.envelope[.adID] = "1"
            let results = await source.fetch([reference])
            let lead = try #require(results[0].lead)
            #expect(lead.source == "facebook")
            #expect(lead.fieldData["selected_dealer"] == ["99213455"])
            #expect(lead.fieldData["full_name"] == ["José Esempio"])
            #expect(lead.envelope[.createdTime] == "2025-10-09T08:53:20Z")
            #expect(lead.envelope[.pageID] == Meta.page)
            #expect(lead.envelope[.formID] == Meta.form)
            #expect(lead.envelope[.adID] == "120210000000000123")
            #expect(lead.envelope[.receivedTime] == Meta.time.text)
            #expect(ByteSearch.contains(String(decoding: lead.raw, as: UTF8.self), Self.ids[0]))
            #expect(graph.calls[.lead] == 1)
        }
    }

    @Test func `the token is in the header and the proof beside it`() async throws {
        try await withGraph(proofChecked()) { source, graph in
            _ = await source.fetch([
                Meta.reference(Self.ids[0]), Meta.reference(Self.ids[1], page: Meta.otherPage),
            ])
            let requests = graph.http.requests
            #expect(requests.count == 2)
            for request in requests {
                let token = request.header("authorization")?.dropFirst(7) ?? ""
                #expect(["TOKEN-OF-PAGE-ONE", "TOKEN-OF-PAGE-TWO"].contains(token))
                #expect(request.query("access_token") == nil)
                #expect(
                    request.query("appsecret_proof")
                        == FakeGraphAPI.proof(token: String(token), secret: Meta.appSecret))
                #expect(ByteSearch.hasPrefix(request.path, "/v21.0/"))
            }
        }
    }

    @Test func `the proof can be turned off`() async throws {
        let off: (inout MetaConfig) -> Void = { $0.appsecretProof = false }
        try await withGraph(change: off) { source, graph in
            #expect(await source.fetch([Meta.reference(Self.ids[0])])[0].lead != nil)
            #expect(graph.http.requests[0].query("appsecret_proof") == nil)
        }
    }

    @Test func `one unknown id does not spoil the others`() async throws {
        try await withGraph { source, graph in
            let ids = [Self.ids[0], "1730000000999999", Self.ids[1]]
            let results = await source.fetch(ids.map { Meta.reference($0) })
            #expect(results[0].lead?.id.text == ids[0])
            #expect(results[1].failure?.verdict == .retry(after: Meta.ambiguousWait))
            #expect(results[2].lead?.id.text == ids[2])
            #expect(graph.calls[.ids] == 1)
            #expect(graph.http.requestCount == 4)
        }
    }

    @Test func `over fifty ids take several calls`() async throws {
        try await withGraph { source, graph in
            let ids = Array(graph.leadIDs.prefix(120))
            let results = await source.fetch(ids.map { Meta.reference($0) })
            #expect(results.map { $0.lead?.id.text } == ids)
            #expect(graph.calls[.ids] == 3)
        }
    }

    @Test func `what is no id is never asked for`() async throws {
        try await withGraph { source, graph in
            for id in ["../me", "1?fields=x", "١٢٣", "1.0", "-1", "0", "9223372036854775808"] {
                #expect(await source.fetch([Meta.reference(id)])[0].failure?.verdict == .reject)
            }
            #expect(graph.http.requestCount == 0)
            let mixed = await source.fetch([Meta.reference("1,2"), Meta.reference(Self.ids[0])])
            #expect(mixed[0].failure?.verdict == .reject)
            #expect(mixed[1].lead != nil)
        }
    }

    @Test func `a page without token halts and asks nothing`() async throws {
        try await withGraph { source, graph in
            for page in ["106000000000009", nil] {
                let results = await source.fetch([Meta.reference(Self.ids[0], page: page)])
                #expect(results[0].failure?.verdict == .halt)
            }
            #expect(graph.http.requestCount == 0)
        }
    }

    @Test func `an expired token halts its page and no other`() async throws {
        try await withGraph(token: "EXPIRED") { source, graph in
            let results = await source.fetch([
                Meta.reference(Self.ids[0]), Meta.reference(Self.ids[1], page: Meta.otherPage),
                Meta.reference(Self.ids[2]),
            ])
            #expect(results[0].failure?.verdict == .halt)
            #expect(results[1].lead?.id.text == Self.ids[1])
            #expect(results[2].failure?.verdict == .halt)
            #expect(graph.http.requestCount == 2)
        }
    }

    @Test func `a throttled page waits as long as the header says, and no other does`()
        async throws
    {
        try await withGraph(token: "THROTTLE") { source, graph in
            let first = await source.fetch(Self.ids.map { Meta.reference($0) })
            #expect(
                first.map { $0.failure?.verdict }
                    == Array(repeating: .retry(after: .seconds(37 * 60)), count: 3))
            let second = await source.fetch([
                Meta.reference(Self.ids[0]), Meta.reference(Self.ids[1], page: Meta.otherPage),
            ])
            #expect(second[0].failure?.verdict == .retry(after: .seconds(37 * 60)))
            #expect(second[1].lead != nil)
            #expect(graph.http.requestCount == 2)
        }
    }

    @Test func `a flaky service is asked again later`() async throws {
        try await withGraph(token: "FLAKY") { source, _ in
            let reference = Meta.reference(Self.ids[0])
            #expect(await source.fetch([reference])[0].failure?.verdict == .retry(after: nil))
            #expect(await source.fetch([reference])[0].failure?.verdict == .retry(after: nil))
            #expect(await source.fetch([reference])[0].lead?.id.text == Self.ids[0])
        }
    }

    @Test func `an unknown lead is ambiguous`() async throws {
        try await withGraph { source, _ in
            let result = await source.fetch([Meta.reference("1730000000999999")])[0]
            #expect(result.failure?.verdict == .retry(after: Meta.ambiguousWait))
            #expect(ByteSearch.contains(result.failure?.reason ?? "", "100/33"))
        }
    }

    @Test func `an unknown field turns to the short list, for good`() async throws {
        let change: (inout MetaConfig) -> Void = { $0.fields += ["adgroup_id"] }
        try await withGraph(change: change) { source, graph in
            #expect(await source.fetch([Meta.reference(Self.ids[0])])[0].lead != nil)
            #expect(graph.http.requestCount == 2)
            #expect(await source.fetch([Meta.reference(Self.ids[1])])[0].lead != nil)
            #expect(graph.http.requestCount == 3)
            #expect(
                graph.http.requests[2].query("fields") == "id,created_time,ad_id,form_id,field_data"
            )
        }
    }

    @Test func `the id of a form is no lead, and the fields stay`() async throws {
        try await withGraph { source, graph in
            #expect(await source.fetch([Meta.reference(Meta.form)])[0].failure?.verdict == .reject)
            #expect(await source.fetch([Meta.reference(Self.ids[0])])[0].lead != nil)
            let fields = graph.http.requests.last?.query("fields") ?? ""
            #expect(ByteSearch.contains(fields, "custom_disclaimer_responses"))
        }
    }

    @Test func `an unknown field in the short list is given up`() async throws {
        let change: (inout MetaConfig) -> Void = { $0.fields = FieldChoice.fallback }
        try await withGraph(change: change) { source, graph in
            graph.fail(.nonexistingField("ad_id", on: "UserLeadGenInfo"), call: .lead)
            #expect(
                await source.fetch([Meta.reference(Self.ids[0])])[0].failure?.verdict == .reject)
        }
    }

    @Test(arguments: ["EXPIRED", "THROTTLE", "FLAKY", "SECRET-PAGE-TOKEN"])
    func `no reason holds a token, a secret or a proof`(token: String) async throws {
        let secrets = [
            token, Meta.appSecret, Meta.verifyToken,
            FakeGraphAPI.proof(token: token, secret: Meta.appSecret),
        ]
        try await withGraph(token: token) { source, graph in
            let quoted = LeadTesting.GraphError(
                message: "bad \(secrets.joined(separator: " ")) and EAAB"
                    + String(repeating: "x", count: 60), code: 190)
            for fault in [quoted, .wrongProofOf(secrets), .invalidToken, .permission] {
                graph.fail(fault)
                for result in await source.fetch([Meta.reference("1730000000999999")]) {
                    let text = "\(result)"
                    for secret in secrets { #expect(!ByteSearch.contains(text, secret)) }
                    #expect(!ByteSearch.contains(text, "EAABxxxx"))
                }
            }
        }
    }

    @Test func `a lost connection is asked again and holds no secret`() async throws {
        let config = Meta.config { $0.graphURL = "http://127.0.0.1:1" }
        let results = try await Meta.source(config).fetch(Self.ids.map { Meta.reference($0) })
        for result in results {
            #expect(result.failure?.verdict == .retry(after: nil))
            #expect(!ByteSearch.contains("\(result)", "TOKEN-OF"))
            #expect(!ByteSearch.contains("\(result)", "appsecret_proof"))
        }
    }
}

extension LeadTesting.GraphError {
    /// An error that quotes what it should not.
    fileprivate static func wrongProofOf(_ secrets: [String]) -> LeadTesting.GraphError {
        LeadTesting.GraphError(
            message: "Invalid appsecret_proof \(secrets.joined(separator: ","))", code: 100)
    }
}
