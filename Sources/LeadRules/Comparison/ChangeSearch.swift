internal import LeadKit

/// Finds the smallest change of a lead that reaches an aim.
///
/// The state of the search is a set of edits, one a field. From each state, what now keeps the lead
/// away is looked up, and every proposal against it makes a further state; states with fewer fields
/// come first, then those with smaller edits. So the first that reaches the aim is the smallest that
/// the proposals can make. Every state is decided by the rule set itself.
struct ChangeSearch {
    let ruleSet: RuleSet
    let original: EditedLead
    private let literals: KnownLiterals
    private let decider: Decider

    /// The most states that are decided for one aim.
    static let statesMax = 1500
    /// The most fields that are changed.
    static let fieldsMax = 6

    struct Result {
        var change: WhyNot.LeadChange?
        var refusal: String?
        var triedCount: Int
    }

    init(ruleSet: RuleSet, original: EditedLead) {
        self.ruleSet = ruleSet
        self.original = original
        literals = KnownLiterals(of: ruleSet)
        decider = ruleSet.decider()
    }

    private struct State {
        var edits: [LeadEdit]
        var cost: Int

        init(_ edits: [LeadEdit]) {
            self.edits = edits
            cost = edits.reduce(0) { $0 + $1.cost }
        }

        /// Tells states apart, whatever the order of their edits.
        var key: String {
            edits.map { "\($0.name)\u{0}\($0.new.joined(separator: "\u{1}"))" }.sorted()
                .joined(separator: "\u{2}")
        }

        static func isSmaller(_ a: State, _ b: State) -> Bool {
            (a.edits.count, a.cost) < (b.edits.count, b.cost)
        }
    }

    func smallestChange(for aim: Aim) -> Result {
        if let refusal = refusal(aim) { return Result(refusal: refusal, triedCount: 0) }
        var waiting = Heap(State.isSmaller)
        waiting.insert(State([]))
        var seen: Set<String> = [""]
        var tried = 0
        while let state = waiting.removeFirst() {
            guard tried < ChangeSearch.statesMax else {
                return Result(
                    refusal: "no change was found among the \(tried) nearest", triedCount: tried)
            }
            tried += 1
            let subject = original.applying(state.edits)
            let decision = subject.decide(with: decider)
            guard let block = aim.block(decision, subject, ruleSet) else {
                return Result(
                    change: WhyNot.LeadChange(edits: state.edits, proof: decision),
                    triedCount: tried)
            }
            let proposals = EditProposals(
                ruleSet: ruleSet, literals: literals, aim: aim, original: original,
                subject: subject)
            for edit in repairs(block, proposals) {
                let next = adding(edit, to: state)
                guard next.edits.count <= ChangeSearch.fieldsMax,
                    seen.insert(next.key).inserted
                else { continue }
                waiting.insert(next)
            }
        }
        return Result(
            refusal: "no change was found: none of the values tried sends the lead there",
            triedCount: tried)
    }

    /// Why no change of any lead can do it, if that is plain.
    private func refusal(_ aim: Aim) -> String? {
        guard let path = aim.path else { return nil }
        for step in path.steps {
            if step.route.isDisabled {
                return "no change of the lead can do it: '\(step.route.name)' is disabled"
            }
            guard step.list.match == .first else { continue }
            if let taker = step.list.routes[..<step.index].first(where: \.alwaysDecides) {
                return
                    "no change of the lead can do it: '\(taker.name)' comes first and takes every lead"
            }
        }
        if aim.goal == .decides, let taker = path.route.routes?.routes.first(where: \.alwaysDecides)
        {
            return "no change of the lead can do it: '\(taker.name)' below it takes every lead"
        }
        return nil
    }

    private func repairs(_ block: Aim.Block, _ proposals: EditProposals) -> [LeadEdit] {
        switch block.kind {
        case .disabled: []
        case .condition: block.condition.map { proposals.edits(for: $0, .yes) } ?? []
        case .takenBefore:
            block.takers.flatMap { taker in
                taker.condition.map { proposals.edits(for: $0, .notYes) } ?? []
            }
        }
    }

    /// The state with one more edit, in the place of one of the same field.
    private func adding(_ edit: LeadEdit, to state: State) -> State {
        var edits = state.edits.filter { $0.target != edit.target }
        edits.append(edit)
        return State(edits)
    }
}

/// A binary heap: the smallest comes out first.
private struct Heap<Element> {
    private var elements: [Element] = []
    private let isSmaller: (Element, Element) -> Bool

    init(_ isSmaller: @escaping (Element, Element) -> Bool) { self.isSmaller = isSmaller }

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, isSmaller(elements[child], elements[(child - 1) / 2]) {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Element? {
        guard !elements.isEmpty else { return nil }
        elements.swapAt(0, elements.count - 1)
        let first = elements.removeLast()
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < elements.count && isSmaller(elements[child], elements[smallest]) {
                smallest = child
            }
            if smallest == parent { return first }
            elements.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
