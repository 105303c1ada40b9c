internal import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

/// The deliveries of one sink.
///
/// While there is room, due deliveries are leased (which counts the attempt), and each is attempted
/// in a task of its own. An attempt ends with a receipt, or with a verdict that `RetryPolicy` turns
/// into the next state; both are recorded under the lease's token before the room is free again.
/// `.halt` gives the attempt back and rests the whole lane, longer each time. When nothing is due,
/// the lane sleeps until the next delivery is, or until routing rings.
final class Lane: Sendable {
    /// How many deliveries wait here per attempt under way, so that a commit leases several.
    static let leaseAhead = 4
    /// The longest rest of a halted lane.
    static let haltMostMilliseconds: Int64 = 600_000
    /// How much longer a lease is than the attempts that it may have to wait for.
    static let leaseExtraMilliseconds: Int64 = 60_000

    /// A leased delivery that has not begun.
    private struct Waiting {
        var leased: LeasedDelivery
        var untilMilliseconds: Int64
    }

    private struct State {
        var waiting: [Waiting] = []
        var inFlight = 0
        var restsUntilMilliseconds: Int64 = 0
        var haltsInARow = 0
        var pace = Pace()
        var failure: StoreError?
        var nextDue: Int64?
    }

    private let sink: any Sink
    private let instance: SinkInstance
    private let ruleSet: RuleSet
    private let store: any LeadStore
    private let clock: any FlowClock
    private let token: String
    private let bells: Bells
    private let bell: Bell
    private let logger: Logger
    private let state = Mutex(State())

    init(
        sink: any Sink, instance: SinkInstance, ruleSet: RuleSet, store: any LeadStore,
        clock: any FlowClock, token: String, bells: Bells, logger: Logger
    ) {
        self.sink = sink
        self.instance = instance
        self.ruleSet = ruleSet
        self.store = store
        self.clock = clock
        self.token = token
        self.bells = bells
        self.logger = logger
        bell = bells.lane(instance.name)
    }

    func close() async { await sink.close() }

