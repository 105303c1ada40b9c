internal import Synchronization

/// How the loops wake each other, and how all are told to stop.
final class Bells: Sendable {
    /// References wait to be read.
    let references = Bell()
    /// Leads wait to be decided.
    let inbox = Bell()
    /// Deliveries wait; one bell a sink, since each lane waits for itself.
    private let lanes = Mutex<[String: Bell]>([:])
    private let stopped = Mutex(false)

    var isStopped: Bool { stopped.withLock { $0 } }

    func lane(_ sink: String) -> Bell {
        lanes.withLock { lanes in
            if let known = lanes[sink] { return known }
            let bell = Bell()
            lanes[sink] = bell
            return bell
        }
    }

    func stop() {
        stopped.withLock { $0 = true }
        references.ring()
        inbox.ring()
        for bell in lanes.withLock({ Array($0.values) }) { bell.ring() }
    }
}

/// A signal for one listener. A ring before anybody listens is kept; several count as one.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var listener: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func ring() {
        let listener = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let listener = state.listener else {
                state.isRung = true
                return nil
            }
            state.listener = nil
            return listener
        }
        listener?.resume()
    }

    /// Waits for a ring, or for the time to pass, or for cancellation.
    func wait(atMost duration: Duration, clock: any FlowClock) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                try? await clock.sleep(for: duration)
                // Wakes the listener of this very wait; a stray ring costs one empty round.
                self.ring()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isRung || Task.isCancelled {
                        state.isRung = false
                        return true
                    }
                    state.listener = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            ring()
        }
    }
}
