internal import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

// What a lane asks of the store.
extension Lane {
    /// Leases what the desk picks, and makes it ready. Answers how many were leased.
    func lease() async throws(StoreError) -> Int {
        guard let setup = state.withLock({ $0.setup }) else { return 0 }
        var count = try await leaseSuspect(setup)
        let now = all.watch.read()
        let next = state.withLock { state in
            state.desk.picks(at: now, atMost: state.leaseMost(atMilliseconds: now.up))
        }
        guard let next else { return count }
        let result = try await all.store.lease(request(next.picks, limit: next.limit, at: now))
        state.withLock { state in
            if !state.holdsLeases { state.heartbeatUp = now.up }
            state.desk.leased(next.picks, result, at: now)
        }
        count += result.taken.count
        try await place(result.taken, setup)
        return count
    }

    func request(_ picks: [LeasePick], limit: Int, at now: TimeReading) -> LeaseRequest {
        LeaseRequest(
            sink: name, token: all.token, picks: picks, limit: limit, atMilliseconds: now.wall,
            untilMilliseconds: now.wall + Lane.leaseMilliseconds)
    }

    /// Renders what was leased and lets it wait for its turn; what cannot wait goes back.
    private func place(
        _ taken: [LeasedDelivery], _ setup: LaneSetup
    ) async throws(StoreError) {
        guard !taken.isEmpty else { return }
        let parser = JSONParser(limits: RoutingRecord.limits)
        let ready = taken.map { prepare($0, setup, parser) }
        let now = all.watch.read()
        var records: [AttemptRecord] = []
        var unknownReturned = 0
        for one in ready {
            switch one {
            case .success(let prepared):
                if state.withLock({ $0.desk.place(prepared, at: now) }) { continue }
                records.append(record(of: prepared, .returned, at: now))
                if prepared.leased.destination.utf8.isEmpty { unknownReturned += 1 }
            case .failure(let end):
                records.append(end.record(at: now))
                tell(end.result, of: end.leased)
            }
        }
        let unknown = taken.count { $0.destination.utf8.isEmpty }
        state.withLock { $0.desk.looked(at: unknown, returned: unknownReturned) }
        guard !records.isEmpty else { return }
        _ = try await all.store.finish(records)
        ringFollowUps(of: records)
    }

    /// A delivery that cannot be made ready.
    struct Unready: Error {
        var leased: LeasedDelivery
        var result: AttemptRecord.Result

        func record(at now: TimeReading) -> AttemptRecord {
            AttemptRecord(
                sequence: leased.sequence, sink: leased.delivery.sink, token: leased.token,
                attempt: leased.attempt,
                startedMilliseconds: now.wall, durationMilliseconds: 0, result: result)
        }
    }

    func prepare(
        _ leased: LeasedDelivery, _ setup: LaneSetup, _ parser: JSONParser
    ) -> Result<Prepared, Unready> {
        guard let lead = lead(of: leased, parser) else {
            return .failure(
                Unready(
                    leased: leased,
                    result: .dead(reason: "the stored lead cannot be read", followUps: [])))
        }
        let context = RenderContext(
            lead: lead, isDuplicate: leased.isDuplicate, deliveryID: leased.delivery.key.text,
            route: leased.delivery.route, pool: leased.delivery.pool,
            member: leased.delivery.member)
        do {
            let settings = try setup.ruleSet.render(
                Target(sink: leased.delivery.sink, with: leased.delivery.with), of: context)
            let rendered = Dictionary(settings.map { ($0.name, $0.text) }) { $1 }
            let delivery = leased.made(of: lead, rendered, setup)
            return .success(
                Prepared(
                    leased: leased, lead: lead, rendered: rendered,
                    destination: DestinationName.bounded(
                        setup.use.sink.destination(of: delivery), sink: name)))
        } catch {
            let followUps = RetryPolicy.followUps(
                leased, leadID: lead.id, onFailure: setup.options.onFailure)
            return .failure(
                Unready(
                    leased: leased, result: .dead(reason: error.description, followUps: followUps)))
        }
    }

