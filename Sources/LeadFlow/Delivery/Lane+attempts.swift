internal import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

// What a lane asks of the sink.
extension Lane {
    /// An attempt that has begun.
    struct Begun: Sendable {
        var prepared: Prepared
        var ticket: Breaker.Ticket
        var setup: LaneSetup
        var underWay: UnderWay
    }

    /// The attempts that may begin now; they have begun then.
    func begin() -> [Begun] {
        let now = all.watch.read()
        return state.withLock { state in
            var begun: [Begun] = []
            // After a reload nothing begins with the old settings.
            guard let setup = state.setup, state.nextSetup == nil, state.isWorking else {
                return []
            }
            while state.desk.waitingCount > 0 {
                if let rate = setup.options.rate {
                    guard state.desk.couldBegin(at: now),
                        state.pace.allows(rate, atMilliseconds: now.up)
                    else { break }
                }
                guard let (prepared, ticket) = state.desk.begin(at: now) else { break }
                // The engine's own limit stands behind the sink's.
                let underWay = UnderWay(
                    limit: setup.options.timeout + Lane.limitExtra, startedUp: now.up)
                state.underWay[prepared.name] = underWay
                state.lateUp = min(state.lateUp, underWay.untilUp)
                setup.use.begin()
                begun.append(
                    Begun(prepared: prepared, ticket: ticket, setup: setup, underWay: underWay))
            }
            return begun
        }
    }

    func attempt(_ begun: Begun) async {
        let started = all.watch.read()
        let result = begun.setup.use.mask.masked(
            await begun.underWay.answer(
                of: begun.setup.use.sink, to: begun.prepared.delivery(begun.setup)))
        let now = all.watch.read()
        await begun.setup.use.end()
        let end = conclude(begun, result, started, now)
        if let end {
            do {
                _ = try await all.store.finish([end])
                ringFollowUps(of: [end])
            } catch {
                state.withLock { $0.failure = error }
            }
            tell(end.result, of: begun.prepared.leased)
        }
        state.withLock { state in
            state.underWay[begun.prepared.name] = nil
            state.desk.ended(
                begun.prepared.leased.sequence, at: begun.prepared.destination,
                after: now.up - started.up,
                nextDue: end.flatMap { AttemptEnd($0.result).dueMilliseconds }, now: now)
            state.suspects.attemptEnded()
            if end == nil { state.desk.ring(at: now.wall) }
            let outcome = end.flatMap { AttemptEnd($0.result).outcome }
            if let outcome = outcome.flatMap({ SinkState.AttemptOutcome(rawValue: $0) }) {
                state.attempts[outcome, default: 0] += 1
            }
        }
        if begun.prepared.isSuspect { all.gate.leave(at: now.up) }
        bell.ring(isNews: false)
    }

    /// What the result says of the destination, and what is to be recorded; nil when the lease is
    /// lost, and with it the right to say anything.
    private func conclude(
        _ begun: Begun, _ result: Result<Receipt, DeliveryFailure>?, _ started: TimeReading,
        _ now: TimeReading
    ) -> AttemptRecord? {
        let policy = begun.setup.policy
        let result = blamed(result, begun)
        let answer = result.map(Lane.answer) ?? .unknown
        var reason: String?
        if case .failure(let failure)? = result { reason = failure.reason }
        let (change, rest) = state.withLock { state in
            let destination = begun.prepared.destination
            let change = state.desk.note(
                answer, begun.ticket, of: begun.prepared.leased.sequence, at: destination,
                reason: reason, rests: policy.restMilliseconds, at: now)
            return (change, state.desk[destination]?.breaker.restLeft(at: now.up) ?? 0)
        }
        tell(change, of: begun.prepared.destination, reason ?? "")
        guard let result else { return nil }
        var record = record(of: begun.prepared, .returned, at: started)
        record.durationMilliseconds = max(0, now.up - started.up)
        switch result {
        case .success(let receipt):
            (record.recipient, record.answer) = (receipt.recipient, receipt.answer)
        case .failure(let failure):
            (record.recipient, record.answer) = (failure.recipient, failure.answer)
        }
        switch result {
        case .success(let receipt): record.result = .delivered(receipt: receipt.text)
        case .failure(let failure) where Task.isCancelled && failure.verdict == .retry(after: nil):
            // Broken off because the program ends: the sink has done nothing wrong, and the next
            // process tries at once.
            record.result = .released(
                dueMilliseconds: nil, reason: RetryPolicy.reason(of: failure))
        case .failure(let failure):
            let leased = begun.prepared.leased
            let attempt = RetryPolicy.Attempt(
                number: leased.attempt,
                ageMilliseconds: all.watch.age(of: leased.firstDueMilliseconds, at: now.wall),
                isProbe: begun.ticket.isProbe, restMilliseconds: rest,
                followUps: RetryPolicy.followUps(
                    leased, leadID: begun.prepared.lead.id,
                    onFailure: begun.setup.options.onFailure))
            record.result = policy.result(
                of: failure, attempt, nowMilliseconds: now.wall,
                random: RetryPolicy.fraction(of: leased.delivery.key, attempt: leased.attempt))
        }
        return record
    }

