internal import LeadKit
public import LeadRules
public import LeadStore
internal import Logging
internal import Synchronization

/// Outbox → Delivery → Sink.
///
/// Each configured sink has a lane of its own: own leases, own attempts under way, own pause. A
/// sick sink keeps only its own lane waiting, and there only the destination that is sick.
///
/// A reload exchanges what lanes work with, without waiting for any of them: attempts under way end
/// with the plugin they began with, which is closed after the last of them. A sink that is gone
/// keeps its deliveries pending until it comes back.
public final class DeliveryLoop: Sendable {
    private struct State {
        var lanes: [String: Lane] = [:]
        var unstarted: [Lane] = []
        var isReloading = false
        var hasBegun = false
        /// What operators have ordered since the start, by sink: newer than what was read from the
        /// store before, which is applied later.
        var ordered: [String: SinkPause?] = [:]
        var markedUp: Int64 = 0
    }

    /// How often it is noted that the service is at work.
    static let markMilliseconds: Int64 = 60_000

    private let all: Lane.Surroundings
    private let jumps: JumpNotes
    private let state: Mutex<State>

    init(
        configuration: Configuration, store: any LeadStore, clock: any FlowClock, bells: Bells,
        logger: Logger
    ) async throws {
        let jumps = JumpNotes(bells: bells)
        all = Lane.Surroundings(
            store: store, clock: clock, watch: JumpWatch(clock) { jumps.add($0) },
            // A new token a process: leases of an earlier one are void, and its late results
            // refused.
            token: String(UInt64.random(in: .min ... .max), radix: 16), bells: bells,
            gate: SuspectGate(bells: bells), logger: logger)
        self.jumps = jumps
        state = Mutex(State())
        try await use(configuration)
    }

    /// Works with another configuration from the next attempts on. May be called at any time, and
    /// waits for no sink.
    ///
    /// - Throws: what a plugin says of settings that cannot work, or `DeliveryLoopError` while
    ///   another configuration is being taken over. Nothing has changed then.
    public func use(_ configuration: Configuration) async throws {
        let isFree = state.withLock { state in
            defer { state.isReloading = true }
            return !state.isReloading
        }
        guard isFree else { throw DeliveryLoopError.isReloading }
        defer { state.withLock { $0.isReloading = false } }
        // A sink that comes back may have been paused before.
        let pauses =
            state.withLock { $0.hasBegun } ? try await all.store.pauses() : []
        var uses: [SinkUse] = []
        var made: [SinkUse] = []
        do {
            for instance in configuration.sinks {
                if let known = lane(instance.name)?.latestSetup?.use,
                    known.instance.isSame(as: instance)
                {
                    uses.append(known)
                    continue
                }
                let context = PluginContext(instance: instance.name, logger: all.logger)
                let use = SinkUse(try await instance.blueprint.make(context), instance)
                uses.append(use)
                made.append(use)
            }
        } catch {
            for use in made { await use.retire() }
            throw error
        }
        publish(uses.map { LaneSetup(use: $0, ruleSet: configuration.ruleSet) }, pauses)
    }

    private func publish(_ setups: [LaneSetup], _ pauses: [SinkPause]) {
        state.withLock { state in
            let names = Set(setups.map(\.use.instance.name))
            for (name, lane) in state.lanes where !names.contains(name) { lane.use(nil) }
            for setup in setups {
                let name = setup.use.instance.name
                if let lane = state.lanes[name] {
                    lane.use(setup)
                } else {
                    let lane = Lane(name, setup, all)
                    lane.set(
                        state.ordered[name]
                            ?? pauses.first { $0.sink.utf8.elementsEqual(name.utf8) })
                    state.lanes[name] = lane
                    state.unstarted.append(lane)
                }
            }
        }
        all.bells.delivery.ring()
    }

    /// The clock whose readings the loop knows.
    var watchedClock: WatchedClock { WatchedClock(watch: all.watch, clock: all.clock) }

    /// Whatever is of this time or earlier is surely so old: only time that a service has seen go by
    /// counts. Nil at the start, until it is known what earlier processes have seen.
    public func latestMilliseconds(ofAge age: Duration) -> Int64? {
        guard state.withLock({ $0.hasBegun }) else { return nil }
        return all.watch.time(ofAge: age.milliseconds, at: all.watch.read().wall)
    }

