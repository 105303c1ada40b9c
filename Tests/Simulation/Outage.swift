import LeadFlow
import LeadKit
import LeadMemory
import LeadRules
import LeadStore
import Logging
import Synchronization

/// A sink that is away for a week, in virtual time: nothing is given up before the week is over,
/// no lead is tried too often, and all arrive within ten minutes after it is back. If it stays
/// away, all are dead letters an hour after the week.
final class Outage: Sendable {
    static let hour: Int64 = 3_600_000
    static let week: Int64 = 7 * 24 * hour
    static let attemptsMost = 45
    /// How long the drain after the return may take.
    static let drainMost: Int64 = 600_000

    private let count: Int
    private let comesBack: Bool
    private let machine = Machine(seed: 7)
    private let world: World
    private let store = MemoryStore()
    private let result = Mutex<Result<String, any Error>?>(nil)

    init(leads count: Int, comesBack: Bool) {
        self.count = count
        self.comesBack = comesBack
        // As quick as a server in the same country: what is looked at is what the engine adds.
        world = World(
            name: "outage-\(comesBack)", machine: machine, seed: 7, slowestMilliseconds: 20)
    }

    /// Plays it; answers what was seen.
    func run() throws -> String {
        defer { world.end() }
        // Ends with `play`, which the loop below waits for.
        Task(executorPreference: machine) {
            do {
                let text = try await self.play()
                self.result.withLock { $0 = .success(text) }
            } catch {
                self.result.withLock { $0 = .failure(error) }
            }
        }
        try machine.run { result.withLock { $0 != nil } }
        return try result.withLock { $0 }?.get() ?? ""
    }

    private var configuration: Configuration {
        let settings = "plugin: simulated, world: \"\(world.name)\""
        let yaml = """
            version: 1
            sources: {source: {\(settings)}}
            sinks: {crm: {\(settings), timeout: 30s, max_in_flight: 32,
              max_in_flight_per_destination: 16}}
            default: {to: [crm]}

            """
        let loaded = ConfigurationLoader.load(
            ConfigurationFilesInMemory(["leadrouter.yaml": yaml]),
            catalogue: PluginCatalogue(sources: [SimulatedSource.self], sinks: [SimulatedSink.self])
        )
        guard let configuration = loaded.configuration else { preconditionFailure(loaded.report) }
        return configuration
    }

    private func play() async throws -> String {
        let flow = try await Flow(
            configuration: configuration, store: store, clock: machine,
            logger: Logger(label: "outage") { _ in SwiftLogNoOpLogHandler() })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await flow.run() }
            world.set(.down, of: "crm")
            var chance = Chance(seed: 7)
            for number in 0..<count {
                let lead = SimulatedRules.lead(number, &chance)
                _ = try await flow.intake.inbox.accept([.lead(lead)])
                try await machine.sleep(milliseconds: Outage.hour / Int64(count))
            }
            try await wait(until: Outage.week - Outage.hour / 2)
            try await expect([.pending, .leased], "half an hour before the week is over")
            let text = comesBack ? try await comeBack() : try await stayAway()
            flow.stop()
            while try await group.next() != nil {}
            return text
        }
    }

    private func wait(until time: Int64) async throws {
        try await machine.sleep(milliseconds: max(0, time - machine.upMilliseconds))
    }

    private func comeBack() async throws -> String {
        world.set(.healthy, of: "crm")
        let back = machine.upMilliseconds
        try await wait(until: back + Outage.drainMost)
        try await expect([.delivered], "ten minutes after the return")
        let attempts = try await store.deliveries(DeliveryFilter(limit: .max)).map(\.attempts)
        guard let most = attempts.max(), most <= Outage.attemptsMost else {
            throw Scenario.Broken(description: "a lead was tried \(attempts.max() ?? 0) times")
        }
        let arrivals = world.arrivals["crm"] ?? []
        guard arrivals.count == count, let last = arrivals.map(\.atMilliseconds).max() else {
            throw Scenario.Broken(description: "\(arrivals.count) arrivals of \(count) leads")
        }
        return "all \(count) arrived within \((last - back) / 1000) s of the return, "
            + "after at most \(most) attempts each"
    }

    private func stayAway() async throws -> String {
        try await wait(until: Outage.week + 2 * Outage.hour)
        try await expect([.dead], "an hour after the week of the last lead")
        return "all \(count) are dead letters an hour after the week"
    }

    private func expect(_ states: Set<DeliveryState>, _ when: String) async throws {
        let found = try await store.stats().deliveries.filter { $0.value > 0 }
        guard Set(found.keys).isSubset(of: states), found.values.reduce(0, +) == count else {
            throw Scenario.Broken(description: "\(when) the deliveries are \(found)")
        }
    }
}
