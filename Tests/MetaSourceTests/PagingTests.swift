import LeadKit
import SourceTesting
import Testing

@testable import MetaSource

/// Bulk reads of answers that no honest service gives, against a script.
@Suite(.timeLimit(.minutes(2))) struct PagingTests {
    private static let query = BulkQuery(forms: [Meta.form])

    private static func page(_ leads: [String], next: String? = nil, after: String? = nil) -> String
    {
        let cursors = after.map { #""cursors":{"after":"\#($0)"},"# } ?? ""
        let next = next.map { #""next":"\#($0)""# } ?? #""x":1"#
        return #"{"data":[\#(leads.joined(separator: ","))],"paging":{\#(cursors)\#(next)}}"#
    }

    private static func lead(_ id: Int, _ time: String = "2025-10-09T08:53:20+0000") -> String {
        #"{"id":"\#(id)","created_time":"\#(time)","field_data":[]}"#
    }

    /// Reads pages; the last one answers all further calls.
    private func read(
        _ pages: [String], _ query: BulkQuery = query
    ) async throws -> (
        result: Result<BulkProgress, FetchFailure>, inbox: MemoryInbox, transport: ScriptedTransport
    ) {
        let transport = ScriptedTransport { _, number in
            .json(pages[min(number, pages.count - 1)])
        }
        let config = Meta.config { $0.pages.entries.removeLast() }
        let source = try Meta.source(config, transport: transport)
        let inbox = MemoryInbox()
        do {
            return (
                .success(try await source.retrieve(query, into: inbox) { _ in }), inbox, transport
            )
        } catch let failure as FetchFailure {
            return (.failure(failure), inbox, transport)
        }
    }

    @Test func `the sample pages give eight leads`() async throws {
        let pages = try (1...3).map { number in
            String(
                decoding: try SampleFiles.bytes("graph-form-leads-page\(number).json"),
                as: UTF8.self)
        }
        let (result, inbox, transport) = try await read(pages)
        #expect(try result.get().stored == 8)
        #expect(await inbox.leads.map(\.id.text).last == "1730000000100000")
        #expect(transport.requests.count == 3)
        for request in transport.requests {
            #expect(ByteSearch.hasPrefix(request.url, "https://graph.facebook.com/v21.0/555"))
            #expect(!ByteSearch.contains(request.url, "SAMPLE_PAGE_TOKEN"))
            #expect(!ByteSearch.contains(request.url, "access_token"))
            #expect(ByteSearch.contains(request.url, "appsecret_proof="))
        }
        #expect(
            ByteSearch.contains(transport.requests[1].url, "after=UVZGMTczMDAwMDAwMDEwMDA0Mg%3D%3D")
        )
    }

    @Test func `a cursor that comes twice stops with an alarm`() async throws {
        let pages = [
            Self.page([Self.lead(1)], next: "https://x/?after=A", after: "A"),
            Self.page([Self.lead(2)], next: "https://x/?after=B", after: "B"),
            Self.page([Self.lead(3)], next: "https://x/?after=A", after: "A"),
        ]
        let (result, inbox, transport) = try await read(pages)
        #expect(throws: FetchFailure.self) { try result.get() }
        if case .failure(let failure) = result {
            #expect(failure.verdict == .halt)
            #expect(ByteSearch.contains(failure.reason, "circles"))
        }
        #expect(transport.requests.count == 3)
        // What was read before stays; the page with the looped cursor is read once more next time.
        #expect(await inbox.leads.count >= 2)
    }

    @Test(arguments: [
        "http://169.254.169.254/latest?after=A", "https://evil.example/v21.0/me?after=A",
        "file:///etc/passwd?after=A", "//evil.example?after=A", "?after=A",
        "https://graph.facebook.com@evil.example/?x=1&after=A&access_token=STOLEN",
    ])
    func `a foreign next is not followed`(next: String) async throws {
        let (result, inbox, transport) = try await read([
            Self.page([Self.lead(1)], next: next), Self.page([Self.lead(2)]),
        ])
        #expect(try result.get().stored == 2)
        #expect(await inbox.leads.count == 2)
        #expect(transport.requests.count == 2)
        for request in transport.requests {
            #expect(
                ByteSearch.hasPrefix(
                    request.url, "https://graph.facebook.com/v21.0/\(Meta.form)/leads?"))
            #expect(!ByteSearch.contains(request.url, "STOLEN"))
        }
    }

    @Test(arguments: [
        "https://x/", "https://x/?after=", "https://x/?after=%zz", "https://x/?after=%f",
    ])
    func `a next without a cursor stops with an alarm`(next: String) async throws {
        let (result, _, transport) = try await read([Self.page([Self.lead(1)], next: next)])
        guard case .failure(let failure) = result else {
            Issue.record("it went on")
            return
        }
        #expect(failure.verdict == .halt)
        #expect(transport.requests.count == 1)
    }

    @Test func `a cursor cannot add parameters`() async throws {
        let (_, _, transport) = try await read([
            Self.page([], next: "https://x/?y", after: "A&fields=x#y"), Self.page([]),
        ])
        #expect(ByteSearch.contains(transport.requests[1].url, "after=A%26fields%3Dx%23y"))
    }

    @Test func `leads from outside the time are left out, those without a time are kept`()
        async throws
    {
        let query = BulkQuery(
            forms: [Meta.form], since: Timestamp("2025-10-09T08:00:00Z"),
            until: Timestamp("2025-10-09T09:00:00Z"))
        let (result, inbox, _) = try await read(
            [
                Self.page([
                    Self.lead(1, "2025-10-09T07:59:59+0000"),
                    Self.lead(2, "2025-10-09T08:00:00+0000"),
                    Self.lead(3, "2025-10-09T09:00:00+0000"),
                    Self.lead(4, "2025-10-09T09:00:01+0000"),
                    Self.lead(5, "2025-10-09T13:30:00+0530"), #"{"id":"6","field_data":[]}"#,
                ])
            ], query)
        #expect(try result.get().leads == 4)
        #expect(await inbox.leads.map(\.id.text) == ["2", "3", "5", "6"])
    }

    @Test func `bad elements are kept aside and the good ones go on`() async throws {
        let (result, inbox, _) = try await read([
            Self.page([
                "7", "null", "{}", #"{"id":"../me","field_data":[]}"#, #"{"id":1e5}"#,
                #"{"id":"8","field_data":[{}]}"#, Self.lead(9),
            ])
        ])
        #expect(try result.get().quarantined == 6)
        #expect(await inbox.leads.map(\.id.text) == ["9"])
    }

    @Test(arguments: ["[]", "{}", #"{"data":{}}"#, #"{"data":null}"#, "7", #"{"success":false}"#])
    func `an answer without a list is no empty form`(body: String) async throws {
        let (result, _, _) = try await read([body])
        #expect(throws: FetchFailure.self) { try result.get() }
    }

    @Test(arguments: [#"{"data":[]}"#, #"{"data":[],"paging":{}}"#, #"{"data":[],"paging":null}"#])
    func `no leads are no failure`(body: String) async throws {
        let (result, _, transport) = try await read([body])
        #expect(try result.get().pages == 1)
        #expect(transport.requests.count == 1)
    }
}