    private func lane(_ name: String) -> Lane? { state.withLock { $0.lanes[name] } }

    private var lanes: [Lane] { state.withLock { Array($0.lanes.values) } }

    // MARK: Running

    func run() async throws {
        try await begin()
        try await withThrowingDiscardingTaskGroup { group in
            // Not a throw, which would hide why a lane has failed.
            while !all.bells.isStopped, !Task.isCancelled {
                for lane in takeUnstarted() { group.addTask { try await self.run(lane) } }
                for use in all.bells.takeRetired() { group.addTask { await use.retire() } }
                try await noteJumps()
                try await markWhenDue()
                await all.bells.delivery.wait(atMost: all.clock.longestRest, clock: all.clock)
                _ = all.watch.read()
            }
        }
        try Task.checkCancellation()
    }

    /// A lane ends before its time only when the store does not do what it must. The group calls off
    /// all other lanes then, and waits for this loop: without a word to it nothing would be delivered
    /// any more, and nobody would see it.
    private func run(_ lane: Lane) async throws {
        do {
            try await lane.run()
        } catch let error as StoreError {
            all.bells.fail(error)
            throw error
        }
    }

    /// What an earlier process left: leases, jumps of the clock, pauses.
    private func begin() async throws(StoreError) {
        try await rememberJumps()
        let voided = try await all.store.voidLeases(
            LeaseVoid(
                exceptToken: all.token, countsCrash: await all.store.lastOwnerCrashed,
                atMilliseconds: all.watch.read().wall))
        if voided.count > 0 {
            all.logger.notice(
                "took over deliveries that were under way when the last process ended",
                metadata: ["count": "\(voided.count)"])
        }
        if !voided.quarantined.isEmpty {
            all.logger.error(
                "deliveries given up: \(LeaseVoid.reason)",
                metadata: ["count": "\(voided.quarantined.count)"])
        }
        let pauses = try await all.store.pauses()
        state.withLock { state in
            for pause in pauses where state.ordered[pause.sink] == nil {
                state.lanes[pause.sink]?.set(pause)
            }
            state.hasBegun = true
        }
    }

    private func order(_ pause: SinkPause?, sink: String) {
        state.withLock { state in
            state.ordered.updateValue(pause, forKey: sink)
            state.lanes[sink]?.set(pause)
        }
    }

    /// The time in which nobody looked counts for no age: it may have been a jump, and nothing was
    /// tried in it.
    private func rememberJumps() async throws(StoreError) {
        let known = try await all.store.clockJumps()
        var jumps = known.filter { !$0.isMark }
        let now = all.watch.read().wall
        // A mark, or a jump after the last mark: what the wall showed then.
        if let last = known.last {
            let shown = last.expectedMilliseconds + last.byMilliseconds
            let gap = now - shown
            if gap >= JumpWatch.toldMin || gap < 0 {
                let jump = ClockJump(expectedMilliseconds: shown, byMilliseconds: gap)
                try await all.store.record(jump)
                jumps.append(jump)
                tellOfGap(gap)
            }
        }
        all.watch.remember(jumps)
        try await mark(now)
    }

    private func tellOfGap(_ gap: Int64) {
        guard gap >= JumpWatch.gapToldMin || -gap >= JumpWatch.toldMin else { return }
        all.logger.warning(
            """
            the clock has gone on since the service was last at work, or back: that time counts for \
            no age, and what 'retention' or 'retry.for' ends waits as much longer; check the clock \
            if the service was not off
            """, metadata: ["seconds": "\(gap / 1000)"])
    }

    /// Notes now and then that the service is at work.
    private func mark(_ now: Int64) async throws(StoreError) {
        state.withLock { $0.markedUp = all.watch.read().up }
        try await all.store.record(ClockJump(expectedMilliseconds: now, byMilliseconds: 0))
    }

    static func markEveryMilliseconds(_ clock: any FlowClock) -> Int64 {
        max(markMilliseconds, clock.longestRest.milliseconds)
    }

    private func markWhenDue() async throws(StoreError) {
        let now = all.watch.read()
        let every = DeliveryLoop.markEveryMilliseconds(all.clock)
        guard now.up >= state.withLock({ $0.markedUp }) + every else { return }
        try await mark(now.wall)
    }

