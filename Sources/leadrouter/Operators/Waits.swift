import LeadKit
import LeadRules
import LeadStore

/// Why deliveries wait, as far as the store and the configuration tell.
struct Waits {
    private let pauses: [SinkPause]
    /// Nil when they are not known.
    private let settings: OperatorSettings?
    private let nowMilliseconds: Int64

    /// `settings` may be missing: they are not needed for looking.
    init(
        _ store: any LeadStore, _ settings: OperatorSettings?, atMilliseconds now: Int64
    ) async throws(StoreError) {
        pauses = try await store.pauses()
        self.settings = settings
        nowMilliseconds = now
    }

    /// Why a pending delivery waits though it is due, or until when it must not go.
    func reason(_ delivery: DeliveryEntry) -> String? {
        guard delivery.state == .pending else { return nil }
        let sink = delivery.delivery.sink
        if isAbsent(sink) {
            return "its sink '\(sink)' is not configured; put it back, or 'deliveries cancel' it"
        }
        if let settings, settings.pausedSinks.contains(sink) {
            return "its sink is paused by the configuration ('paused: true')"
        }
        if let pause = pauses.first(where: { $0.sink.utf8.elementsEqual(sink.utf8) }) {
            let reason = pause.reason.utf8.isEmpty ? "" : " (\(pause.reason))"
            return "its sink is paused\(reason); 'leadrouter sinks resume \(sink)' lets it go on"
        }
        if let opens = delivery.delivery.notBeforeMilliseconds, opens > nowMilliseconds {
            return "for its schedule, until \(Ledger.time(opens)); to send it now, cancel it and "
                + "redeliver it with --state cancelled"
        }
        return delivery.dueMilliseconds <= nowMilliseconds ? Ledger.dueHelp : nil
    }

    /// What stands in a list for the next attempt.
    func next(_ delivery: DeliveryEntry) -> String {
        guard delivery.state == .pending else { return "" }
        let sink = delivery.delivery.sink
        if isAbsent(sink) { return "no such sink" }
        let isPaused = settings?.pausedSinks.contains(sink) ?? false
        if isPaused || pauses.contains(where: { $0.sink.utf8.elementsEqual(sink.utf8) }) {
            return "paused"
        }
        return delivery.dueMilliseconds <= nowMilliseconds
            ? "due" : Ledger.time(delivery.dueMilliseconds)
    }

    private func isAbsent(_ sink: String) -> Bool {
        settings.map { $0.sinks[sink] == nil } ?? false
    }
}
