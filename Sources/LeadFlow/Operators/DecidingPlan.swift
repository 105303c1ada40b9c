internal import LeadKit
internal import LeadRules
public import LeadStore

/// What an order to decide leads again would do.
public struct DecidingPlan: Sendable, Equatable {
    /// The leads that the order names, and their deliveries.
    public let tally: LeadTally
    /// How many leads would get which answer.
    public private(set) var answers: [OrderAnswer: Int] = [:]
    /// What the rules say of them now; nil when the rules are not known.
    public internal(set) var preview: DecidingPreview?

    init(tally: LeadTally) {
        self.tally = tally
        for (state, count) in tally.leads {
            let answer: OrderAnswer =
                switch state {
                case .held, .decided: .done
                case .announced, .received: .open
                case .quarantined: .over
                case .forgotten: .forgotten
                }
            answers[answer, default: 0] += count
        }
    }

    /// A lead that would be left alone because it is not what was written.
    mutating func addDamaged() {
        answers[.done, default: 0] -= 1
        answers[.damaged, default: 0] += 1
    }
}

/// What the rules say now of leads that were decided before.
public struct DecidingPreview: Sendable, Equatable {
    /// How an outcome changes, or stays.
    public struct Outcomes: Sendable, Hashable {
        /// `routed`, `default`, `held` or `dropped`.
        public var before: String
        /// The same.
        public var after: String
    }

    /// Deliveries that are counted together.
    public struct Line: Sendable, Hashable {
        /// What would become of them, or what they are.
        public enum Kind: String, Sendable, CaseIterable {
            /// It would be made: its target never had the lead.
            case new
            /// It was given up or called off, and would be made anew.
            case anew
            /// It is pending, and no longer asked for.
            case pending
            /// Its attempt is under way, and it is no longer asked for.
            case underWay = "under-way"
            /// It is delivered, and no longer asked for.
            case delivered
        }

        /// What would become of them.
        public var kind: Kind
        /// The sink.
        public var sink: String
        /// The route that asks for it, or that asked for it.
        public var route: String
        /// The pool that chooses the sink, or chose it; nil when the rules name it.
        public var pool: String?
    }

    /// How many leads were decided for this.
    public private(set) var leads = 0
    /// How many of them are decided as before, and have nothing new to send.
    public private(set) var unchanged = 0
    /// How many outcomes change, and how.
    public private(set) var outcomes: [Outcomes: Int] = [:]
    /// How many deliveries of each line.
    public private(set) var deliveries: [Line: Int] = [:]

    /// How many deliveries of a kind.
    public func count(_ kind: Line.Kind) -> Int {
        deliveries.reduce(0) { $0 + ($1.key.kind == kind ? $1.value : 0) }
    }

    /// The lines in order of kind, sink, route and pool.
    public var lines: [(line: Line, count: Int)] {
        let kinds = Line.Kind.allCases
        func key(_ line: Line) -> [UInt8] {
            let parts = [line.sink, line.route, line.pool ?? ""]
            return [UInt8(kinds.firstIndex(of: line.kind) ?? 0)]
                + parts.flatMap { Array($0.utf8) + [0] }
        }
        return deliveries.map { ($0.key, $0.value) }
            .sorted { key($0.0).lexicographicallyPrecedes(key($1.0)) }
    }

    mutating func add(_ lead: DecidedLead, _ decision: Decision) {
        leads += 1
        let before = lead.entry.outcome ?? ""
        outcomes[Outcomes(before: before, after: decision.outcome.rawValue), default: 0] += 1
        guard let earlier = lead.earlier else { return }
        let missing = earlier.missing(of: decision.deliveries)
        for one in missing.new {
            let pool = one.assignment?.pool
            add(Line(kind: .new, sink: one.target.sink, route: one.route, pool: pool))
        }
        for one in missing.anew {
            guard let delivery = earlier[one.sequence] else { continue }
            add(Line(.anew, delivery))
        }
        for one in earlier.others(than: decision.deliveries) {
            switch one.state {
            case .pending: add(Line(.pending, one.delivery))
            case .leased: add(Line(.underWay, one.delivery))
            case .delivered: add(Line(.delivered, one.delivery))
            case .dead, .cancelled: break
            }
        }
        if missing.new.isEmpty, decision.isSame(as: lead.entry) { unchanged += 1 }
    }

    private mutating func add(_ line: Line) { deliveries[line, default: 0] += 1 }
}

extension DecidingPreview.Line {
    fileprivate init(_ kind: Kind, _ delivery: NewDelivery) {
        self.init(
            kind: kind, sink: delivery.sink, route: delivery.route, pool: delivery.pool)
    }
}

extension Decision {
    /// Whether a stored decision says the same: outcome, reason, routes, and what goes where by which
    /// of them. Times (`hold_until`) are not compared: they are of the day.
    fileprivate func isSame(as entry: InboxEntry) -> Bool {
        guard let text = entry.decision, let root = try? JSONDocument.parse(Array(text.utf8)).root,
            entry.outcome == outcome.rawValue, entry.reason == reason
        else { return false }
        let routesBefore = (root["routes"]?.elements ?? []).compactMap(\.string)
        let before = (root["deliveries"]?.elements ?? []).map { one in
            [
                one["sink"]?.string ?? "", one["pool"]?.string ?? "", one["route"]?.string ?? "",
                one["copy"]?.bool == true ? "copy" : "",
            ].map { Array($0.utf8) }
        }
        let after = deliveries.map { one in
            [
                one.target.sink, one.assignment?.pool ?? "", one.route, one.isCopy ? "copy" : "",
            ].map { Array($0.utf8) }
        }
        return routesBefore.map { Array($0.utf8) } == routes.map { Array($0.utf8) }
            && Set(before) == Set(after)
    }
}
