internal import LeadKit
public import LeadStore

extension MemoryStore {
    /// Takes due deliveries; see `LeadStore`.
    public func lease(
        sink: String, limit: Int, token: String, atMilliseconds time: Int64,
        untilMilliseconds until: Int64
    ) throws(StoreError) -> [LeasedDelivery] {
        let due = parcels.indices.filter { index in
            let parcel = parcels[index]
            guard parcel.entry.delivery.sink == sink else { return false }
            switch parcel.entry.state {
            case .pending: return parcel.entry.dueMilliseconds <= time
            case .leased: return parcel.leasedUntilMilliseconds <= time && parcel.token != token
            case .delivered, .dead, .cancelled: return false
            }
        }
        let first = due.sorted {
            (parcels[$0].entry.dueMilliseconds, $0) < (parcels[$1].entry.dueMilliseconds, $1)
        }
        return first.prefix(limit).map { lease($0, token: token, until: until) }
    }

    private func lease(_ index: Int, token: String, until: Int64) -> LeasedDelivery {
        parcels[index].entry.state = .leased
        parcels[index].entry.attempts += 1
        parcels[index].token = token
        parcels[index].leasedUntilMilliseconds = until
        let parcel = parcels[index]
        let lead = rows[parcel.lead].entry
        return LeasedDelivery(
            sequence: parcel.entry.sequence, delivery: parcel.entry.delivery,
            source: parcel.entry.source, lead: lead.lead,
            receivedMilliseconds: lead.receivedMilliseconds, attempt: parcel.entry.attempts,
            createdMilliseconds: parcel.entry.createdMilliseconds, token: token)
    }

    /// Gives leases back; see `LeadStore`.
    public func voidLeases(exceptToken token: String) throws(StoreError) -> Int {
        var count = 0
        for index in parcels.indices
        where parcels[index].entry.state == .leased && parcels[index].token != token {
            parcels[index].entry.state = .pending
            parcels[index].token = nil
            count += 1
        }
        return count
    }

    /// Records how attempts ended; see `LeadStore`.
    public func finish(_ results: [AttemptRecord]) throws(StoreError) -> [Bool] {
        results.map { result in
            let index = Int(result.sequence) - 1
            guard parcels.indices.contains(index), parcels[index].entry.state == .leased,
                parcels[index].token == result.token
            else { return false }
            finish(index, result)
            return true
        }
    }

    private func finish(_ index: Int, _ result: AttemptRecord) {
        let outcome: String
        let detail: String
        switch result.result {
        case .delivered(let receipt):
            (outcome, detail) = ("delivered", receipt)
            parcels[index].entry.state = .delivered
        case .retry(let due, let reason):
            (outcome, detail) = ("retry", reason)
            parcels[index].entry.state = .pending
            parcels[index].entry.dueMilliseconds = due
        case .released(let due, let reason):
            (outcome, detail) = ("released", reason)
            parcels[index].entry.state = .pending
            parcels[index].entry.dueMilliseconds = due
            parcels[index].entry.attempts -= 1
        case .dead(let reason, let followUps):
            (outcome, detail) = ("dead", reason)
            parcels[index].entry.state = .dead
            let time = result.startedMilliseconds + result.durationMilliseconds
            for followUp in followUps { insert(followUp, of: parcels[index].lead, time) }
        }
        parcels[index].token = nil
        parcels[index].entry.detail = detail
        parcels[index].history.append(
            AttemptEntry(
                number: result.attempt, startedMilliseconds: result.startedMilliseconds,
                durationMilliseconds: result.durationMilliseconds, outcome: outcome,
                detail: detail))
    }

    /// When pending deliveries are due; see `LeadStore`.
    public func nextDueMilliseconds() throws(StoreError) -> [String: Int64] {
        var next: [String: Int64] = [:]
        for entry in parcels.map(\.entry) where entry.state == .pending {
            next[entry.delivery.sink] = min(
                next[entry.delivery.sink] ?? .max, entry.dueMilliseconds)
        }
        return next
    }

    // MARK: Operators

    /// Counts; see `LeadStore`.
    public func stats() throws(StoreError) -> StoreStats {
        var stats = StoreStats()
        for entry in rows.map(\.entry) {
            stats.leads[entry.state, default: 0] += 1
            if let outcome = entry.outcome {
                stats.outcomes[outcome, default: 0] += 1
            }
        }
        for entry in parcels.map(\.entry) {
            stats.deliveries[entry.state, default: 0] += 1
            stats.sinks[entry.delivery.sink, default: [:]][entry.state, default: 0] += 1
        }
        return stats
    }

    /// Leads, newest first; see `LeadStore`.
    public func leads(_ filter: LeadFilter) throws(StoreError) -> [InboxEntry] {
        let found = rows.map(\.entry).filter { filter.takes($0) }
        return Array(
            (filter.afterSequence == nil ? found.reversed() : found).prefix(filter.limit))
    }

    /// Deliveries, newest first; see `LeadStore`.
    public func deliveries(_ filter: DeliveryFilter) throws(StoreError) -> [DeliveryEntry] {
        let found = parcels.map(\.entry).filter { filter.takes($0) }
        return Array(
            (filter.afterSequence == nil ? found.reversed() : found).prefix(filter.limit))
    }

    /// The attempts of a delivery; see `LeadStore`.
    public func attempts(of sequence: Int64) throws(StoreError) -> [AttemptEntry] {
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
            && (leadID == nil || leadID == entry.leadID)
            && (keyPrefix.map { ByteSearch.hasPrefix(entry.delivery.key.text, $0) } ?? true)
    }
}
