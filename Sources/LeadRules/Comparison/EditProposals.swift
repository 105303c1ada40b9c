internal import LeadKit

/// What a condition must become.
enum Need {
    case yes, no, notYes, notNo

    func isMet(by truth: Truth) -> Bool {
        switch self {
        case .yes: truth == .yes
        case .no: truth == .no
        case .notYes: truth != .yes
        case .notNo: truth != .no
        }
    }

    /// What the inside of `not` must become.
    var negated: Need {
        switch self {
        case .yes: .no
        case .no: .yes
        case .notYes: .notNo
        case .notNo: .notYes
        }
    }
}

/// Proposes edits of single fields that bring a condition nearer to what it must become.
///
/// Where several parts must change, only the first is looked at: every change that works has to
/// change it, and the search asks again for the rest. Each proposal is tried on its test.
struct EditProposals {
    let ruleSet: RuleSet
    let literals: KnownLiterals
    let aim: Aim
    /// The lead as it is.
    let original: EditedLead
    /// The lead with the edits so far.
    let subject: EditedLead
    private let evaluator: Evaluator
    private let originalEvaluator: Evaluator

    init(
        ruleSet: RuleSet, literals: KnownLiterals, aim: Aim, original: EditedLead,
        subject: EditedLead
    ) {
        self.ruleSet = ruleSet
        self.literals = literals
        self.aim = aim
        self.original = original
        self.subject = subject
        evaluator = subject.evaluator(for: ruleSet)
        originalEvaluator = original.evaluator(for: ruleSet)
    }

    func edits(for condition: Condition, _ need: Need) -> [LeadEdit] {
        guard !need.isMet(by: evaluator.truth(condition)) else { return [] }
        switch condition {
        case .all(let parts):
            return need == .yes || need == .notNo
                ? first(of: parts, need) : parts.flatMap { edits(for: $0, need) }
        case .any(let parts):
            return need == .no || need == .notYes
                ? first(of: parts, need) : parts.flatMap { edits(for: $0, need) }
        case .not(let part): return edits(for: part, need.negated)
        case .use(let number): return edits(for: ruleSet.conditions[number].condition, need)
        case .test(let test): return edits(for: test, need)
        }
    }

    private func first(of parts: [Condition], _ need: Need) -> [LeadEdit] {
        parts.first { !need.isMet(by: evaluator.truth($0)) }.map { edits(for: $0, need) } ?? []
    }

    private func edits(for test: Test, _ need: Need) -> [LeadEdit] {
        let name = ruleSet.names[test.slot]
        switch name {
        case .column(let table, _): return keyEdits(for: test, need, table: table)
        case .schedule: return []  // the clock opens it, not the lead
        default: break
        }
        let proposals = ValueProposals(
            ruleSet: ruleSet, test: test,
            current: evaluator.view.values(slot: test.slot).map(\.exact),
            known: literals.of(test.slot))
        return proposals.values(need).compactMap { values, isInvented in
            let edit = edit(of: name, named: test.name, to: values, isInvented: isInvented)
            return isGood(edit, for: test, need) ? edit : nil
        }
    }

    /// An edit of what the lead said originally, whatever was edited before.
    private func edit(
        of name: Name, named shown: String, to values: [String], isInvented: Bool = false
    ) -> LeadEdit {
        var values = values
        // These two are never missing.
        if name == .attribute(.isTest) || name == .attribute(.isDuplicate), values != ["true"] {
            values = ["false"]
        }
        return LeadEdit(
            name: shown, target: name,
            old: originalEvaluator.view.values(of: name).map(\.exact), new: values,
            note: name == .attribute(.isTest) && values == ["false"]
                ? original.lead.testAnswersNote : nil, isInvented: isInvented)
    }

    /// Tries an edit on the test that it is made for.
    private func isGood(_ edit: LeadEdit, for test: Test, _ need: Need) -> Bool {
        guard !LeadEdit.areEqual(edit.old, edit.new) else { return false }
        return need.isMet(by: subject.applying([edit]).evaluator(for: ruleSet).truth(test))
    }
}

// Columns of tables.
extension EditProposals {
    /// The most keys proposed for one test of a column.
    private static let keysMax = 12
    /// The most keys tried for one.
    private static let keysTriedMax = 3000

    /// A column changes when the lead names another row: one for which as much as possible of the
    /// aim's conditions holds, then one whose key is much like what the lead says.
    private func keyEdits(for test: Test, _ need: Need, table: Int) -> [LeadEdit] {
        var last = table
        while case .column(let next, _)? = ruleSet.tables[last].match { last = next }
        guard let base = ruleSet.tables[last].match else { return [] }
        let shown = KnownLiterals.shown(base)
        let said = originalEvaluator.view.values(of: base).first?.exact ?? ""
        let keys = EditDistance.nearest(
            to: said, among: ruleSet.tables[last].index.keys, count: EditProposals.keysTriedMax)
        var ranked: [(edit: LeadEdit, distance: Distance)] = []
        for key in keys {
            let edit = edit(of: base, named: shown, to: [key])
            guard !LeadEdit.areEqual(edit.old, edit.new) else { continue }
            let changed = subject.applying([edit]).evaluator(for: ruleSet)
            guard need.isMet(by: changed.truth(test)) else { continue }
            ranked.append((edit, Distance.of(aim, changed)))
        }
        ranked.sort { ($0.distance.unmet, $0.edit.cost) < ($1.distance.unmet, $1.edit.cost) }
        let removed = edit(of: base, named: shown, to: [])
        return ranked.prefix(EditProposals.keysMax).map(\.edit)
            + (isGood(removed, for: test, need) ? [removed] : [])
    }
}

extension LeadEdit {
    static func areEqual(_ a: [String], _ b: [String]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
    }
}

/// The texts that the rules name for each field: values that mean something.
struct KnownLiterals: Sendable {
    /// The most kept for one field.
    static let countMax = 40
    private var bySlot: [Int: [String]] = [:]

    init(of ruleSet: RuleSet) {
        for (_, condition) in ruleSet.conditions { add(condition) }
        ruleSet.routes.forEach { if let condition = $0.route.condition { add(condition) } }
    }

    func of(_ slot: Int) -> [String] { bySlot[slot] ?? [] }

    private mutating func add(_ condition: Condition) {
        switch condition {
        case .all(let parts), .any(let parts): for part in parts { add(part) }
        case .not(let part): add(part)
        case .use: return
        case .test(let test): add(test)
        }
    }

    private mutating func add(_ test: Test) {
        guard bySlot[test.slot]?.count ?? 0 < KnownLiterals.countMax else { return }
        for case .isOneOf(let set) in test.onValue { add(set, test.slot) }
        for case .isNoneOf(let set) in test.onField { add(set, test.slot) }
    }

    private mutating func add(_ set: TextSet, _ slot: Int) {
        for text in set.texts.prefix(KnownLiterals.countMax)
        where bySlot[slot]?.contains(text) != true {
            bySlot[slot, default: []].append(text)
        }
    }

    /// A name as rules write it.
    static func shown(_ name: Name) -> String {
        switch name {
        case .field(let field): field.utf8.contains(0x2E) ? "field[\"\(field)\"]" : field
        case .attribute(let attribute): "lead." + attribute.rawValue
        case .consent(let key): "consent." + key
        case .column: "a column"
        case .schedule: "a schedule"
        }
    }
}
