import LeadKit
import LeadStore
import Synchronization
import Testing

@testable import LeadMemory
@testable import LeadTesting

@Suite(.timeLimit(.minutes(1)))
struct StoreContractTests {
    @Test(arguments: StoreContract.checks)
    func `the store in memory holds to the contract`(check: StoreContract.Check) async throws {
        try await StoreContract { MemoryStore() }.verify(check)
    }

    /// The control: a contract that finds nothing in a broken store proves nothing.
    @Test(arguments: BrokenStore.Flaw.allCases)
    func `a flaw is found`(flaw: BrokenStore.Flaw) async throws {
        let check = try #require(StoreContract.checks.first { $0.name == flaw.rawValue })
        let violation = await #expect(throws: ContractViolation.self) {
            try await StoreContract { BrokenStore(flaw) }.verify(check)
        }
        #expect(violation?.findings.count == 1)
    }

    @Test func `the names of the checks differ`() {
        let names = StoreContract.checks.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count > 30)
    }
}

/// A store with one flaw, each named after the check that must find it.
struct BrokenStore: LeadStore {
    enum Flaw: String, CaseIterable, Sendable {
        case forgetsKnownIDs = "a lead enters once for each source and id"
        case answersBackwards = "a batch is answered in order"
        case decidesTwice = "deciding twice changes nothing"
        case ignoresLimit = "a lease takes what is due, oldest due first, up to its limit"
        case doesNotFence = "a lease that ran out is taken over"
        case spendsReleases = "a released attempt is not spent"
        case losesFollowUps = "a dead delivery brings its follow-ups"
        case handsOverTwice = "a dead delivery is not handed to a sink that has the lead, or will"
        case miscounts = "both sides of the books add up"
        case forgetsDestinations = "a destination is kept, and only its own picks take it"
        case mixesPicks = "picks are taken in turn up to their limits and the whole one"
        case takesAnyTime =
            "a probe is the latest that is due, or the next, but nothing before its own time"
        case spendsExpired = "an expired delivery is dead and spent no attempt"
        case delaysReturned = "what was not begun comes back as it was, without a history"
        case keepsLateDates = "due dates behind a limit move to it, others stay"
        case keepsLateReferences = "references behind a limit move to it, others stay"
        case hastensNothing = "what waits at a destination that is well again is due, once"
        case doesNotRenew = "a lease is renewed while it is held"
        case neverQuarantines =
            "three crashes in a row make a delivery dead, an end between counts anew"
        case blamesTheKilled = "a process that was killed blames nobody"
        case sortsJumps = "jumps of the clock are kept in order"
        case forgetsPauseTimes = "a pause stays until it is taken back, and keeps its time"
        case retriesAtOnce = "a retry waits until it is due and counts"
        case dedupesForEver = "an earlier dedupe key is found from its time on"
        case keepsLeases = "voided leases come back at once, own ones stay"
        case sendsWaitingAtOnce = "a delivery waits until its time, and keeps its pool"
        case decidesNothingAgain = "a held lead is received again, and is no duplicate of itself"
        case forgetsToCancelOthers =
            "what a lead is decided without is called off while it is pending"
        case forgetsEarlierDecisions =
            "a decided lead is received again, and what was decided before is kept"
        case takesNewLeadsLast = "new leads are decided before those that are decided again"
        case forgetsPools = "pools remember what is stored with a decision"
        case remembersSkipped = "a skipped decision does not move a pool"
        case listsOldestFirst = "leads are listed newest first, by any filter"
        case keepsGenerationsApart = "a redelivery is a new generation, linked to the old one"
        case cancelsNothing = "a cancelled delivery is over, and says by whom and why"
        case forgetsNothing = "a forgotten lead leaves its id, states and counts, and nothing else"
        case forgetsOpenLeads = "a lead that is not over is forgotten only when that calls it off"
        case looksAheadTooEarly = "a batch of decisions answers what is undecided behind it"
        case talliesOnePage = "a tally counts what a filter finds, whatever its limit"
    }

    private let flaw: Flaw
    private let store = MemoryStore()

    init(_ flaw: Flaw) { self.flaw = flaw }

    func accept(
        _ items: [InboxItem], atMilliseconds time: Int64
    ) async throws(StoreError) -> [Acceptance] {
        let answers = try await store.accept(items, atMilliseconds: time)
        switch flaw {
        case .forgetsKnownIDs: return answers.map { $0 == .duplicate ? .stored : $0 }
        case .answersBackwards: return answers.reversed()
        default: return answers
        }
    }

    func nextReferenceMilliseconds(source: String) async throws(StoreError) -> Int64? {
        try await store.nextReferenceMilliseconds(source: source)
    }

