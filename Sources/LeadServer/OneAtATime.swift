internal import NIOCore

/// Holds back what a sender sends ahead, before anything is decoded.
///
/// A sender may send requests without waiting for the answers (pipelining). A read of 64 KiB holds
/// thousands of them, each a hundred times as large once it is decoded, and with nobody to take the
/// answers they would stay. So bytes are decoded in pieces: small ones where a request may begin,
/// as much as was announced of a body, and none while an answer is under way. While bytes wait,
/// nothing is read: a connection costs one read, whatever its sender does, and the sender's own
/// system holds the rest.
///
/// Ordinary senders never notice: what they send is one piece, and nothing waits.
final class OneAtATime: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The bytes of a piece where a request may begin or end: some 50 of the smallest requests.
    static let pieceBytes = 1 << 10
    /// The most bytes that wait. The system hands over all that it holds when a sender closes.
    static let waitingBytesMax = 256 << 10

    /// How many of so many bytes may be decoded now.
    private let room: (Int) -> Int
    private var context: ChannelHandlerContext?
    private var waiting = ByteBuffer()
    private var isHandingOn = false
    /// Whether something was to be read while bytes waited.
    private var isReadWanted = false
    /// Whether the sender closed its side while bytes waited.
    private var isInputClosed = false

    init(room: @escaping (Int) -> Int) { self.room = room }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        waiting = ByteBuffer()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if waiting.readableBytes == 0 {
            waiting = bytes
        } else {
            waiting.writeBuffer(&bytes)
        }
        handOn(context)
        if waiting.readableBytes > OneAtATime.waitingBytesMax { context.close(promise: nil) }
    }

    func read(context: ChannelHandlerContext) {
        guard waiting.readableBytes == 0 else { return isReadWanted = true }
        isReadWanted = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed, waiting.readableBytes > 0 {
            isInputClosed = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// An answer was taken: the next request has its turn.
    func goOn() {
        guard let context, waiting.readableBytes > 0 else { return }
        handOn(context)
        context.fireChannelReadComplete()
        guard waiting.readableBytes == 0 else { return }
        if isInputClosed {
            isInputClosed = false
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        if isReadWanted { read(context: context) }
    }

    private func handOn(_ context: ChannelHandlerContext) {
        // What is handed on may end in an answer, which calls for more.
        guard !isHandingOn else { return }
        isHandingOn = true
        defer { isHandingOn = false }
        while waiting.readableBytes > 0 {
            let count = min(room(waiting.readableBytes), waiting.readableBytes)
            guard count > 0, let piece = waiting.readSlice(length: count) else { return }
            // Held no longer than needed: the system reads into the same bytes again.
            if waiting.readableBytes == 0 { waiting = ByteBuffer() }
            context.fireChannelRead(wrapInboundOut(piece))
        }
    }
}
