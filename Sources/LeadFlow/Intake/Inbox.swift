public import LeadKit
public import LeadStore

/// The inbox as sources see it.
public struct Inbox: InboxWriter {
    private let store: any LeadStore
    private let clock: any FlowClock
    private let onStored: @Sendable () -> Void
    private let onFailure: @Sendable (StoreError) -> Void

    /// What a sender that finds no room is asked to wait.
    public static let retryAfterSeconds = 2

    /// Makes an inbox; `onStored` is called after each commit that brought something new, and
    /// `onFailure` when the store can no longer write.
    public init(
        store: any LeadStore, clock: any FlowClock, onStored: @escaping @Sendable () -> Void = {},
        onFailure: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) {
        self.store = store
        self.clock = clock
        self.onStored = onStored
        self.onFailure = onFailure
    }

    /// Stores the items; when it returns they are on disk.
    public func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance] {
        guard !items.isEmpty else { return [] }
        do {
            let answers = try await store.accept(items, atMilliseconds: clock.nowMilliseconds())
            onStored()
            return answers
        } catch .overloaded {
            throw .overloaded(retryAfterSeconds: Inbox.retryAfterSeconds)
        } catch {
            if case .failed = error { onFailure(error) }
            throw .unavailable(error.description)
        }
    }
}
