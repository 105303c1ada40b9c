import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// Looking at sinks, pausing them and letting them go on: by the delivery loop of a running service,
/// or, when none runs, in the store, where a pause waits for the next one.
struct SinkOrders: Sendable {
    /// Where orders about sinks go.
    enum Place: Sendable {
        case loop(DeliveryLoop)
        /// With the configured sinks; nil when nobody knows them.
        case store(Known?)
    }

    /// What the configuration says of its sinks.
    struct Known: Sendable {
        /// Names, and their plugins.
        var plugins: [String: String]
        var paused: Set<String>

        init(_ settings: OperatorSettings) {
            plugins = settings.sinks
            paused = settings.pausedSinks
        }
    }

    let place: Place
    let store: any LeadStore

    init(_ place: Place, store: any LeadStore) {
        self.place = place
        self.store = store
    }

    /// `{"sinks": […]}`
    func list() async -> AdminServer.Answer {
        await answering { writer in
            let stats = try await store.stats()
            let states = try await states(stats)
            let dead = try await deadCounts()
            writer.object { writer in
                writer.name("sinks")
                writer.array { writer in
                    for state in states {
                        let pending = stats.sinks[state.name]?[.pending] ?? 0
                        let dead = dead[state.name] ?? 0
                        SinkOrders.write(state, pending: pending, dead: dead, to: &writer)
                    }
                }
            }
        }
    }

    /// Dead letters by sink, without those that were redelivered.
    private func deadCounts() async throws(StoreError) -> [String: Int] {
        let filter = DeliveryFilter(state: .dead, isSuperseded: false)
        var counts: [String: Int] = [:]
        for (kind, count) in try await store.tally(filter).counts {
            counts[kind.sink, default: 0] += count
        }
        return counts
    }

    /// What is told of a sink: the loop's state, or as much of it as the store knows.
    private struct Told {
        var name: String
        var plugin: String?
        var isAbsent: Bool
        var pause: SinkState.Pause?
        var isPausedByConfiguration: Bool
        var inFlight: Int?
        var maxInFlight: Int?
        var destinations: [DestinationState]
    }

