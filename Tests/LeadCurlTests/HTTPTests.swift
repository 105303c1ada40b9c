import LeadCurl
import LeadKit
import SinkTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct HTTPTests {
    let server: ChildServer
    let client = CurlClient(name: "test")

    init() async throws { server = try await ChildServer("http_server.py") }

    private func url(_ path: String) -> String { "http://127.0.0.1:\(server.port)\(path)" }

    @Test func `method, headers and body arrive as they are`() async throws {
        let request = HTTPRequest(
            method: "PUT", url: url("/status/201?X-Answer=yes"),
            headers: [("X-Empty", ""), ("X-Text", "täxt, with: signs"), ("Content-Type", "a/b")],
            body: [0, 13, 10, 255])
        let response = try await client.send(request)
        #expect(response.status == 201)
        #expect(response.header("x-ANSWER") == "yes")
        #expect(response.body.isEmpty)
        let seen = try #require(await server.next("request"))
        #expect(seen["method"]?.string == "PUT")
        #expect(seen["body"]?.string == "\0\r\n\u{FF}")
        #expect(seen["headers"]?["x-empty"]?.string == "")
        #expect(seen["headers"]?["content-type"]?.string == "a/b")
        #expect(seen["headers"]?["expect"] == nil)
    }

    @Test(arguments: ["GET", "POST", "DELETE", "PUT"])
    func `a request without a body is sent`(method: String) async throws {
        let response = try await client.send(HTTPRequest(method: method, url: url("/body/hello")))
        #expect(response.body == Array("hello".utf8))
        let seen = try #require(await server.next("request"))
        #expect(seen["method"]?.string == method)
        #expect(seen["headers"]?["content-type"] == nil)
    }

    @Test func `connections are kept`() async throws {
        _ = try await client.send(HTTPRequest(url: url("/body/a")))
        _ = try await client.send(HTTPRequest(url: url("/body/b")))
        let first = await server.next("request")?["connection"]?.integer
        let second = await server.next("request")?["connection"]?.integer
        #expect(first == second)
    }

    @Test func `a redirect is an answer and is not followed`() async throws {
        let response = try await client.send(
            HTTPRequest(method: "POST", url: url("/status/302?Location=/body/x"), body: [1]))
        #expect(response.status == 302)
        #expect(response.header("location") == "/body/x")
    }

    @Test func `a long answer is cut`() async throws {
        let cut = try await client.send(HTTPRequest(url: url("/big/65537")))
        #expect(cut.body.count == 65_536)
        #expect(cut.isTruncated)
        let whole = try await client.send(HTTPRequest(url: url("/big/65536")))
        #expect(whole.body.count == 65_536)
        #expect(!whole.isTruncated)
    }

    @Test func `too many headers end the transfer`() async throws {
        let error = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(url: url("/headers/90")))
        }
        #expect(error?.message == "the answer's headers are over 64 KiB")
    }

    @Test func `a lost answer may have arrived, a refused connection has not`() async throws {
        let lost = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(method: "POST", url: url("/drop"), body: [1]))
        }
        #expect(lost?.mayHaveArrived == true)
        let refused = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(method: "POST", url: "http://127.0.0.1:1/?q=private"))
        }
        #expect(refused?.mayHaveArrived == false)
        #expect(refused.map { !ByteSearch.contains($0.message, "private") } == true)
    }

    @Test func `a server that never answers runs into the time limit`() async throws {
        let error = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(url: url("/hang"), timeout: .seconds(5)))
        }
        #expect(error?.mayHaveArrived == true)
        #expect(await server.next("gone") != nil)
    }

    @Test func `cancelling gives the transfer up`() async throws {
        let task = Task { try await client.send(HTTPRequest(url: url("/hang"))) }
        #expect(await server.next("hung") != nil)
        task.cancel()
        let error = await #expect(throws: CurlError.self) { try await task.value }
        #expect(error?.isCancelled == true)
        #expect(error?.mayHaveArrived == true)
        #expect(await server.next("gone") != nil)
    }

    @Test func `a task cancelled before it sends is answered`() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.send(HTTPRequest(url: url("/hang")))
        }
        let error = await #expect(throws: CurlError.self) { try await task.value }
        #expect(error?.isCancelled == true)
    }

    @Test func `transfers over the limit wait their turn and can be cancelled there`() async throws
    {
        let narrow = CurlClient(name: "narrow", transfersMax: 1, waitMax: .seconds(60))
        let first = Task { try await narrow.send(HTTPRequest(url: url("/hang"))) }
        #expect(await server.next("hung") != nil)
        let second = Task { try await narrow.send(HTTPRequest(url: url("/body/second"))) }
        let third = Task { try await narrow.send(HTTPRequest(url: url("/body/third"))) }
        second.cancel()
        await #expect(throws: CurlError.self) { try await second.value }
        first.cancel()
        #expect(try await third.value.body == Array("third".utf8))
    }

    @Test func `what waits for its turn for too long was not sent`() async throws {
        let narrow = CurlClient(name: "narrow", transfersMax: 1, waitMax: .milliseconds(100))
        let first = Task { try await narrow.send(HTTPRequest(url: url("/hang"))) }
        #expect(await server.next("hung") != nil)
        let error = await #expect(throws: CurlError.self) {
            try await narrow.send(HTTPRequest(url: url("/body/second")))
        }
        #expect(error?.isBusy == true)
        #expect(error?.mayHaveArrived == false)
        first.cancel()
        let broken = await #expect(throws: CurlError.self) { try await first.value }
        #expect(broken?.isBusy == false)
        #expect(broken?.mayHaveArrived == true)
        _ = try await client.send(HTTPRequest(url: url("/body/third")))
        let next = await server.next("request")
        #expect(next?["path"]?.string == "/body/third", "the second was never seen")
    }

    @Test func `many at once are all answered`() async throws {
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<300 {
                group.addTask {
                    try await client.send(
                        HTTPRequest(
                            method: "POST", url: url("/status/200"), body: [UInt8(number % 256)])
                    ).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 300))
    }

    @Test(arguments: [
        "ftp://127.0.0.1/", "file:///etc/passwd", "http:///127.0.0.1/", "http://", "http://:80/",
        "http://a@127.0.0.1/", "http://127.0.0.1\\@evil/", "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/\u{0}", "http://①②⑦.⓪.⓪.①/", "HTTP://x/",
        "127.0.0.1/",
    ])
    func `a doubtful address is refused before it is used`(address: String) async throws {
        let error = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(url: address))
        }
        #expect(error?.isBadRequest == true)
    }

    @Test(arguments: ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b", "a\u{7F}"])
    func `a header with control bytes is refused`(value: String) async throws {
        let error = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(url: url("/"), headers: [("X-A", value)]))
        }
        #expect(error?.isBadRequest == true)
    }

    @Test(arguments: ["", "X:", "X Y", "X\r\nY"])
    func `a header's name must be a token`(name: String) async throws {
        let error = await #expect(throws: CurlError.self) {
            try await client.send(HTTPRequest(url: url("/"), headers: [(name, "a")]))
        }
        #expect(error?.isBadRequest == true)
    }
}

@Suite(.timeLimit(.minutes(2))) struct HTTPSTests {
    @Test func `only a certificate of a known authority is accepted`() async throws {
        let certificate = try await Certificate()
        let server = try await ChildServer("http_server.py", certificate.path)
        let request = HTTPRequest(method: "POST", url: "https://localhost:\(server.port)/body/x")
        let error = await #expect(throws: CurlError.self) {
            try await CurlClient(name: "stranger").send(request)
        }
        #expect(error?.mayHaveArrived == false)
        let friend = CurlClient(name: "friend", authorities: certificate.authority)
        #expect(try await friend.send(request).body == Array("x".utf8))
    }
}

@Suite struct HTTPDateTests {
    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ])
    func `all three forms are read`(text: String) {
        #expect(HTTPDate.seconds(text) == 784_111_777)
    }

    @Test func `anything else is no date`() { #expect(HTTPDate.seconds("soon") == nil) }
}
