import ArgumentParser
import LeadFlow
import LeadKit
import LeadServer
import LeadStore

/// What `/metrics` says: both sides of the books, how the sinks are, the room that the store has,
/// and the rules in force. `docs/admin-api.md` has the list, and a test compares.
///
/// Labels are names of the configuration, and words of closed lists: never a destination, which
/// may be somebody's address, and never anything of a lead.
struct ServiceMetrics {
    let store: any LeadStore
    let delivery: DeliveryLoop
    let intake: Intake
    let webhooks: WebhookCounts
    let reload: Reload?
    let file: FileCheck.State
    /// By sink; see `OldestOpen`.
    let oldestOpen: [String: Int64]
    let life: ServiceLife
    let bodyBytesHeld: Int
    let now: Timestamp

    func text() async -> String {
        var metrics = MetricsText()
        writeProcess(to: &metrics)
        writeIntake(to: &metrics)
        let stats = try? await store.stats()
        let sinks = try? await delivery.states()
        if let stats { write(stats, sinks ?? [], to: &metrics) }
        metrics.write(
            "leadrouter_store_up", .gauge, "Whether the store answers.", stats == nil ? 0 : 1)
        metrics.write(
            "leadrouter_intake_open", .gauge, "Whether leads are taken in just now.",
            await isTakingIn ? 1 : 0)
        if let stats, let sinks { write(sinks, stats, to: &metrics) }
        await writeStore(to: &metrics)
        if let reload { write(reload, to: &metrics) }
        return metrics.text
    }

    private var isTakingIn: Bool {
        get async {
            guard life.phase == .running else { return false }
            do {
                try await store.checkIntake()
                return true
            } catch {
                return false
            }
        }
    }

    private func writeProcess(to metrics: inout MetricsText) {
        metrics.write(
            "leadrouter_build_info", .gauge, "The program's version.",
            [([("version", LeadRouter.configuration.version)], 1)])
        metrics.write(
            "leadrouter_start_timestamp_seconds", .gauge, "When the service started.",
            Double(life.since.seconds))
        metrics.write(
            "leadrouter_webhook_body_bytes", .gauge,
            "Bytes of large webhook bodies that are being received or handled.",
            Double(bodyBytesHeld))
    }

    private func writeIntake(to metrics: inout MetricsText) {
        metrics.write(
            "leadrouter_webhook_answers_total", .counter,
            "Answers to webhooks, by source (empty: the path is none's) and status.",
            webhooks.all(of: intake.sourceNames).map { key, count in
                ([("source", key.source), ("status", String(key.status))], Double(count))
            })
        metrics.write(
            "leadrouter_intake_items_total", .counter,
            "Leads and announcements that were handed in, by source and what came of them.",
            intake.counts.all(of: intake.sourceNames).map { source, outcome, count in
                ([("source", source), ("outcome", outcome.rawValue)], Double(count))
            })
    }

    /// What may come later is there with 0 from the start: a rise from nothing is none to an alarm.
    private func write(
        _ stats: StoreStats, _ sinks: [SinkState], to metrics: inout MetricsText
    ) {
        metrics.write(
            "leadrouter_leads", .gauge, "Leads in the inbox, by state.",
            InboxState.allCases.map { state in
                ([("state", state.rawValue)], Double(stats.leads[state] ?? 0))
            })
        let outcomes = Set(stats.outcomes.keys).union(["default", "dropped", "held", "routed"])
        metrics.write(
            "leadrouter_leads_decided", .gauge, "Decided leads, by outcome.",
            outcomes.sorted().map { outcome in
                ([("outcome", outcome)], Double(stats.outcomes[outcome] ?? 0))
            })
        metrics.write(
            "leadrouter_deliveries", .gauge, "Deliveries, by sink and state.",
            Set(stats.sinks.keys).union(sinks.map(\.name)).sorted().flatMap { sink in
                DeliveryState.allCases.map { state in
                    (
                        [("sink", sink), ("state", state.rawValue)],
                        Double(stats.sinks[sink]?[state] ?? 0)
                    )
                }
            })
    }

