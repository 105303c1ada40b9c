import LeadFlow
import LeadKit
import LeadRules
import LeadStore

/// What deliveries that are pending wait for, as far as it can be told: their sink, their schedule,
/// or their next attempt.
struct SinkWaits: Sendable {
    /// The sinks that are configured; nil when nobody knows.
    var configured: Set<String>?
    var pausedByConfiguration: Set<String> = []
    /// Why operators paused sinks, by sink; may be empty.
    var pauses: [String: String] = [:]

    /// What a delivery waits for.
    struct Wait: Equatable, Sendable {
        enum Kind: String, Sendable {
            /// Room at its sink, or a destination that rests.
            case room
            case schedule
            case attempt
            /// Paused by an operator.
            case paused
            case pausedByConfiguration = "paused-by-configuration"
            case notConfigured = "not-configured"
        }

        var kind: Kind
        /// Behind "waits": a clause without an end.
        var sentence: String
    }

    /// What the delivery waits for; nil unless it is pending.
    func wait(of delivery: DeliveryEntry, atMilliseconds now: Int64) -> Wait? {
        guard delivery.state == .pending else { return nil }
        if let wait = wait(ofSink: delivery.delivery.sink) { return wait }
        let time = Ledger.time(delivery.dueMilliseconds)
        guard delivery.dueMilliseconds > now else {
            return Wait(
                kind: .room,
                sentence: "for room at its sink, or for a destination that rests; "
                    + "'leadrouter sinks list' says which")
        }
        if delivery.delivery.notBeforeMilliseconds ?? now > now {
            return Wait(kind: .schedule, sentence: "for its schedule, until \(time)")
        }
        return Wait(kind: .attempt, sentence: "for its next attempt, at \(time)")
    }

    private func wait(ofSink sink: String) -> Wait? {
        if let configured, !configured.contains(sink) {
            return Wait(kind: .notConfigured, sentence: "its sink is not configured")
        }
        if let reason = pauses[sink] {
            let why = reason.utf8.isEmpty ? "" : " (\(reason))"
            return Wait(kind: .paused, sentence: "its sink is paused\(why)")
        }
        guard pausedByConfiguration.contains(sink) else { return nil }
        return Wait(
            kind: .pausedByConfiguration, sentence: "its sink is paused by the configuration")
    }
}

extension SinkOrders {
    /// What is known of sinks that keep deliveries waiting.
    func waits() async throws(StoreError) -> SinkWaits {
        switch place {
        case .loop(let loop):
            var waits = SinkWaits(configured: [])
            for state in try await loop.states() {
                if !state.isAbsent { waits.configured?.insert(state.name) }
                if state.isPausedByConfiguration { waits.pausedByConfiguration.insert(state.name) }
                if case .operator(_, let reason)? = state.pause {
                    waits.pauses[state.name] = reason
                }
            }
            return waits
        case .store(let known):
            return SinkWaits(
                configured: known.map { Set($0.plugins.keys) },
                pausedByConfiguration: known?.paused ?? [],
                pauses: Dictionary(try await store.pauses().map { ($0.sink, $0.reason) }) { $1 })
        }
    }
}

extension StoreOption {
    /// The configured sinks; nil when only a store is named, or they cannot be read.
    func knownSinks() -> SinkOrders.Known? {
        guard store == nil || config.path != nil else { return nil }
        return config.loadResult().operations.map(SinkOrders.Known.init)
    }
}
