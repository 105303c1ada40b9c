internal import LeadKit
internal import LeadRules
internal import LeadStore

/// A delivery that is leased, rendered, and waits for its turn. An object, since it changes hands
/// several times and has many parts.
final class Prepared: Sendable {
    let leased: LeasedDelivery
    let lead: Lead
    let rendered: [String: String]
    let destination: String

    init(
        leased: LeasedDelivery, lead: Lead, rendered: [String: String], destination: String
    ) {
        self.leased = leased
        self.lead = lead
        self.rendered = rendered
        self.destination = destination
    }

    /// Whether it was under way when a process crashed.
    var isSuspect: Bool { leased.crashes > 0 }

    var name: LeaseName { LeaseName(sequence: leased.sequence, attempt: leased.attempt) }
}

/// How much of a sink may be used.
struct Caps: Sendable, Equatable {
    /// The most attempts under way.
    var all = 4
    /// The most at one destination, unless it is the only one.
    var each = 1
    /// Whether the settings name one destination.
    var hasOneDestination = true

    init(_ options: SinkOptions, hasOneDestination: Bool) {
        all = options.maxInFlight
        self.hasOneDestination = hasOneDestination && options.maxInFlightPerDestination == nil
        each = options.maxInFlightPerDestination ?? min(Caps.eachMost, max(1, all / 4))
    }

    /// The most at one destination, unless told.
    static let eachMost = 4
}
