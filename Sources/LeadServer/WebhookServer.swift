internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
public import LeadKit
public import Logging
internal import NIOCore

/// Answers webhooks: a source called `facebook` listens at `/hooks/facebook`.
///
/// A sender that takes more than 10 s for a head, or 30 s for a body, is cut off; heads are limited
/// to 16 KiB and 100 fields. Bodies are limited to 1 MiB and refused by their announced length before they are read;
/// compressed bodies are refused. A sender that finds no room gets 503 with `Retry-After`: in the
/// store, or among the large bodies that are being received (`BodyBudget`).
public struct WebhookServer: Sendable {
    /// The most bytes of a body.
    public static let bodyBytesMax = 1 << 20
    /// A body up to so many bytes is always received, and not counted.
    public static let smallBodyBytesMax = 16 << 10
    /// The most bytes of larger bodies that are received or handled at once.
    public static let bodyBytesHeldMax = 64 << 20
    /// The most connections at once, when the process may have files enough.
    public static let connectionsMax = 2_048
    /// The most bytes of a path with its query.
    public static let targetBytesMax = 8 << 10

    private let host: String
    private let port: Int
    private let webhook: @Sendable (String) -> (any WebhookSource)?
    private let inbox: any InboxWriter
    private let now: @Sendable () -> Timestamp
    private let limits: ConnectionLimits
    private let counts: WebhookCounts
    private let bodies: BodyBudget
    private let logger: Logger

    /// The bytes of large bodies that are held just now.
    public var bodyBytesHeld: Int { bodies.bytes }

    /// Makes a server; port 0 takes a free one. `webhook` answers the source of a name, anew for
    /// each request.
    public init(
        host: String, port: Int, webhook: @escaping @Sendable (String) -> (any WebhookSource)?,
        inbox: any InboxWriter,
        now: @escaping @Sendable () -> Timestamp,
        limits: ConnectionLimits = ConnectionLimits(connectionsMax: WebhookServer.connectionsMax),
        counts: WebhookCounts = WebhookCounts(),
        bodyBytesHeldMax: Int = WebhookServer.bodyBytesHeldMax, logger: Logger
    ) {
        self.host = host
        self.port = port
        self.webhook = webhook
        self.inbox = inbox
        self.now = now
        self.limits = limits
        self.counts = counts
        bodies = BodyBudget(bytesMax: bodyBytesHeldMax)
        self.logger = logger
    }

