internal import LeadKit
internal import LeadStore

extension MemoryTables {
    /// Takes deliveries; see `LeadStore`.
    mutating func lease(_ request: LeaseRequest) -> LeasedDeliveries {
        var result = LeasedDeliveries()
        for pick in request.picks where result.taken.count < request.limit {
            let limit = min(pick.limit, request.limit - result.taken.count)
            for index in indices(pick, of: request).prefix(limit) {
                result.taken.append(lease(index, for: request))
            }
        }
        for name in Set(request.picks.map(\.destination)) {
            result.nextDueMilliseconds[name] = nextDue(of: request.sink, destination: name)
        }
        return result
    }

    private func nextDue(of sink: String, destination: String) -> Int64? {
        var next: Int64?
        for index in open
        where isPending(index, of: sink) && parcels[index].crashes == 0
            && parcels[index].destination == destination
        {
            next = min(next ?? .max, parcels[index].entry.dueMilliseconds)
        }
        return next
    }

    /// What a pick finds, oldest due first.
    private func indices(_ pick: LeasePick, of request: LeaseRequest) -> [Int] {
        var found: [(due: Int64, index: Int)] = []
        for index in open
        where isPending(index, of: request.sink)
            && isMeant(index, by: pick, atMilliseconds: request.atMilliseconds)
        {
            found.append((parcels[index].entry.dueMilliseconds, index))
        }
        return found.sorted { ($0.due, $0.index) < ($1.due, $1.index) }.map(\.index)
    }

    private func isPending(_ index: Int, of sink: String) -> Bool {
        parcels[index].entry.state == .pending && parcels[index].entry.delivery.sink == sink
    }

    private func isMeant(
        _ index: Int, by pick: LeasePick, atMilliseconds now: Int64
    ) -> Bool {
        let due = parcels[index].entry.dueMilliseconds
        let isSuspect = parcels[index].crashes > 0
        if pick.kind == .suspect { return isSuspect && due <= now }
        guard !isSuspect, parcels[index].destination == pick.destination else { return false }
        switch pick.kind {
        case .due, .suspect: return due <= now
        case .dueSince(let since): return due <= now && due > since
        case .any: return parcels[index].entry.delivery.notBeforeMilliseconds ?? 0 <= now
        case .agedBy(let latest):
            let made = parcels[index].entry.createdMilliseconds
            return parcels[index].entry.delivery.dueMilliseconds(madeAt: made) <= latest
        }
    }

    private mutating func lease(_ index: Int, for request: LeaseRequest) -> LeasedDelivery {
        version += 1
        parcels[index].entry.state = .leased
        parcels[index].entry.attempts += 1
        parcels[index].token = request.token
        parcels[index].leasedUntilMilliseconds = request.untilMilliseconds
        let parcel = parcels[index]
        let lead = rows[parcel.lead].entry
        return LeasedDelivery(
            sequence: parcel.entry.sequence, delivery: parcel.entry.delivery,
            source: parcel.entry.source, lead: lead.lead,
            receivedMilliseconds: lead.receivedMilliseconds, isDuplicate: lead.isDuplicate,
            attempt: parcel.entry.attempts, createdMilliseconds: parcel.entry.createdMilliseconds,
            destination: parcel.destination, wasTried: parcel.entry.detail != nil,
            crashes: parcel.crashes, token: request.token)
    }

    /// The destinations for which deliveries wait; see `LeadStore`.
    func pendingDestinations(
        sink: String, after name: String, limit: Int
    ) -> [PendingDestination] {
        var due: [String: Int64] = [:]
        for index in open where isPending(index, of: sink) {
            let (name, time) = (parcels[index].destination, parcels[index].entry.dueMilliseconds)
            due[name] = min(due[name] ?? .max, time)
        }
        return due.filter { isBefore(name, $0.key) }.sorted { isBefore($0.key, $1.key) }
            .prefix(limit).map { PendingDestination(name: $0.key, dueMilliseconds: $0.value) }
    }

    /// As SQLite compares: by bytes.
    private func isBefore(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }

