import LeadKit
import SourceTesting
import Synchronization
import Testing

@testable import MetaSource

/// What is made of answers, against a script instead of a network.
@Suite struct GraphAnswerTests {
    private static let id = "1730000000100000"
    private static let lead =
        #"{"id":"1730000000100000","created_time":"2025-10-09T08:53:20+0000","field_data":[]}"#

    private func fetched(
        _ reply: GraphReply, clock: ManualTime = ManualTime()
    ) async throws -> Result<Lead, FetchFailure> {
        let source = try Meta.source(transport: ScriptedTransport(reply), clock: clock)
        return await source.fetch([Meta.reference(Self.id)])[0]
    }

    /// The sample errors of a class, as replies.
    private func samples(_ group: String) throws -> [(name: String, reply: GraphReply)] {
        let errors = try SampleFiles.json("graph-errors.json")
        let members = try #require(errors[group]).members
        #expect(!members.isEmpty)
        return members.map { name, sample in
            var writer = JSONWriter()
            if let body = sample["body"] { writer.value(body) }
            let text = sample["body_text"]?.string.map { Array($0.utf8) }
            return (
                name,
                GraphReply(
                    status: sample["status"]?.integer ?? 0,
                    headers: (sample["headers"]?.members ?? []).map {
                        ($0.name, $0.value.string ?? "")
                    }, body: text ?? writer.bytes)
            )
        }
    }

    @Test(arguments: [
        ("retry_later", [FetchFailure.Verdict.retry(after: nil)]),
        ("smaller_page", [.retry(after: nil)]), ("hold_until_operator_acts", [.halt]),
        (
            "retry_a_few_times_then_dead_letter",
            [.retry(after: Meta.ambiguousWait)]
        ), ("permanent", [.reject]),
    ])
    func `the sample errors get the verdict of their class`(
        group: String, verdicts: [FetchFailure.Verdict]
    ) async throws {
        for (name, reply) in try samples(group) {
            let verdict = try await fetched(reply).failure?.verdict
            switch name {
            case "leadgen_throttle": #expect(verdict == .retry(after: .seconds(37 * 60)))
            case "app_throttle", "page_throttle": #expect(verdict == .retry(after: .seconds(60)))
            default: #expect(verdict == verdicts[0], "\(name)")
            }
        }
    }

    @Test(
        arguments: [4, 17, 32, 341, 613, 80000, 80003, 80005, 80006, 80008, 80009, 80014],
        [400, 403, 200])
    func `throttling waits at least a minute, whatever the status`(
        code: Int, status: Int
    ) async throws {
        let body = #"{"error":{"message":"m","type":"OAuthException","code":\#(code)}}"#
        let result = try await fetched(.json(body, status: status))
        #expect(result.failure?.verdict == .retry(after: .seconds(60)))
    }