    private func lead(
        of leased: LeasedDelivery, _ parser: JSONParser = JSONParser(limits: RoutingRecord.limits)
    ) -> Lead? {
        RoutingRecord.lead(
            leased.lead, source: leased.source, receivedMilliseconds: leased.receivedMilliseconds,
            parser: parser)
    }

    // MARK: Now and then

    /// Renews the leases of all that is held, when it is time.
    func renew() async throws(StoreError) {
        let now = all.watch.read()
        let held = state.withLock { state -> [LeaseName] in
            guard state.holdsLeases, now.up >= state.heartbeatUp + Lane.heartbeatMilliseconds else {
                return []
            }
            state.heartbeatUp = now.up
            return Array(state.underWay.keys) + state.desk.waitingLeases
        }
        guard !held.isEmpty else { return }
        let answers = try await all.store.renew(
            held, token: all.token, untilMilliseconds: now.wall + Lane.leaseMilliseconds)
        let lost = Set(zip(held, answers).filter { !$0.1 }.map(\.0))
        guard !lost.isEmpty else { return }
        let (underWay, waited) = state.withLock { state in
            (lost.compactMap { state.underWay[$0] }, state.desk.drop(lost))
        }
        if waited.contains(where: \.isSuspect) { leaveSuspect() }
        // An attempt that ended meanwhile has lost nothing.
        guard !underWay.isEmpty || !waited.isEmpty else { return }
        all.logger.warning(
            "leases were lost; their attempts are broken off",
            metadata: ["sink": "\(name)", "count": "\(lost.count)"])
        for one in underWay { one.breakOff(.leaseLost) }
    }

    /// Asks the store which destinations have deliveries: all at the start, then page by page.
    func sweep() async throws(StoreError) {
        let now = all.watch.read()
        let every = max(Lane.sweepMilliseconds, all.clock.longestRest.milliseconds)
        let (isDue, isFirst) = state.withLock { state in
            let isFirst = state.sweepUp == nil
            guard isFirst || now.up >= (state.sweepUp ?? 0) + every else { return (false, false) }
            state.sweepUp = now.up
            state.suspects.lookAgain()
            state.desk.ring(at: now.wall)
            return (true, isFirst)
        }
        guard isDue else { return }
        _ = try await all.store.voidLeases(
            LeaseVoid(
                exceptToken: all.token, ranOutByMilliseconds: now.wall, atMilliseconds: now.wall))
        var pages = isFirst ? Desk.destinationsMax / Lane.sweepPage : 1
        while pages > 0 {
            pages -= 1
            let after = state.withLock { $0.sweepAfter }
            let page = try await all.store.pendingDestinations(
                sink: name, after: after, limit: Lane.sweepPage)
            state.withLock { state in
                state.desk.learn(page)
                state.sweepAfter = page.count < Lane.sweepPage ? "" : page.last?.name ?? ""
            }
            if page.count < Lane.sweepPage { return }
        }
    }

    /// Moves due dates that a clock set back has put out of reach.
    func limitDue() async throws(StoreError) {
        let now = all.watch.read()
        let limit = state.withLock { state -> DueLimit? in
            guard let tolerance = state.limitDue, let setup = state.setup else { return nil }
            state.limitDue = nil
            return DueLimit(
                sink: name, atMilliseconds: now.wall, waitsMilliseconds: setup.policy.longestWaits,
                toleranceMilliseconds: tolerance)
        }
        guard let limit else { return }
        let moved = try await all.store.limitDue(limit)
        guard moved > 0 else { return }
        all.logger.notice(
            "due dates that the clock had left behind were moved",
            metadata: ["sink": "\(name)", "count": "\(moved)"])
        // What is known of due dates is no longer true.
        state.withLock { $0.sweepUp = nil }
    }

    /// Makes due what waits where the destination has become well again: after a week away everything
    /// is through within minutes, and not at the end of its six hours.
    func hasten() async throws(StoreError) {
        while let (destination, probe) = state.withLock({ $0.desk.takeWellAgain() }) {
            let now = all.watch.read()
            let moved = try await all.store.hasten(
                Hastening(
                    sink: name, destination: destination, atMilliseconds: now.wall,
                    exceptSequence: probe))
            guard moved > 0 else { continue }
            state.withLock { $0.desk.hastened(destination, at: now) }
        }
    }

