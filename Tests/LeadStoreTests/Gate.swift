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
        while waitingCount < count { try await aMoment() }
    }

    /// Returns when no more jobs are taken.
    func isClosing() async throws {
        while !isRefusing { try await aMoment() }
    }
}

/// Between two looks at what a test waits for. Every such wait goes through here: it leaves the
/// processor to those who are waited for, and ends when the time limit has cancelled the test.
func aMoment() async throws { try await Task.sleep(for: .milliseconds(1)) }