    func dueReferences(
        source: String, atMilliseconds time: Int64, limit: Int
    ) async throws(StoreError) -> [PendingReference] {
        try await store.dueReferences(source: source, atMilliseconds: time, limit: limit)
    }

    func limitDue(_ limit: ReferenceLimit) async throws(StoreError) -> Int {
        flaw == .keepsLateReferences ? 2 : try await store.limitDue(limit)
    }

    func record(_ fetches: [FetchRecord]) async throws(StoreError) {
        try await store.record(fetches)
    }

    func undecided(after sequence: Int64, limit: Int) async throws(StoreError) -> [InboxEntry] {
        guard flaw == .takesNewLeadsLast else {
            return try await store.undecided(after: sequence, limit: limit)
        }
        return try await store.undecided(after: sequence, limit: .max)
            .sorted { $0.sequence < $1.sequence }.prefix(limit).map { $0 }
    }

    func hasEarlier(dedupeKey: String, sinceSeconds: Int64) async throws(StoreError) -> Bool {
        let since = flaw == .dedupesForEver ? 0 : sinceSeconds
        return try await store.hasEarlier(dedupeKey: dedupeKey, sinceSeconds: since)
    }

    func poolState(_ query: PoolQuery) async throws(StoreError) -> PoolState {
        flaw == .forgetsPools ? PoolState() : try await store.poolState(query)
    }

    func record(
        _ decisions: [DecisionRecord], thenUndecided limit: Int
    ) async throws(StoreError) -> [InboxEntry]? {
        var decisions = decisions
        if flaw == .sendsWaitingAtOnce {
            for index in decisions.indices {
                for number in decisions[index].deliveries.indices {
                    decisions[index].deliveries[number].notBeforeMilliseconds = nil
                }
            }
        }
        if flaw == .remembersSkipped { store.remember(decisions) }
        if flaw == .decidesTwice { store.reopen(decisions.map(\.sequence)) }
        if flaw == .looksAheadTooEarly {
            let undecided = try await store.undecided(after: 0, limit: limit)
            _ = try await store.record(decisions, thenUndecided: 0)
            return undecided
        }
        return try await store.record(decisions, thenUndecided: limit)
    }

    func lease(_ request: LeaseRequest) async throws(StoreError) -> LeasedDeliveries {
        var request = request
        for index in request.picks.indices {
            if flaw == .ignoresLimit { request.picks[index].limit = 100 }
            if flaw == .takesAnyTime, request.picks[index].kind == .probe {
                request.atMilliseconds = .max
            }
        }
        if flaw == .ignoresLimit { request.limit = 100 }
        if flaw == .mixesPicks { request.picks.sort { $0.limit > $1.limit } }
        return try await store.lease(request)
    }

    func pendingDestinations(
        sink: String, after name: String, limit: Int
    ) async throws(StoreError) -> [PendingDestination] {
        try await store.pendingDestinations(sink: sink, after: name, limit: limit)
    }

    func renew(
        _ leases: [LeaseName], token: String, untilMilliseconds: Int64
    ) async throws(StoreError) -> [Bool] {
        let until = flaw == .doesNotRenew ? 0 : untilMilliseconds
        return try await store.renew(leases, token: token, untilMilliseconds: until)
    }

    func voidLeases(_ void: LeaseVoid) async throws(StoreError) -> VoidedLeases {
        if flaw == .keepsLeases { return VoidedLeases(count: 1) }
        var void = void
        if flaw == .blamesTheKilled { void.countsCrash = true }
        if flaw == .neverQuarantines { void.countsCrash = false }
        return try await store.voidLeases(void)
    }

    func limitDue(_ limit: DueLimit) async throws(StoreError) -> Int {
        flaw == .keepsLateDates ? 2 : try await store.limitDue(limit)
    }

    func hasten(_ hastening: Hastening) async throws(StoreError) -> Int {
        flaw == .hastensNothing ? 2 : try await store.hasten(hastening)
    }

    func clockJumps() async throws(StoreError) -> [ClockJump] {
        let jumps = try await store.clockJumps()
        return flaw == .sortsJumps
            ? jumps.sorted { $0.expectedMilliseconds < $1.expectedMilliseconds } : jumps
    }

    func record(_ jump: ClockJump) async throws(StoreError) { try await store.record(jump) }

    func pauses() async throws(StoreError) -> [SinkPause] { try await store.pauses() }

    func setPause(_ pause: SinkPause?, sink: String) async throws(StoreError) {
        if flaw == .forgetsPauseTimes { try await store.setPause(nil, sink: sink) }
        try await store.setPause(pause, sink: sink)
    }

    var lastOwnerCrashed: Bool { get async { store.lastOwnerCrashed } }
    var leadOfCrash: Int64? { get async { store.leadOfCrash } }
    func deciding<T>(_ sequence: Int64, _ body: () -> T) -> T { store.deciding(sequence, body) }