    /// Gives up what is too old, of a destination that has turned out to be sick once more: it is
    /// not attempted, since nothing passes there; the failures of the others stand for it.
    func expire() async throws(StoreError) {
        while let (destination, setup, reason) = nextAged() {
            let now = all.watch.read()
            let latest = all.watch.time(ofAge: setup.options.retry.total.milliseconds, at: now.wall)
            let pick = LeasePick(
                destination: destination, kind: .agedBy(milliseconds: latest),
                limit: Lane.expireMax)
            let taken = try await all.store.lease(
                request([pick], limit: Lane.expireMax, at: now)
            ).taken
            guard !taken.isEmpty else { continue }
            let text = "given up by age, its destination does not take anything: \(reason)"
            let records = taken.map { leased -> AttemptRecord in
                // The pick goes by the wall; only time that went by counts.
                let age = all.watch.age(of: leased.firstDueMilliseconds, at: now.wall)
                guard age >= setup.options.retry.total.milliseconds else {
                    return AttemptRecord(
                        sequence: leased.sequence, sink: leased.delivery.sink, token: leased.token,
                        attempt: leased.attempt,
                        startedMilliseconds: now.wall, durationMilliseconds: 0, result: .returned)
                }
                let followUps =
                    lead(of: leased).map {
                        RetryPolicy.followUps(
                            leased, leadID: $0.id, onFailure: setup.options.onFailure)
                    } ?? []
                return AttemptRecord(
                    sequence: leased.sequence, sink: leased.delivery.sink, token: leased.token,
                    attempt: leased.attempt,
                    startedMilliseconds: now.wall, durationMilliseconds: 0,
                    result: .expired(reason: text, followUps: followUps))
            }
            _ = try await all.store.finish(records)
            ringFollowUps(of: records)
            let count = records.count { $0.result != .returned }
            guard count > 0 else { continue }
            all.logger.error(
                "deliveries \(text)",
                metadata: [
                    "sink": "\(name)", "destination": "\(destination)", "count": "\(count)",
                ])
            if count == Lane.expireMax {
                state.withLock { $0.desk.lookForAgedAgain(destination) }
            }
        }
    }

    private func nextAged() -> (String, LaneSetup, String)? {
        state.withLock { state in
            guard let setup = state.setup else { return nil }
            while let destination = state.desk.takeAged() {
                guard let one = state.desk[destination], one.breaker.isOpen,
                    one.breaker.failuresInARow >= Breaker.failuresMax
                else { continue }
                return (destination, setup, one.reason ?? "")
            }
            return nil
        }
    }

    func ringFollowUps(of records: [AttemptRecord]) {
        for record in records {
            for followUp in AttemptEnd(record.result).followUps {
                all.bells.lane(followUp.sink).ring()
            }
        }
    }
}

extension Prepared {
    func delivery(_ setup: LaneSetup) -> Delivery { leased.made(of: lead, rendered, setup) }
}

extension LeasedDelivery {
    /// What the sink gets.
    fileprivate func made(
        of lead: Lead, _ rendered: [String: String], _ setup: LaneSetup
    ) -> Delivery {
        // An attempt that was not spent may have arrived all the same: it is not the first to the
        // sink, which may look for what the one before has left behind.
        Delivery(
            key: delivery.key, lead: lead, sink: delivery.sink, route: delivery.route,
            isCopy: delivery.isCopy, attempt: max(attempt, wasTried ? 2 : 1),
            timeout: setup.options.timeout, rendered: rendered)
    }
}

/// What a sink calls a destination, within bounds.
enum DestinationName {
    /// The most bytes.
    static let bytesMax = 200

    static func bounded(_ name: String, sink: String) -> String {
        let line = Template.Place.oneLine(name)
        if line.utf8.isEmpty { return sink }
        guard line.utf8.count > bytesMax else { return line }
        let hash = Digest.sha256Hex(line.utf8).prefix(16)
        return String(decoding: line.utf8.prefix(bytesMax - 17), as: UTF8.self) + "-" + hash
    }
}