    private func takeUnstarted() -> [Lane] {
        state.withLock { state in
            defer { state.unstarted = [] }
            return state.unstarted
        }
    }

    /// Tells of jumps of the wall clock, and keeps them for the next process.
    private func noteJumps() async throws(StoreError) {
        for jump in jumps.take() {
            if abs(jump.byMilliseconds) >= JumpWatch.toldMin {
                all.logger.warning(
                    "the clock jumped; due dates and ages are kept right",
                    metadata: ["seconds": "\(jump.byMilliseconds / 1000)"])
            }
            try await all.store.record(jump)
            if jump.byMilliseconds < 0 { for lane in lanes { lane.limitDueDates() } }
        }
    }

    func close() async {
        for use in all.bells.takeRetired() { await use.sink.close() }
        for lane in lanes { if let use = lane.latestSetup?.use { await use.sink.close() } }
    }

    // MARK: Operators

    /// Every sink that is configured, paused or has pending deliveries, by name.
    public func states() async throws(StoreError) -> [SinkState] {
        let stats = try await all.store.stats()
        let pauses = try await all.store.pauses()
        var states: [String: SinkState] = [:]
        for lane in lanes { states[lane.name] = lane.sinkState }
        for (sink, counts) in stats.sinks
        where states[sink] == nil && (counts[.pending] ?? 0) + (counts[.leased] ?? 0) > 0 {
            states[sink] = SinkState(name: sink, isAbsent: true)
        }
        for pause in pauses where states[pause.sink] == nil {
            states[pause.sink] = SinkState(name: pause.sink, isAbsent: true)
        }
        for pause in pauses {
            states[pause.sink]?.pause = .operator(
                sinceMilliseconds: pause.sinceMilliseconds, reason: pause.reason)
        }
        return states.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Pauses a sink until `resume`, over restarts too: nothing more is leased, attempts under way
    /// end, deliveries stay pending. One that is paused keeps its time, and its reason when none is
    /// given now.
    public func pause(sink: String, reason: String = "") async throws {
        try await check(sink)
        var pause = SinkPause(
            sink: sink, sinceMilliseconds: all.watch.read().wall, reason: reason)
        if reason.utf8.isEmpty { pause.reason = try await standing(sink)?.reason ?? "" }
        try await all.store.setPause(pause, sink: sink)
        order(try await standing(sink) ?? pause, sink: sink)
        tell("sink paused by an operator", sink, pause.reason)
    }

    private func standing(_ sink: String) async throws(StoreError) -> SinkPause? {
        try await all.store.pauses().first { $0.sink.utf8.elementsEqual(sink.utf8) }
    }

    /// Lets a sink that an operator paused go on. One that the configuration pauses stays so.
    public func resume(sink: String, reason: String = "") async throws {
        try await check(sink)
        try await all.store.setPause(nil, sink: sink)
        order(nil, sink: sink)
        tell("sink resumed by an operator", sink, reason)
    }

    private func tell(_ what: Logger.Message, _ sink: String, _ reason: String) {
        var metadata: Logger.Metadata = ["sink": "\(sink)"]
        if !reason.utf8.isEmpty { metadata["reason"] = "\(reason)" }
        all.logger.notice(what, metadata: metadata)
    }

    /// Ends the rest of a destination, or of all of a sink: the next delivery asks whether it is
    /// well again. Answers of how many.
    public func probe(sink: String, destination: String? = nil) async throws -> Int {
        try await check(sink)
        if let count = lane(sink)?.probe(destination) { return count }
        guard let destination else { return 0 }
        throw DeliveryLoopError.unknownDestination(destination, sink: sink)
    }

    private func check(_ sink: String) async throws {
        guard lane(sink) == nil else { return }
        guard try await states().contains(where: { $0.name == sink }) else {
            throw DeliveryLoopError.unknownSink(sink)
        }
    }
}

/// Jumps of the clock that are to be told and kept.
private final class JumpNotes: Sendable {
    private let jumps = Mutex<[ClockJump]>([])
    private let bells: Bells

    init(bells: Bells) { self.bells = bells }

    func add(_ jump: ClockJump) {
        jumps.withLock { $0.append(jump) }
        bells.delivery.ring()
    }

    func take() -> [ClockJump] {
        jumps.withLock { jumps in
            defer { jumps = [] }
            return jumps
        }
    }
}
