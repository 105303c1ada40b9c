import Foundation
import LeadKit
import LeadServer
import Logging
import ServiceLifecycle
import Synchronization

/// Takes or refuses everything.
struct StubInbox: InboxWriter {
    var error: IntakeError?

    func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance] {
        if let error { throw error }
        return items.map { _ in .stored }
    }
}

/// A webhook that keeps what it got, hands an empty item on, and can wait before it answers.
final class EchoSource: WebhookSource {
    static let name = "echo"
    static let summary = "For tests."
    static let example = ""

    struct Config: PluginConfig {
        static let settings: [Setting<Config>] = []
    }

    let requests = Mutex<[WebhookRequest]>([])
    let arrivals = AsyncStream<Void>.makeStream()
    let answers: AsyncStream<Void>?

    /// What heads are refused that lack this field.
    let needed: String?

    init(answers: AsyncStream<Void>? = nil, needed: String? = nil) {
        self.answers = answers
        self.needed = needed
    }
    init(config: Config, context: PluginContext) { (answers, needed) = (nil, nil) }

    func refusal(of head: WebhookRequest) -> WebhookResponse? {
        guard let needed, head.headers(needed).isEmpty else { return nil }
        return WebhookResponse(status: 401, body: "no \(needed)")
    }

    func receive(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse {
        requests.withLock { $0.append(request) }
        arrivals.continuation.yield()
        if let answers { for await _ in answers { break } }
        _ = try await inbox.accept([.quarantined(source: "echo", raw: request.body, reason: "test")]
        )
        return WebhookResponse(status: 200, body: "taken")
    }
}

/// What was logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(lines: self) }
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message)") } }
    }
}

private struct Member: Service {
    let body: @Sendable () async throws -> Void
    func run() async throws { try await body() }
}

/// Runs a listener in a service group while the body runs, and ends it gracefully.
func withListener(
    _ logger: Logger,
    _ run: @escaping @Sendable (@escaping @Sendable (Int) -> Void) async throws -> Void,
    body: (_ port: Int, _ group: ServiceGroup) async throws -> Void
) async throws {
    let ports = AsyncStream<Int>.makeStream()
    let service = Member { try await run { ports.continuation.yield($0) } }
    let group = ServiceGroup(
        configuration: .init(services: [.init(service: service)], logger: logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        for await port in ports.stream {
            try await body(port, group)
            break
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

func withWebhooks(
    _ source: EchoSource = EchoSource(), inbox: StubInbox = StubInbox(), log: LogLines = LogLines(),
    limits: ConnectionLimits = ConnectionLimits(connectionsMax: 100),
    bodyBytesHeldMax: Int = WebhookServer.bodyBytesHeldMax,
    made: (WebhookServer) -> Void = { _ in },
    body: (_ port: Int, _ group: ServiceGroup) async throws -> Void
) async throws {
    let server = WebhookServer(
        host: "127.0.0.1", port: 0, webhook: { ["echo": source][$0] }, inbox: inbox,
        now: { Timestamp(seconds: 1_700_000_000) }, limits: limits,
        bodyBytesHeldMax: bodyBytesHeldMax, logger: log.logger)
    made(server)
    try await withListener(log.logger, { try await server.run(onListening: $0) }, body: body)
}
