import LeadKit
import Synchronization

/// What is outside the program in one simulation: the other sides, their moods, and the notes that
/// the checks are made from.
final class World: Sendable {
    /// How a sink behaves just now.
    enum Mood: Sendable {
        /// Takes everything, within seconds.
        case healthy
        /// Refuses connections.
        case down
        /// Takes nothing until the credentials are mended.
        case lockedOut
        /// Accepts and never answers.
        case hung
        /// Takes the lead, and half of its answers are lost.
        case forgetful
        /// Is there, and puts each lead off until later.
        case picky
    }

    /// One lead that arrived at a sink.
    struct Arrival: Sendable {
        var key: DeliveryKey
        var lead: String
        var route: String
        var atMilliseconds: Int64
        /// Whether the program was told.
        var isAnswered = false
    }

    private struct State {
        func mood(of delivery: Delivery, sink: String) -> Mood {
            let own = moods[World.destination(of: delivery, sink: sink)] ?? .healthy
            return own == .healthy ? moods[sink] ?? .healthy : own
        }

        var chance: Chance
        var moods: [String: Mood] = [:]
        var arrivals: [String: [Arrival]] = [:]
        /// When each delivery was put off.
        var putOff: [DeliveryKey: [Int64]] = [:]
        /// Leads that a sink refuses for ever.
        var refused: Set<String> = []
        /// Leads whose source cannot be asked yet.
        var announced: [String: Lead] = [:]
        var sourceMood = Mood.healthy
    }

    private static let all = Mutex<[String: World]>([:])
    static subscript(name: String) -> World? { all.withLock { $0[name] } }

    let machine: Machine
    let name: String
    private let state: Mutex<State>

    /// How long each half of an attempt takes at most.
    private let slowestMilliseconds: Int

    init(name: String, machine: Machine, seed: UInt64, slowestMilliseconds: Int = 800) {
        self.slowestMilliseconds = slowestMilliseconds
        self.name = name
        self.machine = machine
        state = Mutex(State(chance: Chance(seed: seed)))
        World.all.withLock { $0[name] = self }
    }

    /// Forgets the world: a plugin finds it by name.
    func end() { _ = World.all.withLock { $0.removeValue(forKey: name) } }

    // MARK: What happens to it

    /// A sink, or one of its destinations, changes its mood.
    func set(_ mood: Mood, of place: String) { state.withLock { $0.moods[place] = mood } }

    /// Each sink has two destinations, `SINK-0` and `SINK-1`: a lead always goes to the same.
    static func destination(of delivery: Delivery, sink: String) -> String {
        "\(sink)-\((delivery.lead.id.text.utf8.last ?? 0) % 2)"
    }
    func setSource(_ mood: Mood) { state.withLock { $0.sourceMood = mood } }
    func refuse(_ lead: String) { state.withLock { _ = $0.refused.insert(lead) } }
    func announce(_ lead: Lead) { state.withLock { $0.announced[lead.id.text] = lead } }

    var arrivals: [String: [Arrival]] { state.withLock { $0.arrivals } }

    /// The most times that one delivery was put off within a minute.
    var mostPutOffsAMinute: Int {
        state.withLock { state in
            state.putOff.values.reduce(0) { most, times in
                times.indices.reduce(most) { most, first in
                    max(most, times[first...].prefix { $0 < times[first] + 60_000 }.count)
                }
            }
        }
    }
    func isRefused(_ lead: String) -> Bool { state.withLock { $0.refused.contains(lead) } }

    // MARK: What the program sees of it

    func deliver(_ delivery: Delivery, to sink: String) async throws(DeliveryFailure) -> Receipt {
        let (mood, before, after, isForgotten) = state.withLock { state in
            (
                state.mood(of: delivery, sink: sink),
                Int64(state.chance.number(1...slowestMilliseconds)),
                Int64(state.chance.number(0...slowestMilliseconds)), state.chance.thousandth(500)
            )
        }
        switch mood {
        case .down:
            await pause(before)
            throw .retry("connection refused")
        case .lockedOut:
            await pause(before)
            throw .halt("401")
        case .hung:
            await pause(3_600_000)
            throw .retry("cancelled", isAmbiguous: true)
        case .picky:
            await pause(before)
            let now = machine.upMilliseconds
            state.withLock { $0.putOff[delivery.key, default: []].append(now) }
            throw .retry("450", isOfThisLead: true)
        case .healthy, .forgetful:
            let isWhole = await pause(before)
            if isRefused(delivery.lead.id.text) { throw .reject("422") }
            // What was sent may arrive although the sender is gone.
            let number = isWhole || isForgotten ? note(delivery, at: sink) : nil
            let isAnswered = await pause(after)
            if number == nil || !isAnswered || (mood == .forgetful && isForgotten) {
                throw .retry("the answer was lost", isAmbiguous: true)
            }
            if let number { state.withLock { $0.arrivals[sink]?[number].isAnswered = true } }
            return Receipt("taken by \(sink)")
        }
    }

    func fetch(_ references: [LeadReference]) async -> [Result<Lead, FetchFailure>] {
        let (mood, delay) = state.withLock { state in
            (state.sourceMood, Int64(state.chance.number(1...2000)))
        }
        let isWhole = await pause(delay)
        return references.map { reference in
            guard isWhole, mood == .healthy else {
                return .failure(
                    FetchFailure(mood == .lockedOut ? .halt : .retry(after: nil), "not now"))
            }
            let lead = state.withLock { $0.announced[reference.id.text] }
            return lead.map { .success($0) } ?? .failure(FetchFailure(.reject, "unknown"))
        }
    }

    /// Whether the time passed whole; false when the task was cancelled.
    @discardableResult
    private func pause(_ milliseconds: Int64) async -> Bool {
        do {
            try await machine.sleep(milliseconds: milliseconds)
            return true
        } catch {
            return false
        }
    }

    /// Which arrival at the sink it is.
    private func note(_ delivery: Delivery, at sink: String) -> Int {
        let now = machine.upMilliseconds
        return state.withLock { state in
            state.arrivals[sink, default: []].append(
                Arrival(
                    key: delivery.key, lead: delivery.lead.id.text, route: delivery.route,
                    atMilliseconds: now))
            return (state.arrivals[sink]?.count ?? 1) - 1
        }
    }
}

/// A sink of the simulated world.
struct SimulatedSink: Sink {
    static let name = "simulated"
    static let summary = "A sink of the simulated world."
    static let example = ""

    struct Config: PluginConfig {
        var world = ""
        static let settings: [Setting<Config>] = [.required("world", \.world, "Its world.")]
    }

    private let world: World?
    private let instance: String

    init(config: Config, context: PluginContext) {
        world = World[config.world]
        instance = context.instance
    }

    func destination(of delivery: Delivery) -> String {
        World.destination(of: delivery, sink: instance)
    }

    var hasOneDestination: Bool { false }

    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        guard let world else { throw .reject("no world") }
        return try await world.deliver(delivery, to: instance)
    }
}

/// A source that announces leads, which are read afterwards.
struct SimulatedSource: ReferenceSource {
    static let name = "simulated"
    static let summary = "A source of the simulated world."
    static let example = ""

    struct Config: PluginConfig {
        var world = ""
        static let settings: [Setting<Config>] = [.required("world", \.world, "Its world.")]
    }

    private let world: World?

    init(config: Config, context: PluginContext) { world = World[config.world] }

    func fetch(_ references: [LeadReference]) async -> [Result<Lead, FetchFailure>] {
        await world?.fetch(references)
            ?? references.map { _ in
                .failure(FetchFailure(.reject, "no world"))
            }
    }
}
