import LeadKit
import Testing

@testable import MetaSource

@Suite struct GraphErrorsTests {
    /// The failure that a single read ends with when Graph answers so.
    private func failure(_ reply: GraphReply) async throws -> FetchFailure? {
        let source = try Meta.source(graph: ScriptedGraph([reply]))
        guard case .failure(let failure) = await source.fetch([Meta.reference("17")])[0] else {
            return nil
        }
        return failure
    }

    private func sampleReply(_ sample: JSONValue) -> GraphReply {
        var writer = JSONWriter()
        if let body = sample["body"] { writer.value(body) }
        let text = sample["body_text"]?.string.map { Array($0.utf8) }
        let headers = (sample["headers"]?.members ?? []).map {
            (name: $0.name, value: $0.value.string ?? "")
        }
        return GraphReply(
            status: sample["status"]?.integer ?? 0, headers: headers, body: text ?? writer.bytes)
    }

    private func failures(_ group: String) async throws -> [String: FetchFailure] {
        var found: [String: FetchFailure] = [:]
        for (name, sample) in try Samples.json("graph-errors.json")[group]?.members ?? [] {
            found[name] = try await failure(sampleReply(sample))
        }
        return found
    }

    @Test func `throttling waits as long as the usage header says, or a minute`() async throws {
        let found = try await failures("retry_later")
        #expect(found["leadgen_throttle"]?.verdict == .retry(after: .seconds(37 * 60)))
        #expect(found["app_throttle"]?.verdict == .retry(after: .seconds(60)))
        #expect(found["page_throttle"]?.verdict == .retry(after: .seconds(60)))
    }

    @Test func `passing faults are retried`() async throws {
        let found = try await failures("retry_later")
        for name in ["temporary_code_2", "unknown_code_1", "not_json"] {
            #expect(found[name]?.verdict == .retry(after: nil), "\(name)")
        }
        let large = try await failures("smaller_page")
        #expect(large["too_much_data"]?.verdict == .retry(after: nil))
    }

    @Test func `faults of token, permission and proof halt`() async throws {
        let found = try await failures("hold_until_operator_acts")
        #expect(found.count == 6)
        for (name, failure) in found { #expect(failure.verdict == .halt, "\(name)") }
    }

    @Test func `an ambiguous answer is retried after some minutes`() async throws {
        let found = try await failures("retry_a_few_times_then_dead_letter")
        #expect(
            found["not_found_or_no_access"]?.verdict == .retry(after: GraphError.ambiguousWait))
    }

    @Test func `what asking again cannot cure is rejected`() async throws {
        let found = try await failures("permanent")
        #expect(found.count == 2)
        for (name, failure) in found { #expect(failure.verdict == .reject, "\(name)") }
    }

    @Test(arguments: [4, 17, 32, 341, 613, 80000, 80005, 80006, 80008, 80009, 80014])
    func `every code of a limit is throttling`(code: Int) async throws {
        #expect(
            try await failure(.fault(code))?.verdict == .retry(after: .seconds(60)))
    }

    @Test(arguments: [190, 102, 104, 463, 467, 3, 10, 200, 299, 368])
    func `every code of access halts`(code: Int) async throws {
        #expect(try await failure(.fault(code))?.verdict == .halt)
    }

    @Test(arguments: [803, 2500, 100])
    func `codes of a wrong call are rejected`(code: Int) async throws {
        #expect(try await failure(.fault(code))?.verdict == .reject)
    }

    @Test func `an error under status 200 is an error, and an unknown code is retried`()
        async throws
    {
        let reply = GraphReply.json(
            #"{"error":{"message":"x","type":"OAuthException","code":190}}"#)
        #expect(try await failure(reply)?.verdict == .halt)
        #expect(try await failure(.fault(987_654))?.verdict == .retry(after: nil))
    }

    @Test(arguments: ["", "null", "[]", "{}", "<html>", "{\"id\":null}", "{\"error\":1}"])
    func `an answer without a lead is retried`(body: String) async throws {
        #expect(try await failure(.json(body))?.verdict == .retry(after: nil))
    }

    @Test func `a redirect is not a lead`() async throws {
        let reply = GraphReply(
            status: 302, headers: [("location", "https://evil.example/")],
            body: Array(GraphReply.leadText("17").utf8))
        #expect(try await failure(reply)?.verdict == .retry(after: nil))
    }

    @Test func `a usage header that cannot be read says nothing`() async throws {
        var reply = GraphReply.fault(4)
        reply.headers = [("x-business-use-case-usage", "{\"1\":[{\"a\":1e9"), ("x-app-usage", "1")]
        #expect(try await failure(reply)?.verdict == .retry(after: .seconds(60)))
    }

    @Test func `secrets in an error text are masked`() async throws {
        let token = String(repeating: "EAAB1x", count: 12)
        let message = "token TOKEN-ONE of sample-app-secret, \(token) and access_token=\(token)."
        let reason = try #require(try await failure(.fault(190, subcode: 463, message))?.reason)
        for secret in ["TOKEN-ONE", "sample-app-secret", "EAAB1x"] {
            #expect(!ByteSearch.contains(reason, secret))
        }
        #expect(ByteSearch.contains(reason, "code 190/463"))
    }

    @Test func `an error text cannot write a second line into the log`() async throws {
        let reason = try #require(try await failure(.fault(190, "a\\nb\\u001b[2J"))?.reason)
        #expect(reason.utf8.allSatisfy { $0 >= 0x20 })
    }
}
