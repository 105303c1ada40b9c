import Synchronization

/// What is to be sent.
enum Order: Sendable {
    case http(HTTPRequest)
    case mail(MailRequest)

    /// How long it may take.
    var timeout: Duration {
        switch self {
        case .http(let request): request.timeout
        case .mail(let mail): mail.timeout
        }
    }
}

/// What came back.
struct Answer: Sendable {
    /// The status or reply code; 0 for none.
    var code = 0
    /// Header lines of HTTP, or the last line that a mail server said.
    var lines: [[UInt8]] = []
    var body: [UInt8] = []
    var isTruncated = false
}

/// An order and who waits for it; answered once.
final class Job: Sendable {
    typealias Outcome = Result<Answer, CurlError>

    private struct State {
        var continuation: CheckedContinuation<Outcome, Never>?
        var outcome: Outcome?
        var isStarted = false
        var isCancelled = false
    }

    let order: Order
    /// When it was to be sent.
    let asked = ContinuousClock.now
    private let state = Mutex(State())

    init(_ order: Order) { self.order = order }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Whether it may be sent: not if nobody waits for it any longer.
    func start() -> Bool {
        state.withLock { state in
            guard state.outcome == nil, !state.isCancelled else { return false }
            state.isStarted = true
            return true
        }
    }

    /// Waits for its turn so long, then no longer; cancelled, it ends at once.
    func giveUpWaiting(after wait: Duration) async {
        guard (try? await Task.sleep(for: wait)) != nil else { return }
        notSent(after: wait)
    }

    /// It is not sent, unless it is on its way.
    func notSent(after wait: Duration) {
        answer(.failure(.busy(after: wait))) { !$0.isStarted }
    }

    /// Notes the cancellation. A mail is answered right here: its thread may be waiting.
    func cancel() {
        let isStarted = state.withLock { state in
            state.isCancelled = true
            return state.isStarted
        }
        if case .mail = order { answer(.failure(.cancelled(mayHaveArrived: isStarted))) }
    }

    func wait(_ continuation: CheckedContinuation<Outcome, Never>) {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.continuation = continuation }
            return state.outcome
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    /// Only the first answer counts.
    func answer(_ outcome: Outcome) { answer(outcome) { _ in true } }

    private func answer(_ outcome: Outcome, if isRight: (State) -> Bool) {
        let waiting = state.withLock { state in
            guard state.outcome == nil, isRight(state) else {
                return nil as CheckedContinuation<Outcome, Never>?
            }
            state.outcome = outcome
            defer { state.continuation = nil }
            return state.continuation
        }
        waiting?.resume(returning: outcome)
    }
}
