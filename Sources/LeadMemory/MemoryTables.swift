internal import LeadKit
internal import LeadStore

/// The two tables as a value in memory: what each call of `LeadStore` does, in its plainest form.
///
/// A copy is a snapshot. Look-ups of delivery go by an index, as in SQLite; those of operators walk
/// all rows: use it for a hundred thousand, not for millions.
public struct MemoryTables: Sendable {
    struct Row {
        var entry: InboxEntry
        var envelope = Envelope()
        var attempts = 0
        var dueMilliseconds: Int64
        var orders: [OrderEntry] = []
        /// What was decided before.
        var earlier: [EarlierDecision] = []
        /// Its `dedupe` key.
        var dedupeKey: [UInt8]?
        /// Its deliveries.
        var parcels: [Int] = []
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

        var firstDueMilliseconds: Int64 {
            entry.delivery.dueMilliseconds(madeAt: entry.createdMilliseconds)
        }

        /// Where it is found.
        var place: OpenDeliveries.Place {
            let (sink, due) = (OpenDeliveries.Name(entry.delivery.sink), entry.dueMilliseconds)
            switch entry.state {
            case .pending where crashes > 0: return .suspect(sink: sink, dueMilliseconds: due)
            case .pending:
                return .waiting(
                    sink: sink, destination: OpenDeliveries.Name(destination), dueMilliseconds: due)
            case .leased: return .leased
            case .delivered, .dead, .cancelled: return .nowhere
            }
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
    /// Deliveries by sequence number less one. See `change`.
    var parcels: [Parcel] = []
    var parcelOf: [DeliveryKey: Int] = [:]
    /// Rows and times of each key.
    var dedupe: [[UInt8]: [(row: Int, seconds: Int64)]] = [:]
    /// The rows that are announced or received: all others need no look by the loops.
    var undone: Set<Int> = []
    /// The deliveries that may still be worked on: all others need no look.
    private(set) var open = OpenDeliveries()
    var pools = PoolState()
    /// The row of the last lead with these answers.
    var stickyRows: [StickyKey: Int] = [:]
    var jumps: [ClockJump] = []
    var pausesOfSinks: [String: SinkPause] = [:]
    /// Goes up with each call that may have changed something, and not with those that found
    /// nothing to do.
    public internal(set) var version = 0

    /// Makes empty tables.
    public init() {}

    // MARK: Intake

    /// Stores new items; see `LeadStore`.
    mutating func accept(
        _ items: [InboxItem], atMilliseconds time: Int64
    ) -> [Acceptance] {
        version += 1
        return items.map { item in
            switch item {
            case .lead(let lead): accept(lead, time)
            case .reference(let reference): accept(reference, time)
            case .quarantined(let source, let raw, let reason):
                quarantine(source, raw, reason, time)
            }
        }
    }

    private mutating func accept(_ lead: Lead, _ time: Int64) -> Acceptance {
        if let known = rowOf[LeadKey(lead.source, lead.id)] {
            guard isKeptAside(known) else {
                if rows[known].entry.state == .announced { fill(known, with: lead) }
                return .duplicate
            }
            rename(known)
        }
        insert(lead.source, lead.id, .received, time)
        fill(rows.count - 1, with: lead)
        return .stored
    }

    private mutating func accept(_ reference: LeadReference, _ time: Int64) -> Acceptance {
        guard rowOf[LeadKey(reference.source, reference.id)] == nil else { return .duplicate }
        insert(reference.source, reference.id, .announced, time)
        rows[rows.count - 1].envelope = reference.envelope
        return .stored
    }

    private mutating func quarantine(
        _ source: String, _ raw: [UInt8], _ reason: String, _ time: Int64
    ) -> Acceptance {
        let id = LeadID(contentOf: raw)
        if let known = rowOf[LeadKey(source, id)], isKeptAside(known) { return .quarantined }
        let isTaken = rowOf[LeadKey(source, id)] != nil
        insert(source, isTaken ? otherID(for: id) : id, .quarantined, time)
        rows[rows.count - 1].entry.raw = raw
        rows[rows.count - 1].entry.reason = reason
        return .quarantined
    }

    private func isKeptAside(_ row: Int) -> Bool {
        rows[row].entry.state == .quarantined && !rows[row].entry.raw.isEmpty
    }

    private mutating func rename(_ row: Int) {
        let entry = rows[row].entry
        rowOf[LeadKey(entry.source, entry.leadID)] = nil
        rows[row].entry.leadID = otherID(for: entry.leadID)
        rowOf[LeadKey(entry.source, rows[row].entry.leadID)] = row
    }

    private func otherID(for id: LeadID) -> LeadID {
        LeadID("\(id.text)-\(rows.count)") ?? id
    }

    private mutating func insert(_ source: String, _ id: LeadID, _ state: InboxState, _ time: Int64)
    {
        rowOf[LeadKey(source, id)] = rows.count
        let entry = InboxEntry(
            sequence: Int64(rows.count + 1), source: source, leadID: id, state: state,
            receivedMilliseconds: time)
        if [.announced, .received].contains(state) { undone.insert(rows.count) }
        rows.append(Row(entry: entry, dueMilliseconds: time))
    }

    private mutating func fill(_ row: Int, with lead: Lead) {
        rows[row].entry.state = .received
        rows[row].entry.lead = lead.json
        rows[row].entry.raw = lead.raw == rows[row].entry.lead ? [] : lead.raw
        rows[row].entry.reason = nil
    }

    /// The references that are due; see `LeadStore`.
    func dueReferences(
        source: String, atMilliseconds time: Int64, limit: Int
    ) -> [PendingReference] {
        var due: [(time: Int64, row: Int)] = []
        for row in undone where isAnnounced(row, by: source) && rows[row].dueMilliseconds <= time {
            due.append((rows[row].dueMilliseconds, row))
        }
        return due.sorted { ($0.time, $0.row) < ($1.time, $1.row) }.prefix(limit).map { one in
            let row = rows[one.row]
            return PendingReference(
                sequence: row.entry.sequence,
                reference: LeadReference(
                    source: row.entry.source, id: row.entry.leadID, envelope: row.envelope),
                attempts: row.attempts, receivedMilliseconds: row.entry.receivedMilliseconds)
        }
    }

    /// When the next reference is due; see `LeadStore`.
    func nextReferenceMilliseconds(source: String) -> Int64? {
        var next: Int64?
        for row in undone where isAnnounced(row, by: source) {
            next = min(next ?? .max, rows[row].dueMilliseconds)
        }
        return next
    }

    // By index, not of the row: a whole row is much to copy.
    func isAnnounced(_ row: Int, by source: String) -> Bool {
        rows[row].entry.state == .announced && rows[row].entry.source == source
    }

    /// Records what became of references; see `LeadStore`.
    mutating func record(_ fetches: [FetchRecord]) {
        version += 1
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
                undone.remove(row)
                rows[row].entry.state = .quarantined
                rows[row].entry.reason = reason
            }
        }
    }

