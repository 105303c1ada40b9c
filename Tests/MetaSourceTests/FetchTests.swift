import LeadKit
import Testing

@testable import MetaSource

@Suite struct FetchTests {
    private func ids(_ request: GraphRequest) -> [String] {
        (GraphAddress.parameter("ids", of: request.url) ?? "").split(separator: ",").map(
            String.init)
    }

    /// Answers like Graph: all ids in one object, or `fault` when one of them is bad.
    private func graph(bad: Set<String> = [], fault: GraphReply) -> ScriptedGraph {
        ScriptedGraph { request in
            let ids = (GraphAddress.parameter("ids", of: request.url) ?? "")
                .split(separator: ",").map(String.init)
            if !ids.isEmpty {
                guard bad.isDisjoint(with: ids) else { return fault }
                let members = ids.map { "\"\($0)\":\(GraphReply.leadText($0))" }
                return .json("{" + members.joined(separator: ",") + "}")
            }
            let path = request.url.split(separator: "?")[0]
            let id = String(path.split(separator: "/").last ?? "")
            return bad.contains(id) ? fault : .lead(id)
        }
    }

    private let unknown = GraphReply.fault(100, subcode: 33, "Unsupported get request.")

    @Test func `a lead is read with its page and its raw bytes`() async throws {
        let body = try Samples.bytes("graph-lead.json")
        let graph = ScriptedGraph([GraphReply(status: 200, body: body)])
        var reference = Meta.reference("1730000000100091")
        reference.envelope[.receivedTime] = "2025-10-09T09:00:00Z"
        let lead = try await Meta.source(graph: graph).fetch([reference])[0].get()
        #expect(lead.raw == body && lead.source == "facebook")
        #expect(lead.envelope[.pageID] == Meta.page)
        #expect(lead.envelope[.receivedTime] == "2025-10-09T09:00:00Z")
        #expect(lead.envelope[.createdTime] == "2025-10-09T14:32:28Z")
        #expect(lead.consents.map(\.isChecked) == [true, false])
        #expect(lead.fieldData["selected_dealer"] == ["7"])
    }