    private func write(_ sinks: [SinkState], _ stats: StoreStats, to metrics: inout MetricsText) {
        func write(_ name: String, _ help: String, _ value: (SinkState) -> Double) {
            metrics.write(
                name, .gauge, help, sinks.map { ([("sink", $0.name)], value($0)) })
        }
        metrics.write(
            "leadrouter_sink_paused", .gauge, "Whether a sink is paused, by who did it.",
            sinks.flatMap { sink in
                SinkPauser.allCases.map { pauser in
                    (
                        [("sink", sink.name), ("by", pauser.rawValue)],
                        pauser.pauses(sink) ? 1 : 0
                    )
                }
            })
        write(
            "leadrouter_sink_absent",
            "Whether a sink is not configured and has deliveries that are not over."
        ) { sink in
            let counts = stats.sinks[sink.name] ?? [:]
            return sink.isAbsent && (counts[.pending] ?? 0) + (counts[.leased] ?? 0) > 0 ? 1 : 0
        }
        write("leadrouter_sink_attempts_under_way", "Attempts under way, by sink.") {
            Double($0.inFlight)
        }
        write("leadrouter_sink_attempts_under_way_max", "The most that the sink may have.") {
            Double($0.maxInFlight)
        }
        write(
            "leadrouter_sink_oldest_open_seconds",
            "The age of the oldest delivery that is due and not over; 0 for none."
        ) { age(oldestOpen[$0.name]) }
        metrics.write(
            "leadrouter_sink_attempts_total", .counter, "Attempts that ended, by sink and how.",
            sinks.flatMap { sink in
                SinkState.AttemptOutcome.allCases.map { outcome in
                    (
                        [("sink", sink.name), ("outcome", outcome.rawValue)],
                        Double(sink.attempts[outcome] ?? 0)
                    )
                }
            })
        metrics.write(
            "leadrouter_sink_destinations", .gauge,
            "Destinations that have something to do or are not well, by sink and health.",
            sinks.flatMap { sink in
                DestinationState.Health.allCases.map { health in
                    (
                        [("sink", sink.name), ("health", health.rawValue)],
                        Double(sink.destinations.count { $0.health == health })
                    )
                }
            })
    }

    private func age(_ milliseconds: Int64?) -> Double {
        guard let milliseconds else { return 0 }
        return Double(max(0, now.seconds - milliseconds / 1000))
    }

    private func writeStore(to metrics: inout MetricsText) async {
        metrics.write(
            "leadrouter_store_faults", .gauge, "Faults found in the store's file and rows.",
            Double(file.faultCount))
        metrics.write(
            "leadrouter_store_checked_timestamp_seconds", .gauge,
            "When all of the store was last looked at; 0 before that.",
            Double((file.checkedMilliseconds ?? 0) / 1000))
        if let sizes = try? await (store as? any LedgerFile)?.sizes() {
            metrics.write(
                "leadrouter_store_file_bytes", .gauge, "How large the store's file is.",
                Double(sizes.fileBytes))
            metrics.write(
                "leadrouter_store_file_free_bytes", .gauge, "What of it is free for new rows.",
                Double(sizes.freeBytes))
            metrics.write(
                "leadrouter_store_log_bytes", .gauge, "How large the store's log (-wal) is.",
                Double(sizes.logBytes))
        }
        if let room = (store as? SQLiteStore)?.diskRoom() {
            metrics.write(
                "leadrouter_store_disk_free_bytes", .gauge,
                "What the service may still write on the store's disk.", Double(room.freeBytes))
            metrics.write(
                "leadrouter_store_disk_needed_bytes", .gauge,
                "What must be free there for leads to be taken in.", Double(room.neededBytes))
        }
    }

    private func write(_ reload: Reload, to metrics: inout MetricsText) {
        if let edition = reload.rules.edition {
            metrics.write(
                "leadrouter_rules_info", .gauge, "The rules in force.",
                [([("hash", edition.hash)], 1)])
            metrics.write(
                "leadrouter_rules_since_timestamp_seconds", .gauge, "When they were put in force.",
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

/// Who paused a sink.
private enum SinkPauser: String, CaseIterable {
    case configuration
    case `operator`

    func pauses(_ sink: SinkState) -> Bool {
        switch self {
        case .configuration: return sink.isPausedByConfiguration
        case .operator:
            if case .operator? = sink.pause { return true }
            return false
        }
    }
}
