import LeadKit
import LeadTesting
import SourceTesting
import Synchronization
import Testing

@testable import MetaSource

/// Bulk reads against the fake Graph API over real HTTP.
@Suite(.timeLimit(.minutes(1))) struct RetrieveTests {
    /// What a read needs and what it leaves behind.
    private struct Bench {
        var graph: FakeGraphAPI
        var source: MetaSource
        var inbox = MemoryInbox()
        var clock: ManualTime
    }

    /// Runs with a fake that has the 482 leads of three forms, all of the first page.
    private func withBench(
        _ options: FakeGraphAPI.Options = .init(), token: String = "TOKEN-OF-PAGE-ONE",
        change: (inout MetaConfig) -> Void = { _ in }, _ body: (Bench) async throws -> Void
    ) async throws {
        let graph = FakeGraphAPI(options: options)
        try graph.add(ndjson: SampleFiles.leads())
        try await graph.start()
        let config = Meta.config(token: token) { config in
            config.graphURL = graph.url
            config.pages.entries.removeLast()
            change(&config)
        }
        let clock = ManualTime()
        do {
            let source = try Meta.source(config, clock: clock)
            try await body(Bench(graph: graph, source: source, clock: clock))
            await graph.stop()
        } catch {
            await graph.stop()
            throw error
        }
    }

    private static func retrieve(
        _ bench: Bench, _ query: BulkQuery = BulkQuery()
    ) async throws -> BulkProgress {
        try await bench.source.retrieve(query, into: bench.inbox) { _ in }
    }

    private static func counts(_ leads: [Lead]) -> [String: Int] {
        leads.reduce(into: [:]) { $0[$1.envelope[.formID] ?? "", default: 0] += 1 }
    }

    private static let perForm = [
        "555000000000001": 394, "555000000000002": 78, "555000000000003": 10,
    ]

    @Test func `all forms of the page give 482 leads, each once`() async throws {
        var options = FakeGraphAPI.Options()
        options.appSecret = Meta.appSecret
        options.requiresProof = true
        try await withBench(options) { bench async throws in
            let reports = Mutex<[BulkProgress]>([])
            let progress = try await bench.source.retrieve(BulkQuery(), into: bench.inbox) { now in
                reports.withLock { $0.append(now) }
            }
            #expect(progress.leads == 482)
            #expect(progress.stored == 482)
            #expect(progress.duplicates == 0)
            #expect(progress.quarantined == 0)
            #expect(progress.pages == 6)
            #expect(reports.withLock { $0.count } == 6)
            #expect(reports.withLock { $0.last } == progress)
            let leads = await bench.inbox.leads
            #expect(Set(leads.map(\.id)).count == 482)
            #expect(leads.allSatisfy { $0.envelope[.pageID] == Meta.page })
            #expect(Self.counts(leads) == Self.perForm)
            #expect(Set(leads.map(\.id.text)) == Set(bench.graph.leadIDs))
        }
    }

    @Test func `reading again finds nothing new`() async throws {
        try await withBench { bench async throws in
            _ = try await Self.retrieve(bench)
            let again = try await Self.retrieve(bench)
            #expect(again.stored == 0)
            #expect(again.duplicates == 482)
            #expect(await bench.inbox.items.count == 482)
        }
    }

    @Test func `the forms of the settings, or those of the query`() async throws {
        try await withBench(change: { $0.forms = ["555000000000002"] }) { bench async throws in
            #expect(try await Self.retrieve(bench).leads == 78)
            let named = BulkQuery(forms: ["555000000000003"])
            #expect(try await Self.retrieve(bench, named).leads == 10)
            #expect(bench.graph.calls[.forms] == nil)
        }
    }

    @Test func `an ad gives its own leads`() async throws {
        try await withBench { bench async throws in
            let ad = "120210000000000123"
            #expect(try await Self.retrieve(bench, BulkQuery(ads: [ad])).leads > 0)
            let leads = await bench.inbox.leads
            #expect(leads.allSatisfy { $0.envelope[.adID] == ad })
            #expect(leads.count < 482)
        }
    }

    @Test func `an empty page in the middle is not the end`() async throws {
        var options = FakeGraphAPI.Options()
        options.formsWithEmptyPages = [Meta.form]
        options.pageSizeMax = 40
        try await withBench(options) { bench async throws in
            #expect(try await Self.retrieve(bench, BulkQuery(forms: [Meta.form])).stored == 394)
        }
    }

    @Test func `since and until are both included`() async throws {
        try await withBench { bench async throws in
            let all = BulkQuery(forms: [Meta.form])
            _ = try await Self.retrieve(bench, all)
            let times = await bench.inbox.leads.compactMap { $0.envelope[.createdTime] }
                .compactMap { Timestamp($0) }.sorted()
            let (since, until) = (times[100], times[200])
            let expected = times.filter { $0 >= since && $0 <= until }.count
            var query = BulkQuery(forms: [Meta.form], since: since, until: until)
            #expect(try await Self.retrieve(bench, query).leads == expected)
            query.until = nil
            #expect(
                try await Self.retrieve(bench, query).leads == times.filter { $0 >= since }.count)
            query = BulkQuery(forms: [Meta.form], until: since)
            #expect(
                try await Self.retrieve(bench, query).leads == times.filter { $0 <= since }.count)
            let filter = bench.graph.http.requests.last?.query("filtering")
            #expect(
                filter == #"[{"field":"time_created","operator":"LESS_THAN","value":"#
                    + #"\#(since.seconds + 1)}]"#)
        }
    }

    @Test func `a form without leads is no failure`() async throws {
        try await withBench { bench async throws in
            let future = Timestamp(seconds: 4_000_000_000)
            #expect(try await Self.retrieve(bench, BulkQuery(since: future)).leads == 0)
            #expect(await bench.inbox.calls == 0)
        }
    }

    @Test func `too much data halves the pages and loses nothing`() async throws {
        try await withBench { bench async throws in
            bench.graph.fail(.tooMuchData, times: 3, call: .leads)
            #expect(try await Self.retrieve(bench, BulkQuery(forms: [Meta.form])).stored == 394)
            let limits = bench.graph.http.requests.compactMap { $0.query("limit") }
            #expect(limits.prefix(5) == ["100", "50", "25", "12", "12"])
        }
    }

    @Test func `a flaky service is patiently asked again`() async throws {
        try await withBench(token: "FLAKY") { bench async throws in
            #expect(try await Self.retrieve(bench).stored == 482)
            #expect(!bench.clock.sleeps.isEmpty)
        }
    }

    @Test func `a service that stays sick is given up after six tries`() async throws {
        try await withBench { bench async throws in
            bench.graph.fail(.transient, times: 100, call: .leads)
            let failure = await #expect(throws: FetchFailure.self) {
                try await Self.retrieve(bench, BulkQuery(forms: [Meta.form]))
            }
            #expect(failure?.verdict == .retry(after: nil))
            #expect(bench.graph.calls[.leads] == 6)
        }
    }

    @Test func `throttled, it waits as long as the header says`() async throws {
        try await withBench { bench async throws in
            bench.graph.fail(.throttled(page: Meta.page, minutes: 30), call: .leads)
            #expect(try await Self.retrieve(bench, BulkQuery(forms: [Meta.form])).stored == 394)
            #expect(bench.clock.sleeps == [.seconds(30 * 60)])
        }
    }

    @Test func `an expired token halts at once`() async throws {
        try await withBench(token: "EXPIRED") { bench async throws in
            for query in [BulkQuery(), BulkQuery(forms: [Meta.form])] {
                let failure = await #expect(throws: FetchFailure.self) {
                    try await Self.retrieve(bench, query)
                }
                #expect(failure?.verdict == .halt)
            }
            #expect(bench.graph.http.requestCount == 2)
            #expect(await bench.inbox.calls == 0)
        }
    }

    @Test func `a page whose token is dead does not keep the others away`() async throws {
        let both: (inout MetaConfig) -> Void = { config in
            config.pages.entries.insert((Meta.otherPage, MetaPage("EXPIRED")), at: 0)
        }
        try await withBench(change: both) { bench async throws in
            let failure = await #expect(throws: FetchFailure.self) {
                try await Self.retrieve(bench)
            }
            #expect(failure?.verdict == .halt)
            #expect(await bench.inbox.leads.count == 482)
            // A form by name is read with the token that may.
            let named = BulkQuery(forms: [Meta.form])
            #expect(try await Self.retrieve(bench, named).duplicates == 394)
        }
    }

    @Test func `an unknown form does not keep the others away`() async throws {
        try await withBench { bench async throws in
            let failure = await #expect(throws: FetchFailure.self) {
                try await Self.retrieve(bench, BulkQuery(forms: ["777", "555000000000003"]))
            }
            #expect(failure?.verdict == .retry(after: Meta.ambiguousWait))
            #expect(await bench.inbox.leads.count == 10)
        }
    }

    @Test func `a full inbox is offered the page again`() async throws {
        try await withBench { bench async throws in
            await bench.inbox.fail(
                .overloaded(retryAfterSeconds: 7), .overloaded(retryAfterSeconds: 0))
            #expect(try await Self.retrieve(bench).stored == 482)
            #expect(bench.clock.sleeps == [.seconds(7), .seconds(1)])
        }
    }

    @Test func `an inbox that cannot write stops the read`() async throws {
        try await withBench { bench async throws in
            await bench.inbox.fail(.unavailable("disk full"))
            await #expect(throws: IntakeError.unavailable("disk full")) {
                try await Self.retrieve(bench)
            }
            #expect(bench.graph.calls[.leads] == 1)
        }
    }

    @Test func `an unknown field turns to the short list`() async throws {
        try await withBench(change: { $0.fields += ["adgroup_id"] }) { bench async throws in
            #expect(try await Self.retrieve(bench).stored == 482)
        }
    }

    @Test(arguments: ["../me", "1?x", "", "me", "１", "0"])
    func `what is no id is never asked for`(id: String) async throws {
        try await withBench { bench async throws in
            for query in [BulkQuery(forms: [id]), BulkQuery(ads: [id])] {
                let failure = await #expect(throws: FetchFailure.self) {
                    try await Self.retrieve(bench, query)
                }
                #expect(failure?.verdict == .reject)
            }
            #expect(bench.graph.http.requestCount == 0)
        }
    }
}