    func run() async throws {
        guard !instance.options.isPaused else {
            while !bells.isStopped {
                try Task.checkCancellation()
                await bell.wait(atMost: .seconds(3600), clock: clock)
            }
            return
        }
        try await withThrowingDiscardingTaskGroup { group in
            while !bells.isStopped {
                try Task.checkCancellation()
                if let failure = state.withLock({ $0.failure }) { throw failure }
                try await giveBackStale()
                try await refill()
                var started = 0
                while let next = take() {
                    started += 1
                    group.addTask { await self.attempt(next) }
                }
                if started == 0 { await bell.wait(atMost: try await pause(), clock: clock) }
            }
            try await giveBack(reason: "the program stopped") { _ in true }
        }
        // An attempt that ended after the loop may have found the store broken.
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Leases more when fewer wait than could start.
    private func refill() async throws(StoreError) {
        let now = clock.nowMilliseconds()
        let room = state.withLock { state -> Int in
            guard state.restsUntilMilliseconds <= now else { return 0 }
            let most = instance.options.maxInFlight
            guard state.waiting.count < most, state.inFlight < most else { return 0 }
            // A halted sink is asked with one delivery, not with all.
            if state.haltsInARow > 0 { return state.inFlight + state.waiting.count == 0 ? 1 : 0 }
            return min(most * Lane.leaseAhead, mostByRate) - state.waiting.count
        }
        guard room > 0 else { return }
        let until =
            now + limit.milliseconds * Int64(Lane.leaseAhead + 2) + Lane.leaseExtraMilliseconds
        let leased = try await store.lease(
            LeaseRequest(
                sink: instance.name, token: token,
                picks: [LeasePick(destination: "", limit: room)], limit: room,
                atMilliseconds: now, untilMilliseconds: until))
        state.withLock { state in
            state.nextDue = leased.nextDueMilliseconds[""]
            state.waiting += leased.taken.map { Waiting(leased: $0, untilMilliseconds: until) }
        }
    }

    /// How many attempts the rate allows within the part of a lease that is spare.
    private var mostByRate: Int {
        guard let rate = instance.options.rate else { return .max }
        return max(1, rate.count * Int(Lane.leaseExtraMilliseconds) / Int(rate.period.milliseconds))
    }

    /// Gives back what could outlive its lease, or rests with a halted sink. Otherwise the lease
    /// runs out while the delivery waits here, and the next refill takes it a second time.
    private func giveBackStale() async throws(StoreError) {
        let now = clock.nowMilliseconds()
        let isResting = state.withLock { $0.restsUntilMilliseconds > now }
        let latest = now + limit.milliseconds
        try await giveBack(reason: isResting ? "the sink rests" : "its turn did not come in time") {
            isResting || $0 <= latest
        }
    }

    /// The next delivery, if there is room and the rate allows it.
    private func take() -> LeasedDelivery? {
        let now = clock.nowMilliseconds()
        return state.withLock { state in
            let most = state.haltsInARow > 0 ? 1 : instance.options.maxInFlight
            guard !state.waiting.isEmpty, state.inFlight < most,
                state.restsUntilMilliseconds <= now,
                state.pace.allows(instance.options.rate, atMilliseconds: now)
            else { return nil }
            state.inFlight += 1
            return state.waiting.removeFirst().leased
        }
    }

    /// How long nothing can start.
    private func pause() async throws(StoreError) -> Duration {
        let now = clock.nowMilliseconds()
        let (rests, isFull, hasWaiting, pace) = state.withLock {
            (
                $0.restsUntilMilliseconds,
                $0.inFlight >= ($0.haltsInARow > 0 ? 1 : instance.options.maxInFlight),
                !$0.waiting.isEmpty,
                $0.pace.waitMilliseconds(instance.options.rate, atMilliseconds: now)
            )
        }
        if rests > now { return min(.milliseconds(rests - now), clock.longestRest) }
        // An attempt that ends rings.
        if isFull { return clock.longestRest }
        if hasWaiting { return min(.milliseconds(max(pace, 1)), clock.longestRest) }
        let due = state.withLock { $0.nextDue }
        guard let due else { return clock.longestRest }
        return min(.milliseconds(max(due - now, 1)), clock.longestRest)
    }

    private func attempt(_ leased: LeasedDelivery) async {
        let started = clock.nowMilliseconds()
        let result = await result(of: leased)
        let now = clock.nowMilliseconds()
        note(result, leased, now)
        let record = AttemptRecord(
            sequence: leased.sequence, token: leased.token, attempt: leased.attempt,
            startedMilliseconds: started, durationMilliseconds: max(0, now - started),
            result: result)
        do {
            _ = try await store.finish([record])
            if case .dead(_, let followUps) = result {
                for followUp in followUps { bells.lane(followUp.sink).ring() }
            }
        } catch {
            state.withLock { $0.failure = error }
        }
        state.withLock { $0.inFlight -= 1 }
        bell.ring()
    }

    private func result(of leased: LeasedDelivery) async -> AttemptRecord.Result {
        guard
            let lead = RoutingRecord.lead(
                leased.lead, source: leased.source,
                receivedMilliseconds: leased.receivedMilliseconds)
        else { return .dead(reason: "the stored lead cannot be read", followUps: []) }
        do {
            let receipt = try await deliver(leased, lead)
            return .delivered(receipt: receipt.text)
        } catch {
            let followUps = RetryPolicy.followUps(
                leased, leadID: lead.id, onFailure: instance.options.onFailure)
            return RetryPolicy(retry: instance.options.retry).result(
                of: error, attempt: leased.attempt,
                createdMilliseconds: leased.firstDueMilliseconds,
                nowMilliseconds: clock.nowMilliseconds(), random: .random(in: 0...1),
                followUps: followUps)
        }
    }

    private func deliver(
        _ leased: LeasedDelivery, _ lead: Lead
    ) async throws(DeliveryFailure) -> Receipt {
        let context = RenderContext(
            lead: lead, isDuplicate: leased.isDuplicate, deliveryID: leased.delivery.key.text,
            route: leased.delivery.route, pool: leased.delivery.pool,
            member: leased.delivery.member)
        let settings: [RenderedSetting]
        do {
            settings = try ruleSet.render(
                Target(sink: leased.delivery.sink, with: leased.delivery.with), of: context)
        } catch {
            throw .reject(error.description)
        }
        let delivery = Delivery(
            key: leased.delivery.key, lead: lead, sink: leased.delivery.sink,
            route: leased.delivery.route, isCopy: leased.delivery.isCopy, attempt: leased.attempt,
            timeout: instance.options.timeout,
            rendered: Dictionary(settings.map { ($0.name, $0.text) }) { $1 })
        return try await withTimeLimit(delivery)
    }

    /// The longest that the engine lets an attempt take.
    private var limit: Duration { instance.options.timeout + .seconds(5) }

    /// The engine's own limit stands behind the sink's: a sink that forgets it is cancelled.
    private func withTimeLimit(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        let limit = limit
        let result = await withTaskGroup(
            of: Result<Receipt, DeliveryFailure>.self
        ) { group -> Result<Receipt, DeliveryFailure> in
            group.addTask {
                do throws(DeliveryFailure) {
                    return .success(try await self.sink.deliver(delivery))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await self.clock.sleep(for: limit)
                return .failure(.retry("no answer within \(limit)", isAmbiguous: true))
            }
            let first = await group.next() ?? .failure(.retry("cancelled", isAmbiguous: true))
            group.cancelAll()
            return first
        }
        return try result.get()
    }

    /// Keeps the lane's own state up to date, and tells operators what they must know.
    private func note(_ result: AttemptRecord.Result, _ leased: LeasedDelivery, _ now: Int64) {
        let metadata: Logger.Metadata = [
            "sink": "\(instance.name)", "delivery": "\(leased.delivery.key.text.prefix(16))",
            "attempt": "\(leased.attempt)",
        ]
        switch result {
        case .delivered, .returned, .expired:
            state.withLock { $0.haltsInARow = 0 }
        case .released(let due, let reason):
            let due = due ?? now
            let halts = state.withLock { state -> Int in
                // Attempts that were under way together are one fault, not several.
                guard state.restsUntilMilliseconds <= now else { return 0 }
                state.haltsInARow += 1
                let rest = min(
                    Lane.haltMostMilliseconds, (due - now) << min(state.haltsInARow - 1, 10))
                state.restsUntilMilliseconds = now + rest
                return state.haltsInARow
            }
            if halts == 1 {
                logger.error("sink halted: \(reason)", metadata: ["sink": "\(instance.name)"])
            }
        case .retry(_, let reason):
            state.withLock { $0.haltsInARow = 0 }
            logger.info("delivery failed, will be tried again: \(reason)", metadata: metadata)
        case .dead(let reason, _):
            state.withLock { $0.haltsInARow = 0 }
            logger.warning("delivery given up: \(reason)", metadata: metadata)
        }
    }

    /// Gives back what was leased and not begun, by when the lease runs out; no attempt is spent.
    private func giveBack(
        reason: String, where isReturned: (_ untilMilliseconds: Int64) -> Bool
    ) async throws(StoreError) {
        let returned = state.withLock { state in
            let returned = state.waiting.filter { isReturned($0.untilMilliseconds) }
            state.waiting.removeAll { isReturned($0.untilMilliseconds) }
            return returned
        }
        guard !returned.isEmpty else { return }
        let now = clock.nowMilliseconds()
        _ = try await store.finish(
            returned.map { waiting in
                AttemptRecord(
                    sequence: waiting.leased.sequence, token: waiting.leased.token,
                    attempt: waiting.leased.attempt, startedMilliseconds: now,
                    durationMilliseconds: 0,
                    result: .released(dueMilliseconds: now, reason: reason))
            })
    }
}

/// Spaces attempts evenly for a rate.
struct Pace {
    private var nextMilliseconds: Double = 0

    mutating func allows(_ rate: Rate?, atMilliseconds now: Int64) -> Bool {
        guard let rate else { return true }
        // A clock that jumped back must not stall the lane for longer than one period.
        let latest = Double(now) + Double(rate.period.milliseconds)
        nextMilliseconds = min(nextMilliseconds, latest)
        guard nextMilliseconds <= Double(now) else { return false }
        nextMilliseconds =
            max(nextMilliseconds, Double(now)) + Double(rate.period.milliseconds)
            / Double(rate.count)
        return true
    }

    func waitMilliseconds(_ rate: Rate?, atMilliseconds now: Int64) -> Int64 {
        rate == nil ? 0 : max(0, Int64(nextMilliseconds.rounded(.up)) - now)
    }
}
