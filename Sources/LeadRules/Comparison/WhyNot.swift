public import LeadKit

/// Why a lead does not go where it is expected, and what would have to be different.
public struct WhyNot: Sendable {
    /// What the rules decide now.
    public let decision: Decision
    /// The route or sink that was expected.
    public let expected: String
    /// Whether the lead goes there already.
    public let isReached: Bool
    /// For each route that leads there, the nearest first; empty when the lead goes there already.
    public let answers: [Answer]
    /// Routes that lead there, too, and are further away.
    public let unlistedCount: Int

    /// What keeps the lead away from one route.
    public struct Answer: Sendable {
        /// The route, or `default`.
        public let route: String
        /// The first thing that keeps the lead away.
        public let obstacle: Obstacle
        /// What the lead says and the rule names differ only slightly: `'042' and '42' differ only
        /// in leading zeros`.
        public let hints: [String]
        /// The smallest change that was found.
        public let change: LeadChange?
        /// Why there is none; nil when there is one.
        public let refusal: String?
        /// How many changed leads were decided.
        public let triedCount: Int
    }

    /// The first thing on the way to a route that keeps the lead away.
    public struct Obstacle: Sendable {
        /// What it is.
        public enum Kind: String, Sendable {
            /// A condition of the route, or of one above it, does not hold.
            case condition
            /// A route that is asked before takes the lead.
            case takenBefore = "taken_before"
            /// The route, or one above it, is switched off.
            case disabled
        }

        /// What it is.
        public let kind: Kind
        /// The route that it is about: the one not taken, or the one that takes the lead.
        public let route: String
        /// Where that route stands; nil when nothing keeps the lead away.
        public let position: Position
        /// Its condition with what the lead says: only the parts that are to blame; nil for a route
        /// without one.
        public let condition: ConditionTrace?
    }

    /// A change of the lead, and the decision that proves it.
    public struct LeadChange: Sendable {
        /// What is different, one for each field.
        public let edits: [LeadEdit]
        /// What the rules decide for the changed lead.
        public let proof: Decision
    }

    /// How many routes are answered for.
    public static let answersMax = 5
}

/// What was expected is neither a route nor a sink.
public struct UnknownExpectation: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let description: String
    /// What to write instead, when known.
    public let help: String?
}

extension RuleSet {
    /// Explains why the lead does not go to a route or sink, or to `default`, and finds the smallest
    /// change of the lead that would send it there, proved by deciding the changed lead.
    ///
    /// A route may be named by its last part, when no other has it.
    ///
    /// - Throws: `UnknownExpectation` when there is no such route or sink.
    public func whyNot(
        _ lead: Lead, expect name: String, at now: Timestamp, isDuplicate: Bool = false
    ) throws(UnknownExpectation) -> WhyNot {
        let expected = try expectation(name)
        let subject = EditedLead(lead: lead, isDuplicate: isDuplicate, now: now)
        let decision = subject.decide(with: decider())
        let aims = try aims(for: expected)
        let isReached = aims.contains {
            $0.isReached(by: decision, subject, self) && isSent(decision, to: expected, by: $0)
        }
        if isReached {
            return WhyNot(
                decision: subject.assigned(decision, self), expected: expected, isReached: true,
                answers: [], unlistedCount: 0)
        }
        let nearest = nearest(aims, to: subject)
        let search = ChangeSearch(ruleSet: self, original: subject)
        var answers = nearest.compactMap { aim in
            answer(aim, expected, subject, decision, search)
        }
        answers.sort { WhyNot.size($0) < WhyNot.size($1) }
        return WhyNot(
            decision: subject.assigned(decision, self), expected: expected, isReached: false,
            answers: answers,
            unlistedCount: aims.count - nearest.count)
    }

    /// Whether the decision sends to a sink or pool. When it is not a route that was asked for, a
    /// route that is taken may send elsewhere at this time (`hold_until … then`).
    private func isSent(_ decision: Decision, to expected: String, by aim: Aim) -> Bool {
        if aim.isRoute(expected) { return true }
        return decision.deliveries.contains { delivery in
            delivery.target.pool == expected || sinks(of: delivery.target).contains(expected)
        }
    }

    private func answer(
        _ aim: Aim, _ expected: String, _ subject: EditedLead, _ decision: Decision,
        _ search: ChangeSearch
    ) -> WhyNot.Answer? {
        guard let block = aim.block(decision, subject, self) else { return nil }
        var found = search.smallestChange(for: aim)
        if let change = found.change, !isSent(change.proof, to: expected, by: aim) {
            found.change = nil
            found.refusal = "at this time '\(aim.name)' sends elsewhere, whatever the lead says"
        }
        if let change = found.change {
            found.change = WhyNot.LeadChange(
                edits: change.edits,
                proof: subject.applying(change.edits).assigned(change.proof, self))
        }
        let evaluator = subject.evaluator(for: self)
        let condition = block.condition.map { evaluator.explain($0) }
        return WhyNot.Answer(
            route: aim.name,
            obstacle: WhyNot.Obstacle(
                kind: block.kind, route: block.route.name, position: block.route.position,
                condition: block.kind == .condition ? condition.map(DecidingPart.blamed) : condition
            ),
            hints: block.kind == .condition
                ? NearMiss(ruleSet: self, evaluator: evaluator).hints(block.condition) : [],
            change: found.change, refusal: found.refusal, triedCount: found.triedCount)
    }
}

extension WhyNot {
    /// Fewer changed fields before smaller edits; no change at all last.
    fileprivate static func size(_ answer: Answer) -> (Int, Int) {
        guard let change = answer.change else { return (.max, 0) }
        return (change.edits.count, change.edits.reduce(0) { $0 + $1.cost })
    }
}
