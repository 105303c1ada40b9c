import LeadKit
import LeadStore
import Testing

@testable import LeadFlow

@Suite(.timeLimit(.minutes(1))) struct SecretMaskTests {
    private func masked(_ text: String, _ secrets: [String]) -> String {
        SecretMask(secrets.map { Secret($0) }).masked(text)
    }

    @Test(
        arguments: [
            ("you sent key-0123", ["key-0123"], "you sent •••"),
            ("key-0123key-0123, key-0123", ["key-0123"], "••••••, •••"),
            ("{\"auth\": \"a\\\"b/c\"}", ["a\"b/c"], "{\"auth\": \"•••\"}"),
            ("GET /x?key=a%2Fb%20c", ["a/b c"], "GET /x?key=•••"),
            ("long-secret long", ["long", "long-secret"], "••• •••"),
            ("Schlüssel-ä!", ["üssel-ä"], "Schl•••!"),
            ("nothing of it", ["key-0123"], "nothing of it"), ("abc abc", ["abc"], "abc abc"),
            ("", ["key-0123"], ""), ("anything", [], "anything"),
        ] as [(String, [String], String)])
    func `a secret is masked in whatever way an answer shows it`(
        _ text: String, _ secrets: [String], _ expected: String
    ) {
        #expect(masked(text, secrets).utf8.elementsEqual(expected.utf8))
    }

    @Test(arguments: 1...20)
    func `the beginning of a secret at the cut is masked, too`(_ kept: Int) {
        let secret = "0123456789abcdefghij"
        let text = String(repeating: "x", count: 500 - kept) + secret.prefix(kept)
        let receipt = Receipt("HTTP 200", answer: text + "and more")
        let result = SecretMask([Secret(secret)]).masked(.success(receipt))
        guard case .success(let receipt)? = result else {
            Issue.record("no receipt")
            return
        }
        #expect(ByteSearch.contains(receipt.answer, "0123") == false || kept < 4)
    }

    @Test func `to whom something went is kept, without secrets`() throws {
        let mask = SecretMask([Secret("key-0123")])
        let receipt = try #require(
            mask.masked(.success(Receipt("250", to: "ann+key-0123@example.com"))))
        #expect(try receipt.get().recipient == "ann+•••@example.com")
        let failure = DeliveryFailure(.reject, "550", to: "ann@example.com")
        let masked = try #require(mask.masked(.failure(failure)))
        #expect(throws: DeliveryFailure.self) { try masked.get() }
        if case .failure(let failure) = masked { #expect(failure.recipient == "ann@example.com") }
    }

    @Test func `many short secrets make no long text`() {
        let text = String(repeating: "abcd", count: 125)
        #expect(masked(text, ["abcd"]).utf8.count <= SecretMask.textBytesMax)
    }

    @Test func `what a server repeats of its sink's secrets is not kept`() async throws {
        let secret = "sink-secret-0123456789"
        let main = Script(answer: "you said \(secret)") { (_, call) throws(DeliveryFailure) in
            if call == 1 { throw .retry("HTTP 503").answered("token \(secret) is slow") }
        }
        let stage = try await Stage(
            sinks: [("main", main, "destination: \"${SECRET}\", retry: {for: 1h, first: 1s}")],
            environment: ["SECRET": secret])
        // At its own pace: on a busy machine a hundred times as fast looks like a receiver that hangs.
        try await stage.run(clock: SystemClock()) { flow in
            try await stage.send([1], to: flow)
            try await stage.until { $0.deliveries == [.delivered: 1] }
        }
        let delivery = try #require(try await stage.store.deliveries(DeliveryFilter()).first)
        let told = try await stage.store.attempts(of: delivery.sequence).map(\.detail)
        #expect(
            told == [
                "HTTP 503; the answer: token ••• is slow", "taken 2; the answer: you said •••",
            ])
    }
}
