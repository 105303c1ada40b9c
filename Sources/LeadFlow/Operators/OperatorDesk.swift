public import LeadStore

/// Where operators' orders about many rows are carried out.
///
/// An order names rows by a filter. First it is *planned*: one query counts what the filter finds,
/// by sink and state, and notes the newest row. Then, if the operator wants that, it is *carried
/// out*: the same rows, oldest first and none that came later, a page at a time, each page in one
/// transaction that looks at every row again. So an order about a million rows holds nobody up, and
/// one that is interrupted can be given again: what is done is not done twice.
public struct OperatorDesk: Sendable {
    /// The most rows of one transaction.
    public static let pageMax = 500

    let store: any LeadStore
    private let onDeliveries: @Sendable (Set<String>) -> Void

    /// Makes a desk; `onDeliveries` is told the sinks that new deliveries are due for.
    public init(
        store: any LeadStore, onDeliveries: @escaping @Sendable (Set<String>) -> Void = { _ in }
    ) {
        self.store = store
        self.onDeliveries = onDeliveries
    }

    // MARK: Deliveries

    /// What would come of an order about deliveries.
    public func plan(
        _ verb: DeliveryVerb, _ filters: [DeliveryFilter]
    ) async throws(StoreError) -> DeliveryPlan {
        var plan = DeliveryPlan(verb: verb)
        for filter in filters {
            let tally = try await store.tally(filter)
            plan.add(tally)
            if verb == .redeliver { try await addDamage(tally, filter, to: &plan) }
        }
        return plan
    }

    /// What is damaged is not sent again, so every row that would be is looked at, as it will be
    /// when the order is carried out.
    private func addDamage(
        _ tally: DeliveryTally, _ filter: DeliveryFilter, to plan: inout DeliveryPlan
    ) async throws(StoreError) {
        guard tally.counts.keys.contains(where: OperatorDesk.mayBeSent) else { return }
        var page = filter
        page.beforeSequence = tally.lastSequence + 1
        page.afterSequence = filter.afterSequence ?? 0
        page.limit = OperatorDesk.pageMax
        while true {
            let entries = try await store.deliveries(page)
            guard let last = entries.last else { return }
            let meant = entries.filter { OperatorDesk.mayBeSent($0.kind) }
            let damage = try await store.damage(ofDeliveries: meant.map(\.sequence))
            for entry in meant where damage[entry.sequence] != nil { plan.addDamaged(entry.kind) }
            page.afterSequence = last.sequence
        }
    }

    private static func mayBeSent(_ kind: DeliveryTally.Kind) -> Bool {
        !kind.isSuperseded && [.delivered, .dead, .cancelled].contains(kind.state)
    }

    /// Carries an order about deliveries out; answers how many rows got which answer.
    public func carryOut(
        _ verb: DeliveryVerb, _ filters: [DeliveryFilter], _ order: Order,
        progress: @Sendable (Int) -> Void = { _ in }
    ) async throws(StoreError) -> [OrderAnswer: Int] {
        var answers: [OrderAnswer: Int] = [:]
        for filter in filters {
            var page = filter
            page.beforeSequence = try await store.tally(filter).lastSequence + 1
            page.afterSequence = filter.afterSequence ?? 0
            page.limit = OperatorDesk.pageMax
            while true {
                let entries = try await store.deliveries(page)
                guard let last = entries.last else { break }
                let sequences = entries.map(\.sequence)
                switch verb {
                case .redeliver:
                    OperatorDesk.count(try await store.redeliver(sequences, order), &answers)
                    onDeliveries(Set(entries.map(\.delivery.sink)))
                case .cancel:
                    OperatorDesk.count(try await store.cancel(sequences, order), &answers)
                }
                progress(entries.count)
                page.afterSequence = last.sequence
            }
        }
        return answers
    }

    // MARK: Leads

    /// What an order about leads would be about.
    public func plan(_ filters: [LeadFilter]) async throws(StoreError) -> LeadTally {
        var sum = LeadTally()
        for filter in filters {
            let tally = try await store.tally(filter)
            sum.leads.merge(tally.leads, uniquingKeysWith: +)
            sum.answers.merge(tally.answers, uniquingKeysWith: +)
            sum.deliveries.merge(tally.deliveries) { $0.merging($1, uniquingKeysWith: +) }
            sum.lastSequence = max(sum.lastSequence, tally.lastSequence)
        }
        return sum
    }

