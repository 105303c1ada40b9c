import LeadKit
import MetaSource
import SourceTesting
import Testing

@Suite struct HandshakeTests {
    private static let token = ("hub.verify_token", Meta.verifyToken)
    private static let mode = ("hub.mode", "subscribe")

    private func answer(_ query: [(String, String)]) async throws -> WebhookResponse {
        let inbox = MemoryInbox()
        let request = WebhookRequest(
            method: "GET", query: query.map { (name: $0.0, value: $0.1) }, receivedTime: Meta.time)
        let response = try await Meta.source().receive(request, into: inbox)
        #expect(await inbox.calls == 0)
        return response
    }

    @Test(arguments: ["1158201444", "abc-DEF_9", "0", String(repeating: "7", count: 64)])
    func `the challenge comes back unchanged as plain text`(challenge: String) async throws {
        let response = try await answer([Self.mode, ("hub.challenge", challenge), Self.token])
        #expect(response.status == 200)
        #expect(response.body.utf8.elementsEqual(challenge.utf8))
        #expect(response.contentType == "text/plain; charset=utf-8")
    }

    @Test(arguments: [
        "wrong", "", "Sample-verify-token", "sample-verify-token ", "sample-verify-toke",
        "sample-verify-token\u{301}", "sample-app-secret",
    ])
    func `a wrong token is refused without an echo`(token: String) async throws {
        let response = try await answer([
            Self.mode, ("hub.challenge", "1158201444"), ("hub.verify_token", token),
        ])
        #expect(response.status == 403)
        #expect(!ByteSearch.contains(response.body, "1158201444"))
        #expect(!ByteSearch.contains(response.body, Meta.verifyToken))
    }

    @Test(arguments: [("new", 200), (Meta.verifyToken, 200), ("older", 403), ("", 403)])
    func `while the token is changed both are taken`(token: String, status: Int) async throws {
        let config = Meta.config { $0.verifyTokens = [Secret("new"), Secret(Meta.verifyToken)] }
        let query = [Self.mode, ("hub.challenge", "1"), ("hub.verify_token", token)]
        let request = WebhookRequest(
            method: "GET", query: query.map { (name: $0.0, value: $0.1) }, receivedTime: Meta.time)
        let response = try await Meta.source(config).receive(request, into: MemoryInbox())
        #expect(response.status == status)
    }

    @Test(arguments: ["unsubscribe", "", "Subscribe", "subscribe\u{301}"])
    func `a wrong mode is refused`(mode: String) async throws {
        let response = try await answer([
            ("hub.mode", mode), ("hub.challenge", "1158201444"), Self.token,
        ])
        #expect(response.status == 403)
        #expect(!ByteSearch.contains(response.body, "1158201444"))
    }

    @Test(arguments: [
        [], [mode], [mode, token], [("hub.challenge", "1"), token], [mode, ("hub.challenge", "1")],
        [mode, mode, ("hub.challenge", "1"), token], [mode, ("hub.challenge", "1"), token, token],
        [mode, ("hub.challenge", "1"), ("hub.challenge", "2"), token],
        [("hub_mode", "subscribe"), ("hub_challenge", "1"), ("hub_verify_token", token.1)],
    ])
    func `a parameter that is not there once is refused`(
        query: [(String, String)]
    ) async throws {
        #expect(try await answer(query).status == 400)
    }

    @Test(arguments: [
        "", " ", "1\r\nSet-Cookie: a=b", "1\n", "a b", "1\u{0}", "é", "١٢٣",
        String(repeating: "7", count: 65),
    ])
    func `a challenge that no dashboard sends is refused`(challenge: String) async throws {
        let response = try await answer([Self.mode, ("hub.challenge", challenge), Self.token])
        #expect(response.status == 400)
        #expect(challenge.utf8.count < 3 || !ByteSearch.contains(response.body, challenge))
    }

    @Test func `markup in a challenge is text`() async throws {
        let response = try await answer([
            Self.mode, ("hub.challenge", "<script>alert(1)</script>"), Self.token,
        ])
        #expect(response.contentType == "text/plain; charset=utf-8")
    }

    @Test(arguments: ["PUT", "DELETE", "HEAD", "OPTIONS", "get", ""])
    func `other methods are refused`(method: String) async throws {
        let request = WebhookRequest(method: method, receivedTime: Meta.time)
        #expect(try await Meta.source().receive(request, into: MemoryInbox()).status == 405)
    }
}
