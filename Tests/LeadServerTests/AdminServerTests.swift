import LeadCurl
import LeadKit
import Logging
import Testing

@testable import LeadServer

@Suite(.timeLimit(.minutes(1)))
struct AdminServerTests {
    static let client = CurlClient(name: "admin-tests")

    private func withAdmin(
        token: String? = nil, reason: String? = nil, body: (_ url: String) async throws -> Void
    ) async throws {
        let log = LogLines()
        let server = AdminServer(
            host: "127.0.0.1", port: 0, token: token,
            readiness: {
                .init(
                    isReady: reason == nil, trouble: reason,
                    body: Array("{\"ready\":\(reason == nil)}\n".utf8))
            }, metrics: { "up 1\n" },
            actions: ["echo": { AdminServer.Answer(body: $0) }],
            endpoints: [
                .get("things/:id") { query in
                    let texts = query.parameters.map { "\($0.name)=\($0.value)" }
                    return AdminServer.Answer(
                        status: 203,
                        body: Array("\(query.path["id"] ?? "") \(texts)".utf8))
                },
                .post("things/new") { query in AdminServer.Answer(body: query.body) },
            ], logger: log.logger)
        try await withListener(log.logger, { try await server.run(onListening: $0) }) { port, _ in
            try await body("http://127.0.0.1:\(port)")
        }
        #expect(log.all == (reason.map { ["not ready: \($0)"] } ?? []))
    }

    @Test(
        arguments: [
            ("/health/live", nil, 200, "{\"live\":true}\n"),
            ("/health/ready", nil, 200, "{\"ready\":true}\n"),
            ("/health/live", "the disk is full", 200, "{\"live\":true}\n"),
            ("/health/ready", "the disk is full", 503, "{\"ready\":false}\n"),
        ] as [(String, String?, Int, String)])
    func `health needs no token, and what the log is told is not in it`(
        path: String, reason: String?, status: Int, body: String
    ) async throws {
        let asksReady = path.utf8.elementsEqual("/health/ready".utf8)
        try await withAdmin(token: "secret", reason: asksReady ? reason : nil) { url in
            let answer = try await Self.client.send(HTTPRequest(url: url + path))
            #expect(answer.status == status)
            #expect(answer.body == Array(body.utf8))
            #expect(answer.header("content-type") == "application/json")
            #expect(answer.header("x-content-type-options") == "nosniff")
            // Asked again, the log has it once all the same.
            _ = try await Self.client.send(HTTPRequest(url: url + path))
        }
    }

    @Test func `the log is told when the trouble changes, and no more`() {
        let lines = LogLines()
        var logger = lines.logger
        logger.logLevel = .info
        let log = TroubleLog(logger)
        func note(_ trouble: String?, isReady: Bool = false) {
            log.note(AdminServer.Readiness(isReady: isReady, trouble: trouble, body: []))
        }
        note(nil)
        note(nil, isReady: true)
        #expect(lines.all == [])
        for _ in 1...3 { note("full") }
        #expect(lines.all == ["not ready: full"])
        note("busy")
        note(nil)
        note("busy")
        #expect(lines.all == ["not ready: full", "not ready: busy"])
        for _ in 1...3 { note(nil, isReady: true) }
        note("full")
        #expect(lines.all.suffix(2) == ["ready again", "not ready: full"])
    }

    @Test(
        arguments: [
            ("secret", "Bearer secret", "application/json", 200),
            ("secret", "Bearer secreT", "application/json", 401),
            ("secret", "Bearer secret2", "application/json", 401),
            ("secret", "Bearer secre", "application/json", 401),
            ("secret", "secret", "application/json", 401), ("secret", nil, "application/json", 401),
            ("secret", "Bearer ", "application/json", 401),
            ("secret", "Bearer secret", "text/plain", 415),
            ("secret", "Bearer secret", "application/x-www-form-urlencoded", 415),
            (nil, nil, "application/json", 200), (nil, nil, "application/x-ndjson", 200),
            (nil, nil, "Application/JSON; charset=utf-8", 200),
            (nil, nil, "application/jsonp", 415),
            (nil, nil, "application/x-www-form-urlencoded", 415), (nil, nil, "text/plain", 415),
        ] as [(String?, String?, String, Int)])
    func `an action needs the token and a type that a browser must ask for`(
        token: String?, given: String?, type: String, status: Int
    ) async throws {
        try await withAdmin(token: token) { url in
            var headers = [(name: "Content-Type", value: type)]
            if let given { headers.append(("Authorization", given)) }
            let answer = try await Self.client.send(
                HTTPRequest(
                    method: "POST", url: url + "/api/echo", headers: headers, body: [0x7B, 0x7D]))
            #expect(answer.status == status)
            #expect(answer.header("x-content-type-options") == "nosniff")
        }
    }

    @Test func `an endpoint gets its path, its parameters and its body decoded`() async throws {
        try await withAdmin(token: "secret") { url in
            let headers = [(name: "Authorization", value: "Bearer secret")]
            let answer = try await Self.client.send(
                HTTPRequest(url: url + "/api/things/a%2Fb+%C3%A9?x=1&y=%20z", headers: headers))
            #expect(answer.status == 203)
            #expect(String(decoding: answer.body, as: UTF8.self) == #"a/b+é ["x=1", "y= z"]"#)
            let post = try await Self.client.send(
                HTTPRequest(
                    method: "POST", url: url + "/api/things/new",
                    headers: headers + [("Content-Type", "application/json")], body: [0x7B]))
            #expect(post.status == 200)
            #expect(post.body == [0x7B])
        }
    }

    @Test(
        arguments: [
            ("Authorization", "Bearer wrong", 401), ("Host", "evil.example", 421),
            ("Origin", "http://127.0.0.1", 421), ("X-Nothing", "", 203),
        ] as [(String, String, Int)])
    func `looking needs the token and no browser, too`(
        name: String, value: String, status: Int
    ) async throws {
        try await withAdmin(token: "secret") { url in
            var headers = [(name: name, value: value)]
            if name != "Authorization" { headers.append(("Authorization", "Bearer secret")) }
            let answer = try await Self.client.send(
                HTTPRequest(url: url + "/api/things/1", headers: headers))
            #expect(answer.status == status)
        }
    }

    @Test func `an unknown action is not found`() async throws {
        try await withAdmin { url in
            let answer = try await Self.client.send(
                HTTPRequest(method: "POST", url: url + "/api/x"))
            #expect(answer.status == 404)
        }
    }

    @Test(
        arguments: [
            ("PUT", "/api/echo", true, 405), ("DELETE", "/api/things/1", true, 405),
            ("PATCH", "/api/nothing", true, 405), ("OPTIONS", "/api/echo", true, 405),
            ("PROPFIND", "/api/echo", true, 405), ("PUT", "/api/echo", false, 401),
            ("PUT", "/health/live", true, 404),
        ])
    func `a method that nothing takes is refused in JSON`(
        method: String, path: String, hasToken: Bool, status: Int
    ) async throws {
        try await withAdmin(token: "secret") { url in
            let token = (name: "Authorization", value: "Bearer secret")
            let answer = try await Self.client.send(
                HTTPRequest(
                    method: method, url: url + path,
                    headers: hasToken ? [token] : [], body: Array("{}".utf8)))
            #expect(answer.status == status)
            guard status != 404 else { return }
            #expect(answer.header("allow") == (status == 405 ? "GET, POST" : nil))
            #expect(answer.header("content-type") == "application/json")
            #expect(try JSONDocument.parse(answer.body).root["error"]?.string != nil)
        }
    }
}