    /// Makes leases longer; see `LeadStore`.
    mutating func renew(
        _ leases: [LeaseName], token: String, untilMilliseconds: Int64
    ) -> [Bool] {
        version += 1
        return leases.map { lease in
            guard let index = index(of: lease.sequence, token: token, attempt: lease.attempt) else {
                return false
            }
            parcels[index].leasedUntilMilliseconds = untilMilliseconds
            return true
        }
    }

    /// The row of a lease that is still held.
    private func index(of sequence: Int64, token: String, attempt: Int) -> Int? {
        let index = Int(sequence) - 1
        guard parcels.indices.contains(index), parcels[index].entry.state == .leased,
            parcels[index].token == token, parcels[index].entry.attempts == attempt
        else { return nil }
        return index
    }

    /// Gives leases back; see `LeadStore`.
    mutating func voidLeases(_ void: LeaseVoid) -> VoidedLeases {
        var result = VoidedLeases()
        for index in leased(void) {
            version += 1
            result.count += 1
            parcels[index].entry.state = .pending
            parcels[index].token = nil
            guard void.countsCrash else { continue }
            parcels[index].crashes += 1
            guard parcels[index].crashes >= LeaseVoid.crashesMax else { continue }
            parcels[index].entry.state = .dead
            open.remove(index)
            parcels[index].entry.detail = LeaseVoid.reason
            parcels[index].history.append(
                AttemptEntry(
                    number: parcels[index].entry.attempts,
                    startedMilliseconds: void.atMilliseconds, durationMilliseconds: 0,
                    outcome: "dead", detail: LeaseVoid.reason))
            result.quarantined.append(parcels[index].entry.sequence)
        }
        return result
    }

    private func leased(_ void: LeaseVoid) -> [Int] {
        var found: [Int] = []
        for index in open
        where parcels[index].entry.state == .leased && parcels[index].token != void.exceptToken
            && parcels[index].leasedUntilMilliseconds <= void.ranOutByMilliseconds ?? .max
        {
            found.append(index)
        }
        return found.sorted()
    }

    /// Records how attempts ended; see `LeadStore`.
    mutating func finish(_ results: [AttemptRecord]) -> [Bool] {
        version += 1
        return results.map { result in
            guard
                let index = index(
                    of: result.sequence, token: result.token, attempt: result.attempt)
            else { return false }
            finish(index, result)
            return true
        }
    }

    private mutating func finish(_ index: Int, _ record: AttemptRecord) {
        let end = AttemptEnd(record.result)
        parcels[index].entry.state = end.state
        if end.state != .pending { open.remove(index) }
        parcels[index].token = nil
        if let due = end.dueMilliseconds { parcels[index].entry.dueMilliseconds = due }
        if let detail = end.detail { parcels[index].entry.detail = detail }
        if let destination = record.destination {
            parcels[index].destination = destination
            parcels[index].entry.destination = destination
        }
        if end.isSpent {
            parcels[index].crashes = 0
        } else {
            parcels[index].entry.attempts -= 1
        }
        let time = record.startedMilliseconds + record.durationMilliseconds
        for followUp in end.followUps { insert(followUp, of: parcels[index].lead, time) }
        guard let outcome = end.outcome else { return }
        if outcome == AttemptEnd.released,
            parcels[index].history.last?.outcome == AttemptEnd.released
        {
            parcels[index].history.removeLast()
        }
        parcels[index].history.append(
            AttemptEntry(
                number: record.attempt, startedMilliseconds: record.startedMilliseconds,
                durationMilliseconds: record.durationMilliseconds, outcome: outcome,
                detail: end.told(record)))
    }

    /// Makes deliveries due at the latest when planned now; see `LeadStore`.
    mutating func limitDue(_ limit: DueLimit) -> Int {
        var moved = 0
        for index in open where isPending(index, of: limit.sink) {
            let entry = parcels[index].entry
            let due = limit.moved(
                dueMilliseconds: entry.dueMilliseconds, attempts: entry.attempts,
                notBeforeMilliseconds: entry.delivery.notBeforeMilliseconds)
            guard let due, entry.dueMilliseconds > limit.atMilliseconds else { continue }
            parcels[index].entry.dueMilliseconds = due
            moved += 1
            version += 1
        }
        return moved
    }

    // MARK: What delivery remembers

    /// The jumps that were noted; see `LeadStore`.
    func clockJumps() -> [ClockJump] { jumps }

