internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// An SMTP server on 127.0.0.1 that takes mails and keeps them, and fails as it is told.
///
/// It speaks ESMTP (RFC 5321) with PIPELINING, 8BITMIME, SIZE, SMTPUTF8 and, with a user, AUTH
/// PLAIN and LOGIN. It is strict where careless clients are dangerous: a line ends with CRLF only,
/// a message with a lone CR or LF is refused with 550, and unknown parameters with 555.
public final class FakeSMTPServer: Sendable {
    /// What is done with each mail before it is acknowledged. Throwing answers 451.
    public typealias Sink = @Sendable (Mail) async throws -> Void

    /// What it offers and bounds.
    public let options: SMTPOptions

    let arrivals: Arrivals<Mail>
    let faults = FaultSlots<Slot, SMTPFault>()
    let sink: Sink?
    private let opened = Arrivals<Void>(keptMax: 0)
    private let mailNumber = Mutex(0)
    private let state = Mutex(State.idle)

    enum Slot: Hashable { case step(SMTPStep), recipient(String) }

    private enum State {
        case idle
        case starting
        /// The task is cancelled and awaited by `stop()`.
        case running(port: Int, task: Task<Void, any Error>)
    }

    /// Makes a server that is not listening yet.
    public init(options: SMTPOptions = SMTPOptions(), sink: Sink? = nil) {
        self.options = options
        self.sink = sink
        arrivals = Arrivals(keptMax: options.mailsMax)
    }

    /// Listens, and returns the port once connections are taken.
    ///
    /// - Throws: when the port cannot be bound.
    @discardableResult
    public func start() async throws -> Int {
        state.withLock { state in
            guard case .idle = state else { preconditionFailure("the server was started twice") }
            state = .starting
        }
        do {
            let listener = try await listen()
            let port = listener.channel.localAddress?.port ?? 0
            // Cancelled and awaited by `stop()`.
            let task = Task { try await self.serve(listener) }
            state.withLock { $0 = .running(port: port, task: task) }
            return port
        } catch {
            state.withLock { $0 = .idle }
            throw error
        }
    }

    /// Stops listening and closes all connections, hanging ones too. May be called twice.
    public func stop() async {
        let task: Task<Void, any Error>? = state.withLock { state in
            guard case .running(_, let task) = state else { return nil }
            state = .idle
            return task
        }
        task?.cancel()
        _ = await task?.result
    }

    /// Runs the body with a started server, and stops it afterwards whatever happens.
    public static func running<Result: Sendable>(
        options: SMTPOptions = SMTPOptions(),
        _ body: @Sendable (FakeSMTPServer) async throws -> Result
    ) async throws -> Result {
        let server = FakeSMTPServer(options: options)
        try await server.start()
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    /// The port it listens on.
    public var port: Int {
        state.withLock { state in
            guard case .running(let port, _) = state else {
                preconditionFailure("the server is not running")
            }
            return port
        }
    }

    /// `smtp://127.0.0.1:PORT`
    public var url: String { "smtp://127.0.0.1:\(port)" }

    /// Lets a step fail the next times it is reached. Faults queue up; each turn uses up one.
    public func fail(_ step: SMTPStep, with fault: SMTPFault, times: Int = 1) {
        faults.add(fault, at: .step(step), times: times)
    }

    /// Lets RCPT TO for that address fail the next times; compared in lower case.
    public func fail(recipient: String, with fault: SMTPFault, times: Int = 1) {
        faults.add(fault, at: .recipient(recipient.lowercased()), times: times)
    }

    /// Takes back every fault that has not happened yet.
    public func recover() { faults.removeAll() }

    /// The mails so far, in order of arrival, at most `options.mailsMax`.
    public var mails: [Mail] { arrivals.all }

    /// How many mails arrived, those not kept included.
    public var mailCount: Int { arrivals.total }

    /// How many connections were opened.
    public var connectionCount: Int { opened.total }

    /// Waits until so many mails have arrived since the start, and returns them all; returns early
    /// when the task is cancelled.
    public func mails(count: Int) async -> [Mail] { await arrivals.wait(for: count) }

    /// Waits until so many connections were opened, or the task is cancelled.
    public func connections(count: Int) async { _ = await opened.wait(for: count) }
}

extension FakeSMTPServer {
    /// Numbers are given before the sink sees a mail; a mail that it refuses leaves a gap.
    func nextMailNumber() -> Int {
        mailNumber.withLock { number in
            number += 1
            return number
        }
    }

    typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func listen() async throws -> NIOAsyncChannel<Connection, Never> {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: options.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Connection(wrappingChannelSynchronously: channel)
                }
            }
    }

    private func serve(_ listener: NIOAsyncChannel<Connection, Never>) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await listener.executeThenClose { connections in
                for try await connection in connections {
                    opened.append { _ in }
                    group.addTask {
                        // A client that breaks the connection is no fault of the server.
                        try? await connection.executeThenClose { inbound, outbound in
                            var session = SMTPSession(server: self)
                            try await session.run(inbound, outbound)
                        }
                    }
                }
            }
        }
    }
}
