import LeadKit
import LeadStore

/// Rows of the ledger as JSON: the lines of `--format ndjson` and the answers of the admin API.
enum LedgerJSON {
    static func text(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return writer.text
    }

    static func write(_ lead: InboxEntry, to writer: inout JSONWriter) {
        writer.object { writer in writeMembers(of: lead, to: &writer) }
    }

    private static func writeMembers(of lead: InboxEntry, to writer: inout JSONWriter) {
        writer.name("lead_id")
        writer.string(lead.leadID.text)
        writer.name("source")
        writer.string(lead.source)
        writer.name("received_time")
        writer.string(Ledger.time(lead.receivedMilliseconds))
        writer.name("state")
        writer.string(lead.state.rawValue)
        writer.name("outcome")
        writer.string(lead.outcome)
        writer.name("reason")
        writer.string(lead.reason)
        writer.name("rule_set_hash")
        writer.string(lead.ruleSetHash)
        writer.name("sequence")
        writer.integer(lead.sequence)
    }

    /// A lead with its content, decision, deliveries and orders.
    static func write(_ shown: ShownLead, to writer: inout JSONWriter) {
        writer.object { writer in
            writeMembers(of: shown.lead, to: &writer)
            writer.name("duplicate")
            writer.bool(shown.lead.isDuplicate)
            writer.name("damage")
            writer.string(shown.damage)
            writer.name("decision")
            embed(shown.lead.decision.map { Array($0.utf8) } ?? [], in: &writer)
            writer.name("lead")
            embed(shown.lead.lead, orText: true, in: &writer)
            writer.name("raw")
            writer.string(
                shown.lead.raw.isEmpty ? nil : String(decoding: shown.lead.raw, as: UTF8.self))
            writer.name("deliveries")
            writer.array { writer in
                for one in shown.deliveries {
                    writer.object { writer in
                        writeMembers(of: one, shown.notes.wait(of: one), to: &writer)
                        writeMembers(of: one, shown.notes, to: &writer)
                    }
                }
            }
            writer.name("orders")
            writer.array { writer in for one in shown.orders { write(one, to: &writer) } }
            writer.name("earlier_decisions")
            writer.array { writer in for one in shown.earlier { write(one, to: &writer) } }
        }
    }