    /// Forgets leads, and clears the store's log; answers how many leads got which answer.
    public func forget(
        _ filters: [LeadFilter], _ options: ForgetOptions, _ order: Order,
        progress: @Sendable (Int) -> Void = { _ in }
    ) async throws(StoreError) -> [OrderAnswer: Int] {
        let answers = try await carryOut(filters, progress) {
            sequences async throws(StoreError) in
            try await store.forget(sequences, options, order)
        }
        if answers[.done] != nil { _ = await (store as? any LedgerFile)?.clearLog() }
        return answers
    }

    /// Leads a page at a time, each page in one transaction; ids that each are a filter of their own
    /// share pages, too.
    func carryOut(
        _ filters: [LeadFilter], _ progress: @Sendable (Int) -> Void,
        _ action: ([Int64]) async throws(StoreError) -> [OrderAnswer]
    ) async throws(StoreError) -> [OrderAnswer: Int] {
        var answers: [OrderAnswer: Int] = [:]
        var page: [Int64] = []
        for filter in filters {
            var next = filter
            next.beforeSequence = try await store.tally(filter).lastSequence + 1
            next.afterSequence = filter.afterSequence ?? 0
            while true {
                next.limit = OperatorDesk.pageMax - page.count
                let entries = try await store.leads(next)
                guard let last = entries.last else { break }
                page += entries.map(\.sequence)
                next.afterSequence = last.sequence
                guard page.count == OperatorDesk.pageMax else { continue }
                OperatorDesk.count(try await action(page), &answers)
                progress(page.count)
                page = []
            }
        }
        if !page.isEmpty {
            OperatorDesk.count(try await action(page), &answers)
            progress(page.count)
        }
        return answers
    }

    private static func count(_ new: [OrderAnswer], _ answers: inout [OrderAnswer: Int]) {
        for answer in new { answers[answer, default: 0] += 1 }
    }
}

/// What operators order of deliveries.
public enum DeliveryVerb: String, Sendable, CaseIterable {
    /// A new generation of what is over.
    case redeliver
    /// No more attempts of what is pending.
    case cancel
}

/// What an order about deliveries would do.
public struct DeliveryPlan: Sendable, Equatable {
    /// A line of the plan.
    public struct Line: Sendable, Equatable {
        /// What is counted.
        public var kind: DeliveryTally.Kind
        /// How many.
        public var count: Int
        /// What each of them would be answered.
        public var answer: OrderAnswer
    }

    /// What is ordered.
    public let verb: DeliveryVerb
    private var counts: [DeliveryTally.Kind: Int] = [:]
    /// How many of them are damaged.
    private var damaged: [DeliveryTally.Kind: Int] = [:]

    init(verb: DeliveryVerb) { self.verb = verb }

    mutating func add(_ tally: DeliveryTally) {
        counts.merge(tally.counts, uniquingKeysWith: +)
    }

    mutating func addDamaged(_ kind: DeliveryTally.Kind) { damaged[kind, default: 0] += 1 }

    /// How many deliveries there are.
    public var count: Int { counts.values.reduce(0, +) }

    /// How many it would be done to.
    public var doneCount: Int { lines.reduce(0) { $0 + ($1.answer == .done ? $1.count : 0) } }

    /// By sink, then by state.
    public var lines: [Line] {
        let lines = counts.flatMap { kind, count in
            let bad = min(damaged[kind] ?? 0, count)
            return [
                Line(kind: kind, count: count - bad, answer: answer(to: kind)),
                Line(kind: kind, count: bad, answer: .damaged),
            ].filter { $0.count > 0 }
        }
        return lines.sorted { a, b in
            let (one, two) = (a.kind, b.kind)
            return Array(one.sink.utf8) == Array(two.sink.utf8)
                ? (one.state.rawValue, one.isSuperseded ? 1 : 0, a.answer == .damaged ? 1 : 0)
                    < (two.state.rawValue, two.isSuperseded ? 1 : 0, b.answer == .damaged ? 1 : 0)
                : one.sink.utf8.lexicographicallyPrecedes(two.sink.utf8)
        }
    }

    private func answer(to kind: DeliveryTally.Kind) -> OrderAnswer {
        if kind.state == .leased { return .underWay }
        switch verb {
        case .redeliver:
            if kind.state == .pending { return .open }
            return kind.isSuperseded ? .superseded : .done
        case .cancel: return kind.state == .pending ? .done : .over
        }
    }
}

extension DeliveryEntry {
    /// As it is counted in a plan.
    fileprivate var kind: DeliveryTally.Kind {
        DeliveryTally.Kind(sink: delivery.sink, state: state, isSuperseded: isSuperseded)
    }
}