    @Test func `the token travels in the header and the proof in the query`() async throws {
        let graph = ScriptedGraph([.lead("17")])
        _ = try await Meta.source(graph: graph).fetch([Meta.reference("17")])
        let request = try #require(graph.requests.first)
        #expect(
            ByteSearch.hasPrefix(request.url, "https://graph.facebook.com/v21.0/17?fields=id%2C"))
        #expect(!ByteSearch.contains(request.url, "TOKEN-ONE"))
        #expect(
            request.headers.contains {
                $0.name == "authorization" && $0.value == "Bearer TOKEN-ONE"
            })
        let proof = Signature.proof(token: Secret("TOKEN-ONE"), secret: Secret(Meta.secret))
        #expect(GraphAddress.parameter("appsecret_proof", of: request.url) == proof)
    }

    @Test func `the proof can be left out`() async throws {
        let graph = ScriptedGraph([.lead("17")])
        var config = Meta.config
        config.appsecretProof = false
        _ = try await Meta.source(config, graph: graph).fetch([Meta.reference("17")])
        #expect(!ByteSearch.contains(graph.requests[0].url, "appsecret_proof"))
    }

    @Test func `fifty leads of two pages take one call a page, in the references' order`()
        async throws
    {
        let graph = graph(fault: unknown)
        let references = (1...50).map {
            Meta.reference("\($0)", page: $0 % 2 == 0 ? Meta.page : Meta.otherPage)
        }
        let results = try await Meta.source(graph: graph).fetch(references)
        #expect(try results.map { try $0.get().id.text } == references.map(\.id.text))
        #expect(graph.requests.map { ids($0).count } == [25, 25])
    }

    @Test func `one unreadable lead does not harm the others`() async throws {
        let graph = graph(bad: ["3"], fault: unknown)
        let results = try await Meta.source(graph: graph).fetch(
            (1...5).map { Meta.reference("\($0)") })
        #expect(results.map { (try? $0.get()) != nil } == [true, true, false, true, true])
        #expect(graph.requests.count == 6)
    }

    @Test func `a throttled page is not called again until it may be`() async throws {
        let time = ManualTime()
        let throttled = GraphReply(
            status: 400,
            headers: [
                (
                    "x-business-use-case-usage",
                    #"{"1":[{"type":"leadgen","call_count":101,"estimated_time_to_regain_access":30}]}"#
                )
            ], body: GraphReply.fault(80005).body)
        let graph = ScriptedGraph([throttled, .lead("17")])
        let source = try Meta.source(graph: graph, time: time)
        let references = [Meta.reference("17"), Meta.reference("18")]
        let wait = FetchFailure.Verdict.retry(after: .seconds(1800))
        #expect(await source.fetch(references).map(\.verdict) == [wait, wait])
        time.pass(.seconds(600))
        let rest = FetchFailure.Verdict.retry(after: .seconds(1200))
        #expect(await source.fetch(references).map(\.verdict) == [rest, rest])
        #expect(graph.requests.count == 1)
        time.pass(.seconds(1200))
        #expect(await source.fetch([references[0]]).map(\.verdict) == [nil])
    }

    @Test func `a page's limit leaves other pages alone, the app's limit stops all`() async throws {
        let graph = ScriptedGraph { request in
            let token = request.headers.first { $0.name == "authorization" }?.value
            return token == "Bearer TOKEN-ONE" ? .fault(32) : .fault(4)
        }
        let source = try Meta.source(graph: graph)
        _ = await source.fetch([Meta.reference("1")])
        _ = await source.fetch([Meta.reference("2", page: Meta.otherPage)])
        #expect(graph.requests.count == 2)
        _ = await source.fetch([Meta.reference("3", page: Meta.otherPage)])
        #expect(graph.requests.count == 2)
    }

    @Test func `a limit that is nearly used up pauses the page after the lead`() async throws {
        var reply = GraphReply.lead("17")
        reply.headers = [
            ("x-business-use-case-usage", #"{"1":[{"type":"leadgen","call_count":96}]}"#)
        ]
        let source = try Meta.source(graph: ScriptedGraph([reply]))
        let reference = Meta.reference("17")
        #expect(await source.fetch([reference]).map(\.verdict) == [nil])
        #expect(await source.fetch([reference]).map(\.verdict) == [.retry(after: .seconds(60))])
    }

    @Test func `a dead token halts the page with one call`() async throws {
        let graph = ScriptedGraph([.fault(190, subcode: 463)])
        let results = try await Meta.source(graph: graph).fetch(
            (1...9).map { Meta.reference("\($0)") })
        #expect(results.allSatisfy { $0.verdict == .halt } && graph.requests.count == 1)
    }

    @Test func `a missing permission is not asked about fifty times`() async throws {
        let graph = ScriptedGraph([.fault(200)])
        let results = try await Meta.source(graph: graph).fetch(
            (1...50).map { Meta.reference("\($0)") })
        #expect(results.allSatisfy { $0.verdict == .halt } && graph.requests.count == 4)
    }

    @Test func `a network fault is met once a page`() async throws {
        let graph = ScriptedGraph { _ throws(GraphLoss) in
            throw GraphLoss(message: "no route with TOKEN-ONE")
        }
        let results = try await Meta.source(graph: graph).fetch(
            (1...9).map { Meta.reference("\($0)") })
        #expect(results.allSatisfy { $0.verdict == .retry(after: nil) })
        #expect(graph.requests.count == 1)
        guard case .failure(let failure) = results[0] else { return }
        #expect(!ByteSearch.contains(failure.reason, "TOKEN-ONE"))
    }

    @Test func `another lead than asked for is rejected`() async throws {
        let single = try Meta.source(graph: ScriptedGraph([.lead("18")]))
        #expect(await single.fetch([Meta.reference("17")]).map(\.verdict) == [.reject])
        let batch = ScriptedGraph([
            .json("{\"1\":\(GraphReply.leadText("2")),\"2\":\(GraphReply.leadText("2"))}")
        ])
        let results = try await Meta.source(graph: batch).fetch([
            Meta.reference("1"), Meta.reference("2"),
        ])
        #expect(results.map(\.verdict) == [.reject, nil])
    }

    @Test func `a lead missing from the answer is retried`() async throws {
        let graph = ScriptedGraph([.json("{\"1\":\(GraphReply.leadText("1"))}")])
        let results = try await Meta.source(graph: graph).fetch([
            Meta.reference("1"), Meta.reference("2"),
        ])
        #expect(results.map(\.verdict) == [nil, .retry(after: nil)])
    }

    @Test func `what is no id, or has no token, never becomes a call`() async throws {
        let graph = ScriptedGraph([.lead("17")])
        let results = try await Meta.source(graph: graph).fetch([
            Meta.reference("../me"), Meta.reference("17", page: "9"),
            Meta.reference("18", page: nil),
        ])
        #expect(results.map(\.verdict) == [.reject, .halt, .halt])
        #expect(graph.requests.isEmpty)
    }

    @Test func `an unknown field turns to the short list once and for all`() async throws {
        let graph = ScriptedGraph { request in
            let fields = GraphAddress.parameter("fields", of: request.url)
            return fields == "id,created_time,ad_id,form_id,field_data"
                ? .lead("17") : .fault(100, "(#100) Tried accessing nonexisting field (x)")
        }
        let source = try Meta.source(graph: graph)
        #expect(await source.fetch([Meta.reference("17")]).map(\.verdict) == [nil])
        #expect(await source.fetch([Meta.reference("17")]).map(\.verdict) == [nil])
        #expect(graph.requests.count == 3)
    }

    @Test func `only a ticked box is consent`() async throws {
        let boxes = ["\"\"", "\"1\"", "true", "\"0\"", "null", "1"].map {
            "{\"checkbox_key\":\"k\",\"is_checked\":\($0)}"
        }
        let lead = """
            {"id":"17","field_data":[],"custom_disclaimer_responses":\
            [\(boxes.joined(separator: ",")),{"checkbox_key":"k"}]}
            """
        let source = try Meta.source(graph: ScriptedGraph([.json(lead)]))
        let consents = try await source.fetch([Meta.reference("17")])[0].get().consents
        #expect(
            consents.map(\.isChecked) == [false, true, true, false, false, true, false])
    }
}

extension Result<Lead, FetchFailure> {
    /// The verdict of a failure; nil for a lead.
    fileprivate var verdict: FetchFailure.Verdict? {
        if case .failure(let failure) = self { failure.verdict } else { nil }
    }
}
