import LeadServer
import Synchronization
import Testing

/// Large bodies that do not end, on many connections.
@Suite(.timeLimit(.minutes(1))) struct BodyBudgetTests {
    private static func head(_ bytes: Int, _ field: String = "X: 1") -> String {
        "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes)\r\n\(field)\r\n\r\n"
    }

    private static func text(_ bytes: Int) -> String { String(repeating: "a", count: bytes) }

    @Test func `a large body over the budget is answered 503, a small one goes on`() async throws {
        var server: WebhookServer?
        try await withWebhooks(bodyBytesHeldMax: 150_000, made: { server = $0 }) { port, _ in
            let unfinished = try #require(RawConnection(port: port))
            unfinished.send(Self.head(100_000) + Self.text(99_999))
            while server?.bodyBytesHeld != 99_999 {
                try await Task.sleep(for: .milliseconds(1))
            }
            let large = try #require(RawConnection(port: port))
            large.send(Self.head(100_000) + Self.text(100_000))
            #expect(await large.status() == 503)
            let small = try #require(RawConnection(port: port))
            small.send(Self.head(16_384) + Self.text(16_384))
            #expect(await small.status() == 200)
            unfinished.send("a")
            #expect(await unfinished.status() == 200)
            let next = try #require(RawConnection(port: port))
            next.send(Self.head(100_000) + Self.text(100_000))
            #expect(await next.status() == 200)
        }
    }

    @Test func `room is there again when a body breaks off`() async throws {
        try await withWebhooks(bodyBytesHeldMax: 150_000) { port, _ in
            for _ in 0..<3 {
                let broken = try #require(RawConnection(port: port))
                broken.send(Self.head(100_000) + Self.text(99_999))
                broken.endSending()
                _ = await broken.rest()
            }
            let next = try #require(RawConnection(port: port))
            next.send(Self.head(100_000) + Self.text(100_000))
            #expect(await next.status() == 200)
        }
    }

    @Test func `a large body is not received of whom the head is refused`() async throws {
        let source = EchoSource(needed: "x-token")
        try await withWebhooks(source) { port, _ in
            let stranger = try #require(RawConnection(port: port))
            stranger.send(Self.head(100_000) + Self.text(99_999))
            #expect(await stranger.status() == 401)
            #expect(source.requests.withLock { $0.isEmpty })
            let known = try #require(RawConnection(port: port))
            known.send(Self.head(100_000, "X-Token: 1") + Self.text(100_000))
            #expect(await known.status() == 200)
        }
    }
}
