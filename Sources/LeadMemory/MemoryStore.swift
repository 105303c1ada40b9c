public import LeadStore
internal import Synchronization

/// A store in memory, for tests of what stands above a store. Nothing of it is durable.
public final class MemoryStore: TablesStore {
    let tables = Mutex(MemoryTables())

    /// Makes an empty store.
    public init() {}

    /// Looks at the tables at once.
    public func read<T: Sendable>(
        _ body: @Sendable (MemoryTables) -> T
    ) async throws(StoreError) -> T {
        tables.withLock { body($0) }
    }

    /// Changes the tables at once.
    public func write<T: Sendable>(
        _ body: @escaping @Sendable (inout MemoryTables) -> T
    ) async throws(StoreError) -> T {
        tables.withLock { body(&$0) }
    }
}
