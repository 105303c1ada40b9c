import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// What can be looked at in the ledger.
///
/// The running service and a command that opens the file itself give the same answers, made here,
/// and a command shows either the same way: what an answer holds is all that is ever shown.
enum Look: Sendable {
    case leads, lead(String), deliveries, delivery(String), stats, verify

    /// The address below `/api/`. Every byte of a name is written as `%XX`: an id is a sender's
    /// text, and must not be read as another address.
    var path: String {
        switch self {
        case .leads: "leads"
        case .lead(let id): "leads/\(Look.encoded(id))"
        case .deliveries: "deliveries"
        case .delivery(let key): "deliveries/\(Look.encoded(key))"
        case .stats: "stats"
        case .verify: "ledger/verify"
        }
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
            .joined()
    }
}

/// Answers looks at a store.
struct LedgerLooks: Sendable {
    let store: any LeadStore
    let sinks: SinkOrders
    /// The rules that a verification decides by again; nil for none.
    let ruleSet: @Sendable () -> RuleSet?

    init(
        store: any LeadStore, sinks: SinkOrders,
        ruleSet: @escaping @Sendable () -> RuleSet? = { nil }
    ) {
        self.store = store
        self.sinks = sinks
        self.ruleSet = ruleSet
    }

    func answer(_ look: Look, _ parameters: [Parameter]) async -> AdminServer.Answer {
        await answering { writer in
            switch look {
            case .leads: try await leads(parameters, &writer)
            case .lead(let id): try await lead(id, parameters, &writer)
            case .deliveries: try await deliveries(parameters, &writer)
            case .delivery(let key):
                try LedgerFilters.check(parameters, known: [])
                LedgerJSON.write(
                    try await Ledger.find(key: key, in: store, waits: try await sinks.waits()),
                    to: &writer)
            case .stats:
                try LedgerFilters.check(parameters, known: [])
                let now = SystemClock().nowMilliseconds()
                LedgerJSON.write(
                    try await LedgerFigures.read(store, atMilliseconds: now), to: &writer)
            case .verify:
                try LedgerFilters.check(parameters, known: [])
                try await verify(&writer)
            }
        }
    }

    func search(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering { writer in
            let found = try await LeadSearch(body).run(on: store)
            writer.object { writer in
                writer.name("leads")
                writer.array { writer in
                    for lead in found.leads { LedgerJSON.write(lead, to: &writer) }
                }
                writer.name("searched")
                writer.integer(found.searched)
                LedgerLooks.next(found.nextBefore, &writer)
            }
        }
    }

    private func leads(_ parameters: [Parameter], _ writer: inout JSONWriter) async throws {
        let filter = try LedgerFilters.leads(parameters)
        let leads = try await store.leads(filter)
        writer.object { writer in
            writer.name("leads")
            writer.array { writer in for lead in leads { LedgerJSON.write(lead, to: &writer) } }
            let isFull = leads.count == filter.limit
            LedgerLooks.next(isFull ? leads.last?.sequence : nil, &writer)
        }
    }

    private func lead(
        _ id: String, _ parameters: [Parameter], _ writer: inout JSONWriter
    ) async throws {
        try LedgerFilters.check(parameters, known: ["source"])
        let found = try await Ledger.find(
            try LedgerFilters.leadID(id), source: parameters.first?.value, in: store,
            waits: try await sinks.waits())
        writer.object { writer in
            writer.name("leads")
            writer.array { writer in for one in found { LedgerJSON.write(one, to: &writer) } }
        }
    }

    private func deliveries(_ parameters: [Parameter], _ writer: inout JSONWriter) async throws {
        let filter = try LedgerFilters.deliveries(parameters)
        let deliveries = try await store.deliveries(filter)
        let waits = try await sinks.waits()
        let now = SystemClock().nowMilliseconds()
        writer.object { writer in
            writer.name("deliveries")
            writer.array { writer in
                for delivery in deliveries {
                    let wait = waits.wait(of: delivery, atMilliseconds: now)
                    LedgerJSON.write(delivery, wait, to: &writer)
                }
            }
            let isFull = deliveries.count == filter.limit
            LedgerLooks.next(isFull ? deliveries.last?.sequence : nil, &writer)
        }
    }

    /// Where the next page begins; null when there is none.
    private static func next(_ before: Int64?, _ writer: inout JSONWriter) {
        writer.name("next_before")
        if let before { writer.integer(before) } else { writer.null() }
    }

    private func verify(_ writer: inout JSONWriter) async throws {
        let faults = FaultList(most: LedgerVerification.faultsMax)
        let result = try await LedgerVerification.run(
            on: store, isServed: true, ruleSet: ruleSet(), report: { faults.add($0) })
        writer.object { writer in
            result.writeMembers(to: &writer)
            writer.name("fault_count")
            writer.integer(faults.count)
            writer.name("faults")
            writer.array { writer in
                for fault in faults.kept { LedgerJSON.write(fault, to: &writer) }
            }
        }
    }

    static var noFile: BadRequest {
        BadRequest(kind: .notFound, description: "this store is no file")
    }

    private func answering(
        _ body: (inout JSONWriter) async throws -> Void
    ) async -> AdminServer.Answer {
        do {
            var writer = JSONWriter()
            try await body(&writer)
            return AdminServer.Answer(body: writer.bytes)
        } catch let error as StoreError {
            // Nothing was asked of the store that it might refuse: it cannot be read.
            return AdminServer.Answer(
                refusing: BadRequest(kind: .unavailable, description: error.description))
        } catch {
            return AdminServer.Answer(refusing: error)
        }
    }
}
