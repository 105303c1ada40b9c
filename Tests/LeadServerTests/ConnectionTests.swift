import LeadKit
import LeadServer
import Synchronization
import Testing

/// Senders that take too long, send too much, or are too many.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private func limits(
        head: Int = 30, body: Int = 30, idle: Int = 30, answer: Int = 30, most: Int = 100
    ) -> ConnectionLimits {
        var limits = ConnectionLimits(connectionsMax: most)
        (limits.headSeconds, limits.bodySeconds, limits.idleSeconds) = (head, body, idle)
        limits.answerSeconds = answer
        limits.connectionsMax = most
        return limits
    }

    private static let head = "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"

    @Test func `a connection that says nothing is closed`() async throws {
        try await withWebhooks(limits: limits(head: 1)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            #expect(await connection.rest() == "")
        }
    }

    @Test func `a head that comes byte by byte is cut off`() async throws {
        try await withWebhooks(limits: limits(head: 1)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send("POST /hooks/echo HTTP/1.1\r\nHo")
            #expect(await connection.rest() == "")
        }
    }

    @Test func `a body that does not end is cut off, and nothing of it is handed on`() async throws
    {
        let source = EchoSource()
        try await withWebhooks(source, limits: limits(body: 1)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(Self.head + "abc")
            _ = await connection.rest()
            #expect(source.requests.withLock { $0.isEmpty })
        }
    }

    @Test func `a connection is kept for the next request, and closed when none comes`()
        async throws
    {
        let source = EchoSource()
        try await withWebhooks(source, limits: limits(head: 1, idle: 2)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(Self.head + "abcd" + Self.head + "efgh")
            let answers = try #require(await connection.rest())
            #expect(answers.ranges(of: "200 OK").count == 2)
            #expect(source.requests.withLock { $0.count } == 2)
        }
    }

    @Test func `who sends on and on and takes no answer is cut off`() async throws {
        try await withWebhooks(limits: limits(answer: 1)) { port, _ in
            let connection = try #require(RawConnection(port: port, room: 2048))
            let requests = String(
                repeating: "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000)
            #expect(await connection.sendUntilClosed(requests))
        }
    }

    @Test func `a refused head whose answer is not taken is cut off, too`() async throws {
        try await withWebhooks(limits: limits(answer: 1)) { port, _ in
            let connection = try #require(RawConnection(port: port, room: 2048))
            connection.send("NONSENSE\r\n\r\n")
            #expect(await connection.sendUntilClosed(String(repeating: "x", count: 1000)))
        }
    }

    @Test func `requests sent ahead are answered one by one, whatever their sizes`() async throws {
        let source = EchoSource()
        try await withWebhooks(source, limits: limits(idle: 2)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            let sizes = [0, 1, 900, 70_000, 1, 3000, 0, 200_000, 5]
            var text = ""
            for size in sizes {
                let body = String(repeating: "b", count: size)
                text +=
                    "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)"
                text += "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                if size > 0 { text += "\(String(size, radix: 16))\r\n\(body)\r\n" }
                text += "0\r\n\r\n"
            }
            async let answers = connection.rest()
            connection.send(text)
            #expect(try #require(await answers).ranges(of: "200 OK").count == 2 * sizes.count)
            #expect(
                source.requests.withLock { $0.map(\.body.count) } == sizes.flatMap { [$0, $0] })
        }
    }

    @Test func `requests sent ahead are answered though the sender has closed its side`()
        async throws
    {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(String(repeating: Self.head + "abcd", count: 200))
            connection.endSending()
            let answers = try #require(await connection.rest())
            #expect(answers.ranges(of: "200 OK").count == 200)
        }
    }

    @Test(arguments: ["", "G"])
    func
        `a body that comes behind its answer leaves the connection waiting for no more than the rest`(
            _ more: String
        ) async throws
    {
        try await withWebhooks(limits: limits(head: 1, idle: 1)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
            #expect(await connection.status() == 404)
            connection.send("abcd" + more)
            #expect(await connection.rest() != nil)
        }
    }

    @Test func `the second head has its own limit`() async throws {
        try await withWebhooks(limits: limits(head: 1, idle: 30)) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(Self.head + "abcd")
            #expect(await connection.status() == 200)
            connection.send("P")
            #expect(await connection.rest() != nil)
        }
    }

    @Test(arguments: [
        "X: \(String(repeating: "a", count: 20_000))",
        (0..<200).map { "X-\($0): a" }.joined(separator: "\r\n"),
    ]) func `a head that is too large is answered 431 and closed`(_ fields: String) async throws {
        try await withWebhooks { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send("GET /hooks/echo HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n")
            #expect(await connection.status() == 431)
            #expect(await connection.rest() != nil)
        }
    }

    @Test(arguments: [
        "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /hooks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "NONSENSE\r\n\r\n",
    ]) func `what is no request is answered 400 once and closed`(_ text: String) async throws {
        let source = EchoSource()
        try await withWebhooks(source) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(text)
            let answer = try #require(await connection.rest())
            #expect(answer.ranges(of: "HTTP/1.1 ").count == 1)
            #expect(answer.utf8.starts(with: "HTTP/1.1 400".utf8))
            #expect(source.requests.withLock { $0.isEmpty })
        }
    }

    @Test func `connections over the most wait until one closes`() async throws {
        try await withWebhooks(limits: limits(head: 1, most: 4)) { port, _ in
            let silent = try (0..<12).map { _ in try #require(RawConnection(port: port)) }
            let last = try #require(RawConnection(port: port))
            last.send(Self.head + "abcd")
            #expect(await last.status() == 200)
            for connection in silent { #expect(await connection.rest() == "") }
        }
    }
}
