internal import LeadKit

/// Negative tests on names that may be missing: a comparison with a missing value is unknown, so
/// that leads without the answer are not taken, which few expect.
///
/// A test is left alone when its author has thought of missing values: with `or_missing`, or when
/// some test that must hold as well shows that there is a value.
struct MissingCheck {
    let subject: LintSubject

    private var ruleSet: RuleSet { subject.ruleSet }

    func run(_ problems: inout SettingProblems) {
        // What holds above holds below.
        var present: [Set<Name>] = []
        for (number, node) in subject.tree.nodes.enumerated() {
            var known = node.parent.map { present[$0] } ?? []
            if let condition = node.route.condition {
                if !node.isOff { check(condition, isNegated: false, known, &problems) }
                known.formUnion(shown(by: condition, isNegated: false))
            }
            assert(present.count == number)
            present.append(known)
        }
    }

    private func check(
        _ condition: Condition, isNegated: Bool, _ present: Set<Name>,
        _ problems: inout SettingProblems
    ) {
        switch condition {
        case .all(let parts):
            // A negated map is false as soon as one of several parts is.
            guard !isNegated || parts.count == 1 else { return }
            let known = present.union(shown(by: condition, isNegated: isNegated))
            for part in parts { check(part, isNegated: isNegated, known, &problems) }
        case .any(let parts):
            var known = present.union(shown(by: condition, isNegated: isNegated))
            // An alternative for leads without the answer takes care of them.
            if !isNegated { known.formUnion(parts.compactMap(missingName)) }
            for part in parts { check(part, isNegated: isNegated, known, &problems) }
        case .not(let part): check(part, isNegated: !isNegated, present, &problems)
        case .use(let number):
            check(
                ruleSet.conditions[number].condition, isNegated: isNegated, present, &problems)
        case .test(let test): check(test, isNegated: isNegated, present, &problems)
        }
    }

    private func check(
        _ test: Test, isNegated: Bool, _ present: Set<Name>, _ problems: inout SettingProblems
    ) {
        let name = ruleSet.names[test.slot]
        guard !test.orMissing, !present.contains(name), mayBeMissing(name) else { return }
        let shown = subject.shown(name)
        if isNegated {
            guard !test.onValue.isEmpty else { return }
            problems.warning(
                "not-on-missing", at: test.position,
                "a lead without '\(shown)' is not taken: 'not' of an unknown answer is unknown",
                help:
                    "to take it add 'or_missing: true' to the negative operator, such as 'not_in'; else add '\(shown): {exists: true}' above"
            )
        } else if test.onValue.isEmpty, test.onField.contains(where: \.isNegative),
            !test.onField.contains(where: \.isExists)
        {
            problems.warning(
                "not-on-missing", at: test.position,
                "a lead without '\(shown)' is not taken: the comparison is unknown then",
                help: "to take it write 'or_missing: true', else 'exists: true', beside the operator"
            )
        }
    }

    /// The name that an alternative asks to be missing.
    private func missingName(_ condition: Condition) -> Name? {
        guard case .test(let test) = condition, test.onValue.isEmpty else { return nil }
        for case .exists(false) in test.onField { return ruleSet.names[test.slot] }
        return nil
    }

    /// Names that have a value whenever the condition holds (or, negated, is false).
    private func shown(by condition: Condition, isNegated: Bool) -> Set<Name> {
        switch condition {
        case .all(let parts):
            let each = parts.map { shown(by: $0, isNegated: isNegated) }
            return isNegated && parts.count > 1
                ? intersection(each) : each.reduce(into: []) { $0.formUnion($1) }
        case .any(let parts):
            let each = parts.map { shown(by: $0, isNegated: isNegated) }
            return isNegated ? each.reduce(into: []) { $0.formUnion($1) } : intersection(each)
        case .not(let part): return shown(by: part, isNegated: !isNegated)
        case .use(let number):
            return shown(by: ruleSet.conditions[number].condition, isNegated: isNegated)
        case .test(let test): return isNegated ? shownByNegated(test) : shown(by: test)
        }
    }

    private func intersection(_ sets: [Set<Name>]) -> Set<Name> {
        guard var result = sets.first else { return [] }
        for set in sets.dropFirst() { result.formIntersection(set) }
        return result
    }

    private func shown(by test: Test) -> Set<Name> {
        guard !test.orMissing, !test.onValue.isEmpty || test.onField.contains(where: \.isExists)
        else { return [] }
        let name = ruleSet.names[test.slot]
        var result: Set<Name> = [name]
        // The row is there, and with it every column without blank cells.
        for case .inTable(let table) in test.onValue where ruleSet.tables[table].match == name {
            result.formUnion(fullColumns(of: table))
        }
        return result
    }

    private func shownByNegated(_ test: Test) -> Set<Name> {
        guard test.onValue.isEmpty, test.onField.count == 1, case .exists(false) = test.onField[0]
        else { return [] }
        return [ruleSet.names[test.slot]]
    }

    private func fullColumns(of table: Int) -> [Name] {
        let rows = ruleSet.tables[table].rows
        return ruleSet.tables[table].columns.indices.filter { column in
            rows.allSatisfy { !$0[column].trimmed.isEmpty }
        }.map { .column(table: table, column: $0) }
    }

    private func mayBeMissing(_ name: Name) -> Bool {
        switch name {
        case .field, .consent, .column: true
        case .schedule: false
        case .attribute(let attribute):
            ![.id, .source, .createdTime, .receivedTime, .isTest, .isDuplicate].contains(attribute)
        }
    }
}

extension FieldOperator {
    /// `not_equals`, `not_in`, `not_in_table`.
    var isNegative: Bool {
        switch self {
        case .isNoneOf, .notInTable: true
        case .exists, .valid: false
        }
    }

    /// `exists: true`.
    var isExists: Bool { if case .exists(true) = self { true } else { false } }
}