    /// A halt is about the lead, and not about the destination, where this delivery has halted it before
    /// while another passed: it waits as for any failure of its own, and is given up in the end.
    private func blamed(
        _ result: Result<Receipt, DeliveryFailure>?, _ begun: Begun
    ) -> Result<Receipt, DeliveryFailure>? {
        guard case .failure(let failure)? = result, failure.verdict == .halt,
            state.withLock({
                $0.desk.isCulprit(
                    begun.prepared.leased.sequence, at: begun.prepared.destination)
            })
        else { return result }
        return .failure(
            DeliveryFailure(
                .retry(after: nil), "\(failure.reason), while other leads pass",
                isAmbiguous: failure.isAmbiguous, isOfThisLead: true, to: failure.recipient,
                answer: failure.answer))
    }

    private static func answer(_ result: Result<Receipt, DeliveryFailure>) -> Breaker.Answer {
        guard case .failure(let failure) = result else { return .answered }
        switch failure.verdict {
        case .reject: return .answered
        case .halt: return .halted
        case .retry(let after):
            if failure.isOfThisLead { return .answered }
            return .failed(waitMilliseconds: RetryPolicy.asked(after))
        }
    }

    /// Breaks off what takes too long.
    func breakOffLate() {
        let now = all.watch.read()
        let late = state.withLock { state -> [UnderWay] in
            guard now.up >= state.lateUp else { return [] }
            let late = state.underWay.values.filter { now.up >= $0.untilUp }
            state.lateUp =
                state.underWay.values.lazy.map(\.untilUp).filter { $0 > now.up }.min() ?? .max
            return late
        }
        for one in late { one.breakOff(ifLateAt: now.up) }
    }

    // MARK: What operators are told

    /// A change is told once, however many attempts show it.
    private func tell(_ change: Breaker.Change?, of destination: String, _ reason: String) {
        let metadata: Logger.Metadata = ["sink": "\(name)", "destination": "\(destination)"]
        switch change {
        case .halted: all.logger.error("sink halted: \(reason)", metadata: metadata)
        case .opened(let failures):
            all.logger.error(
                "destination is left alone after \(failures) failures: \(reason)",
                metadata: metadata)
        case .closed: all.logger.notice("destination is well again", metadata: metadata)
        case nil: break
        }
    }

    func tell(_ result: AttemptRecord.Result, of leased: LeasedDelivery) {
        let metadata: Logger.Metadata = [
            "sink": "\(name)", "delivery": "\(leased.delivery.key.text.prefix(16))",
            "attempt": "\(leased.attempt)",
        ]
        switch result {
        case .retry(_, let reason):
            all.logger.info(
                "delivery failed, will be tried again: \(reason)", metadata: metadata)
        case .dead(let reason, _):
            all.logger.warning("delivery given up: \(reason)", metadata: metadata)
        case .delivered, .released, .returned, .expired: break
        }
    }
}
