import Synchronization

/// Turns a growing total into steps.
final class LeadCounter: Sendable {
    private let total = Mutex(0)

    func step(to new: Int) -> Int {
        total.withLock { total in
            defer { total = new }
            return new - total
        }
    }
}