    /// What was decided before.
    private static func write(_ earlier: EarlierDecision, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("decided_time")
            writer.string(Ledger.time(earlier.decidedMilliseconds))
            writer.name("ended_time")
            writer.string(Ledger.time(earlier.endedMilliseconds))
            writer.name("outcome")
            writer.string(earlier.outcome)
            writer.name("reason")
            writer.string(earlier.reason)
            writer.name("rule_set_hash")
            writer.string(earlier.ruleSetHash)
            writer.name("decision")
            embed(earlier.decision.map { Array($0.utf8) } ?? [], in: &writer)
        }
    }

    /// What was stored as JSON; null when there is nothing, or it cannot be read, unless it is to be
    /// a text then.
    private static func embed(
        _ bytes: [UInt8], orText: Bool = false, in writer: inout JSONWriter
    ) {
        guard !bytes.isEmpty else { return writer.null() }
        if let document = try? JSONDocument.parse(bytes, limits: StoredLeads.limits) {
            writer.value(document.root)
        } else {
            writer.string(orText ? String(decoding: bytes, as: UTF8.self) : nil)
        }
    }

    /// A row of the outbox, and what it waits for.
    static func write(
        _ delivery: DeliveryEntry, _ wait: SinkWaits.Wait?, to writer: inout JSONWriter
    ) {
        writer.object { writer in writeMembers(of: delivery, wait, to: &writer) }
    }

    /// What is told with a lead's other deliveries at hand.
    private static func writeMembers(
        of delivery: DeliveryEntry, _ notes: DeliveryNotes, to writer: inout JSONWriter
    ) {
        let failed = notes.standIns.failed(behind: delivery)
        writer.name("stands_in_for")
        writer.string(failed?.delivery.key.text)
        writer.name("stands_in_for_sink")
        writer.string(failed?.delivery.sink)
        writer.name("stands_in_because")
        writer.string(failed?.detail)
        let successors = notes.standIns.successors(of: delivery)
        writer.name("handed_over_as")
        writer.array { writer in for one in successors { writer.string(one.delivery.key.text) } }
        writer.name("handed_over_to")
        writer.array { writer in for one in successors { writer.string(one.delivery.sink) } }
        writer.name("damage")
        writer.string(notes.damage[delivery.sequence])
    }

    private static func writeMembers(
        of delivery: DeliveryEntry, _ wait: SinkWaits.Wait?, to writer: inout JSONWriter
    ) {
        writer.name("delivery_id")
        writer.string(delivery.delivery.key.text)
        writer.name("lead_id")
        writer.string(delivery.leadID.text)
        writer.name("source")
        writer.string(delivery.source)
        writer.name("sink")
        writer.string(delivery.delivery.sink)
        writer.name("route")
        writer.string(delivery.delivery.route)
        writer.name("copy")
        writer.bool(delivery.delivery.isCopy)
        if let pool = delivery.delivery.pool {
            writer.name("pool")
            writer.string(pool)
            writer.name("member")
            writer.string(delivery.delivery.member)
        }
        writer.name("state")
        writer.string(delivery.state.rawValue)
        writer.name("attempts")
        writer.integer(delivery.attempts)
        writer.name("created_time")
        writer.string(Ledger.time(delivery.createdMilliseconds))
        writer.name("due_time")
        writer.string(delivery.state == .pending ? Ledger.time(delivery.dueMilliseconds) : nil)
        writer.name("waits")
        writer.string(wait?.sentence)
        writer.name("waits_for")
        writer.string(wait?.kind.rawValue)
        writer.name("destination")
        writer.string(delivery.destination.utf8.isEmpty ? nil : delivery.destination)
        writer.name("detail")
        writer.string(delivery.detail)
        writer.name("generation")
        writer.integer(delivery.generation)
        writer.name("redelivered")
        writer.bool(delivery.isSuperseded)
        writer.name("sequence")
        writer.integer(delivery.sequence)
    }

    /// A delivery with its attempts and orders.
    static func write(_ shown: ShownDelivery, to writer: inout JSONWriter) {
        writer.object { writer in
            writeMembers(of: shown.delivery, shown.notes.wait(of: shown.delivery), to: &writer)
            writeMembers(of: shown.delivery, shown.notes, to: &writer)
            writer.name("redelivery_of")
            writer.string(shown.previousKey)
            writer.name("redelivered_as")
            writer.string(shown.nextKey)
            writer.name("history")
            writer.array { writer in for one in shown.attempts { write(one, to: &writer) } }
            writer.name("orders")
            writer.array { writer in for one in shown.orders { write(one, to: &writer) } }
        }
    }

    private static func write(_ attempt: AttemptEntry, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("attempt")
            writer.integer(attempt.number)
            writer.name("started_time")
            writer.string(Ledger.time(attempt.startedMilliseconds))
            writer.name("duration_ms")
            writer.integer(attempt.durationMilliseconds)
            writer.name("outcome")
            writer.string(attempt.outcome)
            writer.name("detail")
            writer.string(attempt.detail)
        }
    }

    private static func write(_ entry: OrderEntry, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("order")
            writer.string(entry.verb.rawValue)
            writer.name("time")
            writer.string(Ledger.time(entry.order.atMilliseconds))
            writer.name("by")
            writer.string(entry.order.by)
            writer.name("reason")
            writer.string(entry.order.reason)
        }
    }

    static func write(_ copy: LedgerCopy, _ path: String, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("file")
            writer.string(path)
            writer.name("bytes")
            writer.integer(copy.bytes)
            writer.name("replaced_remains")
            writer.bool(copy.hadRemains)
        }
    }

    static func write(_ fault: LedgerFault, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("invariant")
            writer.string(fault.invariant.rawValue)
            writer.name("subject")
            writer.string(fault.subject)
            writer.name("message")
            writer.string(fault.message)
        }
    }

    static func write(_ figures: LedgerFigures, to writer: inout JSONWriter) {
        let stats = figures.stats
        writer.object { writer in
            writer.name("leads")
            write(stats.leads, InboxState.allCases, to: &writer)
            writer.name("outcomes")
            writer.object { writer in
                for (name, count) in stats.outcomes.sorted(by: { $0.key < $1.key }) {
                    writer.name(name)
                    writer.integer(count)
                }
            }
            writer.name("deliveries")
            write(stats.deliveries, DeliveryState.allCases, to: &writer)
            writer.name("sinks")
            writer.object { writer in
                for sink in figures.sinks {
                    writer.name(sink)
                    writer.object { writer in
                        writer.name("deliveries")
                        write(stats.sinks[sink] ?? [:], DeliveryState.allCases, to: &writer)
                        writer.name("oldest_open_seconds")
                        if let age = figures.openSeconds(sink) {
                            writer.integer(age)
                        } else {
                            writer.null()
                        }
                    }
                }
            }
            guard let sizes = figures.sizes else { return }
            writer.name("file_bytes")
            writer.integer(sizes.fileBytes)
            writer.name("free_bytes")
            writer.integer(sizes.freeBytes)
            writer.name("log_bytes")
            writer.integer(sizes.logBytes)
        }
    }

    private static func write<State: RawRepresentable<String> & Hashable>(
        _ counts: [State: Int], _ all: [State], to writer: inout JSONWriter
    ) {
        writer.object { writer in
            for state in all {
                writer.name(state.rawValue)
                writer.integer(counts[state] ?? 0)
            }
        }
    }
}
