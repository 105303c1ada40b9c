/// What a condition must answer. The last two are what is left when true, or false, is ruled out.
enum Side: Sendable {
    case yes, no, notYes, notNo

    /// What the inside of a `not` must answer.
    var negated: Side {
        switch self {
        case .yes: .no
        case .no: .yes
        case .notYes: .notNo
        case .notNo: .notYes
        }
    }

    func allows(_ truth: Truth) -> Bool {
        switch self {
        case .yes: truth == .yes
        case .no: truth == .no
        case .notYes: truth != .yes
        case .notNo: truth != .no
        }
    }
}

/// A condition and what it must answer.
struct Goal: Sendable {
    var condition: Condition
    var side: Side

    /// What a goal comes down to.
    enum Step {
        /// All of them.
        case each([Goal])
        /// One of them.
        case one([Goal])
        /// A single test.
        case test(Test)
    }

    /// Takes the outermost combinator away.
    func step(_ conditions: [(name: String, condition: Condition)]) -> Step {
        switch condition {
        case .all(let parts):
            let goals = parts.map { Goal(condition: $0, side: side) }
            return side == .yes || side == .notNo ? .each(goals) : .one(goals)
        case .any(let parts):
            let goals = parts.map { Goal(condition: $0, side: side) }
            return side == .no || side == .notYes ? .each(goals) : .one(goals)
        case .not(let part): return .each([Goal(condition: part, side: side.negated)])
        case .use(let number):
            return .each([Goal(condition: conditions[number].condition, side: side)])
        case .test(let test): return .test(test)
        }
    }
}

/// A test and what it must answer.
struct Demand: Sendable {
    var test: Test
    var side: Side
}

/// What one value must be.
enum ValueCheck: Sendable {
    /// The operators together, which must hold for the same value.
    case operators([ValueOperator], Side)
    case isIn(TextSet, Bool)
    case isKey(table: Int, Bool)
    case isWellFormed(FieldType, Bool)
    /// This very text.
    case equals(String)
}

/// What the values of a field must be that has some: some of them, or every one.
struct QuantifiedCheck: Sendable {
    var isEvery: Bool
    var check: ValueCheck

    static func every(_ check: ValueCheck) -> QuantifiedCheck {
        QuantifiedCheck(isEvery: true, check: check)
    }
    static func some(_ check: ValueCheck) -> QuantifiedCheck {
        QuantifiedCheck(isEvery: false, check: check)
    }
}

extension Demand {
    /// What the test answers for a missing value.
    var isMetByMissing: Bool {
        if test.orMissing { return side.allows(.yes) }
        let parts = test.onField.map { $0.holds(for: [], tables: []) }
        let truth = parts.contains(.no) ? Truth.no : parts.contains(.unknown) ? .unknown : .yes
        return side.allows(truth == .no || test.onValue.isEmpty ? truth : .unknown)
    }

    /// The ways in which values that are there can meet the demand; each way is a list of checks
    /// that must all hold.
    var alternatives: [[QuantifiedCheck]] {
        var ways: [[QuantifiedCheck]?] = test.onField.map(check)
        if !test.onValue.isEmpty {
            // "Some" is true when one value is; it is not true when every one is not.
            let isEvery = test.every == (side == .yes || side == .notNo)
            ways.append([
                QuantifiedCheck(isEvery: isEvery, check: .operators(test.onValue, side))
            ])
        }
        if side == .yes || side == .notNo {
            return ways.contains { $0 == nil } ? [] : [ways.flatMap { $0 ?? [] }]
        }
        return ways.compactMap(\.self)
    }

    /// What makes an operator on the field as a whole answer so; nil when nothing can.
    private func check(_ op: FieldOperator) -> [QuantifiedCheck]? {
        let isWanted = side == .yes || side == .notNo
        switch op {
        case .isNoneOf(let set):
            return isWanted ? [.every(.isIn(set, false))] : [.some(.isIn(set, true))]
        case .notInTable(let table):
            return isWanted
                ? [.every(.isKey(table: table, false))] : [.some(.isKey(table: table, true))]
        case .exists(let wanted): return wanted == isWanted ? [] : nil
        case .valid(let wanted, let type):
            return wanted == isWanted
                ? [.every(.isWellFormed(type, true))] : [.some(.isWellFormed(type, false))]
        }
    }
}
