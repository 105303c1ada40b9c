/// A sink as the delivery loop sees it, for operators.
public struct SinkState: Sendable, Equatable {
    /// Who paused it.
    public enum Pause: Sendable, Equatable {
        /// `paused: true` in the configuration.
        case configuration
        /// An operator, since a time (milliseconds since 1970) and for a reason, which may be empty.
        case `operator`(sinceMilliseconds: Int64, reason: String)
    }

    /// Its name.
    public var name: String
    /// The plugin's name; nil when it is absent.
    public var plugin: String?
    /// Whether it is no longer configured: its deliveries stay pending until it comes back.
    public var isAbsent: Bool
    /// Who paused it; nil when it works.
    public var pause: Pause?
    /// Whether the configuration pauses it, also beside an operator: then it stays so when the
    /// operator lets it go on.
    public var isPausedByConfiguration: Bool
    /// Attempts under way.
    public var inFlight: Int
    /// The most attempts under way.
    public var maxInFlight: Int
    /// Its destinations that have something to do or are not well, by name.
    public var destinations: [DestinationState]
    /// Attempts that ended since the service started, by how.
    public var attempts: [AttemptOutcome: Int]

    /// How an attempt ended, as the history calls it.
    public enum AttemptOutcome: String, Sendable, CaseIterable {
        /// With a receipt.
        case delivered
        /// It will be tried again.
        case retry
        /// It is given up.
        case dead
        /// It was not spent: it asked a sick destination, or the service stopped.
        case released
    }

    init(
        name: String, plugin: String? = nil, isAbsent: Bool = false, pause: Pause? = nil,
        isPausedByConfiguration: Bool = false, inFlight: Int = 0, maxInFlight: Int = 0,
        destinations: [DestinationState] = [],
        attempts: [AttemptOutcome: Int] = [:]
    ) {
        self.attempts = attempts
        self.name = name
        self.plugin = plugin
        self.isAbsent = isAbsent
        self.pause = pause
        self.isPausedByConfiguration = isPausedByConfiguration
        self.inFlight = inFlight
        self.maxInFlight = maxInFlight
        self.destinations = destinations
    }
}

/// A destination of a sink, for operators.
public struct DestinationState: Sendable, Equatable {
    /// How it is.
    public enum Health: String, Sendable, CaseIterable {
        /// Attempts go out up to the cap.
        case well
        /// The same, though the last one failed: not often enough in a row to leave it alone.
        case failing
        /// It failed, and is asked more and more again.
        case recovering
        /// It failed too often, and is left alone until the next probe.
        case resting
        /// It said that nothing will pass, and is left alone until the next probe.
        case halted
        /// One delivery is asking it whether it is well again.
        case probing
    }

    /// Its name; see `Sink.destination(of:)`.
    public var name: String
    /// How it is.
    public var health: Health
    /// Since when it is not well: milliseconds since 1970.
    public var sinceMilliseconds: Int64?
    /// What went wrong last, without lead data.
    public var reason: String?
    /// Failures in a row.
    public var failures: Int
    /// When it is asked again: milliseconds since 1970; nil when it is not left alone.
    public var nextProbeMilliseconds: Int64?
    /// Attempts under way.
    public var inFlight: Int
    /// The most of them: its share of the sink's.
    public var maxInFlight: Int
}

/// Why the delivery loop did not do what it was asked.
public enum DeliveryLoopError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No sink of that name is configured or has deliveries.
    case unknownSink(String)
    /// The sink knows no destination of that name that has something to do or is not well.
    case unknownDestination(String, sink: String)
    /// Another configuration is being taken over just now.
    case isReloading

    /// One sentence.
    public var description: String {
        switch self {
        case .unknownSink(let name): "there is no sink '\(name)'"
        case .unknownDestination(let name, let sink):
            "'\(sink)' has no destination '\(name)' that has something to do or is not well; "
                + "'leadrouter sinks list' shows them"
        case .isReloading: "another configuration is being taken over; try again"
        }
    }
}

extension Desk {
    /// The destinations as operators see them.
    func states(at now: TimeReading) -> [DestinationState] {
        destinations.map { name, one in
            DestinationState(
                name: name, health: one.health, sinceMilliseconds: one.since, reason: one.reason,
                failures: one.breaker.failuresInARow,
                nextProbeMilliseconds: one.breaker.restLeft(at: now.up).map { now.wall + $0 },
                inFlight: one.inFlight, maxInFlight: cap)
        }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

extension Desk.Destination {
    fileprivate var health: DestinationState.Health {
        switch breaker.phase {
        case .closed: breaker.failuresInARow > 0 ? .failing : .well
        case .starting: .recovering
        case .open: breaker.isHalted ? .halted : .resting
        case .probing: .probing
        }
    }
}
