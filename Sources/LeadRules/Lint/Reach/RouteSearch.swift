internal import LeadKit

/// Looks for a lead that a route takes, or shows that there is none.
///
/// Goals (conditions and what they must answer) are taken apart, alternatives one after the other,
/// until only demands on names are left; `JoinSolver` finds a lead for these. An earlier route that
/// takes this lead becomes one more goal, that it shall not, and so on. When every alternative
/// ends in demands that contradict each other, no lead gets through, and the earlier routes whose
/// refusals were needed take everything. Only routes that took a lead on the way are looked at:
/// 100,000 others cost nothing.
struct RouteSearch {
    enum Outcome {
        /// A lead that meets every goal and gets past every earlier route.
        case witness(LintLead)
        /// There is none.
        case closed
        /// The classes of values are too coarse, or the search too long, to know.
        case open
    }

    let ruleSet: RuleSet
    let tree: RouteTree
    /// The levels on the way, with the place before which routes may take the lead.
    private let stations: [(level: Int, order: Int)]
    /// Only these earlier routes are there, if given.
    private let only: Set<Taker>?
    private let taken: [Name: TakenTexts]
    private let log = TakerLog()
    /// The earlier routes that had to refuse.
    private(set) var takers: Set<Taker> = []
    private var steps = 0
    private var depth = 0
    /// Whether only leads with one value in each answer count.
    private let isSingle: Bool

    /// The most leads that are tried for one question.
    static let stepsMax = 400
    /// The most choices on the way to one lead: each is a call within the one before.
    private static let choicesMax = 400
    /// The most routes whose refusal is demanded on suspicion.
    private static let pathMax = 8

    /// A search for leads that get past the routes before `node`, on its level and those above;
    /// without a node nothing stands in the way.
    init(
        _ ruleSet: RuleSet, _ tree: RouteTree, past node: Int? = nil, only: Set<Taker>? = nil,
        isSingle: Bool = false
    ) {
        self.ruleSet = ruleSet
        self.tree = tree
        self.only = only
        self.isSingle = isSingle
        stations =
            node.map { tree.path(to: $0) }?
            .map { (tree.nodes[$0].level, tree.nodes[$0].order) }
            .filter { tree.levels[$0.0].match == .first && $0.1 > 0 } ?? []
        var taken: [Name: TakenTexts] = [:]
        for (level, order) in stations {
            let orders = only.map { Set($0.filter { $0.level == level }.map(\.order)) }
            for (name, sole) in tree.levels[level].index.sole {
                taken[name, default: TakenTexts(log: log)].layers.append(
                    TakenTexts.Layer(level: level, sole: sole, end: order, only: orders))
            }
        }
        self.taken = taken
    }

    /// Looks for a lead that meets the goals and these demands.
    mutating func find(_ goals: [Goal], demands: [Demand] = []) -> Outcome {
        find(goals, demands: Dictionary(grouping: demands) { ruleSet.names[$0.test.slot] })
    }

    /// The same with demands on names that no rule asks for.
    mutating func find(_ goals: [Goal], demands: [Name: [Demand]]) -> Outcome {
        tree.work.beginQuestion()
        defer { tree.work.endQuestion() }
        return find(goals, demands, path: [])
    }

    private mutating func find(
        _ goals: [Goal], _ demands: [Name: [Demand]], path: Set<Taker>
    ) -> Outcome {
        var goals = goals
        var demands = demands
        var choices: [[Goal]] = []
        depth += 1
        defer { depth -= 1 }
        guard depth <= RouteSearch.choicesMax else { return .open }
        while let goal = goals.popLast() {
            tree.work.spend(1)
            if tree.work.isSpent { return .open }
            switch goal.step(ruleSet.conditions) {
            case .each(let more): goals += more.reversed()
            case .one(let more): choices.append(more)
            case .test(let test):
                demands[ruleSet.names[test.slot], default: []].append(
                    Demand(test: test, side: goal.side))
            }
        }
        guard let choice = choices.popLast() else { return find(demands, path: path) }
        let rest = choices.map { Goal(oneOf: $0) }
        tree.work.spend(rest.count)
        var isOpen = false
        for alternative in choice {
            switch find(rest + [alternative], demands, path: path) {
            case .witness(let lead): return .witness(lead)
            case .open: isOpen = true
            case .closed: continue
            }
            if steps > RouteSearch.stepsMax || tree.work.isSpent { return .open }
        }
        return isOpen ? .open : .closed
    }

