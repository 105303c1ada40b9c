internal import LeadKit
internal import LeadStore

// What operators order.
extension MemoryTables {
    /// Makes new generations; see `LeadStore`.
    mutating func redeliver(
        _ sequences: [Int64], _ order: Order
    ) -> [OrderAnswer] {
        version += 1
        return sequences.map { redeliver(Int($0) - 1, order) }
    }

    @discardableResult
    mutating func redeliver(
        _ index: Int, _ order: Order, notBefore: Int64? = nil
    ) -> OrderAnswer {
        guard parcels.indices.contains(index) else { return .unknown }
        let old = parcels[index]
        if rows[old.lead].entry.state == .forgotten { return .forgotten }
        if old.successor != nil { return .superseded }
        switch old.entry.state {
        case .pending: return .open
        case .leased: return .underWay
        case .delivered, .dead, .cancelled: break
        }
        var delivery = old.entry.delivery
        delivery.key = delivery.key.ofNextGeneration
        delivery.notBeforeMilliseconds = notBefore
        guard insert(delivery, of: old.lead, order.atMilliseconds) else { return .superseded }
        let new = parcels.count - 1
        parcels[index].successor = new
        parcels[index].entry.isSuperseded = true
        parcels[new].entry.generation = old.entry.generation + 1
        parcels[new].entry.previousSequence = old.entry.sequence
        note(.redelivered, lead: old.lead, delivery: index, order)
        return .done
    }

    /// Calls deliveries off; see `LeadStore`.
    mutating func cancel(_ sequences: [Int64], _ order: Order) -> [OrderAnswer] {
        version += 1
        return sequences.map { sequence in
            let index = Int(sequence) - 1
            guard parcels.indices.contains(index) else { return .unknown }
            switch parcels[index].entry.state {
            case .pending:
                cancel(index, order)
                return .done
            case .leased: return .underWay
            case .delivered, .dead, .cancelled: return .over
            }
        }
    }

    private mutating func cancel(_ index: Int, _ order: Order) {
        let why = order.reason.utf8.isEmpty ? "" : ": \(order.reason)"
        change(index) { parcel in
            parcel.entry.state = .cancelled
            parcel.entry.detail = "cancelled by \(order.by)\(why)"
        }
        note(.cancelled, lead: parcels[index].lead, delivery: index, order)
    }

    private mutating func note(_ verb: OrderEntry.Verb, lead: Int, delivery: Int?, _ order: Order) {
        rows[lead].orders.append(
            OrderEntry(verb: verb, deliverySequence: delivery.map { Int64($0 + 1) }, order: order))
    }

    /// Erases leads; see `LeadStore`.
    mutating func forget(
        _ sequences: [Int64], _ options: ForgetOptions, _ order: Order
    ) -> [OrderAnswer] {
        version += 1
        return sequences.map { forget(Int($0) - 1, options, order) }
    }

    private mutating func forget(_ row: Int, _ options: ForgetOptions, _ order: Order)
        -> OrderAnswer
    {
        guard rows.indices.contains(row) else { return .unknown }
        let state = rows[row].entry.state
        if state == .forgotten {
            guard options.allowsAgain else { return .forgotten }
            letIn(row)
            return .done
        }
        let mine = parcels.indices.filter { parcels[$0].lead == row }
        if mine.contains(where: { parcels[$0].entry.state == .leased }) { return .underWay }
        let pending = mine.filter { parcels[$0].entry.state == .pending }
        let isOpen = [.announced, .received].contains(state) || !pending.isEmpty
        guard !isOpen || options.cancelsPending else { return .open }
        for index in pending { cancel(index, order) }
        erase(row, mine)
        note(.forgotten, lead: row, delivery: nil, order)
        if options.allowsAgain { letIn(row) }
        return .done
    }

    private mutating func erase(_ row: Int, _ mine: [Int]) {
        undone.remove(row)
        rows[row].entry.state = .forgotten
        rows[row].entry.lead = []
        rows[row].entry.raw = []
        rows[row].entry.decision = nil
        rows[row].entry.reason = nil
        rows[row].envelope = Envelope()
        rows[row].earlier = []
        for index in rows[row].orders.indices { rows[row].orders[index].order.reason = "" }
        forgetDedupe(row)
        for (key, _) in stickyRows.filter({ $0.value == row }) {
            pools.forget(key)
            stickyRows[key] = nil
        }
        for index in mine {
            parcels[index].entry.detail = nil
            parcels[index].entry.destination = ""
            parcels[index].entry.delivery.with = ""
            for number in parcels[index].history.indices {
                parcels[index].history[number].detail = ""
            }
        }
    }

    private mutating func letIn(_ row: Int) {
        let entry = rows[row].entry
        rowOf[LeadKey(entry.source, entry.leadID)] = nil
        guard let id = LeadID("forgotten-\(entry.sequence)") else { return }
        rows[row].entry.leadID = id
        for index in parcels.indices where parcels[index].lead == row {
            parcelOf[parcels[index].entry.delivery.key] = nil
            parcels[index].entry.leadID = id
            // Any other key will do here: nobody compares it.
            let key = DeliveryKey(source: "forgotten", lead: id, route: "", target: "\(index)")
            parcels[index].entry.delivery.key = key
        }
    }

    private mutating func forgetDedupe(_ row: Int) {
        if let key = rows[row].dedupeKey { dedupe[key]?.removeAll { $0.row == row } }
        rows[row].dedupeKey = nil
    }

    /// Makes leads received again; see `LeadStore`.
    mutating func decideAgain(
        _ sequences: [Int64], _ options: DecideAgainOptions, _ order: Order
    ) -> [OrderAnswer] {
        version += 1
        return sequences.map { decideAgain(Int($0) - 1, options, order) }
    }

