public import LeadKit
public import LeadStore

/// A store over tables in memory. What a call does stands in `MemoryTables`; a store of this kind
/// says only when it is done, what may come between, and what is lost in a crash.
public protocol TablesStore: LeadStore {
    /// Answers from the tables.
    func read<T: Sendable>(
        _ body: @Sendable (MemoryTables) -> T
    ) async throws(StoreError) -> T

    /// Changes the tables; returns when that is durable, whatever this store means by it.
    func write<T: Sendable>(
        _ body: @escaping @Sendable (inout MemoryTables) -> T
    ) async throws(StoreError) -> T
}

// What the loops ask.
extension TablesStore {
    /// See `LeadStore`.
    public func accept(_ items: [InboxItem], atMilliseconds: Int64) async throws(StoreError)
        -> [Acceptance]
    {
        try await write {
            $0.accept(items, atMilliseconds: atMilliseconds)
        }
    }

    /// See `LeadStore`.
    public func dueReferences(
        source: String, atMilliseconds: Int64, limit: Int
    ) async throws(StoreError) -> [PendingReference] {
        try await read {
            $0.dueReferences(
                source: source, atMilliseconds: atMilliseconds, limit: limit)
        }
    }

    /// See `LeadStore`.
    public func nextReferenceMilliseconds(source: String) async throws(StoreError) -> Int64? {
        try await read {
            $0.nextReferenceMilliseconds(source: source)
        }
    }

    /// See `LeadStore`.
    public func limitDue(_ limit: ReferenceLimit) async throws(StoreError) -> Int {
        try await write { $0.limitDue(limit) }
    }

    /// See `LeadStore`.
    public func record(_ fetches: [FetchRecord]) async throws(StoreError) {
        try await write { $0.record(fetches) }
    }

    /// See `LeadStore`.
    public func undecided(after sequence: Int64, limit: Int) async throws(StoreError)
        -> [InboxEntry]
    {
        try await read {
            $0.undecided(after: sequence, limit: limit)
        }
    }

    /// See `LeadStore`.
    public func hasEarlier(dedupeKey: String, sinceSeconds: Int64) async throws(StoreError) -> Bool
    {
        try await read {
            $0.hasEarlier(dedupeKey: dedupeKey, sinceSeconds: sinceSeconds)
        }
    }

    /// See `LeadStore`.
    public func poolState(_ query: PoolQuery) async throws(StoreError) -> PoolState {
        try await read { $0.poolState(query) }
    }

    /// See `LeadStore`.
    public func record(
        _ decisions: [DecisionRecord], thenUndecided limit: Int
    ) async throws(StoreError) -> [InboxEntry]? {
        try await write {
            $0.record(decisions)
            return limit == 0 ? [] : $0.undecided(after: 0, limit: limit)
        }
    }

    /// See `LeadStore`.
    public func lease(_ request: LeaseRequest) async throws(StoreError) -> LeasedDeliveries {
        try await write { $0.lease(request) }
    }

    /// See `LeadStore`.
    public func pendingDestinations(
        sink: String, after name: String, limit: Int
    ) async throws(StoreError) -> [PendingDestination] {
        try await read {
            $0.pendingDestinations(sink: sink, after: name, limit: limit)
        }
    }

    /// See `LeadStore`.
    public func renew(
        _ leases: [LeaseName], token: String, untilMilliseconds: Int64
    ) async throws(StoreError) -> [Bool] {
        try await write {
            $0.renew(leases, token: token, untilMilliseconds: untilMilliseconds)
        }
    }

    /// See `LeadStore`.
    public func voidLeases(_ void: LeaseVoid) async throws(StoreError) -> VoidedLeases {
        try await write { $0.voidLeases(void) }
    }

    /// See `LeadStore`.
    public func limitDue(_ limit: DueLimit) async throws(StoreError) -> Int {
        try await write { $0.limitDue(limit) }
    }

    /// See `LeadStore`.
    public func hasten(_ hastening: Hastening) async throws(StoreError) -> Int {
        try await write { $0.hasten(hastening) }
    }

    /// See `LeadStore`.
    public func clockJumps() async throws(StoreError) -> [ClockJump] {
        try await read { $0.clockJumps() }
    }

    /// See `LeadStore`.
    public func record(_ jump: ClockJump) async throws(StoreError) {
        try await write { $0.record(jump) }
    }

    /// See `LeadStore`.
    public func pauses() async throws(StoreError) -> [SinkPause] {
        try await read { $0.pauses() }
    }

    /// See `LeadStore`.
    public func setPause(_ pause: SinkPause?, sink: String) async throws(StoreError) {
        try await write {
            $0.setPause(pause, sink: sink)
        }
    }

    /// A process that has only memory leaves nothing behind, and whoever is killed in a test is
    /// killed from outside.
    public var lastOwnerCrashed: Bool { false }

    /// See `LeadStore`.
    public var leadOfCrash: Int64? { nil }

    /// See `LeadStore`.
    public func deciding<T>(_ sequence: Int64, _ body: () -> T) -> T { body() }

    /// See `LeadStore`.
    public func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool] {
        try await write { $0.finish(results) }
    }

    /// See `LeadStore`.
    public func stats() async throws(StoreError) -> StoreStats {
        try await read { $0.stats() }
    }

    /// See `LeadStore`.
    public func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry] {
        try await read { $0.leads(filter) }
    }

    /// See `LeadStore`.
    public func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry] {
        try await read { $0.deliveries(filter) }
    }

    /// See `LeadStore`.
    public func attempts(of sequence: Int64) async throws(StoreError) -> [AttemptEntry] {
        try await read { $0.attempts(of: sequence) }
    }

    public func close() async {}
}

// What operators order.
extension TablesStore {
    /// See `LeadStore`.
    public func orders(ofLead sequence: Int64) async throws(StoreError) -> [OrderEntry] {
        try await read {
            $0.orders(ofLead: sequence)
        }
    }

    /// See `LeadStore`.
    public func tally(_ filter: DeliveryFilter) async throws(StoreError) -> DeliveryTally {
        try await read { $0.tally(filter) }
    }

    /// See `LeadStore`.
    public func tally(_ filter: LeadFilter) async throws(StoreError) -> LeadTally {
        try await read { $0.tally(filter) }
    }

    /// See `LeadStore`.
    public func oldestOpenMilliseconds(
        atMilliseconds now: Int64
    ) async throws(StoreError) -> [String: Int64] {
        try await read {
            $0.oldestOpenMilliseconds(atMilliseconds: now)
        }
    }

    /// See `LeadStore`.
    public func redeliver(
        _ sequences: [Int64], _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write {
            $0.redeliver(sequences, order)
        }
    }

    /// See `LeadStore`.
    public func cancel(_ sequences: [Int64], _ order: Order) async throws(StoreError)
        -> [OrderAnswer]
    {
        try await write {
            $0.cancel(sequences, order)
        }
    }

    /// See `LeadStore`.
    public func forget(
        _ sequences: [Int64], _ options: ForgetOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write {
            $0.forget(sequences, options, order)
        }
    }

    /// See `LeadStore`.
    public func decideAgain(
        _ sequences: [Int64], _ options: DecideAgainOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        try await write { $0.decideAgain(sequences, options, order) }
    }

    /// See `LeadStore`.
    public func earlierDecisions(
        ofLead sequence: Int64
    ) async throws(StoreError) -> [EarlierDecision] {
        try await read { $0.earlierDecisions(ofLead: sequence) }
    }

    /// See `LeadStore`.
    public func over(_ query: OverQuery) async throws(StoreError) -> [OverLead] {
        try await read { $0.over(query) }
    }
}
