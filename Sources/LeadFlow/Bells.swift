internal import LeadStore
internal import Synchronization

/// How the loops wake each other, and how all are told to stop.
final class Bells: Sendable {
    /// Leads wait to be decided.
    let inbox = Bell()
    /// Other sources are in force, or the program is to end.
    let intake = Bell()
    /// Sinks have come, or the clock jumped: for the delivery loop as a whole.
    let delivery = Bell()
    /// Deliveries wait; one bell a sink, since each lane waits for itself.
    private let lanes = Mutex<[String: Bell]>([:])
    /// References wait to be read; one bell a source, since a bell has one listener.
    private let sources = Mutex<[String: Bell]>([:])
    private let stopped = Mutex(false)
    private let failed = Mutex<StoreError?>(nil)

    /// Plugins that a reload has replaced, for the delivery loop to close.
    private let retired = Mutex<[SinkUse]>([])

    var isStopped: Bool { stopped.withLock { $0 } }

    func lane(_ sink: String) -> Bell { Bells.bell(sink, in: lanes) }

    func references(_ source: String) -> Bell { Bells.bell(source, in: sources) }

    func retire(_ use: SinkUse) {
        retired.withLock { $0.append(use) }
        delivery.ring()
    }

    func takeRetired() -> [SinkUse] {
        retired.withLock { retired in
            defer { retired = [] }
            return retired
        }
    }

    /// Something new is in the inbox: a reference, a lead, or both.
    func ringStored() {
        for bell in sources.withLock({ Array($0.values) }) { bell.ring() }
        inbox.ring()
    }

    func stop() {
        stopped.withLock { $0 = true }
        intake.ring()
        delivery.ring()
        ringStored()
        for bell in lanes.withLock({ Array($0.values) }) { bell.ring() }
    }

    /// Why the store can no longer write, once it cannot.
    var failure: StoreError? { failed.withLock { $0 } }

    /// The store cannot write any more: all end, so that whoever supervises the program sees it.
    func fail(_ error: StoreError) {
        failed.withLock { $0 = $0 ?? error }
        stop()
    }

    private static func bell(_ name: String, in bells: borrowing Mutex<[String: Bell]>) -> Bell {
        bells.withLock { bells in
            if let known = bells[name] { return known }
            let bell = Bell()
            bells[name] = bell
            return bell
        }
    }
}

/// A signal for one listener. A ring before anybody listens is kept; several count as one.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var hasNews = false
        var listener: CheckedContinuation<Void, Never>?
        /// The number of the latest wait, and of the latest whose time was over.
        var latest = 0
        var over = 0

        /// The number of a new wait; nil when a ring is kept for it.
        mutating func begin() -> Int? {
            if isRung {
                isRung = false
                return nil
            }
            latest += 1
            return latest
        }
    }

    private let state = Mutex(State())

    /// Whether a ring is kept for the next wait.
    var isRungNow: Bool { state.withLock { $0.isRung } }

    /// Whether somebody has stored something since this was last asked.
    func takeNews() -> Bool {
        state.withLock { state in
            defer { state.hasNews = false }
            return state.hasNews
        }
    }

    /// Wakes the listener; `isNews` when there may be something new in the store.
    func ring(isNews: Bool = true) {
        let listener = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if isNews { state.hasNews = true }
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
        guard let number = state.withLock({ $0.begin() }) else { return }
        // The alarm does not ring: a ring nobody asked for would be kept for the next wait.
        let alarm = clock.alarm(after: duration) { self.end(number) }
        await listen(number)
        alarm.cancel()
    }

    /// Waits for a ring or for cancellation, which leaves no ring behind.
    func wait() async {
        guard let number = state.withLock({ $0.begin() }) else { return }
        await listen(number)
    }

    private func listen(_ number: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isRung || state.over == number || Task.isCancelled {
                        state.isRung = false
                        return true
                    }
                    precondition(state.listener == nil, "a bell has one listener")
                    state.listener = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            end(number)
        }
    }

    /// Ends a wait without a ring, if it is still going on or about to begin.
    private func end(_ number: Int) {
        let listener = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.latest == number else { return nil }
            state.over = number
            defer { state.listener = nil }
            return state.listener
        }
        listener?.resume()
    }
}