    @Test(arguments: [
        (#""code":1"#, FetchFailure.Verdict.retry(after: nil)),
        (#""code":960"#, .retry(after: nil)),
        (#""code":2,"error_subcode":99"#, .retry(after: nil)), (#""code":"190""#, .halt),
        (#""code":190,"is_transient":true"#, .halt), (#""code":102"#, .halt), (#""code":3"#, .halt),
        (#""code":299"#, .halt), (#""code":368"#, .halt), (#""code":463"#, .halt),
        (#""code":467"#, .halt), (#""code":803"#, .reject), (#""code":2500"#, .reject),
        (#""code":100"#, .reject), (#""code":100,"is_transient":true"#, .retry(after: nil)),
        (#""code":777"#, .retry(after: nil)), (#""message":"m""#, .retry(after: nil)),
        (#""code":777,"is_transient":true"#, .retry(after: nil)),
        (#""code":99999999999999999999"#, .retry(after: nil)),
    ])
    func `the code decides`(members: String, verdict: FetchFailure.Verdict) async throws {
        let error = #"{"error":{"type":"OAuthException",\#(members)}}"#
        for status in [200, 400, 401, 500] {
            #expect(try await fetched(.json(error, status: status)).failure?.verdict == verdict)
        }
    }

    @Test(arguments: [
        ("<html>Bad Gateway</html>", 502), ("<html>Sign in</html>", 200), ("", 200), ("", 500),
        (#"{"id":"17300"#, 200), ("[]", 200), ("null", 200), ("{}", 200),
        (#"{"success":false}"#, 200), (#"{"error":"text"}"#, 200), (#"{"error":null}"#, 200),
        (#"{"id":null}"#, 200), ("{}", 429), (lead, 500), (lead, 302),
    ])
    func `an answer without the lead is asked for again`(
        body: String, status: Int
    ) async throws {
        let result = try await fetched(.json(body, status: status))
        #expect(result.failure?.verdict == .retry(after: nil))
    }

    @Test(arguments: [
        #"{"id":"1730000000100001","field_data":[]}"#, #"{"id":1.73e15,"field_data":[]}"#,
        #"{"id":true}"#, #"{"id":"1730000000100000","field_data":{}}"#,
        #"{"id":"1730000000100000","field_data":"x"}"#,
        #"{"id":"1730000000100000","field_data":[7]}"#,
        #"{"id":"1730000000100000","field_data":[{"values":["x"]}]}"#,
        #"{"id":"1730000000100000","field_data":[{"name":"x","values":[["y"]]}]}"#,
        #"{"id":"1730000000100000","form_id":1.5,"field_data":[]}"#,
    ])
    func `another lead, or none that can be read, is refused`(body: String) async throws {
        #expect(try await fetched(.json(body)).failure?.verdict == .reject)
    }

    @Test func `an id may come as a number, and what is absent as null`() async throws {
        let body = #"{"id":1730000000100000,"ad_id":null,"field_data":null,"vehicle":{"year":1}}"#
        let lead = try #require(try await fetched(.json(body)).lead)
        #expect(lead.id.text == Self.id)
        #expect(lead.fieldData.isEmpty)
        #expect(lead.envelope[.adID] == nil)
    }

    @Test func `a cut answer is never half a lead`() async throws {
        var reply = GraphReply.json(Self.lead)
        reply.isTruncated = true
        #expect(try await fetched(reply).failure?.verdict == .retry(after: nil))
    }

    @Test func `of several leads the missing and the wrong ones fail alone`() async throws {
        let transport = ScriptedTransport { _, _ in
            .json(
                #"{"11":{"id":"11","field_data":[]},"12":{"id":"99","field_data":[]},"13":null,"#
                    + #""14":{"error":{"code":2}},"77":{"id":"77","field_data":[]}}"#)
        }
        let source = try Meta.source(transport: transport)
        let ids = ["11", "12", "13", "14", "15"]
        let results = await source.fetch(ids.map { Meta.reference($0) })
        #expect(results[0].lead?.id.text == "11")
        #expect(results[1].failure?.verdict == .reject)
        for result in results[2...] { #expect(result.failure?.verdict == .retry(after: nil)) }
        #expect(transport.requests.count == 1)
    }

    @Test func `after three refusals the rest of a page is not asked for`() async throws {
        let transport = ScriptedTransport(
            .json(#"{"error":{"message":"(#200) no","code":200}}"#, status: 403))
        let source = try Meta.source(transport: transport)
        let results = await source.fetch((1...50).map { Meta.reference("10\($0)") })
        #expect(results.allSatisfy { $0.failure?.verdict == .halt })
        #expect(results.count == 50)
        #expect(transport.requests.count == 4)
    }

    @Test(arguments: [
        ("", 0), ("true", 1), (#""1""#, 1), (#""""#, 0), ("1", 0), (#""true""#, 0), ("false", 0),
        (#""0""#, 0), ("null", 0), (#"["1"]"#, 0), (#""1 ""#, 0), ("{}", 0),
    ])
    func `only a tick is consent`(value: String, ticks: Int) async throws {
        let member = value.isEmpty ? "" : #","is_checked":\#(value)"#
        let body =
            #"{"id":"1730000000100000","field_data":[],"custom_disclaimer_responses":"#
            + #"[{"checkbox_key":"optional_1"\#(member)}]}"#
        let lead = try #require(try await fetched(.json(body)).lead)
        #expect(lead.consents.count == 1)
        #expect(lead.consents.count(where: \.isChecked) == ticks)
    }

    // MARK: Limits

    private static let usage30 =
        #"{"106000000000001":[{"type":"leadgen","call_count":101,"#
        + #""estimated_time_to_regain_access":30}]}"#

    @Test func `half an hour in the header is half an hour without calls`() async throws {
        let clock = ManualTime()
        let transport = ScriptedTransport(
            .json(Self.lead, headers: [("x-business-use-case-usage", Self.usage30)]))
        let source = try Meta.source(transport: transport, clock: clock)
        let reference = Meta.reference(Self.id)
        #expect(await source.fetch([reference])[0].lead != nil)
        clock.advance(.seconds(29 * 60))
        #expect(
            await source.fetch([reference])[0].failure?.verdict == .retry(after: .seconds(60)))
        #expect(transport.requests.count == 1)
        // Another page goes on.
        let other = Meta.reference(Self.id, page: Meta.otherPage)
        #expect(await source.fetch([other])[0].lead != nil)
        clock.advance(.seconds(60))
        #expect(await source.fetch([reference])[0].lead != nil)
    }

    @Test func `an app over its limit stops every page`() async throws {
        let transport = ScriptedTransport(
            .json(Self.lead, headers: [("x-app-usage", #"{"call_count":96}"#)]))
        let source = try Meta.source(transport: transport)
        _ = await source.fetch([Meta.reference(Self.id)])
        let other = await source.fetch([Meta.reference(Self.id, page: Meta.otherPage)])
        #expect(other[0].failure?.verdict == .retry(after: .seconds(60)))
        #expect(transport.requests.count == 1)
    }

    @Test(arguments: [
        "", "null", "[]", "7", "{", #"{"a":7}"#, #"{"a":[7]}"#, #"{"call_count":"100"}"#,
        #"{"call_count":-1}"#, #"{"call_count":1e999}"#, #"{"call_count":95}"#,
        #"{"a":[{"estimated_time_to_regain_access":-5}]}"#,
        #"{"a":[{"estimated_time_to_regain_access":null}]}"#,
    ])
    func `a header that says nothing never fails a call`(value: String) async throws {
        for name in ["x-app-usage", "x-page-usage", "x-business-use-case-usage"] {
            let transport = ScriptedTransport(.json(Self.lead, headers: [(name, value)]))
            let source = try Meta.source(transport: transport)
            for _ in 0..<2 {
                #expect(await source.fetch([Meta.reference(Self.id)])[0].lead != nil)
            }
        }
    }

    @Test(arguments: [
        #"{"a":[{"estimated_time_to_regain_access":9223372036854775807}]}"#,
        #"{"a":[{"estimated_time_to_regain_access":100000}]}"#,
    ])
    func `no header stops a page for over a day`(value: String) async throws {
        let reply = GraphReply.json(
            #"{"error":{"code":80005}}"#, headers: [("x-business-use-case-usage", value)])
        #expect(
            try await fetched(reply).failure?.verdict == .retry(after: .seconds(24 * 60 * 60)))
    }
}
