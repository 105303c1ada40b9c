import LeadFlow
import LeadKit
import LeadStore

// Which rows an order is about: those that it names, or those that a filter finds.
extension LedgerOrders {
    /// The most names that a message lists.
    private static let namesShownMax = 10

    /// The rows, and how many names have none and are to be skipped.
    typealias Rows<Filter> = (filters: [Filter], unknown: Int)

    func deliveries(
        _ verb: DeliveryVerb, _ request: Request
    ) async throws -> Rows<DeliveryFilter> {
        guard request.names.isEmpty else {
            guard request.filter.isEmpty else { throw Request.both("keys") }
            var filters: [DeliveryFilter] = []
            var unknown: [String] = []
            for name in request.names {
                let key = try LedgerFilters.key(name)
                let found = try await store.deliveries(DeliveryFilter(keyPrefix: key, limit: 2))
                guard found.count < 2 else { throw Ledger.several(key) }
                if let one = found.first {
                    filters.append(DeliveryFilter(keyPrefix: one.delivery.key.text))
                } else {
                    unknown.append(name)
                }
            }
            try check(unknown, request, Ledger.noDelivery, "deliveries")
            return (filters, unknown.count)
        }
        try LedgerFilters.check(request.filter, known: LedgerFilters.deliveryNames)
        var filter = try LedgerFilters.deliveries(request.filter)
        guard !request.filter.isEmpty else { throw Request.neither("deliveries", "--sink") }
        // The plan counts those that were redelivered already as left alone.
        filter.isSuperseded = nil
        // What was delivered is sent again only when that is said.
        guard filter.state == nil else { return ([filter], 0) }
        switch verb {
        case .redeliver: filter.state = .dead
        case .cancel:
            // What is under way cannot be called off, and is told as left alone.
            var underWay = filter
            underWay.state = .leased
            filter.state = .pending
            return ([filter, underWay], 0)
        }
        return ([filter], 0)
    }

    /// `usually` is the state that a filter means that says nothing of it.
    func leads(
        _ request: Request, usually: (LeadFilter) -> InboxState? = { _ in nil },
        example: String = "--until"
    ) async throws -> Rows<LeadFilter> {
        guard request.rows.isEmpty else { return try await rows(of: request) }
        guard request.names.isEmpty else {
            guard request.filter.allSatisfy({ $0.name == "source" }) else {
                throw Request.both("ids")
            }
            let source = request.filter.first?.value
            var filters: [LeadFilter] = []
            var unknown: [String] = []
            for name in request.names {
                var filter = LeadFilter(source: source, leadID: try LedgerFilters.leadID(name))
                filter.limit = 1
                if try await store.leads(filter).isEmpty {
                    unknown.append(name)
                } else {
                    filters.append(filter)
                }
            }
            try check(unknown, request, Ledger.noLead, "leads")
            return (filters, unknown.count)
        }
        try LedgerFilters.check(request.filter, known: LedgerFilters.leadNames)
        guard !request.filter.isEmpty else { throw Request.neither("leads", example) }
        var filter = try LedgerFilters.leads(request.filter)
        filter.state = filter.state ?? usually(filter)
        return ([filter], 0)
    }

    /// Rows as a search has found them.
    private func rows(of request: Request) async throws -> Rows<LeadFilter> {
        guard request.names.isEmpty, request.filter.isEmpty else { throw Request.both("rows") }
        var filters: [LeadFilter] = []
        var unknown: [String] = []
        for row in request.rows {
            let filter = LeadFilter(afterSequence: row - 1, beforeSequence: row + 1)
            if try await store.leads(filter).isEmpty {
                unknown.append(String(row))
            } else {
                filters.append(filter)
            }
        }
        try check(unknown, request, Ledger.noRow, "rows")
        return (filters, unknown.count)
    }

    /// An order with a name that means nothing may be a slip of the pen, so nothing of it is done
    /// unless its author says that such names may be there. All are named at once.
    private func check(
        _ unknown: [String], _ request: Request, _ one: (String) -> BadRequest, _ noun: String
    ) throws(BadRequest) {
        guard let first = unknown.first, !request.flags.contains(Request.skipUnknown) else {
            return
        }
        let asked = request.names.count + request.rows.count
        guard asked > 1 else { throw one(first) }
        let shown = unknown.prefix(LedgerOrders.namesShownMax).map { "'\($0)'" }
        let more = unknown.count - shown.count
        throw BadRequest(
            kind: .notFound,
            description: "\(unknown.count) of \(asked) \(noun) are not in the store: "
                + shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
                + "; nothing was done; leave them out, or give --skip-unknown "
                + "(\"skip_unknown\": true)")
    }
}
