import Dispatch
import LeadKit
import Synchronization

/// What is to be written.
struct FileOrder: Sendable {
    let key: DeliveryKey
    let path: String
    let bytes: [UInt8]
    let attempt: Int
}

/// An order and who waits for it; answered once, by the writer or by a cancellation.
final class FileTicket: Sendable {
    typealias Outcome = Result<FilePlace, FileFault>

    private enum State {
        case new
        case awaited(CheckedContinuation<Outcome, Never>)
        case answered(Outcome)
    }

    let order: FileOrder
    private let state = Mutex<State>(.new)

    init(_ order: FileOrder) { self.order = order }

    var isAnswered: Bool {
        state.withLock { if case .answered = $0 { true } else { false } }
    }

    func wait(_ continuation: CheckedContinuation<Outcome, Never>) {
        let outcome: Outcome? = state.withLock { state in
            if case .answered(let outcome) = state { return outcome }
            state = .awaited(continuation)
            return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
    }

    func answer(_ outcome: Outcome) {
        let waiting: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .answered: return nil
            case .new:
                state = .answered(outcome)
                return nil
            case .awaited(let continuation):
                state = .answered(outcome)
                return continuation
            }
        }
        waiting?.resume(returning: outcome)
    }
}

/// One sink's writer: a serial queue of its own, because file calls block, that writes whatever
/// waits in one go.
///
/// What waits is bounded by the engine's `max_in_flight`.
final class FileQueue: Sendable {
    /// The most orders that one write and one fdatasync take.
    private static let batchMax = 1000

    private let queue: DispatchQueue
    private let waiting = Mutex<[FileTicket]>([])
    /// Used on `queue` only, so the lock is never waited for; it is there for the compiler.
    private let writer: Mutex<FileWriter>

    init(label: String, mode: FileSink.Config.Mode) {
        queue = DispatchQueue(label: label)
        writer = Mutex(FileWriter(mode: mode))
    }

    func write(_ order: FileOrder) async -> FileTicket.Outcome {
        let ticket = FileTicket(order)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                ticket.wait(continuation)
                add(ticket)
            }
        } onCancel: {
            // It may be half written; a later attempt looks.
            ticket.answer(.failure(FileFault(.cancelled, isClean: false)))
        }
    }

    /// Ends after everything that waits is written.
    func close() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.writer.withLock { $0.closeAll() }
                continuation.resume()
            }
        }
    }

    private func add(_ ticket: FileTicket) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(ticket)
            return waiting.count == 1
        }
        if isFirst { queue.async { self.writeWaiting() } }
    }

    private func writeWaiting() {
        var rest = waiting.withLock { waiting in
            let all = waiting
            waiting = []
            return all[...]
        }
        while !rest.isEmpty {
            let batch = rest.prefix(FileQueue.batchMax).filter { !$0.isAnswered }
            rest = rest.dropFirst(FileQueue.batchMax)
            writer.withLock { $0.write(batch) }
        }
    }
}
