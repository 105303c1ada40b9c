internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore

/// Answers operators and supervisors: `/health/live`, `/health/ready`, and below `/api/` what the
/// ledger holds and the actions that a second process (such as `leadrouter import`) asks the
/// running one to do.
public struct AdminServer: Sendable {
    /// What an action answers.
    public struct Answer: Sendable {
        /// The HTTP status.
        public var status: Int
        /// A JSON text.
        public var body: [UInt8]

        /// Makes an answer.
        public init(status: Int = 200, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    /// What `/health/ready` answers.
    public struct Readiness: Sendable {
        /// Whether leads can be taken in: 200, else 503.
        public var isReady: Bool
        /// What the log is to tell of that, once until it changes; nil for nothing.
        public var trouble: String?
        /// A JSON object.
        public var body: [UInt8]

        /// Makes an answer.
        public init(isReady: Bool, trouble: String? = nil, body: [UInt8]) {
            self.isReady = isReady
            self.trouble = trouble
            self.body = body
        }
    }

    /// An action: takes the query and the body of a POST.
    public typealias Action = @Sendable ([UInt8]) async -> Answer

    /// What answers one method at one path.
    public struct Endpoint: Sendable {
        /// What is asked.
        public struct Query: Sendable {
            /// The parts of the path that stand for `:name`, decoded.
            public var path: [String: String]
            /// The query's names and values, decoded, in order.
            public var parameters: [(name: String, value: String)]
            /// The body of a POST.
            public var body: [UInt8]

            /// Makes one.
            public init(
                path: [String: String] = [:], parameters: [(name: String, value: String)] = [],
                body: [UInt8] = []
            ) {
                self.path = path
                self.parameters = parameters
                self.body = body
            }
        }

        /// Whether it is a POST, and may change something; else a GET.
        public var isPost: Bool
        /// The path below `/api/`; a part `:name` stands for any text.
        public var path: String
        /// Makes the answer.
        public var answer: @Sendable (Query) async -> Answer

        /// A GET.
        public static func get(
            _ path: String, _ answer: @escaping @Sendable (Query) async -> Answer
        ) -> Endpoint {
            Endpoint(isPost: false, path: path, answer: answer)
        }

        /// A POST.
        public static func post(
            _ path: String, _ answer: @escaping @Sendable (Query) async -> Answer
        ) -> Endpoint {
            Endpoint(isPost: true, path: path, answer: answer)
        }
    }

    /// The most connections at once.
    public static let connectionsMax = 64
    /// The types of a body.
    private static let types = ["application/json", "application/x-ndjson"]
    /// The most bytes of a body.
    public static let bodyBytesMax = 16 << 20

    private let host: String
    private let port: Int
    private let token: String?
    private let readiness: @Sendable () async -> Readiness
    private let metrics: @Sendable () async -> String
    private let actions: [String: Action]
    private let endpoints: [Endpoint]
    private let limits: ConnectionLimits
    private let logger: Logger

    /// Makes a server. `actions` are POST endpoints by path below `/api/`; they and the `endpoints`
    /// need the token, if there is one, as `Authorization: Bearer TOKEN`.
    public init(
        host: String, port: Int, token: String?,
        readiness: @escaping @Sendable () async -> Readiness,
        metrics: @escaping @Sendable () async -> String, actions: [String: Action],
        endpoints: [Endpoint] = [],
        limits: ConnectionLimits = ConnectionLimits(connectionsMax: AdminServer.connectionsMax),
        logger: Logger
    ) {
        self.endpoints = endpoints
        self.host = host
        self.port = port
        self.token = token
        self.readiness = readiness
        self.metrics = metrics
        self.actions = actions
        self.limits = limits
        self.logger = logger
    }

    /// Listens until cancelled, then lets requests under way finish; `onListening` gets the port.
    public func run(onListening: @escaping @Sendable (Int) -> Void) async throws {
        let router = Router()
        let troubles = TroubleLog(logger)
        router.get("/health/live") { _, _ in
            AdminServer.response(200, Array("{\"live\":true}\n".utf8))
        }
        router.get("/health/ready") { _, _ in
            let readiness = await self.readiness()
            troubles.note(readiness)
            return AdminServer.response(readiness.isReady ? 200 : 503, readiness.body)
        }
        router.get("/metrics") { _, _ in
            AdminServer.response(
                200, Array(await self.metrics().utf8),
                type: "text/plain; version=0.0.4; charset=utf-8")
        }
        for (path, action) in actions {
            router.post("/api/\(path)") { request, _ in
                await self.post(request) { await action($0) }
            }
        }
        for endpoint in endpoints { add(endpoint, to: router) }
        router.add(middleware: OtherMethods { self.refusal(of: $0) })
        let quiet = logger.forRequests
        let application = Application(
            router: router, server: limits.channel,
            configuration: .init(
                address: .hostname(host, port: port), serverName: "leadrouter",
                availableConnectionsDelegate: MaximumAvailableConnections(
                    limits.connectionsMax, logger: quiet)),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? 0) },
            logger: quiet)
        try await application.listenUntilCancelled(at: "\(host):\(port)", logger: quiet)
    }

