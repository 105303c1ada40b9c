import LeadKit
import LeadTesting
import Logging
import SourceTesting
import Synchronization
import Testing
import WebhookSource

@Suite(.timeLimit(.minutes(2))) struct WebhookSourceTests {
    private static let auth: SettingLiteral = [
        "auth": ["header": "X-Form-Token", "secret": "f0rm-t0ken"]
    ]

    @Test(arguments: ["X-Form-Token", "x-form-token", "X-FORM-TOKEN"])
    func `the right secret opens`(header: String) async throws {
        let request = Form.request(
            Array(#"{"a":"x"}"#.utf8), headers: [(header, "f0rm-t0ken")])
        #expect(try await Form.send(request, Self.auth).response.status == 200)
    }

    @Test(arguments: [
        [], [""], ["wrong"], ["f0rm-t0ke"], ["f0rm-t0ken "], ["F0RM-T0KEN"], ["f0rm-t0ken\u{301}"],
        ["f0rm-t0ken", "f0rm-t0ken"], ["f0rm-t0ken", "wrong"], ["Bearer f0rm-t0ken"],
    ])
    func `anything else stays outside`(values: [String]) async throws {
        // A body that could not be read must not be told apart before the secret is right.
        for body in [#"{"a":"x"}"#, "{"] {
            let request = Form.request(
                Array(body.utf8), headers: values.map { ("X-Form-Token", $0) })
            let outcome = try await Form.send(request, Self.auth)
            #expect(outcome.response.status == 401)
            #expect(await outcome.inbox.calls == 0)
            #expect(!ByteSearch.contains(outcome.response.body, "f0rm"))
            #expect(!ByteSearch.contains(outcome.response.body, "X-Form-Token"))
        }
    }

    @Test(arguments: [
        ("new", 200), ("old", 200), ("older", 401), ("", 401), ("new,old", 401), ("newold", 401),
    ])
    func `while a secret is changed both open, and nothing else does`(
        given: String, status: Int
    ) async throws {
        let settings: SettingLiteral = [
            "auth": ["header": "X-Form-Token", "secret": ["new", "old"]]
        ]
        let request = Form.request(
            Array(#"{"a":"x"}"#.utf8), headers: [("X-Form-Token", given)])
        #expect(try await Form.send(request, settings).response.status == status)
        // The control: by itself the new one does not open for the old one.
        let after = try await Form.send(
            request, ["auth": ["header": "X-Form-Token", "secret": ["new"]]])
        #expect(after.response.status == (given == "new" ? 200 : 401))
    }

    @Test func `the previous secret is told once an hour, without the secret`() async throws {
        let lines = NoticeLines()
        let settings: SettingLiteral = [
            "auth": ["header": "X-T", "secret": ["s3cret-2", "s3cret-1"]]
        ]
        let source = FormWebhookSource(
            config: Form.config(settings),
            context: PluginContext(instance: "website", logger: lines.logger))
        for (number, after) in [(2, 0), (1, 1), (1, 2), (1, 3600), (1, 3601)] {
            let secret = "s3cret-\(number)"
            var request = Form.request(Array(#"{"a":"x"}"#.utf8), headers: [("X-T", secret)])
            request.receivedTime = Timestamp(seconds: Form.time.seconds + Int64(after))
            let response = try await source.receive(request, into: MemoryInbox())
            #expect(response.status == 200)
        }
        let told = lines.all.filter { ByteSearch.contains($0, "previous secret") }
        #expect(told.count == 2)
        #expect(!lines.all.contains { ByteSearch.contains($0, "s3cret") })
    }

    @Test(arguments: ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post", ""])
    func `only POST is taken`(method: String) async throws {
        let request = Form.request(Array(#"{"a":"x"}"#.utf8), method: method)
        let outcome = try await Form.send(request)
        #expect(outcome.response.status == 405)
        #expect(await outcome.inbox.calls == 0)
    }

    @Test(arguments: [
        nil, "", "text/plain", "text/html", "application/xml", "application/octet-stream", "json",
        "+json", "application/json, text/plain", "application/json; charset", "multipart/mixed",
        "application/json; charset=utf-8; charset=utf-8", "application/json; charset=\"utf-8",
        "application/jsonp", "application/x-www-form-urlencodedx",
    ])
    func `other types are refused`(type: String?) async throws {
        let body = Array(#"{"a":"x"}"#.utf8)
        let outcome = try await Form.send(Form.request(body, type))
        #expect(outcome.response.status == 415)
        #expect(await outcome.isKeptAside(body))
    }

    @Test(arguments: [0, 1, 64 << 10, 64 << 10 + 1])
    func `what cannot be read is kept aside, unless it is long`(count: Int) async throws {
        let body = [UInt8](repeating: 0x7B, count: count)
        let outcome = try await Form.send(Form.request(body))
        #expect(outcome.response.status == 400)
        let isKept = (1...64 << 10).contains(count)
        #expect(ByteSearch.contains(outcome.response.body, "kept aside") == isKept)
        #expect(await outcome.inbox.quarantinedBytes == (isKept ? [body] : []))
    }

    @Test func `two types or an encoding are refused`() async throws {
        let body = Array(#"{"a":"x"}"#.utf8)
        let twice = Form.request(body, headers: [("content-type", "application/json")])
        #expect(try await Form.send(twice).response.status == 415)
        for encoding in ["gzip", "identity", ""] {
            let encoded = Form.request(body, headers: [("Content-Encoding", encoding)])
            #expect(try await Form.send(encoded).response.status == 415)
        }
    }

    @Test(arguments: ["http://spam.example", "x", " x ", "0"])
    func `what fills in the honeypot is dropped as if it were taken`(value: String) async throws {
        let settings: SettingLiteral = ["honeypot": "hp_url"]
        let bodies = [
            (#"{"id":"1","a":"x","hp_url":"\#(value)"}"#, "application/json"),
            (#"{"id":"1","a":"x","hp_url":["","\#(value)"]}"#, "application/json"),
            ("id=1&a=x&hp_url=\(value)", Form.urlencoded),
            ("id=1&a=x&hp_url=&hp_url%5B%5D=\(value)", Form.urlencoded),
        ]
        for (body, type) in bodies {
            let outcome = try await Form.send(body, type, settings)
            #expect(outcome.response.status == 200)
            #expect(await outcome.inbox.calls == 0)
        }
    }

    @Test func `an empty honeypot is taken out of the answers`() async throws {
        let settings: SettingLiteral = ["honeypot": "hp_url"]
        for value in [#""""#, #"" ""#, "null", "[]", #"[""]"#] {
            let outcome = try await Form.send(
                #"[{"id":"1","a":"x","hp_url":\#(value)},{"id":"2","a":"y","hp_url":"spam"}]"#,
                "application/json", settings)
            #expect(outcome.response.body == Form.counts(1))
            let lead = try #require(await outcome.inbox.leads.first)
            #expect(lead.id.text == "1")
            #expect(lead.fieldData.map(\.name) == ["a"])
        }
    }

    @Test(arguments: [IntakeError.overloaded(retryAfterSeconds: 5), .unavailable("disk full")])
    func `without a commit there is no 200`(error: IntakeError) async throws {
        let inbox = MemoryInbox()
        await inbox.fail(error)
        await #expect(throws: error) { try await Form.send(#"{"a":"x"}"#, to: inbox) }
        #expect(await inbox.items.isEmpty)
    }

    @Test func `an answer holds nothing of the lead`() async throws {
        for body in [#"{"id":"SECRET","a":"SECRET"}"#, #"{"a":[["SECRET"]]}"#, #"{"SECRET":"#] {
            let outcome = try await Form.send(body)
            #expect(!ByteSearch.contains(outcome.response.body, "SECRET"))
            for reason in await outcome.inbox.quarantineReasons {
                #expect(!ByteSearch.contains(reason, "SECRET"))
            }
        }
    }

    // MARK: Settings

    @Test func `without auth there is a warning`() {
        var problems = SettingProblems()
        let none: SettingLiteral = [:]
        #expect(FormWebhookConfig.decode(none.node, problems: &problems) != nil)
        #expect(problems.diagnostics.map(\.code) == ["no-auth"])
        #expect(Form.config(Self.auth).auth?.secrets.map(\.revealed) == ["f0rm-t0ken"])
    }

    @Test(
        arguments: [
            ["auth": ["header": "X-Form-Token"]], ["auth": ["secret": "s"]], ["auth": "s"],
            ["auth": ["header": "X Form", "secret": "s"]], ["auth": ["header": "", "secret": "s"]],
            ["auth": ["header": "X\r\nY", "secret": "s"]],
            ["auth": ["header": "é", "secret": "s"]],
            ["auth": ["header": "X", "secret": []]],
            ["auth": ["header": "X", "secret": ["a", " "]]],
            ["auth": ["header": "X", "secret": ["a", "b", "c"]]],
            ["auth": ["header": "X", "secret": ""]], ["auth": ["header": "X", "secret": " "]],
            ["rename": ["a"]], ["honeypto": "x"], ["id": ["x"]],
        ] as [SettingLiteral])
    func `what cannot work is refused`(settings: SettingLiteral) {
        var problems = SettingProblems()
        #expect(FormWebhookConfig.decode(settings.node, problems: &problems) == nil)
        #expect(problems.diagnostics.contains { $0.severity == .error })
    }
}

/// What a source tells the log.
private final class NoticeLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: NoticeLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.message) \(event.metadata ?? [:])"
            lines.lines.withLock { $0.append(line) }
        }
    }
}
