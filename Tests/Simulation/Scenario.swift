import LeadFlow
import LeadKit
import LeadMemory
import LeadRules
import LeadStore
import Logging
import Synchronization

/// One seed: seven days of a simulated life, then the checks.
///
/// Leads arrive in bursts, some announced and some whole, some several times at once; sinks fall
/// ill and get well; the process is killed, stopped, and started with other rules; the wall clock
/// jumps. At the end all are well again, and what was acknowledged is compared with what arrived.
final class Scenario: Sendable {
    static let dayMilliseconds: Int64 = 86_400_000

    /// What is wrong, with the seed that shows it.
    struct Broken: Error, CustomStringConvertible {
        var description: String
    }

    private struct Process {
        var flow: Flow
        var store: SimulatedStore
        var run: Task<Void, any Error>
        var isStopping = false
    }

    private struct State {
        var process: Process?
        var rules = 0
        var isOver = false
        var kills = 0
        var stops = 0
        /// What was sent, by id.
        var sent: [String: Lead] = [:]
        /// Ids whose sender was told that they are stored.
        var acknowledged: Set<String> = []
        var result: Result<Void, any Error>?
    }

    let seed: UInt64
    private let machine: Machine
    private let world: World
    private let disk: Disk
    private let configurations: [Configuration]
    private let state = Mutex(State())
    private let logger: Logger

    init(seed: UInt64, log: Bool, answersEarly: Bool) {
        disk = Disk(answersEarly: answersEarly)
        var chance = Chance(seed: seed)
        self.seed = seed
        machine = Machine(seed: chance.next())
        world = World(name: SimulatedRules.world, machine: machine, seed: chance.next())
        configurations = SimulatedRules.configurations
        let machine = machine
        logger = Logger(label: "simulation") { _ -> any LogHandler in
            if log { return SimulationLog(machine: machine) }
            return SwiftLogNoOpLogHandler()
        }
    }

    /// Plays the seed.
    ///
    /// - Throws: `Broken` when a check fails or nothing moves any more.
    func run() throws(Broken) -> Tally {
        defer { world.end() }
        let tally = Mutex(Tally())
        // Ends with `play`, which the loop below waits for.
        Task(executorPreference: machine) {
            do {
                let result = try await self.play()
                tally.withLock { $0 = result }
                self.state.withLock { $0.result = .success(()) }
            } catch {
                self.state.withLock { $0.result = .failure(error) }
            }
        }
        do {
            try machine.run { state.withLock { $0.result != nil } }
            try state.withLock { $0.result }?.get()
        } catch {
            throw Broken(description: "\(error)")
        }
        return tally.withLock { $0 }
    }