    /// All goals have become demands.
    private mutating func find(_ demands: [Name: [Demand]], path: Set<Taker>) -> Outcome {
        steps += 1
        guard steps <= RouteSearch.stepsMax, !tree.work.isSpent else { return .open }
        log.takers = []
        let lead: LintLead
        var unsure: Set<Name> = []
        switch JoinSolver(
            ruleSet: ruleSet, demands: demands, taken: taken, work: tree.work, isSingle: isSingle
        ).solve() {
        case .none:
            takers.formUnion(path)
            takers.formUnion(log.takers)
            return .closed
        case .found(let found): lead = found
        case .perhaps(let perhaps, let names): (lead, unsure) = (perhaps, names)
        }
        let next = taker(of: lead, except: path) ?? possibleTaker(of: lead, unsure, except: path)
        guard let (taker, conditions) = next else {
            return unsure.isEmpty ? .witness(lead) : .open
        }
        guard !conditions.isEmpty else {
            takers.formUnion(path)
            takers.insert(taker)
            return .closed
        }
        let refusals = conditions.map { Goal(condition: $0, side: .notYes) }
        return find([Goal(oneOf: refusals)], demands, path: path.union([taker]))
    }
}

// Earlier routes.
extension RouteSearch {
    /// The first route that decides the lead before it gets through, with the conditions that all
    /// hold when it does; routes whose refusal is demanded already are passed over.
    private func taker(
        of lead: LintLead, except path: Set<Taker>
    ) -> (taker: Taker, conditions: [Condition])? {
        for (level, order) in stations {
            for candidate in tree.levels[level].index.candidates(for: lead, before: order) {
                tree.work.spend(LintWork.candidate)
                let taker = Taker(level: level, order: candidate)
                guard only?.contains(taker) ?? true,
                    let chain = decidingChain(tree.levels[level].nodes[candidate], lead)
                else { continue }
                // A parent may decide through another child than the one refused already.
                if path.contains(taker), chain.count == 1 { continue }
                return (taker, chain.compactMap { tree.nodes[$0].route.condition })
            }
        }
        return nil
    }

    /// A route that asks for names of which the lead is only an attempt: it might take the lead
    /// that was meant. Demanding its refusal is always right, and may show a contradiction.
    private func possibleTaker(
        of lead: LintLead, _ unsure: Set<Name>, except path: Set<Taker>
    ) -> (taker: Taker, conditions: [Condition])? {
        guard !unsure.isEmpty, path.count < RouteSearch.pathMax else { return nil }
        for (level, order) in stations {
            for candidate in tree.levels[level].index.candidates(for: lead, before: order) {
                let taker = Taker(level: level, order: candidate)
                let route = tree.nodes[tree.levels[level].nodes[candidate]].route
                guard only?.contains(taker) ?? true, !path.contains(taker), route.hasEnd,
                    let condition = route.condition
                else { continue }
                var isAsking = false
                condition.forEachTest {
                    if unsure.contains(ruleSet.names[$0.slot]) { isAsking = true }
                }
                if isAsking { return (taker, [condition]) }
            }
        }
        return nil
    }

    /// The route and those below it that make it decide; nil when it does not.
    private func decidingChain(_ node: Int, _ lead: LintLead) -> [Int]? {
        let route = tree.nodes[node].route
        guard !route.isDisabled, lead.truth(route.condition) == .yes else { return nil }
        if route.hasEnd { return [node] }
        guard let children = tree.nodes[node].children else { return nil }
        let level = tree.levels[children]
        for order in level.index.candidates(for: lead, before: level.nodes.count) {
            if let chain = decidingChain(level.nodes[order], lead) { return [node] + chain }
        }
        return nil
    }
}

extension Goal {
    /// One of the goals, as a single one: all on the same side.
    init(oneOf goals: [Goal]) {
        // "One is not true" is "all together are not true"; "one is true" is "any is true".
        let side = goals.first?.side ?? .yes
        let conditions = goals.map(\.condition)
        switch side {
        case .yes, .notNo: self.init(condition: .any(conditions), side: side)
        case .no, .notYes: self.init(condition: .all(conditions), side: side)
        }
    }
}