    /// Notes a jump; see `LeadStore`.
    mutating func record(_ jump: ClockJump) {
        version += 1
        if jump.isMark { jumps.removeAll(where: \.isMark) }
        jumps.append(jump)
        jumps.removeFirst(max(0, jumps.count - ClockJump.countMax))
    }

    /// The sinks that operators have paused; see `LeadStore`.
    func pauses() -> [SinkPause] {
        pausesOfSinks.values.sorted { isBefore($0.sink, $1.sink) }
    }

    /// Pauses a sink or lets it go on; see `LeadStore`.
    mutating func setPause(_ pause: SinkPause?, sink: String) {
        version += 1
        var pause = pause
        if let known = pausesOfSinks[sink] { pause?.sinceMilliseconds = known.sinceMilliseconds }
        pausesOfSinks[sink] = pause
    }

    // MARK: Operators

    /// Counts; see `LeadStore`.
    func stats() -> StoreStats {
        var stats = StoreStats()
        for row in rows.indices {
            stats.leads[rows[row].entry.state, default: 0] += 1
            if let outcome = rows[row].entry.outcome {
                stats.outcomes[outcome, default: 0] += 1
            }
        }
        for index in parcels.indices {
            let (sink, state) = (parcels[index].entry.delivery.sink, parcels[index].entry.state)
            stats.deliveries[state, default: 0] += 1
            stats.sinks[sink, default: [:]][state, default: 0] += 1
        }
        return stats
    }

    /// Leads, newest first; see `LeadStore`.
    func leads(_ filter: LeadFilter) -> [InboxEntry] {
        let found = entries(filter)
        return Array(
            (filter.afterSequence == nil ? found.reversed() : found).prefix(filter.limit))
    }

    /// All leads that are meant, whatever the limit.
    func entries(_ filter: LeadFilter) -> [InboxEntry] {
        let found = rows.map(\.entry).filter { filter.takes($0) }
        guard filter.sink != nil || filter.route != nil else { return found }
        return found.filter { entry in
            let given = parcels.filter { $0.lead == Int(entry.sequence) - 1 }
                .map(\.entry.delivery)
            return (filter.sink == nil || given.contains { $0.sink == filter.sink })
                && (filter.route == nil || given.contains { $0.route == filter.route })
        }
    }

    /// Deliveries, newest first; see `LeadStore`.
    func deliveries(_ filter: DeliveryFilter) -> [DeliveryEntry] {
        let found = parcels.map(\.entry).filter { filter.takes($0) }
        return Array(
            (filter.afterSequence == nil ? found.reversed() : found).prefix(filter.limit))
    }

    /// The attempts of a delivery; see `LeadStore`.
    func attempts(of sequence: Int64) -> [AttemptEntry] {
        let index = Int(sequence) - 1
        return parcels.indices.contains(index) ? parcels[index].history : []
    }
}

extension LeadFilter {
    /// Whether the row is one of those meant.
    func takes(_ entry: InboxEntry) -> Bool {
        guard entry.receivedMilliseconds >= sinceMilliseconds ?? .min,
            entry.receivedMilliseconds < untilMilliseconds ?? .max,
            entry.sequence > afterSequence ?? .min, entry.sequence < beforeSequence ?? .max
        else { return false }
        return (source == nil || source == entry.source)
            && (leadID == nil || leadID == entry.leadID) && (state == nil || state == entry.state)
            && (outcome == nil || outcome == entry.outcome)
    }
}

extension DeliveryFilter {
    /// Whether the row is one of those meant.
    func takes(_ entry: DeliveryEntry) -> Bool {
        guard entry.createdMilliseconds >= sinceMilliseconds ?? .min,
            entry.createdMilliseconds < untilMilliseconds ?? .max,
            entry.sequence > afterSequence ?? .min, entry.sequence < beforeSequence ?? .max
        else { return false }
        return (sink == nil || sink == entry.delivery.sink)
            && (route == nil || route == entry.delivery.route)
            && (source == nil || source == entry.source)
            && (state == nil || state == entry.state)
            && (isSuperseded == nil || isSuperseded == entry.isSuperseded)
            && (leadID == nil || leadID == entry.leadID)
            && (keyPrefix.map { ByteSearch.hasPrefix(entry.delivery.key.text, $0) } ?? true)
    }
}