    private func play() async throws -> Tally {
        var chance = Chance(seed: seed ^ 0x5EED)
        let events = Event.plan(&chance)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let seed = chance.next()
            group.addTask { try await self.supervise(seed) }
            for (at, event) in events {
                try await machine.sleep(milliseconds: max(0, at - machine.upMilliseconds))
                perform(event, in: &group)
            }
            try await waitUntilDone()
            state.withLock { $0.isOver = true }
            state.withLock { $0.process }?.flow.stop()
            while try await group.next() != nil {}
        }
        return try await check(&chance)
    }

    private func perform(_ event: Event, in group: inout ThrowingTaskGroup<Void, any Error>) {
        switch event {
        case .lead(let lead, let isAnnounced):
            if isAnnounced { world.announce(lead) }
            state.withLock { $0.sent[lead.id.text] = lead }
            group.addTask { try await self.send(lead, isAnnounced: isAnnounced) }
        case .refuse(let lead): world.refuse(lead)
        case .mood(let mood, let sink): world.set(mood, of: sink)
        case .sourceMood(let mood): world.setSource(mood)
        case .jump(let milliseconds): machine.jump(byMilliseconds: milliseconds)
        case .pause(let sink, let isOn):
            group.addTask { await self.pause(sink, isOn: isOn) }
        case .decideAgain(let cancelsOthers):
            group.addTask { await self.decideAgain(cancelsOthers) }
        case .reload(let rules):
            let configuration = configurations[rules]
            let flow = state.withLock { $0.process }?.flow
            // One that comes into another is refused, as it should be.
            group.addTask { try? await flow?.delivery.use(configuration) }
        case .kill:
            let process = state.withLock { state -> Process? in
                guard let process = state.process else { return nil }
                state.kills += 1
                state.process = nil
                return process
            }
            process?.store.kill()
            process?.run.cancel()
        case .stop(let rules):
            let process = state.withLock { state -> Process? in
                state.rules = rules ?? state.rules
                guard state.process?.isStopping == false else { return nil }
                state.stops += 1
                state.process?.isStopping = true
                return state.process
            }
            process?.flow.stop()
        }
    }

    /// An operator tries until it is done: the process may be away.
    private func pause(_ sink: String, isOn: Bool) async {
        while !state.withLock({ $0.isOver }) {
            if let flow = state.withLock({ $0.process })?.flow {
                do {
                    if isOn {
                        try await flow.delivery.pause(sink: sink, reason: "simulated")
                    } else {
                        try await flow.delivery.resume(sink: sink)
                    }
                    return
                } catch {}
            }
            try? await machine.sleep(milliseconds: 60_000)
        }
    }

    /// As often as it takes; what is done before a crash is done twice.
    private func decideAgain(_ cancelsOthers: Bool) async {
        while !state.withLock({ $0.isOver }) {
            if let process = state.withLock({ $0.process }) {
                let desk = OperatorDesk(store: process.store)
                let order = Order(by: "operator", atMilliseconds: machine.nowMilliseconds())
                let answers = try? await desk.decideAgain(
                    [LeadFilter(state: .decided)], .init(cancelsOthers: cancelsOthers), order)
                process.flow.ringInbox()
                if answers != nil { return }
            }
            try? await machine.sleep(milliseconds: 60_000)
        }
    }

    // MARK: The process

    /// Starts the program again whenever it ends, as an init system does.
    private func supervise(_ seed: UInt64) async throws {
        var chance = Chance(seed: seed)
        while !state.withLock({ $0.isOver }) {
            let store = SimulatedStore(disk, on: machine, &chance)
            let configuration = configurations[state.withLock { $0.rules }]
            let flow = try await Flow(
                configuration: configuration, store: store, clock: machine, logger: logger)
            // Awaited below, and cancelled by a kill.
            let run = Task(executorPreference: machine) { try await flow.run() }
            state.withLock { $0.process = Process(flow: flow, store: store, run: run) }
            let started = machine.upMilliseconds
            _ = await run.result
            let isKilled = state.withLock { state in
                let isKilled = state.process?.store !== store
                if !isKilled { state.process = nil }
                return isKilled
            }
            if !isKilled, !state.withLock({ $0.isOver }), machine.upMilliseconds == started {
                throw Broken(description: "the program ends at once after a start")
            }
            store.kill()
            try await machine.sleep(milliseconds: Int64(chance.number(10...60_000)))
        }
    }

    /// Sends a lead until somebody says that it is stored, as Meta does for 36 hours.
    private func send(_ lead: Lead, isAnnounced: Bool) async throws {
        let item: InboxItem =
            isAnnounced
            ? .reference(LeadReference(source: lead.source, id: lead.id)) : .lead(lead)
        for _ in 0..<200 {
            if let flow = state.withLock({ $0.process })?.flow,
                let answers = try? await flow.intake.inbox.accept([item])
            {
                guard answers == [.stored] || answers == [.duplicate] else {
                    throw Broken(description: "lead \(lead.id) was answered \(answers)")
                }
                state.withLock { _ = $0.acknowledged.insert(lead.id.text) }
                return
            }
            try await machine.sleep(milliseconds: 600_000)
        }
    }

    /// Waits until all leads are decided and all deliveries done.
    private func waitUntilDone() async throws {
        let end = machine.upMilliseconds + 2 * Scenario.dayMilliseconds
        while machine.upMilliseconds < end {
            if let store = state.withLock({ $0.process })?.store,
                let stats = try? await store.stats(),
                stats.leads[.announced, default: 0] + stats.leads[.received, default: 0] == 0,
                stats.deliveries[.pending, default: 0] + stats.deliveries[.leased, default: 0] == 0
            {
                return
            }
            try await machine.sleep(milliseconds: 300_000)
        }
        let stats = try await state.withLock { $0.process }?.store.stats()
        throw Broken(
            description: "two days after all were well again, something still waits: leads "
                + "\(stats?.leads ?? [:]), deliveries \(stats?.deliveries ?? [:])")
    }

    // MARK: The checks

    /// How often a lead that is put off may be tried within a minute: three times by the waits, and
    /// once more for each crash, clock that jumps, or return of its destination.
    private static let putOffsMax = 10

    private func check(_ chance: inout Chance) async throws -> Tally {
        let store = SimulatedStore(disk, on: machine, &chance)
        let leads = try await store.leads(LeadFilter(limit: .max))
        let deliveries = try await store.deliveries(DeliveryFilter(limit: .max))
        let state = state.withLock { $0 }
        var earlier: [Int64: [EarlierDecision]] = [:]
        for lead in leads {
            earlier[lead.sequence] = try await store.earlierDecisions(ofLead: lead.sequence)
        }
        var books = Books(
            sent: state.sent, leads: leads, earlier: earlier, deliveries: deliveries,
            arrivals: world.arrivals,
            hashes: configurations.map(\.ruleSet.hash),
            pools: try await store.poolState(PoolQuery(pools: ["team"])))
        try books.check(
            acknowledged: state.acknowledged, kills: state.kills, isRefused: world.isRefused)
        let most = world.mostPutOffsAMinute
        guard most <= Scenario.putOffsMax else {
            throw Broken(description: "a lead that was put off was tried \(most) times in a minute")
        }
        return Tally(
            leads: leads.count, deliveries: deliveries.count,
            arrivals: world.arrivals.values.map(\.count).reduce(0, +), kills: state.kills,
            stops: state.stops, again: earlier.values.map(\.count).reduce(0, +),
            trace: machine.trace)
    }
}

/// Shows what the program logs, with the simulated time.
private struct SimulationLog: LogHandler {
    let machine: Machine
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let seconds = Double(machine.upMilliseconds) / 1000
        let details = event.metadata.map { " \($0)" } ?? ""
        print("\(seconds) \(event.level) \(event.message)\(details)")
    }
}
