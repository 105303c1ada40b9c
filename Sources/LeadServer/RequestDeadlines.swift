internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Closes connections whose sender takes too long, and answers heads that are too large.
///
/// A connection is waiting for a request (idle), receiving its head, receiving its body, waiting for
/// its answer, or having it taken. All but the wait for the answer have a deadline; that takes as
/// long as the source and the store do, which have limits of their own. An answer is taken when its
/// last byte has left the process: a sender that reads nothing fills the system's buffers first, and
/// then has `answerSeconds`. Until then nothing more of what it sent ahead is looked at, see
/// `OneAtATime`. All on the connection's event loop.
///
/// A timer that looks at the deadline now and then is cheaper than one that is set and cancelled
/// three times for each request. A connection is closed up to a tick late.
final class RequestDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    fileprivate enum State { case idle, head, body, answer, taking, refused, over }

    private let limits: ConnectionLimits
    private let tick: TimeAmount
    private var state = State.head
    /// The requests whose heads came, the answers that were written to their end, and those of
    /// them that were taken. A few requests may be under way where one piece brought them.
    private var (asked, answered, taken) = (0, 0, 0)
    /// Whether a part of an answer was written that was not yet taken.
    private var isTaking = false
    /// The head of the body that comes in, and how much of the body has come.
    private var head: HTTPRequest?
    private var bodyBytes = 0
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?
    private var gate: OneAtATime?

    init(_ limits: ConnectionLimits) {
        self.limits = limits
        let shortest = min(
            limits.headSeconds, limits.bodySeconds, limits.idleSeconds, limits.answerSeconds)
        tick = .milliseconds(max(1, Int64(shortest) * 1000 / 8))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // What a request is shows behind the decoder only, and its bytes before it only.
        let gate = OneAtATime { [weak self] in self?.room(for: $0) ?? 0 }
        // Cannot fail: the pipeline is being made, on its own event loop.
        try? context.pipeline.syncOperations.addHandler(gate, position: .first)
        // What is read at once is what a connection may cost while its answer is not taken.
        let options = context.channel.syncOptions
        try? options?.setOption(.maxMessagesPerRead, value: 1)
        try? options?.setOption(
            .socketOption(.so_sndbuf), value: SocketOptionValue(limits.answerBytesQueued))
        self.gate = gate
        enter(.head)
        wait(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            asked += 1
            (self.head, bodyBytes) = (head, 0)
            enter(.body)
        case .body(let part): bodyBytes += part.readableBytes
        case .end:
            head = nil
            enter(taken == asked ? .idle : isTaking ? .taking : .answer)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        isTaking = true
        if state == .answer { enter(.taking) }
        switch unwrapOutboundIn(data) {
        case .head: break
        case .body(let part):
            let seconds = part.readableBytes / ConnectionLimits.answerBytesPerSecondMin
            if state == .taking, seconds > 0 {
                deadline = deadline.map { $0 + .seconds(Int64(seconds)) }
            }
        case .end:
            answered += 1
            let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { self.noteTaken() }
            return context.write(data, promise: promise)
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whoever reads a body must hear that it broke off: it would be taken for whole.
        guard let error = error as? HTTPParserError, state == .head || state == .idle else {
            return context.fireErrorCaught(error)
        }
        enter(.refused)
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

    private func noteTaken() {
        taken += 1
        isTaking = taken < answered
        guard state == .taking else { return }
        guard taken == asked else { return enter(isTaking ? .taking : .answer) }
        enter(.idle)
        gate?.goOn()
    }

    /// How many of the bytes that wait may be decoded now.
    private func room(for bytes: Int) -> Int {
        switch state {
        case .idle:
            enter(.head)
            return OneAtATime.pieceBytes
        case .head: return OneAtATime.pieceBytes
        case .body where bytes <= OneAtATime.pieceBytes: return bytes
        case .body:
            let announced = head?.headerFields[.contentLength].flatMap { Int($0) } ?? 0
            return max(OneAtATime.pieceBytes, announced - bodyBytes)
        case .answer, .taking, .refused, .over: return 0
        }
    }

    private func enter(_ state: State) {
        guard self.state != .over else { return }
        self.state = state
        switch state {
        case .idle: deadline = .now() + .seconds(Int64(limits.idleSeconds))
        case .head: deadline = .now() + .seconds(Int64(limits.headSeconds))
        case .body: deadline = .now() + .seconds(Int64(limits.bodySeconds))
        case .answer: deadline = nil
        case .taking, .refused: deadline = .now() + .seconds(Int64(limits.answerSeconds))
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