    private func states(_ stats: StoreStats) async throws -> [Told] {
        switch place {
        case .loop(let loop):
            return try await loop.states().map {
                Told(
                    name: $0.name, plugin: $0.plugin, isAbsent: $0.isAbsent, pause: $0.pause,
                    isPausedByConfiguration: $0.isPausedByConfiguration, inFlight: $0.inFlight,
                    maxInFlight: $0.maxInFlight,
                    destinations: $0.destinations)
            }
        case .store(let known):
            let plugins = known?.plugins ?? [:]
            let pauses = try await store.pauses()
            let names = Set(plugins.keys).union(stats.sinks.keys).union(pauses.map(\.sink))
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
                let pause = pauses.first { $0.sink == name }.map {
                    SinkState.Pause.operator(
                        sinceMilliseconds: $0.sinceMilliseconds, reason: $0.reason)
                }
                let isPaused = known?.paused.contains(name) ?? false
                return Told(
                    name: name, plugin: plugins[name],
                    isAbsent: known != nil && plugins[name] == nil,
                    pause: pause ?? (isPaused ? .configuration : nil),
                    isPausedByConfiguration: isPaused, destinations: [])
            }
        }
    }

    private static func write(
        _ sink: Told, pending: Int, dead: Int, to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.name("sink")
            writer.string(sink.name)
            writer.name("plugin")
            writer.string(sink.plugin)
            writer.name("absent")
            writer.bool(sink.isAbsent)
            writer.name("paused")
            write(sink.pause, isToo: sink.isPausedByConfiguration, to: &writer)
            for (name, number) in [
                ("in_flight", sink.inFlight), ("max_in_flight", sink.maxInFlight),
            ] {
                writer.name(name)
                write(number.map { Int64($0) }, to: &writer)
            }
            for (state, count) in [(DeliveryState.pending, pending), (.dead, dead)] {
                writer.name(state.rawValue)
                writer.integer(count)
            }
            writer.name("destinations")
            writer.array { writer in
                for one in sink.destinations { write(one, to: &writer) }
            }
        }
    }

    /// `isToo`: the configuration pauses it, also when an operator does.
    private static func write(
        _ pause: SinkState.Pause?, isToo: Bool, to writer: inout JSONWriter
    ) {
        switch pause {
        case nil: writer.null()
        case .configuration?:
            writer.object { writer in
                writer.name("by")
                writer.string("configuration")
            }
        case .operator(let since, let reason)?:
            writer.object { writer in
                writer.name("by")
                writer.string("operator")
                writer.name("since")
                writer.string(Ledger.time(since))
                writer.name("reason")
                writer.string(reason)
                writer.name("also_by")
                writer.string(isToo ? "configuration" : nil)
            }
        }
    }

    private static func write(_ one: DestinationState, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("destination")
            writer.string(one.name)
            writer.name("health")
            writer.string(one.health.rawValue)
            writer.name("since")
            writer.string(one.sinceMilliseconds.map(Ledger.time))
            writer.name("reason")
            writer.string(one.reason)
            writer.name("failures")
            writer.integer(one.failures)
            writer.name("next_probe")
            writer.string(one.nextProbeMilliseconds.map(Ledger.time))
            writer.name("in_flight")
            writer.integer(one.inFlight)
            writer.name("max_in_flight")
            writer.integer(one.maxInFlight)
        }
    }

    private static func write(_ number: Int64?, to writer: inout JSONWriter) {
        if let number { writer.integer(number) } else { writer.null() }
    }

    // MARK: Orders

    /// `{"sink": NAME, "reason": TEXT}`
    func pause(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering { writer in
            let members = try SinkOrders.members(body, ["sink", "reason"])
            let sink = members["sink"] ?? ""
            let reason = Order(by: "", reason: members["reason"] ?? "", atMilliseconds: 0).reason
            switch place {
            case .loop(let loop): try await loop.pause(sink: sink, reason: reason)
            case .store:
                try await check(sink)
                let now = SystemClock().nowMilliseconds()
                let standing = try await pause(of: sink)?.reason ?? ""
                try await store.setPause(
                    SinkPause(
                        sink: sink, sinceMilliseconds: now,
                        reason: reason.utf8.isEmpty ? standing : reason), sink: sink)
            }
            SinkOrders.write(sink, "paused", stillPausedBy: nil, to: &writer)
        }
    }

    /// `{"sink": NAME, "reason": TEXT}`
    func resume(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering { writer in
            let members = try SinkOrders.members(body, ["sink", "reason"])
            let sink = members["sink"] ?? ""
            let reason = Order(by: "", reason: members["reason"] ?? "", atMilliseconds: 0).reason
            let wasPaused = try await pause(of: sink) != nil
            switch place {
            case .loop(let loop): try await loop.resume(sink: sink, reason: reason)
            case .store:
                try await check(sink)
                try await store.setPause(nil, sink: sink)
            }
            let stays = try await waits().pausedByConfiguration.contains(sink)
            SinkOrders.write(
                sink, wasPaused ? "resumed" : "was-not-paused",
                stillPausedBy: stays ? "configuration" : nil, to: &writer)
        }
    }

    private func pause(of sink: String) async throws(StoreError) -> SinkPause? {
        try await store.pauses().first { $0.sink.utf8.elementsEqual(sink.utf8) }
    }

    /// `{"sink": NAME, "destination": NAME}`; all destinations of the sink unless one is named.
    func probe(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering { writer in
            let members = try SinkOrders.members(body, ["sink", "destination"])
            let sink = members["sink"] ?? ""
            var count = 0
            switch place {
            case .loop(let loop):
                count = try await loop.probe(sink: sink, destination: members["destination"])
            case .store: try await check(sink)
            }
            writer.object { writer in
                writer.name("sink")
                writer.string(sink)
                writer.name("probed")
                writer.integer(count)
            }
        }
    }

    private func check(_ sink: String) async throws {
        let known = try await states(try await store.stats()).map(\.name)
        guard known.contains(sink) else { throw DeliveryLoopError.unknownSink(sink) }
    }

    private static func write(
        _ sink: String, _ what: String, stillPausedBy: String?, to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.name("sink")
            writer.string(sink)
            writer.name("done")
            writer.string(what)
            writer.name("still_paused_by")
            writer.string(stillPausedBy)
        }
    }

    private static func members(
        _ body: [UInt8], _ known: [String]
    ) throws(BadRequest) -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in try JSONBody.object(body).members {
            guard known.contains(name), let text = value.string else {
                throw BadRequest(
                    description: "'\(name)' is not taken, or is no text; there are "
                        + known.joined(separator: ", "))
            }
            result[name] = text
        }
        guard result["sink"] != nil else { throw BadRequest(description: "name a 'sink'") }
        return result
    }

    private func answering(
        _ body: (inout JSONWriter) async throws -> Void
    ) async -> AdminServer.Answer {
        do {
            var writer = JSONWriter()
            try await body(&writer)
            return AdminServer.Answer(body: writer.bytes)
        } catch DeliveryLoopError.unknownSink(let name) {
            return AdminServer.Answer(
                refusing: BadRequest(
                    kind: .notFound,
                    description: "there is no sink '\(name)' in the configuration or the store"))
        } catch let error as DeliveryLoopError where error.isAboutDestination {
            return AdminServer.Answer(
                refusing: BadRequest(kind: .notFound, description: error.description))
        } catch let error as DeliveryLoopError {
            return AdminServer.Answer(
                refusing: BadRequest(kind: .ambiguous, description: error.description))
        } catch {
            return AdminServer.Answer(refusing: error)
        }
    }
}

extension DeliveryLoopError {
    fileprivate var isAboutDestination: Bool {
        if case .unknownDestination = self { return true }
        return false
    }
}
