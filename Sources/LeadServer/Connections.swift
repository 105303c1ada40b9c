internal import Glibc
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// What a listener bears of its connections.
public struct ConnectionLimits: Sendable {
    /// How long the head of a request may take, from its first byte, or from the connection's
    /// opening.
    public var headSeconds = 10
    /// How long a body may take, from its head.
    public var bodySeconds = 30
    /// How long a connection may be kept open between two requests.
    public var idleSeconds = 60
    /// The most connections at once; more wait in the system's queue.
    public var connectionsMax: Int
    /// The most bytes of a head, and of one line of it.
    public static let headBytesMax = 16 << 10
    /// The most header fields.
    public static let fieldsMax = 100

    /// Makes limits; the most connections are at most a quarter of the files that the process may
    /// have open, so that the store and the sinks never lack one.
    public init(connectionsMax: Int) {
        var files = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0
        let quarter = isKnown ? Int(clamping: files.rlim_cur / 4) : connectionsMax
        self.connectionsMax = max(16, min(connectionsMax, quarter))
    }

    /// Lets the process have as many files open as the system allows it. Call it at the start.
    public static func raiseOpenFiles() {
        var files = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &files) == 0, files.rlim_cur < files.rlim_max else { return }
        files.rlim_cur = min(files.rlim_max, 65_536)
        setrlimit(kind, &files)
    }

    /// How Hummingbird is to serve connections.
    var channel: HTTPServerBuilder {
        let limits = self
        return .http1(
            configuration: .init(
                additionalChannelHandlers: [RequestDeadlines(limits)],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: ConnectionLimits.headBytesMax,
                    maxHeaderListSize: ConnectionLimits.headBytesMax,
                    maxHeaderFieldCount: ConnectionLimits.fieldsMax)))
    }
}

/// Closes connections whose sender takes too long, and answers heads that are too large.
///
/// A connection is in one of four states: waiting for a request (idle), receiving its head,
/// receiving its body, being answered. The first three have a deadline; the answer takes as long as
/// the source and the store do, which have limits of their own. All on the connection's event loop.
///
/// A timer that looks at the deadline now and then is cheaper than one that is set and cancelled
/// three times for each request. A connection is closed up to a tick late.
private final class RequestDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    fileprivate enum State { case idle, head, body, answer, over }

    private let limits: ConnectionLimits
    private let tick: TimeAmount
    private var state = State.head
    /// Whether the answer is out, and the body that nobody waited for still comes in.
    private var isAnswered = false
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?

    init(_ limits: ConnectionLimits) {
        self.limits = limits
        let shortest = min(limits.headSeconds, limits.bodySeconds, limits.idleSeconds)
        tick = .milliseconds(max(1, Int64(shortest) * 1000 / 8))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The first byte of a head shows before the decoder only.
        let watch = FirstByte { [weak self] in
            if self?.state == .idle { self?.enter(.head) }
        }
        // Cannot fail: the pipeline is being made, on its own event loop.
        try? context.pipeline.syncOperations.addHandler(watch, position: .first)
        enter(.head)
        wait(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            isAnswered = false
            enter(.body)
        case .body: break
        case .end: enter(isAnswered ? .idle : .answer)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            if state == .answer { enter(.idle) } else { isAnswered = true }
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whoever reads a body must hear that it broke off: it would be taken for whole.
        guard let error = error as? HTTPParserError, state == .head || state == .idle else {
            return context.fireErrorCaught(error)
        }
        enter(.over)
        let status: HTTPResponse.Status =
            error == .headerOverflow ? .requestHeaderFieldsTooLarge : .badRequest
        let head = HTTPResponse(
            status: status, headerFields: [.connection: "close", .contentLength: "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)))
            .assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        enter(.over)
        context.fireChannelInactive()
    }

    private func enter(_ state: State) {
        guard self.state != .over else { return }
        self.state = state
        switch state {
        case .idle: deadline = .now() + .seconds(Int64(limits.idleSeconds))
        case .head: deadline = .now() + .seconds(Int64(limits.headSeconds))
        case .body: deadline = .now() + .seconds(Int64(limits.bodySeconds))
        case .answer: deadline = nil
        case .over:
            timer?.cancel()
            timer = nil
        }
    }

    /// Closes the connection at the first tick after its deadline.
    private func wait(_ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: tick) {
            guard self.state != .over else { return }
            if let deadline = self.deadline, deadline <= .now() {
                context.close(promise: nil)
            } else {
                self.wait(context)
            }
        }
    }
}

/// Tells of every read, before anything is decoded.
private final class FirstByte: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let onRead: () -> Void

    init(onRead: @escaping () -> Void) { self.onRead = onRead }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        onRead()
        context.fireChannelRead(data)
    }
}
