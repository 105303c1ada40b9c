import LeadCurl
import LeadKit
import LeadServer
import ServiceLifecycle
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct WebhookServerTests {
    static let client = CurlClient(name: "webhook-tests")

    private func send(
        _ port: Int, _ method: String = "POST", _ target: String = "/hooks/echo",
        headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) async throws -> HTTPResponse {
        try await Self.client.send(
            HTTPRequest(
                method: method, url: "http://127.0.0.1:\(port)\(target)", headers: headers,
                body: body))
    }

    @Test func `a request reaches its source byte for byte`() async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let body: [UInt8] = [0, 1, 0x0D, 0x0A, 0xFF]
            let answer = try await send(
                port, headers: [("X-Hub-Signature-256", "sha256=00")], body: body)
            #expect(answer.status == 200)
            #expect(answer.body == Array("taken".utf8))
            #expect(answer.header("x-content-type-options") == "nosniff")
            let request = source.requests.withLock { $0.first }
            #expect(request?.body == body)
            #expect(request?.headers("x-hub-signature-256") == ["sha256=00"])
            #expect(request?.receivedTime == Timestamp(seconds: 1_700_000_000))
        }
    }

    @Test(arguments: [
        ("POST", "/hooks/nobody", 404), ("POST", "/elsewhere", 404), ("PUT", "/hooks/echo", 405),
        ("DELETE", "/hooks/echo", 405), ("GET", "/hooks/echo", 200),
        ("PATCH", "/hooks/nobody", 404),
    ])
    func `what is not for a source does not reach one`(
        method: String, target: String, status: Int
    ) async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let answer = try await send(port, method, target)
            #expect(answer.status == status)
            if status == 405 { #expect(answer.header("allow") == "GET, POST") }
            #expect(source.requests.withLock { $0.count } == (status == 200 ? 1 : 0))
        }
    }

    @Test func `an announced large body is refused before any of it is sent`() async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(
                "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n")
            let found = await connection.status()
            #expect(found == 413)
            #expect(source.requests.withLock { $0.isEmpty })
        }
    }

    @Test(arguments: [(1 << 20, 200), ((1 << 20) + 1, 413)])
    func `a chunked body is counted`(size: Int, status: Int) async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(
                "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n"
                    + String(repeating: "x", count: size) + "\r\n0\r\n\r\n")
            let found = await connection.status()
            #expect(found == status)
            #expect(
                source.requests.withLock { $0.map(\.body.count) } == (status == 200 ? [size] : []))
        }
    }

    @Test func `a compressed body is refused`() async throws {
        try await withWebhooks { port, _ in
            let answer = try await send(port, headers: [("Content-Encoding", "gzip")], body: [1])
            #expect(answer.status == 415)
        }
    }

    @Test(arguments: [(8192, 200), (8193, 414)])
    func `an address over 8 KiB is refused`(length: Int, status: Int) async throws {
        try await withWebhooks { port, _ in
            let start = "/hooks/echo?a="
            let target = start + String(repeating: "x", count: length - start.utf8.count)
            let connection = try #require(RawConnection(port: port))
            connection.send("GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let found = await connection.status()
            #expect(found == status)
        }
    }

    @Test(arguments: [
        ("?a=1&b=2&a=3", ["a:1", "b:2", "a:3"]), ("?hub.mode=a%20b+c", ["hub.mode:a b c"]),
        ("?a=%2B%26%3d", ["a:+&="]), ("?a=b=c", ["a:b=c"]), ("?a", ["a:"]), ("?", []), ("", []),
        ("?a=%", ["a:%"]), ("?a=%4", ["a:%4"]), ("?a=%zz", ["a:%zz"]), ("?a=%+5", ["a:% 5"]),
        ("?a=%-1", ["a:%-1"]), ("?%C3%A9=%e2%82%AC", ["é:€"]),
    ])
    func `a query is decoded`(query: String, expected: [String]) async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(
                "GET /hooks/echo\(query) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let found = await connection.status()
            #expect(found == 200)
            let query = source.requests.withLock {
                $0.first?.query.map { "\($0.name):\($0.value)" }
            }
            #expect(query == expected)
        }
    }

    @Test(arguments: [
        (IntakeError.overloaded(retryAfterSeconds: 7), "7", [String]()),
        (.unavailable("the disk is full"), "30", ["nothing stored: the disk is full"]),
    ])
    func `a lead that is not stored is asked for again later`(
        error: IntakeError, wait: String, lines: [String]
    ) async throws {
        let log = LogLines()
        try await withWebhooks(inbox: StubInbox(error: error), log: log) { port, _ in
            let answer = try await send(port, body: [1])
            #expect(answer.status == 503)
            #expect(answer.header("retry-after") == wait)
            #expect(answer.header("x-content-type-options") == "nosniff")
        }
        #expect(log.all == lines)
    }

    @Test func `a body that ends early is no lead`() async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            do {
                let connection = try #require(RawConnection(port: port))
                connection.send(
                    "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
            }
            let answer = try await send(port, "GET")
            #expect(answer.status == 200)
            #expect(source.requests.withLock { $0.map(\.method) } == ["GET"])
        }
    }

    @Test func `a request under way is answered when the listener shuts down, without a word`()
        async throws
    {
        let go = AsyncStream<Void>.makeStream()
        let source = EchoSource(answers: go.stream)
        let log = LogLines()
        try await withWebhooks(source, log: log) { port, group in
            async let answer = send(port, body: [1])
            for await _ in source.arrivals.stream { break }
            await group.triggerGracefulShutdown()
            // New connections are refused from some moment on; the old request is still there.
            while RawConnection(port: port) != nil {
                try await Task.sleep(for: .milliseconds(1))
            }
            go.continuation.yield()
            let status = try await answer.status
            #expect(status == 200)
        }
        #expect(log.all == [])
    }
}
