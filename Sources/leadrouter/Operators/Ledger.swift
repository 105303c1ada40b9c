import LeadFlow
import LeadKit
import LeadStore

/// A lead with all that became of it.
struct ShownLead {
    var lead: InboxEntry
    var deliveries: [DeliveryEntry]
    var orders: [OrderEntry]
    /// What was decided before it was given to the rules again.
    var earlier: [EarlierDecision]
    /// What of it is not as it was written.
    var damage: String?
    var notes: DeliveryNotes
}

/// A delivery with its attempts.
struct ShownDelivery {
    var delivery: DeliveryEntry
    /// The keys of the generations before and after it.
    var previousKey: String?
    var nextKey: String?
    var attempts: [AttemptEntry]
    var orders: [OrderEntry]
    /// Of its lead's deliveries.
    var notes: DeliveryNotes
}

/// Both sides of the books, how old they are and how large.
struct LedgerFigures {
    var stats: StoreStats
    var oldestOpenMilliseconds: [String: Int64]
    var sizes: LedgerSizes?
    var nowMilliseconds: Int64

    static func read(
        _ store: any LeadStore, atMilliseconds now: Int64
    ) async throws(StoreError) -> LedgerFigures {
        LedgerFigures(
            stats: try await store.stats(),
            oldestOpenMilliseconds: try await store.oldestOpenMilliseconds(
                atMilliseconds: now),
            sizes: try await (store as? any LedgerFile)?.sizes(), nowMilliseconds: now)
    }

    /// The sinks' names in order.
    var sinks: [String] {
        stats.sinks.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// How old the oldest open delivery of a sink is.
    func openSeconds(_ sink: String) -> Int64? {
        oldestOpenMilliseconds[sink].map { max(0, nowMilliseconds - $0) / 1000 }
    }
}

/// Rows of the ledger, looked up.
enum Ledger {
    /// The most deliveries that are shown with a lead.
    static let deliveriesMax = 1000

    static func time(_ milliseconds: Int64) -> String { Timestamp(milliseconds: milliseconds).text }

    /// The leads of an id, one for each source that has it.
    static func find(
        _ id: LeadID, source: String?, in store: any LeadStore, waits: SinkWaits = SinkWaits()
    ) async throws -> [ShownLead] {
        var found: [ShownLead] = []
        for lead in try await store.leads(LeadFilter(source: source, leadID: id)) {
            let deliveries = try await store.deliveries(
                DeliveryFilter(leadID: id, source: lead.source, limit: deliveriesMax))
            found.append(
                ShownLead(
                    lead: lead, deliveries: deliveries,
                    orders: try await store.orders(ofLead: lead.sequence),
                    earlier: try await store.earlierDecisions(ofLead: lead.sequence),
                    damage: try await store.damage(ofLead: lead.sequence),
                    notes: try await DeliveryNotes.read(deliveries, waits, from: store)))
        }
        if found.isEmpty { throw noLead(id.text) }
        return found
    }

    static func noLead(_ id: String) -> BadRequest {
        BadRequest(kind: .notFound, description: "there is no lead '\(id)' in the store")
    }

    static func noRow(_ row: String) -> BadRequest {
        BadRequest(kind: .notFound, description: "there is no lead in row \(row)")
    }

    static func noDelivery(_ key: String) -> BadRequest {
        BadRequest(kind: .notFound, description: "there is no delivery '\(key)'")
    }

    /// The one delivery whose key begins so.
    static func find(
        key: String, in store: any LeadStore, waits: SinkWaits = SinkWaits()
    ) async throws -> ShownDelivery {
        let key = try LedgerFilters.key(key)
        let found = try await store.deliveries(DeliveryFilter(keyPrefix: key, limit: 2))
        guard let delivery = found.first else { throw noDelivery(key) }
        guard found.count == 1 else { throw several(key) }
        let leads = try await store.leads(
            LeadFilter(source: delivery.source, leadID: delivery.leadID, limit: 1))
        let orders = try await store.orders(ofLead: leads.first?.sequence ?? 0)
        let siblings = try await store.deliveries(
            DeliveryFilter(
                leadID: delivery.leadID, source: delivery.source, limit: deliveriesMax))
        return ShownDelivery(
            delivery: delivery,
            previousKey: siblings.first { $0.sequence == delivery.previousSequence }?
                .delivery.key.text,
            nextKey: siblings.first { $0.previousSequence == delivery.sequence }?
                .delivery.key.text,
            attempts: try await store.attempts(of: delivery.sequence),
            orders: orders.filter { $0.deliverySequence == delivery.sequence },
            notes: try await DeliveryNotes.read(siblings, waits, from: store))
    }

    static func several(_ key: String) -> BadRequest {
        BadRequest(
            kind: .ambiguous,
            description: "several deliveries begin with '\(key)'; write more of the key")
    }
}
