public import LeadKit
public import LeadStore

/// A store in memory: the contract in its plainest form, for tests of what stands above a store.
///
/// Nothing of it is durable, and its look-ups walk all rows: use it for thousands, not millions.
public actor MemoryStore: LeadStore {
    struct Row {
        var entry: InboxEntry
        var envelope = Envelope()
        var attempts = 0
        var dueMilliseconds: Int64
        var orders: [OrderEntry] = []
        /// Its `dedupe` key.
        var dedupeKey: [UInt8]?
    }

    struct Parcel {
        var entry: DeliveryEntry
        var lead: Int
        var token: String?
        var leasedUntilMilliseconds: Int64 = 0
        var history: [AttemptEntry] = []
        /// The row of the later generation.
        var successor: Int?
        /// The destination that it had last.
        var destination = ""
        var crashes = 0

        func isPending(of sink: String) -> Bool {
            entry.state == .pending && entry.delivery.sink == sink
        }
    }

    struct LeadKey: Hashable {
        let source: [UInt8]
        let id: LeadID
        init(_ source: String, _ id: LeadID) {
            self.source = Array(source.utf8)
            self.id = id
        }
    }

    /// Rows by sequence number less one.
    var rows: [Row] = []
    var rowOf: [LeadKey: Int] = [:]
    /// Deliveries by sequence number less one.
    var parcels: [Parcel] = []
    var parcelOf: [DeliveryKey: Int] = [:]
    /// Rows and times of each key.
    var dedupe: [[UInt8]: [(row: Int, seconds: Int64)]] = [:]
    /// The deliveries that may still be worked on: all others need no look.
    var open: Set<Int> = []
    var pools = PoolState()
    /// The row of the last lead with these answers.
    var stickyRows: [StickyKey: Int] = [:]
    var jumps: [ClockJump] = []
    var pausesOfSinks: [String: SinkPause] = [:]

    /// Makes an empty store.
    public init() {}

    /// A store of its own with the same content.
    public func copy() -> MemoryStore { MemoryStore(self) }

    /// The original is isolated while it is copied, and the copy is nobody else's yet.
    private init(_ other: isolated MemoryStore) {
        rows = other.rows
        rowOf = other.rowOf
        parcels = other.parcels
        parcelOf = other.parcelOf
        open = other.open
        dedupe = other.dedupe
        pools = other.pools
        stickyRows = other.stickyRows
        jumps = other.jumps
        pausesOfSinks = other.pausesOfSinks
    }

    /// Keeps everything: there is nothing to close.
    public func close() {}

    // MARK: Intake

    /// Stores new items; see `LeadStore`.
    public func accept(
        _ items: [InboxItem], atMilliseconds time: Int64
    ) throws(StoreError) -> [Acceptance] {
        items.map { item in
            switch item {
            case .lead(let lead): accept(lead, time)
            case .reference(let reference): accept(reference, time)
            case .quarantined(let source, let raw, let reason):
                quarantine(source, raw, reason, time)
            }
        }
    }

    private func accept(_ lead: Lead, _ time: Int64) -> Acceptance {
        if let known = rowOf[LeadKey(lead.source, lead.id)] {
            if rows[known].entry.state == .announced { fill(known, with: lead) }
            return .duplicate
        }
        insert(lead.source, lead.id, .received, time)
        fill(rows.count - 1, with: lead)
        return .stored
    }

    private func accept(_ reference: LeadReference, _ time: Int64) -> Acceptance {
        guard rowOf[LeadKey(reference.source, reference.id)] == nil else { return .duplicate }
        insert(reference.source, reference.id, .announced, time)
        rows[rows.count - 1].envelope = reference.envelope
        return .stored
    }

    private func quarantine(
        _ source: String, _ raw: [UInt8], _ reason: String, _ time: Int64
    ) -> Acceptance {
        let id = LeadID(contentOf: raw)
        guard rowOf[LeadKey(source, id)] == nil else { return .quarantined }
        insert(source, id, .quarantined, time)
        rows[rows.count - 1].entry.raw = raw
        rows[rows.count - 1].entry.reason = reason
        return .quarantined
    }

    private func insert(_ source: String, _ id: LeadID, _ state: InboxState, _ time: Int64) {
        rowOf[LeadKey(source, id)] = rows.count
        let entry = InboxEntry(
            sequence: Int64(rows.count + 1), source: source, leadID: id, state: state,
            receivedMilliseconds: time)
        rows.append(Row(entry: entry, dueMilliseconds: time))
    }

    private func fill(_ row: Int, with lead: Lead) {
        rows[row].entry.state = .received
        rows[row].entry.lead = lead.json
        rows[row].entry.raw = lead.raw == rows[row].entry.lead ? [] : lead.raw
        rows[row].entry.reason = nil
    }

    /// The references that are due; see `LeadStore`.
    public func dueReferences(
        source: String, atMilliseconds time: Int64, limit: Int
    ) throws(StoreError) -> [PendingReference] {
        let due = rows.filter { row in
            row.entry.state == .announced && row.entry.source == source
                && row.dueMilliseconds <= time
        }
        let first = due.sorted {
            ($0.dueMilliseconds, $0.entry.sequence) < ($1.dueMilliseconds, $1.entry.sequence)
        }
        return first.prefix(limit).map { row in
            PendingReference(
                sequence: row.entry.sequence,
                reference: LeadReference(
                    source: row.entry.source, id: row.entry.leadID, envelope: row.envelope),
                attempts: row.attempts, receivedMilliseconds: row.entry.receivedMilliseconds)
        }
    }

    /// When the next reference is due; see `LeadStore`.
    public func nextReferenceMilliseconds(source: String) throws(StoreError) -> Int64? {
        rows.filter { $0.entry.state == .announced && $0.entry.source == source }
            .map(\.dueMilliseconds).min()
    }

    /// Records what became of references; see `LeadStore`.
    public func record(_ fetches: [FetchRecord]) throws(StoreError) {
        for fetch in fetches {
            let row = Int(fetch.sequence) - 1
            guard rows.indices.contains(row), rows[row].entry.state == .announced else { continue }
            switch fetch.result {
            case .lead(let lead): fill(row, with: lead)
            case .again(let due, let reason, let countsAttempt):
                rows[row].dueMilliseconds = due
                rows[row].entry.reason = reason
                if countsAttempt { rows[row].attempts += 1 }
            case .quarantined(let reason):
                rows[row].entry.state = .quarantined
                rows[row].entry.reason = reason
            }
        }
    }

    // MARK: Routing

    /// The leads to decide; see `LeadStore`.
    public func undecided(
        after sequence: Int64, limit: Int
    ) throws(StoreError) -> [InboxEntry] {
        Array(
            rows.lazy.map(\.entry).filter { $0.sequence > sequence && $0.state == .received }
                .prefix(limit))
    }

    /// Whether an earlier lead had the key; see `LeadStore`.
    public func hasEarlier(dedupeKey: String, sinceSeconds: Int64) throws(StoreError) -> Bool {
        dedupe[Array(dedupeKey.utf8)]?.contains { $0.seconds >= sinceSeconds } ?? false
    }

    /// What pools remember; see `LeadStore`. More than is asked for does no harm.
    public func poolState(_ query: PoolQuery) throws(StoreError) -> PoolState { pools }

    /// Stores decisions with their deliveries; see `LeadStore`.
    public func record(_ decisions: [DecisionRecord]) throws(StoreError) {
        for decision in decisions {
            let row = Int(decision.sequence) - 1
            guard rows.indices.contains(row), rows[row].entry.state == .received else { continue }
            rows[row].entry.state = decision.state
            rows[row].entry.outcome = decision.outcome
            rows[row].entry.reason = decision.reason
            rows[row].entry.decision = decision.decision
            rows[row].entry.ruleSetHash = decision.ruleSetHash
            rows[row].entry.isDuplicate = decision.isDuplicate
            rows[row].entry.decidedMilliseconds = decision.atMilliseconds
            if let (key, created) = decision.dedupe {
                rows[row].dedupeKey = Array(key.utf8)
                dedupe[Array(key.utf8), default: []].append((row, created))
            }
            pools.apply(decision.pools)
            for record in decision.pools.sticky { stickyRows[record.key] = row }
            for delivery in decision.deliveries {
                insert(delivery, of: row, decision.atMilliseconds)
            }
        }
    }

    /// Whether the key is new.
    @discardableResult
    func insert(_ delivery: NewDelivery, of row: Int, _ time: Int64) -> Bool {
        guard parcelOf[delivery.key] == nil else { return false }
        parcelOf[delivery.key] = parcels.count
        open.insert(parcels.count)
        let entry = DeliveryEntry(
            sequence: Int64(parcels.count + 1), delivery: delivery, source: rows[row].entry.source,
            leadID: rows[row].entry.leadID, state: .pending, attempts: 0, createdMilliseconds: time,
            dueMilliseconds: delivery.dueMilliseconds(madeAt: time), detail: nil)
        parcels.append(Parcel(entry: entry, lead: row))
        return true
    }
}