    // MARK: Routing

    /// The leads to decide; see `LeadStore`.
    func undecided(
        after sequence: Int64, limit: Int
    ) -> [InboxEntry] {
        var received: [Int] = []
        for row in undone where row >= sequence && rows[row].entry.state == .received {
            received.append(row)
        }
        func isAgain(_ row: Int) -> Int { rows[row].entry.decidedMilliseconds == nil ? 0 : 1 }
        return received.sorted { (isAgain($0), $0) < (isAgain($1), $1) }.prefix(limit).map { row in
            var entry = rows[row].entry
            entry.cancelsOthers = rows[row].earlier.last?.cancelsOthers ?? false
            return entry
        }
    }

    /// Whether an earlier lead had the key; see `LeadStore`.
    func hasEarlier(dedupeKey: String, sinceSeconds: Int64) -> Bool {
        dedupe[Array(dedupeKey.utf8)]?.contains { $0.seconds >= sinceSeconds } ?? false
    }

    /// What pools remember; see `LeadStore`. More than is asked for does no harm.
    func poolState(_ query: PoolQuery) -> PoolState { pools }

    /// Stores decisions with their deliveries; see `LeadStore`.
    mutating func record(_ decisions: [DecisionRecord]) {
        version += 1
        for decision in decisions {
            let row = Int(decision.sequence) - 1
            guard rows.indices.contains(row), rows[row].entry.state == .received else { continue }
            undone.remove(row)
            rows[row].entry.state = decision.state
            rows[row].entry.outcome = decision.outcome
            rows[row].entry.reason = decision.reason
            rows[row].entry.decision = decision.decision
            rows[row].entry.ruleSetHash = decision.ruleSetHash
            rows[row].entry.isDuplicate = decision.isDuplicate
            rows[row].entry.decidedMilliseconds = decision.atMilliseconds
            if let (key, created) = decision.dedupe, rows[row].dedupeKey == nil {
                rows[row].dedupeKey = Array(key.utf8)
                dedupe[Array(key.utf8), default: []].append((row, created))
            }
            pools.apply(decision.pools)
            for record in decision.pools.sticky { stickyRows[record.key] = row }
            for delivery in decision.deliveries {
                insert(delivery, of: row, decision.atMilliseconds)
            }
            let order = Order.decidingAgain(at: decision.atMilliseconds)
            for one in decision.anew {
                redeliver(
                    Int(one.sequence) - 1, order, notBefore: one.notBeforeMilliseconds)
            }
            _ = cancel(decision.cancels, order)
        }
    }

    /// Whether the key is new.
    @discardableResult
    mutating func insert(_ delivery: NewDelivery, of row: Int, _ time: Int64) -> Bool {
        guard parcelOf[delivery.key] == nil else { return false }
        parcelOf[delivery.key] = parcels.count
        let entry = DeliveryEntry(
            sequence: Int64(parcels.count + 1), delivery: delivery, source: rows[row].entry.source,
            leadID: rows[row].entry.leadID, state: .pending, attempts: 0, createdMilliseconds: time,
            dueMilliseconds: delivery.dueMilliseconds(madeAt: time), detail: nil)
        rows[row].parcels.append(parcels.count)
        parcels.append(Parcel(entry: entry, lead: row))
        open.move(parcels.count - 1, from: .nowhere, to: parcels[parcels.count - 1].place)
        return true
    }

    /// Changes what decides where a delivery is found: its state, destination, due date or crashes.
    mutating func change<T>(_ index: Int, _ body: (inout Parcel) -> T) -> T {
        let before = parcels[index].place
        defer { open.move(index, from: before, to: parcels[index].place) }
        return body(&parcels[index])
    }
}