    private func add(_ endpoint: Endpoint, to router: Router<BasicRequestContext>) {
        router.on("/api/\(endpoint.path)", method: endpoint.isPost ? .post : .get) {
            request, context in
            let path = Dictionary(
                context.parameters.map { (String($0.key), $0.value.removingPercentEncoding ?? "") }
            ) { first, _ in first }
            let parameters = WebhookServer.query(of: request)
            guard endpoint.isPost else {
                if let refusal = self.refusal(of: request) { return refusal }
                let answer = await endpoint.answer(
                    Endpoint.Query(path: path, parameters: parameters))
                return AdminServer.response(answer.status, answer.body)
            }
            return await self.post(request) { body in
                await endpoint.answer(
                    Endpoint.Query(path: path, parameters: parameters, body: body))
            }
        }
    }

    /// Why the request is not looked at any further.
    private func refusal(of request: Request) -> Response? {
        guard isForThisHost(request) else {
            return AdminServer.response(421, Array("{\"error\":\"wrong host\"}\n".utf8))
        }
        guard isAuthorised(request) else {
            return AdminServer.response(401, Array("{\"error\":\"token needed\"}\n".utf8))
        }
        return nil
    }

    private func post(
        _ request: Request, _ action: @Sendable ([UInt8]) async -> Answer
    ) async -> Response {
        if let refusal = refusal(of: request) { return refusal }
        // A page in a browser cannot send these types without asking first (CORS preflight); a
        // form's own type it can.
        let type = (request.headers[.contentType] ?? "").lowercased().utf8
            .prefix { $0 != 0x3B && $0 != 0x20 && $0 != 0x09 }
        guard AdminServer.types.contains(where: { type.elementsEqual($0.utf8) }) else {
            return AdminServer.response(415, Array("{\"error\":\"send application/json\"}\n".utf8))
        }
        var request = request
        guard let buffer = try? await request.collectBody(upTo: AdminServer.bodyBytesMax) else {
            return AdminServer.response(413, Array("{\"error\":\"body too large\"}\n".utf8))
        }
        let answer = await action(Array(buffer.readableBytesView))
        return AdminServer.response(answer.status, answer.body)
    }

    /// A web page that rebinds its name to this machine still sends its own name, and an Origin.
    private func isForThisHost(_ request: Request) -> Bool {
        guard request.headers[.origin] == nil, let authority = request.head.authority else {
            return false
        }
        let bytes = Array(authority.utf8)
        let end = bytes.last == 0x5D ? nil : bytes.lastIndex(of: 0x3A)
        let name = String(decoding: bytes[..<(end ?? bytes.count)], as: UTF8.self)
        return ["localhost", "127.0.0.1", "[::1]", host, "[\(host)]"].contains(name)
    }

    private func isAuthorised(_ request: Request) -> Bool {
        guard let token else { return true }
        let given = Array((request.headers[.authorization] ?? "").utf8)
        let wanted = Array("Bearer \(token)".utf8)
        // Every byte is looked at, so that the time tells nothing about where they differ.
        var difference = given.count ^ wanted.count
        for index in wanted.indices {
            difference |= Int(wanted[index] ^ (index < given.count ? given[index] : 0))
        }
        return difference == 0
    }

    static func response(
        _ status: Int, _ body: [UInt8], type: String = "application/json"
    ) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = type
        headers[.xContentTypeOptions] = "nosniff"
        return Response(
            status: .init(code: status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
