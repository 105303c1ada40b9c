public import LeadKit
public import LeadStore

/// The inbox as sources see it.
public struct Inbox: InboxWriter {
    private let store: any LeadStore
    private let clock: any FlowClock
    private let counts: IntakeCounts
    private let conflicts: @Sendable ([InboxItem], [Acceptance]) async -> Set<Int>
    private let onStored: @Sendable () -> Void
    private let onFull: @Sendable (Bool) -> Void
    private let onFailure: @Sendable (StoreError) -> Void

    /// What a sender that comes while too many wait is asked to wait.
    public static let retryAfterSeconds = 2
    /// What a sender that finds no room on the disk is asked to wait.
    public static let retryAfterFullSeconds = 30

    /// Makes an inbox; `conflicts` says which of the items that are known were stored with other
    /// content, by index; `onStored` is called after each commit that brought something new, `onFull`
    /// each time with whether the disk had no room, and `onFailure` when the store can no longer
    /// write.
    public init(
        store: any LeadStore, clock: any FlowClock, counts: IntakeCounts = IntakeCounts(),
        conflicts: @escaping @Sendable ([InboxItem], [Acceptance]) async -> Set<Int> = { _, _ in
            []
        },
        onStored: @escaping @Sendable () -> Void = {},
        onFull: @escaping @Sendable (Bool) -> Void = { _ in },
        onFailure: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) {
        self.store = store
        self.clock = clock
        self.counts = counts
        self.conflicts = conflicts
        self.onStored = onStored
        self.onFull = onFull
        self.onFailure = onFailure
    }

    /// Stores the items; when it returns they are on disk.
    public func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance] {
        guard !items.isEmpty else { return [] }
        do {
            let answers = try await store.accept(items, atMilliseconds: clock.nowMilliseconds())
            onFull(false)
            onStored()
            // Nobody waits for a look at what is known already when all is new.
            let isKnown = answers.contains(.duplicate)
            counts.add(items, answers, conflicts: isKnown ? await conflicts(items, answers) : [])
            return answers
        } catch .overloaded {
            throw .overloaded(retryAfterSeconds: Inbox.retryAfterSeconds)
        } catch .full {
            onFull(true)
            throw .overloaded(retryAfterSeconds: Inbox.retryAfterFullSeconds)
        } catch {
            if case .failed = error { onFailure(error) }
            throw .unavailable(error.description)
        }
    }
}
