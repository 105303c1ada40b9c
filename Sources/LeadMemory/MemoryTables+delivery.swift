internal import LeadKit
internal import LeadStore

extension MemoryTables {
    /// Takes deliveries; see `LeadStore`.
    mutating func lease(_ request: LeaseRequest) -> LeasedDeliveries {
        var result = LeasedDeliveries()
        for pick in request.picks where result.taken.count < request.limit {
            let limit = min(pick.limit, request.limit - result.taken.count)
            for index in indices(pick, of: request, limit: limit) {
                result.taken.append(lease(index, for: request))
            }
        }
        for name in Set(request.picks.map(\.destination)) {
            result.nextDueMilliseconds[name] = nextDue(of: request.sink, destination: name)
        }
        return result
    }

    private func nextDue(of sink: String, destination: String) -> Int64? {
        open.waiting(sink: sink, destination: destination).first?.dueMilliseconds
    }

    /// What a pick finds, oldest due first, up to a limit.
    private func indices(_ pick: LeasePick, of request: LeaseRequest, limit: Int) -> [Int] {
        let now = request.atMilliseconds
        let list =
            pick.kind == .suspect
            ? open.suspects(sink: request.sink)
            : open.waiting(sink: request.sink, destination: pick.destination)
        switch pick.kind {
        case .due, .suspect:
            return list.entries.lazy.prefix { $0.dueMilliseconds <= now }.prefix(limit).map(\.row)
        case .dueSince(let since):
            return list.entries(about: since).lazy.filter { $0.dueMilliseconds > since }
                .prefix { $0.dueMilliseconds <= now }.prefix(limit).map(\.row)
        case .probe:
            func waits(_ row: Int) -> Bool {
                parcels[row].entry.delivery.notBeforeMilliseconds ?? 0 > now
            }
            if let latest = list.last(dueBy: now)?.row, !waits(latest) { return [latest] }
            return list.entries.lazy.map(\.row).filter { !waits($0) }.prefix(limit).map { $0 }
        case .agedBy(let latest):
            return list.entries.lazy.map(\.row)
                .filter { parcels[$0].firstDueMilliseconds <= latest }.prefix(limit).map { $0 }
        }
    }

    private mutating func lease(_ index: Int, for request: LeaseRequest) -> LeasedDelivery {
        version += 1
        change(index) { parcel in
            parcel.entry.state = .leased
            parcel.entry.attempts += 1
            parcel.token = request.token
            parcel.leasedUntilMilliseconds = request.untilMilliseconds
        }
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
        var due = open.firstDue(sink: sink)
        for entry in open.suspects(sink: sink).entries {
            let name = OpenDeliveries.Name(parcels[entry.row].destination)
            due[name] = min(due[name] ?? .max, entry.dueMilliseconds)
        }
        return due.filter { isBefore(name, $0.key.text) }
            .sorted { isBefore($0.key.text, $1.key.text) }.prefix(limit)
            .map { PendingDestination(name: $0.key.text, dueMilliseconds: $0.value) }
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
            if voidLease(index, void) {
                result.quarantined.append(parcels[index].entry.sequence)
            }
        }
        return result
    }

    /// Whether it is dead now.
    private mutating func voidLease(_ index: Int, _ void: LeaseVoid) -> Bool {
        change(index) { parcel in
            parcel.entry.state = .pending
            parcel.token = nil
            guard void.countsCrash else { return false }
            parcel.crashes += 1
            guard parcel.crashes >= LeaseVoid.crashesMax else { return false }
            parcel.entry.state = .dead
            parcel.entry.detail = LeaseVoid.reason
            parcel.history.append(
                AttemptEntry(
                    number: parcel.entry.attempts, startedMilliseconds: void.atMilliseconds,
                    durationMilliseconds: 0, outcome: "dead", detail: LeaseVoid.reason))
            return true
        }
    }

    private func leased(_ void: LeaseVoid) -> [Int] {
        open.leased.filter { index in
            parcels[index].token != void.exceptToken
                && parcels[index].leasedUntilMilliseconds <= void.ranOutByMilliseconds ?? .max
        }.sorted()
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
        var end = AttemptEnd(record.result)
        if !end.followUps.isEmpty { end.leaveOut(served: othersServed(besides: index)) }
        change(index) { parcel in
            parcel.entry.state = end.state
            parcel.token = nil
            if let due = end.dueMilliseconds { parcel.entry.dueMilliseconds = due }
            if let detail = end.detail { parcel.entry.detail = detail }
            if let destination = record.destination {
                parcel.destination = destination
                parcel.entry.destination = destination
            }
            if end.isSpent {
                parcel.crashes = 0
            } else {
                parcel.entry.attempts -= 1
            }
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

    /// What else the lead has, or will have.
    private func othersServed(besides index: Int) -> [NewDelivery] {
        rows[parcels[index].lead].parcels.filter { $0 != index }.map { parcels[$0].entry }
            .filter { [.pending, .leased, .delivered].contains($0.state) }.map(\.delivery)
    }

    /// Makes deliveries due at the latest when planned now; see `LeadStore`.
    mutating func limitDue(_ limit: DueLimit) -> Int {
        var moved = 0
        for index in open.waiting(sink: limit.sink, dueAfter: limit.atMilliseconds) {
            let entry = parcels[index].entry
            let due = limit.moved(
                dueMilliseconds: entry.dueMilliseconds, attempts: entry.attempts,
                notBeforeMilliseconds: entry.delivery.notBeforeMilliseconds)
            guard let due else { continue }
            change(index) { $0.entry.dueMilliseconds = due }
            moved += 1
            version += 1
        }
        return moved
    }

    /// Makes due now what waits at a destination that is well again; see `LeadStore`.
    mutating func hasten(_ hastening: Hastening) -> Int {
        let now = hastening.atMilliseconds
        let waiting = open.waiting(sink: hastening.sink, destination: hastening.destination)
            .entries(about: now).filter { $0.dueMilliseconds > now }.map(\.row)
        var moved = 0
        for index in waiting {
            let entry = parcels[index].entry
            guard entry.sequence != hastening.exceptSequence,
                entry.delivery.notBeforeMilliseconds ?? 0 <= now
            else { continue }
            change(index) { $0.entry.dueMilliseconds = now }
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