    private mutating func decideAgain(
        _ row: Int, _ options: DecideAgainOptions, _ order: Order
    ) -> OrderAnswer {
        guard rows.indices.contains(row) else { return .unknown }
        let entry = rows[row].entry
        switch entry.state {
        case .held, .decided: break
        case .announced, .received: return .open
        case .quarantined: return .over
        case .forgotten: return .forgotten
        }
        guard !entry.lead.isEmpty else { return .damaged }
        rows[row].earlier.append(
            EarlierDecision(
                decidedMilliseconds: entry.decidedMilliseconds ?? entry.receivedMilliseconds,
                endedMilliseconds: order.atMilliseconds, outcome: entry.outcome ?? "",
                reason: entry.reason, decision: entry.decision,
                ruleSetHash: entry.ruleSetHash ?? "", cancelsOthers: options.cancelsOthers))
        rows[row].earlier = rows[row].earlier.suffix(EarlierDecision.keptMax)
        rows[row].entry.state = .received
        rows[row].entry.outcome = nil
        rows[row].entry.decision = nil
        rows[row].entry.ruleSetHash = nil
        rows[row].entry.reason = nil
        undone.insert(row)
        note(.decidedAgain, lead: row, delivery: nil, order)
        return .done
    }

    /// What was decided before; see `LeadStore`.
    func earlierDecisions(ofLead sequence: Int64) -> [EarlierDecision] {
        let row = Int(sequence) - 1
        return rows.indices.contains(row) ? rows[row].earlier : []
    }

    // MARK: Looking

    /// What was ordered; see `LeadStore`.
    func orders(ofLead sequence: Int64) -> [OrderEntry] {
        let row = Int(sequence) - 1
        return rows.indices.contains(row) ? rows[row].orders : []
    }

    /// How many deliveries; see `LeadStore`.
    func tally(_ filter: DeliveryFilter) -> DeliveryTally {
        var tally = DeliveryTally()
        for entry in parcels.map(\.entry) where filter.takes(entry) {
            let kind = DeliveryTally.Kind(
                sink: entry.delivery.sink, state: entry.state, isSuperseded: entry.isSuperseded)
            tally.counts[kind, default: 0] += 1
            tally.lastSequence = max(tally.lastSequence, entry.sequence)
        }
        return tally
    }

    /// How many leads; see `LeadStore`.
    func tally(_ filter: LeadFilter) -> LeadTally {
        var tally = LeadTally()
        let entries = entries(filter)
        for entry in entries {
            tally.leads[entry.state, default: 0] += 1
            tally.lastSequence = max(tally.lastSequence, entry.sequence)
            tally.answers[answer(toForgetting: entry), default: 0] += 1
        }
        let found = Set(entries.map { Int($0.sequence) - 1 })
        for parcel in parcels where found.contains(parcel.lead) {
            let (sink, state) = (parcel.entry.delivery.sink, parcel.entry.state)
            tally.deliveries[sink, default: [:]][state, default: 0] += 1
        }
        return tally
    }

    private func answer(toForgetting entry: InboxEntry) -> OrderAnswer {
        if entry.state == .forgotten { return .forgotten }
        let states = Set(
            parcels.filter { $0.lead == Int(entry.sequence) - 1 }.map(\.entry.state))
        if states.contains(.leased) { return .underWay }
        let isOpen = [.announced, .received].contains(entry.state) || states.contains(.pending)
        return isOpen ? .open : .done
    }

    /// The oldest open delivery of each sink; see `LeadStore`.
    func oldestOpenMilliseconds(atMilliseconds now: Int64) -> [String: Int64] {
        var oldest: [String: Int64] = [:]
        for entry in parcels.map(\.entry) where [.pending, .leased].contains(entry.state) {
            let delivery = entry.delivery
            guard entry.state == .leased || delivery.notBeforeMilliseconds ?? now <= now else {
                continue
            }
            let first = delivery.dueMilliseconds(madeAt: entry.createdMilliseconds)
            oldest[delivery.sink] = min(oldest[delivery.sink] ?? .max, first)
        }
        return oldest
    }

    /// Leads that are over; see `LeadStore`.
    func over(_ query: OverQuery) -> [OverLead] {
        let found = rows.indices.filter { row in
            rows[row].entry.receivedMilliseconds < query.beforeMilliseconds
                && isOver(row, query.end)
        }
        let ordered = found.map { row in
            OverLead(
                sequence: rows[row].entry.sequence,
                receivedMilliseconds: rows[row].entry.receivedMilliseconds)
        }.sorted { MemoryTables.isBefore($0, $1) }
        let rest = ordered.filter { lead in
            query.after.map { MemoryTables.isBefore($0, lead) } ?? true
        }
        return Array(rest.prefix(query.limit))
    }

    private static func isBefore(_ a: OverLead, _ b: OverLead) -> Bool {
        (a.receivedMilliseconds, a.sequence) < (b.receivedMilliseconds, b.sequence)
    }

    private func isOver(_ row: Int, _ end: OverQuery.End) -> Bool {
        let state = rows[row].entry.state
        if end == .quarantined { return state == .quarantined }
        let mine = parcels.filter { $0.lead == row }
        guard !mine.contains(where: { [.pending, .leased].contains($0.entry.state) }) else {
            return false
        }
        if end == .held { return state == .held }
        let hasDead = mine.contains { $0.entry.state == .dead && $0.successor == nil }
        return state == .decided && hasDead == (end == .dead)
    }
}
