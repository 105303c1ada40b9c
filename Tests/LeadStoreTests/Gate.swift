import Dispatch
import Synchronization

@testable import LeadStore

/// Holds a job on the writer's thread until the test lets it go.
final class Gate: Sendable {
    private let entered = AsyncStream.makeStream(of: Void.self)
    private let opened = DispatchSemaphore(value: 0)

    /// Called on the writer's thread, which may block: it is Dispatch's, not Swift's.
    func wait() {
        entered.continuation.yield()
        opened.wait()
    }

    func isEntered() async {
        for await _ in entered.stream { return }
    }

    func open() { opened.signal() }
}

extension GroupCommit {
    /// Returns when so many jobs wait. Looks again whenever other tasks have run.
    func waits(for count: Int) async throws {
        while waitingCount < count { try await nextTurn() }
    }

    /// Returns when no more jobs are taken.
    func isClosing() async throws {
        while !isRefusing { try await nextTurn() }
    }
}

/// Lets others run while a test waits for something. Every such wait goes through here: it ends
/// when the time limit of the suite has cancelled the test, which would spin for ever instead.
func nextTurn() async throws {
    try Task.checkCancellation()
    await Task.yield()
}
