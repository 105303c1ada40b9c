import LeadFlow
import LeadKit
import LeadServer
import LeadStore

/// What operators order, as the body of a request: the same whether a command carries it out on a
/// store that nobody serves, or the running service does.
///
///     {"keys": [KEY, …], "filter": {"sink": …}, "reason": …, "by": …, "yes": true}
///     {"ids": [ID, …], "filter": {"source": …}, "cancel_pending": false, "allow_again": false, …}
///     {"rows": [SEQUENCE, …], …}
///
/// Without `yes` the answer is the plan, and nothing is done.
struct LedgerOrders: Sendable {
    /// The most ids or keys of one order.
    static let namesMax = 1000

    let store: any LeadStore
    let desk: OperatorDesk
    let nowMilliseconds: @Sendable () -> Int64
    /// Told that leads were given to the rules again.
    var onLeads: @Sendable () -> Void = {}
    /// Told what was done, in numbers.
    let onDone: @Sendable (_ what: String, _ order: Order, _ answers: [OrderAnswer: Int]) -> Void
    var progress: @Sendable (Int) -> Void = { _ in }

    init(
        store: any LeadStore, onDeliveries: @escaping @Sendable (Set<String>) -> Void = { _ in },
        nowMilliseconds: @escaping @Sendable () -> Int64 = { SystemClock().nowMilliseconds() },
        onDone: @escaping @Sendable (String, Order, [OrderAnswer: Int]) -> Void = { _, _, _ in }
    ) {
        self.store = store
        desk = OperatorDesk(store: store, onDeliveries: onDeliveries)
        self.nowMilliseconds = nowMilliseconds
        self.onDone = onDone
    }

    func answer(_ verb: DeliveryVerb, _ body: [UInt8]) async -> AdminServer.Answer {
        await answering {
            let request = try Request(body, names: "keys", flags: [])
            let filters = try await deliveries(verb, request)
            guard request.isConfirmed else { return planned(try await desk.plan(verb, filters)) }
            let order = request.order(at: nowMilliseconds())
            let answers = try await desk.carryOut(verb, filters, order, progress: progress)
            onDone(verb.rawValue, order, answers)
            return done(answers)
        }
    }

    func forget(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering {
            let request = try Request(
                body, names: "ids", flags: ["cancel_pending", "allow_again"], takesRows: true)
            let filters = try await leads(request)
            let options = ForgetOptions(
                cancelsPending: request.flags.contains("cancel_pending"),
                allowsAgain: request.flags.contains("allow_again"))
            guard request.isConfirmed else {
                let plan = try await desk.plan(filters)
                return planned(plan, options.answers(plan.answers))
            }
            let order = request.order(at: nowMilliseconds())
            let answers = try await desk.forget(filters, options, order, progress: progress)
            onDone("forget", order, answers)
            return done(answers)
        }
    }

    func decideAgain(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering {
            let request = try Request(body, names: "ids", flags: [])
            let filters = try await leads(request, usually: .held)
            guard request.isConfirmed else {
                let plan = try await desk.plan(filters)
                return planned(plan, plan.answersToDecidingAgain)
            }
            let order = request.order(at: nowMilliseconds())
            let answers = try await desk.decideAgain(filters, order, progress: progress)
            onLeads()
            onDone("decide", order, answers)
            return done(answers)
        }
    }

    // MARK: Which rows

    private func deliveries(
        _ verb: DeliveryVerb, _ request: Request
    ) async throws -> [DeliveryFilter] {
        guard request.names.isEmpty else {
            guard request.filter.isEmpty else { throw Request.both("keys") }
            var filters: [DeliveryFilter] = []
            for key in request.names {
                // Also says what is wrong with the key.
                let found = try await Ledger.find(key: key, in: store)
                filters.append(DeliveryFilter(keyPrefix: found.delivery.delivery.key.text))
            }
            return filters
        }
        try LedgerFilters.check(request.filter, known: LedgerFilters.deliveryNames)
        var filter = try LedgerFilters.deliveries(request.filter)
        guard !request.filter.isEmpty else { throw Request.neither("deliveries", "--sink") }
        // The plan counts those that were redelivered already as left alone.
        filter.isSuperseded = nil
        // What was delivered is sent again only when that is said.
        if filter.state == nil { filter.state = verb == .redeliver ? .dead : .pending }
        return [filter]
    }

    /// A filter without a state means those in the usual one.
    private func leads(
        _ request: Request, usually state: InboxState? = nil
    ) async throws -> [LeadFilter] {
        guard request.rows.isEmpty else { return try await rows(of: request) }
        guard request.names.isEmpty else {
            guard request.filter.allSatisfy({ $0.name == "source" }) else {
                throw Request.both("ids")
            }
            let source = request.filter.first?.value
            var filters: [LeadFilter] = []
            for id in request.names {
                let id = try LedgerFilters.leadID(id)
                _ = try await Ledger.find(id, source: source, in: store)
                filters.append(LeadFilter(source: source, leadID: id))
            }
            return filters
        }
        try LedgerFilters.check(request.filter, known: LedgerFilters.leadNames)
        guard !request.filter.isEmpty else {
            throw Request.neither("leads", state.map { "--state \($0.rawValue)" } ?? "--until")
        }
        var filter = try LedgerFilters.leads(request.filter)
        filter.state = filter.state ?? state
        return [filter]
    }