    func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool] {
        var results = results
        for index in results.indices {
            switch (flaw, results[index].result) {
            case (.spendsReleases, .released(let due, let reason)):
                results[index].result = .retry(dueMilliseconds: due ?? 0, reason: reason)
            case (.forgetsDestinations, _): results[index].destination = nil
            case (.spendsExpired, .expired(let reason, let followUps)):
                results[index].result = .dead(reason: reason, followUps: followUps)
            case (.delaysReturned, .returned):
                results[index].result = .released(dueMilliseconds: 9, reason: "x")
            case (.losesFollowUps, .dead(let reason, _)):
                results[index].result = .dead(reason: reason, followUps: [])
            case (.handsOverTwice, .dead(let reason, var followUps)):
                for other in followUps.indices { followUps[other].with = "{}" }
                results[index].result = .dead(reason: reason, followUps: followUps)
            case (.retriesAtOnce, .retry(_, let reason)):
                results[index].result = .retry(dueMilliseconds: 0, reason: reason)
            default: continue
            }
        }
        let answers = try await store.finish(results)
        return flaw == .doesNotFence ? answers.map { _ in true } : answers
    }

    func stats() async throws(StoreError) -> StoreStats {
        var stats = try await store.stats()
        if flaw == .miscounts { stats.deliveries[.dead] = nil }
        return stats
    }

    func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry] {
        let leads = try await store.leads(filter)
        return flaw == .listsOldestFirst ? leads.reversed() : leads
    }

    func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry] {
        try await store.deliveries(filter)
    }

    func attempts(of sequence: Int64) async throws(StoreError) -> [AttemptEntry] {
        try await store.attempts(of: sequence)
    }

    func close() async { await store.close() }
}

// What operators order.
extension BrokenStore {
    func orders(ofLead sequence: Int64) async throws(StoreError) -> [OrderEntry] {
        try await store.orders(ofLead: sequence)
    }

    func tally(_ filter: DeliveryFilter) async throws(StoreError) -> DeliveryTally {
        guard flaw == .talliesOnePage else { return try await store.tally(filter) }
        var tally = DeliveryTally()
        for entry in try await store.deliveries(filter) {
            tally.counts[.init(sink: entry.delivery.sink, state: entry.state), default: 0] += 1
        }
        return tally
    }

    func tally(_ filter: LeadFilter) async throws(StoreError) -> LeadTally {
        try await store.tally(filter)
    }

    func oldestOpenMilliseconds(
        atMilliseconds now: Int64
    ) async throws(StoreError) -> [String: Int64] {
        try await store.oldestOpenMilliseconds(atMilliseconds: now)
    }

    func redeliver(
        _ sequences: [Int64], _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        guard flaw == .keepsGenerationsApart else {
            return try await store.redeliver(sequences, order)
        }
        store.revive(sequences)
        return sequences.map { _ in .done }
    }

    func cancel(_ sequences: [Int64], _ order: Order) async throws(StoreError) -> [OrderAnswer] {
        flaw == .cancelsNothing
            ? sequences.map { _ in .done } : try await store.cancel(sequences, order)
    }

    func decideAgain(
        _ sequences: [Int64], _ options: DecideAgainOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        if flaw == .decidesNothingAgain { return sequences.map { _ in .done } }
        let options = flaw == .forgetsToCancelOthers ? DecideAgainOptions() : options
        return try await store.decideAgain(sequences, options, order)
    }

    func earlierDecisions(
        ofLead sequence: Int64
    ) async throws(StoreError) -> [EarlierDecision] {
        flaw == .forgetsEarlierDecisions
            ? [] : try await store.earlierDecisions(ofLead: sequence)
    }

    func forget(
        _ sequences: [Int64], _ options: ForgetOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer] {
        if flaw == .forgetsNothing { return sequences.map { _ in .done } }
        var options = options
        if flaw == .forgetsOpenLeads { options.cancelsPending = true }
        return try await store.forget(sequences, options, order)
    }

    func over(_ query: OverQuery) async throws(StoreError) -> [OverLead] {
        try await store.over(query)
    }
}

extension MemoryStore {
    /// Makes rows undecided again, which no store may.
    fileprivate func remember(_ decisions: [DecisionRecord]) {
        tables.withLock { for decision in decisions { $0.pools.apply(decision.pools) } }
    }

    /// Sends the same rows again, which no store may.
    fileprivate func revive(_ sequences: [Int64]) {
        tables.withLock { tables in
            for sequence in sequences {
                tables.change(Int(sequence) - 1) { $0.entry.state = .pending }
            }
        }
    }

    fileprivate func reopen(_ sequences: [Int64]) {
        tables.withLock { tables in
            for sequence in sequences { tables.rows[Int(sequence) - 1].entry.state = .received }
        }
    }
}
