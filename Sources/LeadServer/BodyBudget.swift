internal import Synchronization

/// The bytes of large bodies that all connections together may hold.
///
/// Anybody may send the beginning of a body and then wait, on as many connections as there are.
/// Bytes are counted as they come, not as they are announced, or an announcement would be enough
/// to keep others out. Small bodies are never counted: most forms are, and they go on while
/// somebody fills the budget.
final class BodyBudget: Sendable {
    /// When a sender that found no room is to come again: a body that does not end is cut off.
    static let retryAfterSeconds = 30

    private let bytesMax: Int
    private let held = Atomic(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var bytes: Int { held.load(ordering: .relaxed) }

    private func take(_ bytes: Int) -> Bool {
        let now = held.add(bytes, ordering: .relaxed).newValue
        if now <= bytesMax { return true }
        giveBack(bytes)
        return false
    }

    private func giveBack(_ bytes: Int) { held.subtract(bytes, ordering: .relaxed) }

    /// What one body has of it.
    struct Share {
        private let budget: BodyBudget
        private(set) var bytes = 0

        init(_ budget: BodyBudget) { self.budget = budget }

        /// Counts a body of so many bytes; false when there is no room for it.
        mutating func grow(to whole: Int) -> Bool {
            guard whole > WebhookServer.smallBodyBytesMax else { return true }
            guard budget.take(whole - bytes) else { return false }
            bytes = whole
            return true
        }

        mutating func giveBack() {
            if bytes > 0 { budget.giveBack(bytes) }
            bytes = 0
        }
    }
}