    /// Rows as a search has found them.
    private func rows(of request: Request) async throws -> [LeadFilter] {
        guard request.names.isEmpty, request.filter.isEmpty else { throw Request.both("rows") }
        var filters: [LeadFilter] = []
        for row in request.rows {
            let filter = LeadFilter(afterSequence: row - 1, beforeSequence: row + 1)
            guard try await !store.leads(filter).isEmpty else {
                throw BadRequest(kind: .notFound, description: "there is no lead in row \(row)")
            }
            filters.append(filter)
        }
        return filters
    }

    // MARK: Answers

    private func answering(
        _ body: () async throws -> (inout JSONWriter) -> Void
    ) async -> AdminServer.Answer {
        do {
            var writer = JSONWriter()
            try await body()(&writer)
            return AdminServer.Answer(body: writer.bytes)
        } catch {
            return AdminServer.Answer(refusing: error)
        }
    }

    private func planned(_ plan: DeliveryPlan) -> (inout JSONWriter) -> Void {
        return { writer in
            writer.object { writer in
                writer.name("acted")
                writer.bool(false)
                writer.name("plan")
                writer.array { writer in
                    for line in plan.lines {
                        writer.object { writer in
                            writer.name("sink")
                            writer.string(line.kind.sink)
                            writer.name("state")
                            writer.string(line.kind.state.rawValue)
                            writer.name("redelivered")
                            writer.bool(line.kind.isSuperseded)
                            writer.name("count")
                            writer.integer(line.count)
                            writer.name("answer")
                            writer.string(line.answer.rawValue)
                        }
                    }
                }
                writer.name("count")
                writer.integer(plan.doneCount)
            }
        }
    }

    private func planned(
        _ tally: LeadTally, _ answers: [OrderAnswer: Int]
    ) -> (inout JSONWriter) -> Void {
        return { writer in
            writer.object { writer in
                writer.name("acted")
                writer.bool(false)
                writer.name("leads")
                writer.array { writer in
                    for state in InboxState.allCases {
                        guard let count = tally.leads[state] else { continue }
                        writer.object { writer in
                            writer.name("state")
                            writer.string(state.rawValue)
                            writer.name("count")
                            writer.integer(count)
                        }
                    }
                }
                writer.name("deliveries")
                writer.array { writer in
                    for (sink, states) in tally.deliveries.sorted(by: { $0.key < $1.key }) {
                        for state in DeliveryState.allCases {
                            guard let count = states[state] else { continue }
                            writer.object { writer in
                                writer.name("sink")
                                writer.string(sink)
                                writer.name("state")
                                writer.string(state.rawValue)
                                writer.name("count")
                                writer.integer(count)
                            }
                        }
                    }
                }
                LedgerOrders.write(answers, to: &writer)
            }
        }
    }

    /// How many rows get which answer, and how many of them it is done to.
    private static func write(_ answers: [OrderAnswer: Int], to writer: inout JSONWriter) {
        writer.name("answers")
        writer.object { writer in
            for answer in OrderAnswer.allCases {
                guard let count = answers[answer], count > 0 else { continue }
                writer.name(answer.rawValue)
                writer.integer(count)
            }
        }
        writer.name("count")
        writer.integer(answers[.done] ?? 0)
    }

    private func done(_ answers: [OrderAnswer: Int]) -> (inout JSONWriter) -> Void {
        return { writer in
            writer.object { writer in
                writer.name("acted")
                writer.bool(true)
                LedgerOrders.write(answers, to: &writer)
            }
        }
    }
}

extension ForgetOptions {
    /// What is answered with these options, from what is answered with none.
    fileprivate func answers(_ plain: [OrderAnswer: Int]) -> [OrderAnswer: Int] {
        var result: [OrderAnswer: Int] = [:]
        for (answer, count) in plain {
            let isDone =
                answer == .open && cancelsPending || answer == .forgotten && allowsAgain
            result[isDone ? .done : answer, default: 0] += count
        }
        return result
    }
}

extension LeadTally {
    /// What each would be answered if it were to be decided again; of those that are held some may
    /// have deliveries.
    fileprivate var answersToDecidingAgain: [OrderAnswer: Int] {
        var result: [OrderAnswer: Int] = [:]
        for (state, count) in leads {
            let answer: OrderAnswer =
                switch state {
                case .held: .done
                case .announced, .received: .open
                case .decided, .quarantined: .over
                case .forgotten: .forgotten
                }
            result[answer, default: 0] += count
        }
        return result
    }
}

extension AdminServer.Answer {
    /// What was wrong with the request, or with the store.
    init(refusing error: any Error) {
        let (status, message) =
            switch error {
            case let error as BadRequest: (error.kind.rawValue, error.description)
            case StoreError.unusable(let text): (409, text)
            case let error as StoreError: (503, error.description)
            default: (500, "\(type(of: error))")
            }
        self.init(
            status: status,
            body: Array(
                LedgerJSON.text { writer in
                    writer.object { writer in
                        writer.name("error")
                        writer.string(message)
                    }
                }.utf8))
    }
}
