import LeadKit
import Synchronization
import Testing

@testable import MetaSource

@Suite struct RetrieveTests {
    private let inbox = RecordingInbox()
    private let form = "555000000000001"

    private func retrieve(
        _ source: MetaSource, _ query: BulkQuery? = nil
    ) async throws -> BulkProgress {
        try await source.retrieve(query ?? BulkQuery(forms: [form]), into: inbox) { _ in }
    }

    private func page(_ ids: [Int], after: String? = nil, created: Int = 1_760_000_000)
        -> GraphReply
    {
        let leads = ids.map { "{\"id\":\"\($0)\",\"created_time\":\(created),\"field_data\":[]}" }
        let paging = after.map {
            ",\"paging\":{\"cursors\":{\"after\":\"\($0)\"},\"next\":\"https://evil.example/?after=no\"}"
        }
        return .json("{\"data\":[\(leads.joined(separator: ","))]\(paging ?? "")}")
    }

    private func parameter(_ name: String, _ graph: ScriptedGraph) -> [String?] {
        graph.requests.map { GraphAddress.parameter(name, of: $0.url) }
    }

    @Test func `three pages of a form give all leads, each page in one call to the inbox`()
        async throws
    {
        let pages = try (1...3).map {
            GraphReply(status: 200, body: try Samples.bytes("graph-form-leads-page\($0).json"))
        }
        let graph = ScriptedGraph(pages)
        let reported = Mutex<[Int]>([])
        let progress = try await Meta.source(Meta.onePage, graph: graph).retrieve(
            BulkQuery(forms: [form]), into: inbox
        ) { progress in reported.withLock { $0.append(progress.stored) } }
        #expect(progress.pages == 3 && progress.leads == 8 && progress.stored == 8)
        #expect(reported.withLock { $0 } == [3, 5, 8])
        #expect(await inbox.calls.map(\.count) == [3, 2, 3])
        #expect(
            parameter("after", graph) == [
                nil, "UVZGMTczMDAwMDAwMDEwMDA0Mg==", "UVZGMTczMDAwMDAwMDEwMDAyMQ==",
            ])
        #expect(parameter("limit", graph) == ["100", "100", "100"])
        let lead = try #require(await inbox.leads.first)
        #expect(lead.envelope[.pageID] == Meta.page && !lead.raw.isEmpty)
    }

    @Test func `every call goes to the configured host with the proof`() async throws {
        let graph = ScriptedGraph([page([1], after: "A"), page([2])])
        _ = try await retrieve(Meta.source(Meta.onePage, graph: graph))
        #expect(graph.requests.count == 2)
        for request in graph.requests {
            #expect(
                ByteSearch.hasPrefix(request.url, "https://graph.facebook.com/v21.0/\(form)/leads?")
            )
            #expect(GraphAddress.parameter("appsecret_proof", of: request.url) != nil)
        }
    }

    @Test func `an empty page with a next one is not the last`() async throws {
        let bare = GraphReply.json(
            #"{"data":[],"paging":{"next":"https://evil.example/v1/leads?limit=3&after=Qg%3D%3D"}}"#
        )
        let graph = ScriptedGraph([page([1], after: "A"), page([], after: "B"), bare, page([2])])
        let progress = try await retrieve(Meta.source(Meta.onePage, graph: graph))
        #expect(progress.leads == 2 && progress.pages == 4)
        #expect(parameter("after", graph) == [nil, "A", "B", "Qg=="])
        #expect(await inbox.calls.count == 2)
    }

    @Test func `a cursor that comes again stops the reading and loses nothing`() async throws {
        let graph = ScriptedGraph([
            page([1], after: "A"), page([2], after: "B"), page([3], after: "A"),
        ])
        let source = try Meta.source(Meta.onePage, graph: graph)
        let failure = await #expect(throws: FetchFailure.self) { try await retrieve(source) }
        #expect(failure?.verdict == .halt)
        #expect(graph.requests.count == 3)
        #expect(await inbox.leads.map(\.id.text) == ["1", "2", "3"])
    }

    @Test func `too much data halves the limit, which then stays`() async throws {
        let large = GraphReply.fault(1, "Please reduce the amount of data you're asking for")
        let graph = ScriptedGraph([large, large, page([1], after: "A"), page([2])])
        let time = ManualTime()
        let progress = try await retrieve(Meta.source(Meta.onePage, graph: graph, time: time))
        #expect(progress.leads == 2 && time.waits.isEmpty)
        #expect(parameter("limit", graph) == ["100", "50", "25", "25"])
    }

    @Test func `too much data for a single lead ends the reading`() async throws {
        let graph = ScriptedGraph([
            .fault(1, "Please reduce the amount of data you're asking for")
        ])
        let source = try Meta.source(Meta.onePage, graph: graph)
        await #expect(throws: FetchFailure.self) { try await retrieve(source) }
        #expect(parameter("limit", graph) == ["100", "50", "25", "12", "6", "3", "1"])
    }

    @Test func `the time goes into the filter, and leads outside it are left out`() async throws {
        let graph = ScriptedGraph([page([1, 2], after: "A"), page([3], created: 1_750_000_000)])
        let query = BulkQuery(
            forms: [form], since: Timestamp(seconds: 1_760_000_000),
            until: Timestamp(seconds: 1_760_000_000))
        let progress = try await retrieve(Meta.source(Meta.onePage, graph: graph), query)
        #expect(progress.leads == 2)
        #expect(
            parameter("filtering", graph)[0]
                == #"[{"field":"time_created","operator":"GREATER_THAN_OR_EQUAL","value":1760000000},"#
                + #"{"field":"time_created","operator":"LESS_THAN","value":1760000001}]"#)
    }

    @Test func `passing faults are waited out, and throttling as long as told`() async throws {
        let throttled = GraphReply(
            status: 400,
            headers: [
                ("x-business-use-case-usage", #"{"1":[{"estimated_time_to_regain_access":5}]}"#)
            ],
            body: GraphReply.fault(80005).body)
        let graph = ScriptedGraph([.fault(2), .fault(2), throttled, page([1])])
        let time = ManualTime()
        let progress = try await retrieve(Meta.source(Meta.onePage, graph: graph, time: time))
        #expect(progress.leads == 1)
        #expect(time.waits == [.seconds(2), .seconds(4), .seconds(300)])
    }

    @Test func `a fault that does not pass is given up after six tries`() async throws {
        let graph = ScriptedGraph([.fault(2)])
        let time = ManualTime()
        let source = try Meta.source(Meta.onePage, graph: graph, time: time)
        let failure = await #expect(throws: FetchFailure.self) { try await retrieve(source) }
        #expect(failure?.verdict == .retry(after: nil))
        #expect(graph.requests.count == 6 && time.waits.count == 5)
    }

    @Test func `a dead token ends the reading at once`() async throws {
        let graph = ScriptedGraph([.fault(190)])
        let source = try Meta.source(Meta.onePage, graph: graph)
        let failure = await #expect(throws: FetchFailure.self) { try await retrieve(source) }
        #expect(failure?.verdict == .halt && graph.requests.count == 1)
    }

    @Test func `a full inbox is waited for`() async throws {
        let full = RecordingInbox(failures: [.overloaded(retryAfterSeconds: 3)])
        let time = ManualTime()
        let source = try Meta.source(Meta.onePage, graph: ScriptedGraph([page([1])]), time: time)
        let progress = try await source.retrieve(BulkQuery(forms: [form]), into: full) { _ in }
        #expect(progress.stored == 1 && time.waits == [.seconds(3)])
    }

    @Test func `an inbox that cannot write ends the reading`() async throws {
        let broken = RecordingInbox(failures: [.unavailable("disk")])
        let source = try Meta.source(Meta.onePage, graph: ScriptedGraph([page([1])]))
        await #expect(throws: IntakeError.unavailable("disk")) {
            try await source.retrieve(BulkQuery(forms: [form]), into: broken) { _ in }
        }
    }

    @Test func `a bad lead of a page is kept aside`() async throws {
        let graph = ScriptedGraph([
            .json(
                #"{"data":[{"id":"1","field_data":[]},{"id":"x","field_data":[]},7,{"id":"2","field_data":[{}]}]}"#
            )
        ])
        let progress = try await retrieve(Meta.source(Meta.onePage, graph: graph))
        #expect(progress.stored == 1 && progress.quarantined == 3)
    }

    @Test func `without forms, every form of the pages is read with its page's token`()
        async throws
    {
        let graph = ScriptedGraph { request in
            let path = request.url.split(separator: "?")[0]
            if ByteSearch.contains(String(path), "/leadgen_forms") {
                let isFirst = ByteSearch.contains(String(path), Meta.page)
                return .json("{\"data\":[{\"id\":\"\(isFirst ? 71 : 72)\"}]}")
            }
            return ByteSearch.contains(String(path), "/71/") ? self.page([1]) : self.page([2])
        }
        _ = try await retrieve(Meta.source(graph: graph), BulkQuery())
        let tokens = graph.requests.map { $0.headers[0].value }
        #expect(
            tokens == [
                "Bearer TOKEN-ONE", "Bearer TOKEN-TWO", "Bearer TOKEN-ONE", "Bearer TOKEN-TWO",
            ])
        #expect(await inbox.leads.map { $0.envelope[.pageID] } == [Meta.page, Meta.otherPage])
        #expect(await inbox.leads.map { $0.envelope[.formID] } == ["71", "72"])
    }

    @Test func `an ad is tried with each page's token until one may read it`() async throws {
        let graph = ScriptedGraph([.fault(200), page([1])])
        let progress = try await retrieve(Meta.source(graph: graph), BulkQuery(ads: ["81"]))
        #expect(progress.leads == 1)
        #expect(
            graph.requests.map { $0.headers[0].value } == ["Bearer TOKEN-ONE", "Bearer TOKEN-TWO"])
        #expect(await inbox.leads.first?.envelope[.formID] == nil)
    }

    @Test func `the forms of the settings are read when none are named`() async throws {
        var config = Meta.onePage
        config.forms = ["61", "62"]
        let graph = ScriptedGraph([.json(#"{"data":[]}"#)])
        let progress = try await retrieve(Meta.source(config, graph: graph), BulkQuery())
        #expect(progress.pages == 2 && graph.requests.count == 2)
    }

    @Test func `a form that is no id never becomes a call`() async throws {
        let graph = ScriptedGraph([page([1])])
        let source = try Meta.source(Meta.onePage, graph: graph)
        let query = BulkQuery(forms: ["../me"])
        await #expect(throws: FetchFailure.self) { try await retrieve(source, query) }
        #expect(graph.requests.isEmpty)
    }
}