    /// Listens until cancelled, then lets requests under way finish; `onListening` gets the port.
    ///
    /// - Throws: when the address cannot be had.
    public func run(onListening: @escaping @Sendable (Int) -> Void) async throws {
        // A router would walk a tree of paths for each request, and there is one path.
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            await self.counted(request)
        }
        let quiet = logger.forRequests
        let application = Application(
            responder: responder, server: limits.channel,
            configuration: .init(
                address: .hostname(host, port: port), serverName: "leadrouter",
                availableConnectionsDelegate: MaximumAvailableConnections(
                    limits.connectionsMax, logger: quiet)),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
            logger: quiet)
        try await application.listenUntilCancelled(at: "\(host):\(port)", logger: quiet)
    }

    /// The name in `/hooks/NAME`; nil for any other path.
    static func source(of request: Request) -> String? {
        let path = (request.head.path ?? "").utf8.prefix { $0 != 0x3F }
        let parts = path.split(separator: 0x2F, maxSplits: 3)
        guard parts.count == 2, parts[0].elementsEqual("hooks".utf8) else { return nil }
        return String(parts[1])
    }

    private func counted(_ request: Request) async -> Response {
        let name = WebhookServer.source(of: request)
        let source = name.flatMap(webhook)
        let response = await answer(request, source, named: name ?? "")
        counts.add(source == nil ? "" : name ?? "", response.status.code)
        return response
    }

    private func answer(
        _ request: Request, _ source: (any WebhookSource)?, named name: String
    ) async -> Response {
        guard let source else {
            return WebhookServer.response(404, "not found\n")
        }
        guard request.method == .get || request.method == .post else {
            var response = WebhookServer.response(405, "only GET and POST\n")
            response.headers[.allow] = "GET, POST"
            return response
        }
        guard (request.head.path ?? "").utf8.count <= WebhookServer.targetBytesMax else {
            return WebhookServer.response(414, "the address is too long\n")
        }
        var head = WebhookRequest(
            method: request.method.rawValue, query: WebhookServer.query(of: request),
            receivedTime: now())
        // Not through the initializer, which would make them lower case once more.
        head.headers = request.headers.map { ($0.name.canonicalName, $0.value) }
        guard head.headers("content-encoding").isEmpty else {
            return WebhookServer.response(415, "send the body without Content-Encoding\n")
        }
        if let length = head.headers("content-length").first.flatMap({ Int($0) }),
            length > WebhookServer.bodyBytesMax
        {
            return WebhookServer.tooLarge
        }
        var share = BodyBudget.Share(bodies)
        defer { share.giveBack() }
        var body: [UInt8] = []
        do {
            for try await part in request.body {
                guard body.count + part.readableBytes <= WebhookServer.bodyBytesMax else {
                    return WebhookServer.tooLarge
                }
                let isFirstLarge = share.bytes == 0
                guard share.grow(to: body.count + part.readableBytes) else {
                    return WebhookServer.noRoom
                }
                if isFirstLarge, share.bytes > 0, let answer = source.refusal(of: head) {
                    return WebhookServer.closing(WebhookServer.response(answer))
                }
                body.append(contentsOf: part.readableBytesView)
            }
        } catch {
            return WebhookServer.response(400, "the body ended early\n")
        }
        head.body = body
        return await hand(head, to: source, named: name)
    }

    private func hand(
        _ request: WebhookRequest, to source: any WebhookSource, named name: String
    ) async -> Response {
        do {
            return WebhookServer.response(try await source.receive(request, into: inbox))
        } catch {
            var retryAfter = 30
            switch error {
            case .overloaded(let seconds): retryAfter = seconds
            case .unavailable(let reason):
                logger.error("nothing stored: \(reason)", metadata: ["source": "\(name)"])
            }
            var response = WebhookServer.response(503, "try again later\n")
            response.headers[.retryAfter] = String(retryAfter)
            return response
        }
    }

    private static var tooLarge: Response { closing(response(413, "the body is over 1 MiB\n")) }

    private static var noRoom: Response {
        var response = response(503, "try again later\n")
        response.headers[.retryAfter] = String(BodyBudget.retryAfterSeconds)
        return closing(response)
    }

    /// What is left of the body is not read, so the connection cannot be used again.
    private static func closing(_ response: Response) -> Response {
        var response = response
        response.headers[.connection] = "close"
        return response
    }

    private static func response(_ answer: WebhookResponse) -> Response {
        response(answer.status, answer.body, answer.contentType)
    }

    private static func response(
        _ status: Int, _ body: String, _ contentType: String = "text/plain; charset=utf-8"
    ) -> Response {
        var headers = HTTPFields()
        // Appended: to set one is to look for another of its name first.
        headers.append(HTTPField(name: .contentType, value: contentType))
        headers.append(HTTPField(name: .xContentTypeOptions, value: "nosniff"))
        return Response(
            status: .init(code: status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }

    /// The query's names and values, `+` and `%XX` decoded, in order.
    static func query(of request: Request) -> [(name: String, value: String)] {
        let path = (request.head.path ?? "").utf8
        guard let mark = path.firstIndex(of: 0x3F) else { return [] }
        return Array(path[mark...].dropFirst())[...].split(separator: 0x26).map { pair in
            let parts = pair.split(
                separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
        }
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            let hex = rest.prefix(2)
            // `UInt8(_:radix:)` alone would take "%+5" for a byte.
            if byte == 0x25, hex.count == 2, hex.first != 0x2B,
                let value = UInt8(String(decoding: hex, as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte == 0x2B ? 0x20 : byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
