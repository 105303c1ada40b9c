internal import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

/// The deliveries of one sink.
///
/// One loop does, again and again, until there is nothing to do and it sleeps:
///
/// 1. *Give back* what waits and must not: the sink is paused, was changed by a reload, or its
///    destination rests. Nothing is spent by that.
/// 2. *Renew* the leases of what is held, every `heartbeatMilliseconds`. Who has lost his lease is
///    broken off: somebody else may be at work on that delivery. So is a sink that takes longer
///    than its own time limit allows.
/// 3. *Sweep*: ask the store which destinations have deliveries, in case a note was lost.
/// 4. *Expire* what is too old and whose destination is still sick; *hasten* what waits where the
///    destination is well again: it is due now, once.
/// 5. *Lease* one that was under way in a crash, when it has its turn (see `SuspectTurns`), and
///    what the desk picks (see `Desk`), which counts the attempt before it begins; render
///    each, which tells its destination; what cannot begin there soon goes back, its destination
///    noted, so that a backlog for a sick destination is looked at once and then left alone.
/// 6. *Begin* attempts, each in a task of its own, in turn over the destinations, within the caps
///    and the rate.
///
/// An attempt ends with a receipt or a verdict. What that says of the destination goes to its
/// `Breaker`; what it makes of the delivery is `RetryPolicy`'s; it is recorded under the lease's
/// token before the room is free again, so that a process that dies leaves no more deliveries in
/// doubt than the caps allow. The records of attempts that end together share a commit.
///
/// Rules and settings are those in force when an attempt begins, never those of its lease.
final class Lane: Sendable {
    /// How long a lease holds.
    static let leaseMilliseconds: Int64 = 60_000
    /// How often leases are renewed.
    static let heartbeatMilliseconds: Int64 = 15_000
    /// How often the store is asked what waits, beside what is known already.
    static let sweepMilliseconds: Int64 = 60_000
    /// The most destinations of one look into the store.
    static let sweepPage = 1_000
    /// The most that expire in one transaction.
    static let expireMax = 64
    /// How much longer than the sink's own time limit the engine waits.
    static let limitExtra = Duration.seconds(5)

    /// What all lanes share.
    struct Surroundings: Sendable {
        var store: any LeadStore
        var clock: any FlowClock
        var watch: JumpWatch
        var token: String
        var bells: Bells
        var gate: SuspectGate
        var logger: Logger
    }

    struct State {
        var desk: Desk
        var setup: LaneSetup?
        /// What a reload has brought and the loop has not taken over yet.
        var nextSetup: LaneSetup??
        var pause: SinkPause?
        var pace = Pace()
        var underWay: [LeaseName: UnderWay] = [:]
        /// When the first of them may be late, by the clock that goes forward.
        var lateUp: Int64 = .max
        var failure: StoreError?
        var attempts: [SinkState.AttemptOutcome: Int] = [:]
        var heartbeatUp: Int64 = .min
        var sweepUp: Int64?
        var sweepAfter = ""
        var suspects = Suspects()
        /// Due dates are to be looked at; by so much too late is left as it is. At the start the clock
        /// may have been set back while nobody looked, or the other side may have asked for a wait.
        var limitDue: Int64? = RetryPolicy.retryAfter.upperBound.milliseconds

        var isWorking: Bool { setup.map { !$0.options.isPaused } ?? false && pause == nil }
    }

    let name: String
    let all: Surroundings
    let bell: Bell
    let state: Mutex<State>

    init(_ name: String, _ setup: LaneSetup, _ all: Surroundings) {
        self.name = name
        self.all = all
        bell = all.bells.lane(name)
        state = Mutex(State(desk: Desk(caps: setup.use.caps), setup: setup))
    }

    // MARK: What others ask of it

    /// The newest setup, taken over already or not; nil when the sink is no longer configured.
    var latestSetup: LaneSetup? { state.withLock { $0.nextSetup ?? $0.setup } }

    /// Works with another setup from the next attempt on; with none it leaves everything pending.
    func use(_ setup: LaneSetup?) {
        let skipped = state.withLock { state -> SinkUse? in
            // One that another reload has brought, and that was never worked with.
            let skipped = (state.nextSetup ?? nil)?.use
            state.nextSetup = .some(setup)
            return skipped === setup?.use || skipped === state.setup?.use ? nil : skipped
        }
        if let skipped { all.bells.retire(skipped) }
        bell.ring()
    }

    func set(_ pause: SinkPause?) {
        state.withLock { $0.pause = pause }
        bell.ring()
    }

    /// Ends rests; answers how many destinations are asked now, and nil for one that is not known.
    func probe(_ destination: String?) -> Int? {
        let now = all.watch.read()
        defer { bell.ring() }
        return state.withLock { state in
            if let destination, state.desk[destination] == nil { return nil }
            return state.desk.endRests(of: destination, at: now)
        }
    }

    /// The wall clock was set back: nothing may wait longer than its longest step from now.
    func limitDueDates() {
        state.withLock { $0.limitDue = 0 }
        bell.ring()
    }

