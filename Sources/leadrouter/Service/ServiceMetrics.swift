import LeadFlow
import LeadKit
import LeadServer
import LeadStore

/// What `/metrics` says: both sides of the books, and the rules in force. Labels are names of the
/// configuration and states, never anything of a lead.
struct ServiceMetrics {
    let store: any LeadStore
    let reload: Reload?
    let file: FileCheck.State

    func text() async -> String {
        var metrics = MetricsText()
        if let stats = try? await store.stats() {
            write(stats, to: &metrics)
        }
        metrics.write(
            "leadrouter_store_up", .gauge, "Whether the store answers.",
            metrics.text.utf8.isEmpty ? 0 : 1)
        metrics.write(
            "leadrouter_intake_open", .gauge, "Whether leads are taken in just now.",
            await isTakingIn ? 1 : 0)
        metrics.write(
            "leadrouter_store_faults", .gauge, "Faults found in the store's file and rows.",
            Double(file.faultCount))
        metrics.write(
            "leadrouter_store_checked_seconds", .gauge,
            "When all of the store was last looked at; 0 before that.",
            Double((file.checkedMilliseconds ?? 0) / 1000))
        if let reload { write(reload, to: &metrics) }
        return metrics.text
    }

    private var isTakingIn: Bool {
        get async {
            do {
                try await store.checkIntake()
                return true
            } catch {
                return false
            }
        }
    }

    private func write(_ stats: StoreStats, to metrics: inout MetricsText) {
        metrics.write(
            "leadrouter_leads", .gauge, "Leads in the inbox, by state.",
            InboxState.allCases.map { state in
                ([("state", state.rawValue)], Double(stats.leads[state] ?? 0))
            })
        metrics.write(
            "leadrouter_leads_decided", .gauge, "Decided leads, by outcome.",
            stats.outcomes.sorted { $0.key < $1.key }.map { outcome, count in
                ([("outcome", outcome)], Double(count))
            })
        metrics.write(
            "leadrouter_deliveries", .gauge, "Deliveries, by sink and state.",
            stats.sinks.sorted { $0.key < $1.key }.flatMap { sink, states in
                DeliveryState.allCases.map { state in
                    ([("sink", sink), ("state", state.rawValue)], Double(states[state] ?? 0))
                }
            })
    }

    private func write(_ reload: Reload, to metrics: inout MetricsText) {
        if let edition = reload.rules.edition {
            metrics.write(
                "leadrouter_rules_info", .gauge, "The rules in force.",
                [([("hash", edition.hash)], 1)])
            metrics.write(
                "leadrouter_rules_since_seconds", .gauge, "When they were put in force.",
                Double(edition.since.seconds))
        }
        let counts = reload.counts
        metrics.write(
            "leadrouter_reloads_total", .counter, "Readings of the configuration, by what came.",
            [
                ([("outcome", "published")], Double(counts.published)),
                ([("outcome", "unchanged")], Double(counts.unchanged)),
                ([("outcome", "refused")], Double(counts.refused)),
            ])
        metrics.write(
            "leadrouter_rules_refused", .gauge, "Whether the folder has errors just now.",
            reload.rules.refusal == nil ? 0 : 1)
    }
}
