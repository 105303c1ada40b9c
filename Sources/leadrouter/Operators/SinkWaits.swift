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
    struct Wait: Equatable {
        /// A word or two, or a time: for a table.
        var short: String
        /// Behind "waits": a clause without an end.
        var sentence: String
        /// What can be done, if anything has to be.
        var help: String?
    }

    /// What the delivery waits for; nil unless it is pending.
    func wait(of delivery: DeliveryEntry, atMilliseconds now: Int64) -> Wait? {
        guard delivery.state == .pending else { return nil }
        if let wait = wait(ofSink: delivery.delivery.sink) { return wait }
        let time = Ledger.time(delivery.dueMilliseconds)
        guard delivery.dueMilliseconds > now else {
            return Wait(
                short: "due",
                sentence: "for room at its sink, or for a destination that rests; "
                    + "'leadrouter sinks list' says which")
        }
        if delivery.delivery.notBeforeMilliseconds ?? now > now {
            return Wait(short: "held until \(time)", sentence: "for its schedule, until \(time)")
        }
        return Wait(short: time, sentence: "for its next attempt, at \(time)")
    }

    private func wait(ofSink sink: String) -> Wait? {
        if let configured, !configured.contains(sink) {
            return Wait(
                short: "not configured", sentence: "its sink is not configured",
                help: "put it back, or call what waits off with 'leadrouter deliveries cancel "
                    + "--sink \(sink)'")
        }
        if let reason = pauses[sink] {
            let why = reason.utf8.isEmpty ? "" : " (\(reason))"
            return Wait(
                short: "paused", sentence: "its sink is paused\(why)",
                help: "'leadrouter sinks resume \(sink)' lets it go on")
        }
        guard pausedByConfiguration.contains(sink) else { return nil }
        return Wait(short: "paused", sentence: "its sink is paused by the configuration")
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
