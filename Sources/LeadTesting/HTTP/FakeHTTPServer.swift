internal import Foundation
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Synchronization

/// An HTTP server on 127.0.0.1 that records what it is asked and answers as it is told.
///
/// It serves HTTP/1.1 with keep-alive. Until told otherwise it answers 200 with an empty body.
/// Faults come first: each request uses up the first waiting fault; see `fail(_:times:)`.
public final class FakeHTTPServer: Sendable {
    /// Makes the answer to a request.
    public typealias Answer = @Sendable (RecordedRequest) async -> FakeResponse

    /// The most bytes of a body; a larger one is answered 413 and not recorded.
    public let bodyBytesMax: Int

    private let port: Int
    private let arrivals: Arrivals<RecordedRequest>
    private let faults = FaultSlots<Slot, HTTPFault>()
    private let answer: Mutex<Answer>
    private let state = Mutex(State.idle)

    private enum Slot: Hashable { case answer }

    private enum State {
        case idle
        case starting
        /// The task is cancelled and awaited by `stop()`.
        case running(port: Int, task: Task<Void, any Error>)
    }

    /// Makes a server that is not listening yet.
    ///
    /// - Parameters:
    ///   - port: where to listen; 0 lets the system choose a free port.
    ///   - recordedMax: how many requests are kept; those behind are answered and only counted.
    ///   - bodyBytesMax: the most bytes of a body.
    ///   - answer: makes each answer.
    public init(
        port: Int = 0, recordedMax: Int = 10_000, bodyBytesMax: Int = 8 << 20,
        answer: @escaping Answer = { _ in FakeResponse() }
    ) {
        self.port = port
        self.bodyBytesMax = bodyBytesMax
        arrivals = Arrivals(keptMax: recordedMax)
        self.answer = Mutex(answer)
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
        let bound = Arrivals<Int?>(keptMax: 1)
        let application = application { port in bound.append { _ in port } }
        // Cancelled and awaited by `stop()`.
        let task = Task {
            defer { bound.append { _ in nil } }
            try await application.run()
        }
        guard let port = await bound.wait(for: 1).first ?? nil else {
            state.withLock { $0 = .idle }
            task.cancel()
            try await task.value
            throw CancellationError()
        }
        state.withLock { $0 = .running(port: port, task: task) }
        return port
    }

    /// Stops listening, breaks off answers that hang, and returns when all connections are closed.
    /// May be called twice.
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
        answer: @escaping Answer = { _ in FakeResponse() },
        _ body: @Sendable (FakeHTTPServer) async throws -> Result
    ) async throws -> Result {
        let server = FakeHTTPServer(answer: answer)
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

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    public var url: String {
        state.withLock { state in
            guard case .running(let port, _) = state else {
                preconditionFailure("the server is not running")
            }
            return "http://127.0.0.1:\(port)"
        }
    }

    /// Changes how requests are answered from now on.
    public func setAnswer(_ new: @escaping Answer) { answer.withLock { $0 = new } }

    /// Lets the next requests fail. Faults queue up; each request uses up one.
    public func fail(_ fault: HTTPFault, times: Int = 1) {
        faults.add(fault, at: .answer, times: times)
    }

    /// Takes back every fault that has not happened yet.
    public func recover() { faults.removeAll() }

    /// The requests so far, in order of arrival, at most `recordedMax`.
    public var requests: [RecordedRequest] { arrivals.all }

    /// How many requests arrived, those not kept included.
    public var requestCount: Int { arrivals.total }

    /// Waits until so many requests have arrived since the start, and returns them all; returns
    /// early when the task is cancelled.
    public func requests(count: Int) async -> [RecordedRequest] { await arrivals.wait(for: count) }

    /// Forgets the requests so far; counting starts anew.
    public func forgetRequests() { arrivals.removeAll() }
}

extension FakeHTTPServer {
    /// What the responder needs of a connection.
    private struct Context: InitializableFromSource {
        let channel: any Channel
        init(source: ApplicationRequestContextSource) { channel = source.channel }
    }

    private func application(
        onPort: @escaping @Sendable (Int?) -> Void
    ) -> Application<CallbackResponder<Context>> {
        // Quiet: what a fake sees belongs to its records, and a log could hold tokens.
        let logger = Logger(label: "FakeHTTPServer") { _ in SwiftLogNoOpLogHandler() }
        return Application(
            responder: CallbackResponder { request, context in
                try await self.respond(to: request, on: context.channel)
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { onPort($0.localAddress?.port) },
            logger: logger)
    }

    private func respond(to request: Request, on channel: any Channel) async throws -> Response {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: bodyBytesMax)
        } catch is NIOTooManyBytesError {
            return FakeHTTPServer.response(FakeResponse(status: 413))
        }
        let recorded = record(request, body: Array(body.readableBytesView))
        let answer = answer.withLock { $0 }
        guard let fault = faults.take(.answer) else {
            return FakeHTTPServer.response(await answer(recorded))
        }
        switch fault {
        case .answer(let response): return FakeHTTPServer.response(response)
        case .hang: await Waiting.untilCancelled()
        case .close: break
        case .delay(let duration):
            try await Task.sleep(for: duration)
            return FakeHTTPServer.response(await answer(recorded))
        case .drip(let pause):
            return FakeHTTPServer.response(await answer(recorded), pause: pause)
        }
        try? await channel.close()
        throw CancellationError()
    }

    private func record(_ request: Request, body: [UInt8]) -> RecordedRequest {
        let target = Array((request.head.path ?? "/").utf8)
        let parts = target.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        var headers = request.headers.map { (name: $0.name.canonicalName, value: $0.value) }
        if let host = request.head.authority { headers.append(("host", host)) }
        var recorded = RecordedRequest(
            number: 0, method: request.method.rawValue,
            path: String(decoding: parts[0], as: UTF8.self),
            query: parts.count > 1 ? FormDecoding.urlEncoded(parts[1]) : [], headers: headers,
            body: body, receivedMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        recorded.number = arrivals.append { [recorded] number in
            var recorded = recorded
            recorded.number = number
            return recorded
        }
        return recorded
    }

    private static func response(_ fake: FakeResponse, pause: Duration? = nil) -> Response {
        var headers = HTTPFields()
        for (name, value) in fake.headers {
            guard let name = HTTPFields.Element.Name(name) else { continue }
            headers.append(HTTPFields.Element(name: name, value: value))
        }
        return Response(
            status: HTTPResponse.Status(code: fake.status), headers: headers,
            body: body(fake.body, pause: pause))
    }

    private static func body(_ bytes: [UInt8], pause: Duration?) -> ResponseBody {
        guard let pause else { return ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)) }
        return ResponseBody(contentLength: bytes.count) { writer in
            for byte in bytes {
                try await writer.write(ByteBuffer(bytes: [byte]))
                try await Task.sleep(for: pause)
            }
            try await writer.finish(nil)
        }
    }
}
