import LeadKit
import LeadTesting
import SourceTesting
import Testing

@testable import MetaSource

/// The vectors were computed outside of this program.
@Suite struct SignatureTests {
    private static let secret = "s3cret-app"
    private static let sent =
        Array(
            #"{"object":"page","entry":[{"id":"106000000000001","time":1760000000,"changes":[{"field":"#
                .utf8)
        + Array(
            #""leadgen","value":{"leadgen_id":"1730000000000003","note":"Zo\u00eb \/ 50\u0025"}}]}]}"#
                .utf8)
    private static let digest = "d73c0b6984a83bba1afc5efa738afa3a2da1c73b3a486ae63c49e2659ee8273f"
    private static let sha1 = "sha1=43d01dd5370259e38f0c45f70a63a377594e5a0f"

    private static func answer(
        _ body: [UInt8], _ signatures: [String], secrets: [String] = [secret],
        more: [(name: String, value: String)] = []
    ) async throws -> (status: Int, items: Int) {
        let source = try Meta.source(Meta.config { $0.appSecrets = secrets.map { Secret($0) } })
        let inbox = MemoryInbox()
        let request = Meta.post(body, signatures: signatures, more: more)
        let response = try await source.receive(request, into: inbox)
        for text in secrets { #expect(!ByteSearch.contains(response.body, text)) }
        let calls = await inbox.calls
        let items = await inbox.items.count
        return (response.status, items + (response.status == 200 ? 0 : calls))
    }

    @Test func `the bytes as sent verify`() async throws {
        #expect(Self.sent.count == 174)
        let signature = FakeGraphAPI.signature(body: Self.sent, secret: Self.secret)
        #expect(signature == "sha256=\(Self.digest)")
        #expect(try await Self.answer(Self.sent, ["sha256=\(Self.digest)"]) == (200, 1))
        let upper = "sha256=" + Self.digest.uppercased()
        #expect(try await Self.answer(Self.sent, [upper]) == (200, 1))
    }

    @Test func `the bytes after writing them anew do not verify`() async throws {
        let text = String(decoding: Self.sent, as: UTF8.self)
            .replacing(#"\u00eb"#, with: "ë").replacing(#"\/"#, with: "/")
            .replacing(#"\u0025"#, with: "%")
        let rewritten = Array(text.utf8)
        #expect(rewritten.count == 164)
        #expect(
            FakeGraphAPI.signature(body: rewritten, secret: Self.secret)
                == "sha256=876f7968125e450b8140fd8f870ea940bde65a1e93d92c09a0debad6414b366e")
        #expect(try await Self.answer(rewritten, ["sha256=\(Self.digest)"]) == (401, 0))
    }

    @Test(arguments: [
        [], [""], ["sha256="], [digest], ["sha256=\(digest) "], [" sha256=\(digest)"],
        ["sha256=\(digest.dropLast())"], ["sha256=\(digest)0"], ["SHA256=\(digest)"],
        ["sha1=\(digest)"], ["sha256=1zwLaYSoO7oa/F76c4r6Oi2hxzs6SGrmPEnmWe6CCz8="],
        ["sha256=\(digest)", "sha256=\(digest)"], ["sha256=\(digest)", ""],
        ["sha256=\(digest),sha256=\(digest)"], [sha1],
        ["sha256=" + String(repeating: "0", count: 64)],
        ["sha256=" + String(repeating: "g", count: 64)],
        ["sha256=" + String(repeating: "\u{FF11}", count: 64)],
        ["sha256=\(digest.dropLast())e"], ["sha256=e\(digest.dropFirst())"],
    ])
    func `any other signature is refused`(signatures: [String]) async throws {
        #expect(try await Self.answer(Self.sent, signatures) == (401, 0))
    }

    @Test func `the older header alone is refused`() async throws {
        let sha1 = [(name: "X-Hub-Signature", value: Self.sha1)]
        #expect(try await Self.answer(Self.sent, [], more: sha1) == (401, 0))
        let valid = ["sha256=\(Self.digest)"]
        #expect(try await Self.answer(Self.sent, valid, more: sha1) == (200, 1))
    }

    @Test(arguments: ["", "other", "s3cret-app ", "S3cret-app"])
    func `another key is refused`(key: String) async throws {
        let signature = FakeGraphAPI.signature(body: Self.sent, secret: key)
        #expect(try await Self.answer(Self.sent, [signature]) == (401, 0))
    }

    @Test func `one blank more is refused at every place`() async throws {
        for place in 0...Self.sent.count {
            var body = Self.sent
            body.insert(0x20, at: place)
            #expect(try await Self.answer(body, ["sha256=\(Self.digest)"]) == (401, 0))
        }
        #expect(try await Self.answer([], ["sha256=\(Self.digest)"]) == (401, 0))
    }

    @Test func `during a rotation both secrets verify`() async throws {
        let valid = ["sha256=\(Self.digest)"]
        #expect(try await Self.answer(Self.sent, valid, secrets: ["new", Self.secret]) == (200, 1))
        #expect(try await Self.answer(Self.sent, valid, secrets: [Self.secret, "old"]) == (200, 1))
        #expect(try await Self.answer(Self.sent, valid, secrets: ["new", "old"]) == (401, 0))
    }

    @Test func `the proof of a token`() {
        #expect(
            Signature.proof(token: Secret("TOK"), secret: Secret(Self.secret))
                == "606273e59b6fabe3e040bb93c27987b03c6256c678aa24ee6ff7d0791849f217")
    }

    @Test func `bodies changed after signing are never stored`() async throws {
        let sample = try SampleFiles.bytes("meta-webhook.json")
        let source = try Meta.source()
        let signature = FakeGraphAPI.signature(body: sample, secret: Meta.appSecret)
        var numbers = SeededNumbers(seed: 2026)
        for _ in 0..<1000 {
            let body = numbers.mutated(sample)
            guard body != sample else { continue }
            let inbox = MemoryInbox()
            let response = try await source.receive(
                Meta.post(body, signatures: [signature]), into: inbox)
            #expect(response.status == 401)
            #expect(await inbox.calls == 0)
        }
    }

    @Test func `signed nonsense never stores what is no id`() async throws {
        let sample = try SampleFiles.bytes("meta-webhook.json")
        let source = try Meta.source()
        var numbers = SeededNumbers(seed: 7)
        var statuses: [Int: Int] = [:]
        for _ in 0..<1000 {
            let inbox = MemoryInbox()
            let response = try await source.receive(
                Meta.post(numbers.mutated(sample)), into: inbox)
            statuses[response.status, default: 0] += 1
            for reference in await inbox.references {
                #expect((1...19).contains(reference.id.text.utf8.count))
                #expect(reference.id.text.utf8.allSatisfy { (0x30...0x39).contains($0) })
            }
            if response.status != 200 { #expect(await inbox.calls == 0) }
        }
        #expect(Set(statuses.keys) == [200, 400])
    }
}
