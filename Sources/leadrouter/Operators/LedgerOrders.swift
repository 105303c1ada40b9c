import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// What operators order, as the body of a request: the same whether a command carries it out on a
/// store that nobody serves, or the running service does.
///
///     {"keys": [KEY, …], "filter": {"sink": …}, "reason": …, "by": …, "yes": true}
///     {"ids": [ID, …], "filter": {"source": …}, "cancel_pending": false, "allow_again": false, …}
///     {"rows": [SEQUENCE, …], …}
///     {"ids": [ID, …], "filter": {"state": …}, "cancel_others": false, "skip_unknown": false, …}
///
/// Without `yes` the answer is the plan, and nothing is done.
struct LedgerOrders: Sendable {
    /// The most ids or keys of one order.
    static let namesMax = 1000

    let store: any LeadStore
    let desk: OperatorDesk
    let nowMilliseconds: @Sendable () -> Int64
    /// The rules that would decide now, for plans; nil when they cannot be read.
    var rules: @Sendable () -> RuleSet? = { nil }
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
            let request = try Request(body, names: "keys", flags: [Request.skipUnknown])
            let (filters, unknown) = try await deliveries(verb, request)
            guard request.isConfirmed else {
                return planned(try await desk.plan(verb, filters), unknown: unknown)
            }
            let order = request.order(at: nowMilliseconds())
            var answers = try await desk.carryOut(verb, filters, order, progress: progress)
            answers.add(unknown: unknown)
            onDone(verb.rawValue, order, answers)
            return done(answers)
        }
    }

    func forget(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering {
            let request = try Request(
                body, names: "ids",
                flags: ["cancel_pending", "allow_again", Request.skipUnknown], takesRows: true)
            let (filters, unknown) = try await leads(request)
            let options = ForgetOptions(
                cancelsPending: request.flags.contains("cancel_pending"),
                allowsAgain: request.flags.contains("allow_again"))
            guard request.isConfirmed else {
                let plan = try await desk.plan(filters)
                var answers = options.answers(plan.answers)
                answers.add(unknown: unknown)
                return planned(plan, answers)
            }
            let order = request.order(at: nowMilliseconds())
            var answers = try await desk.forget(filters, options, order, progress: progress)
            answers.add(unknown: unknown)
            onDone("forget", order, answers)
            return done(answers)
        }
    }

    // MARK: Answers

    func answering(
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

    private func planned(
        _ plan: DeliveryPlan, unknown: Int
    ) -> (inout JSONWriter) -> Void {
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
                writer.name("unknown")
                writer.integer(unknown)
                writer.name("count")
                writer.integer(plan.doneCount)
            }
        }
    }

    /// `extra` appends members.
    func planned(
        _ tally: LeadTally, _ answers: [OrderAnswer: Int],
        extra: @escaping (inout JSONWriter) -> Void = { _ in }
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
                extra(&writer)
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

    func done(_ answers: [OrderAnswer: Int]) -> (inout JSONWriter) -> Void {
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

extension [OrderAnswer: Int] {
    /// Names of the order for which there is no row.
    mutating func add(unknown count: Int) {
        if count > 0 { self[.unknown, default: 0] += count }
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