    var sinkState: SinkState {
        let now = all.watch.read()
        return state.withLock { state in
            let setup = state.nextSetup ?? state.setup
            var result = SinkState(
                name: name, plugin: setup?.use.instance.plugin, isAbsent: setup == nil,
                isPausedByConfiguration: setup?.options.isPaused == true,
                inFlight: state.desk.inFlight, maxInFlight: setup?.options.maxInFlight ?? 0,
                destinations: state.desk.states(at: now), attempts: state.attempts)
            if let pause = state.pause {
                result.pause = .operator(
                    sinceMilliseconds: pause.sinceMilliseconds, reason: pause.reason)
            } else if result.isPausedByConfiguration {
                result.pause = .configuration
            }
            return result
        }
    }

    // MARK: The loop

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while !all.bells.isStopped {
                try Task.checkCancellation()
                if let failure = state.withLock({ $0.failure }) { throw failure }
                if bell.takeNews() { noteNews() }
                try await giveBack(all: false)
                try await takeOverSetup()
                try await renew()
                breakOffLate()
                guard state.withLock({ $0.isWorking }) else {
                    declineSuspect()
                    await bell.wait(atMost: pause(untilWorkIn: nil), clock: all.clock)
                    continue
                }
                try await limitDue()
                try await sweep()
                try await expire()
                try await hasten()
                let leased = try await lease()
                let begun = begin()
                for one in begun { group.addTask { await self.attempt(one) } }
                if leased == 0, begun.isEmpty {
                    await bell.wait(atMost: pause(), clock: all.clock)
                }
            }
            try await giveBack(all: true)
        }
        // An attempt that ended after the loop may have found the store broken.
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func noteNews() {
        let now = all.watch.read()
        state.withLock { $0.desk.ring(at: now.wall) }
    }

    /// What a reload brought is in force when nothing waits that was made ready for the old one.
    private func takeOverSetup() async throws(StoreError) {
        guard state.withLock({ $0.nextSetup != nil }) else { return }
        try await giveBack(all: true)
        let old = state.withLock { state -> SinkUse? in
            guard let next = state.nextSetup else { return nil }
            let old = state.setup?.use
            state.setup = next
            state.nextSetup = nil
            if let next { state.desk.caps = next.use.caps }
            return old === next?.use ? nil : old
        }
        if let old { all.bells.retire(old) }
    }

    /// Gives back what waits: all of it, or what may not begin; no attempt is spent.
    private func giveBack(all isAll: Bool) async throws(StoreError) {
        let now = all.watch.read()
        let back = state.withLock { state in
            state.desk.takeBack(all: isAll || !state.isWorking, at: now)
        }
        guard !back.isEmpty else { return }
        _ = try await all.store.finish(back.map { record(of: $0, .returned, at: now) })
        if back.contains(where: \.isSuspect) { leaveSuspect() }
    }

    func record(
        of prepared: Prepared, _ result: AttemptRecord.Result, at now: TimeReading
    ) -> AttemptRecord {
        let leased = prepared.leased
        let isKnown = prepared.destination.utf8.elementsEqual(leased.destination.utf8)
        return AttemptRecord(
            sequence: leased.sequence, sink: leased.delivery.sink, token: leased.token,
            attempt: leased.attempt,
            startedMilliseconds: now.wall, durationMilliseconds: 0, result: result,
            destination: isKnown ? nil : prepared.destination)
    }

    /// How long the loop sleeps when nobody wakes it.
    private func pause() -> Duration {
        let now = all.watch.read()
        let rest = state.withLock { state -> Int64? in
            var rest = state.desk.rest(
                at: now, mayLease: state.leaseMost(atMilliseconds: now.up) > 0)
            let untilLease = state.untilLease(atMilliseconds: now.up)
            if untilLease > 0 { rest = min(rest ?? .max, untilLease) }
            if let left = state.suspects.rest(at: now.up) { rest = min(rest ?? .max, left) }
            if state.desk.couldBegin(at: now) {
                let wait = state.pace.waitMilliseconds(
                    state.setup?.options.rate, atMilliseconds: now.up)
                rest = min(rest ?? .max, wait)
            }
            return rest
        }
        return pause(untilWorkIn: rest)
    }

    private func pause(untilWorkIn rest: Int64?) -> Duration {
        let now = all.watch.read()
        let (heartbeat, late) = state.withLock { state in
            (
                state.holdsLeases ? state.heartbeatUp + Lane.heartbeatMilliseconds - now.up : .max,
                state.lateUp == .max ? .max : state.lateUp - now.up
            )
        }
        let most = min(all.clock.longestRest.milliseconds, rest ?? .max, heartbeat, late)
        return .milliseconds(max(1, most))
    }
}

extension Lane.State {
    /// How long the rate lets nothing be leased: what is leased begins within a second.
    func untilLease(atMilliseconds up: Int64) -> Int64 {
        max(
            0,
            pace.waitMilliseconds(setup?.options.rate, atMilliseconds: up) - Tempo.slowMilliseconds)
    }

    var holdsLeases: Bool { !underWay.isEmpty || desk.waitingCount > 0 }

    /// How many more may be leased so that each has its turn by the rate within a second or so.
    func leaseMost(atMilliseconds up: Int64) -> Int {
        guard let rate = setup?.options.rate else { return .max }
        guard untilLease(atMilliseconds: up) == 0 else { return 0 }
        let most = Int64(rate.count) * Tempo.slowMilliseconds / rate.period.milliseconds
        return max(1, Int(most)) - desk.waitingCount
    }
}
