import LeadTesting
import Testing

@Suite(.enabled(if: Python.isInstalled, "python3 is not installed"), .timeLimit(.minutes(1)))
struct FakeHTTPServerTests {
    private static let post = """
        import sys, urllib.request, urllib.error, http.client
        def post(path="/x", data=b"body"):
            request = urllib.request.Request(sys.argv[1] + path, data=data, headers={"X-Test": "1"})
            try:
                with urllib.request.urlopen(request, timeout=20) as r: print(r.status, r.headers.get("X-A"), r.read())
            except urllib.error.HTTPError as e: print(e.code, e.headers.get("Retry-After"), e.read())
            except (http.client.HTTPException, OSError) as e: print(type(e).__name__)

        """

    @Test func `a request is recorded as sent`() async throws {
        try await FakeHTTPServer.running { server in
            _ = try await Python.run(
                Self.post + #"post("//a%2Fb/?q=1&q=x+y%21", b"\x00\xff")"#, server.url)
            let request = try #require(await server.requests(count: 1).first)
            #expect(request.number == 1)
            #expect(request.method == "POST")
            #expect(request.path == "//a%2Fb/")
            #expect(request.query.map(\.value) == ["1", "x y!"])
            #expect(request.header("x-test") == "1")
            #expect(request.header("host")?.hasPrefix("127.0.0.1:") == true)
            #expect(request.body == [0, 0xFF])
            #expect(request.receivedMilliseconds > 1_600_000_000_000)
        }
    }

    @Test func `faults happen in order and are used up`() async throws {
        try await FakeHTTPServer.running(answer: { _ in .text("fine") }) { server in
            server.fail(.status(500), times: 2)
            server.fail(
                .answer(FakeResponse(status: 503, headers: [("Retry-After", "7")], body: [0x78])))
            server.fail(.close)
            server.fail(.delay(.milliseconds(1)))
            server.fail(.drip(.milliseconds(1)))
            let output = try await Python.run(Self.post + "for i in range(7): post()", server.url)
            let expected = [
                "500 None b''", "500 None b''", "503 7 b'x'", "RemoteDisconnected",
                "200 None b'fine'", "200 None b'fine'", "200 None b'fine'",
            ]
            #expect(output.split(separator: "\n").map(String.init) == expected)
            #expect(server.requestCount == 7)
        }
    }

    @Test func `the answer can change while running`() async throws {
        try await FakeHTTPServer.running { server in
            server.setAnswer { request in
                FakeResponse(status: 201, headers: [("X-A", "b")], body: request.body)
            }
            let output = try await Python.run(Self.post + "post()", server.url)
            #expect(output == "201 b b'body'\n")
        }
    }

    @Test func `stopping ends a hanging answer`() async throws {
        let server = FakeHTTPServer()
        try await server.start()
        server.fail(.hang)
        let url = server.url
        async let output = Python.run(Self.post + "post()", url)
        _ = await server.requests(count: 1)
        await server.stop()
        await server.stop()
        let text = try await output
        #expect(!text.isEmpty)
    }

    @Test func `a body over the bound is refused`() async throws {
        let server = FakeHTTPServer(recordedMax: 1, bodyBytesMax: 10)
        try await server.start()
        let output = try await Python.run(
            Self.post + #"post(data=b"x" * 11); post(data=b"x" * 10); post()"#, server.url)
        #expect(output == "413 None b''\n200 None b''\n200 None b''\n")
        #expect(server.requestCount == 2)
        #expect(server.requests.count == 1)
        await server.stop()
    }

    @Test func `waiting ends when the task is cancelled`() async throws {
        try await FakeHTTPServer.running { server in
            let waiting = Task { await server.requests(count: 5) }
            waiting.cancel()
            #expect(await waiting.value.isEmpty)
        }
    }

    @Test func `a port that is taken is an error`() async throws {
        try await FakeHTTPServer.running { server in
            let port = try #require(server.url.split(separator: ":").last.flatMap { Int($0) })
            let second = FakeHTTPServer(port: port)
            await #expect(throws: (any Error).self) { try await second.start() }
        }
    }
}
