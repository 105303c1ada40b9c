internal import LeadKit
internal import LeadRules
internal import LeadStore
internal import Synchronization

/// What a lane knows of its deliveries that were under way in a crash.
struct Suspects: Sendable {
    /// How long nobody looks after some went back for lack of room.
    static let restMilliseconds: Int64 = 2_000

    /// Whether the store may have some that can begin.
    private(set) var mayBe = true
    /// Whether some went back, whose destinations may take them when an attempt has ended.
    private var areBack = false
    private var notBeforeUp: Int64 = .min
    /// Whether the lane waits for its turn at the gate.
    var isWaiting = false

    func mayBegin(at up: Int64) -> Bool { mayBe && notBeforeUp <= up }

    /// In how long they may be looked at; nil for never, unless something happens, or now.
    func rest(at up: Int64) -> Int64? { mayBe && notBeforeUp > up ? notBeforeUp - up : nil }

    mutating func lookAgain() { mayBe = true }

    mutating func foundNone() { (mayBe, areBack) = (false, false) }

    mutating func wentBack(at up: Int64) {
        (mayBe, areBack) = (false, true)
        notBeforeUp = up + Suspects.restMilliseconds
    }

    mutating func attemptEnded() {
        if areBack { (mayBe, areBack) = (true, false) }
    }
}

// Deliveries that were under way in a crash go alone; see `SuspectGate`.
extension Lane {
    /// The most that are looked at for one that can begin: others, whose destination is sick, must
    /// not stand before it.
    static let suspectsMax = 64

    /// Leases one that can begin at once, when it is this lane's turn. Answers how many were leased:
    /// all but that one have gone back.
    func leaseSuspect(_ setup: LaneSetup) async throws(StoreError) -> Int {
        guard state.withLock({ $0.suspects.mayBe || $0.suspects.isWaiting }) else { return 0 }
        let now = all.watch.read()
        guard state.withLock({ $0.canTakeSuspect(atMilliseconds: now.up) }) else {
            declineSuspect()
            return 0
        }
        let isTurn = all.gate.enter(name, at: now.up)
        state.withLock { $0.suspects.isWaiting = !isTurn }
        guard isTurn else { return 0 }
        let pick = LeasePick(destination: "", kind: .suspect, limit: Lane.suspectsMax)
        let taken = try await all.store.lease(
            request([pick], limit: Lane.suspectsMax, at: now)
        ).taken
        if taken.isEmpty { state.withLock { $0.suspects.foundNone() } }
        guard try await !placeSuspect(of: taken, setup) else { return taken.count }
        all.gate.leave(isLast: taken.isEmpty, at: all.watch.read().up)
        return taken.count
    }

    /// The lane has no use for a turn now.
    func declineSuspect() {
        let wasWaiting = state.withLock { state in
            defer { state.suspects.isWaiting = false }
            return state.suspects.isWaiting
        }
        if wasWaiting { all.gate.decline(name) }
    }

    /// One that was leased goes back without an attempt, and the turn with it.
    func leaveSuspect() {
        let now = all.watch.read()
        state.withLock { $0.suspects.wentBack(at: now.up) }
        all.gate.leave(at: now.up)
    }

    /// Lets the first wait that can begin; all others go back. False when there is none.
    private func placeSuspect(
        of taken: [LeasedDelivery], _ setup: LaneSetup
    ) async throws(StoreError) -> Bool {
        guard !taken.isEmpty else { return false }
        let parser = JSONParser(limits: RoutingRecord.limits)
        let ready = taken.map { prepare($0, setup, parser) }
        let now = all.watch.read()
        var records: [AttemptRecord] = []
        var isPlaced = false
        var isAnyBack = false
        for one in ready {
            switch one {
            case .success(let prepared):
                if !isPlaced {
                    isPlaced = state.withLock { state in
                        if !state.holdsLeases { state.heartbeatUp = now.up }
                        return state.desk.place(prepared, at: now)
                    }
                    if isPlaced { continue }
                }
                isAnyBack = true
                records.append(record(of: prepared, .returned, at: now))
            case .failure(let end):
                records.append(end.record(at: now))
                tell(end.result, of: end.leased)
            }
        }
        if !isPlaced, isAnyBack { state.withLock { $0.suspects.wentBack(at: now.up) } }
        guard !records.isEmpty else { return isPlaced }
        // Before the attempt begins: what is leased in a crash is suspected.
        _ = try await all.store.finish(records)
        ringFollowUps(of: records)
        return isPlaced
    }
}

extension Lane.State {
    /// Whether one of them would begin at once: it must not wait under a lease, which counts as
    /// being under way, for what a rate or a receiver that hangs lets nobody begin.
    func canTakeSuspect(atMilliseconds up: Int64) -> Bool {
        suspects.mayBegin(at: up) && desk.inFlight < desk.caps.all
            && leaseMost(atMilliseconds: up) > 0
    }
}
