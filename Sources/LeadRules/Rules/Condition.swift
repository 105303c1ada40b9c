internal import LeadKit

/// True, false or unknown: a comparison with a missing value is unknown.
public enum Truth: String, Sendable, BitwiseCopyable {
    /// It holds.
    case yes = "true"
    /// It does not hold.
    case no = "false"
    /// It cannot be said: a value is missing, or not a number or time.
    case unknown

    init(_ value: Bool) { self = value ? .yes : .no }

    /// Swaps true and false, keeps unknown.
    var negated: Truth {
        switch self {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }
}

/// A compiled condition.
indirect enum Condition: Sendable {
    case all([Condition])
    case any([Condition])
    case not(Condition)
    /// A named condition, by its number.
    case use(Int)
    case test(Test)
}

/// One field and what it must be.
struct Test: Sendable {
    /// The name's number in the rule set.
    var slot: Int
    /// The name as written.
    var name: String
    /// Operators that look at a value: all must hold for the same value.
    var onValue: [ValueOperator]
    /// Operators that look at the field as a whole.
    var onField: [FieldOperator]
    /// All values must satisfy `onValue`, instead of some.
    var every: Bool
    /// A missing value makes the test true.
    var orMissing: Bool
    /// The test as written, for explanations.
    var text: String
    var position: Position
}

/// A set of texts, normalised as they are compared.
struct TextSet: Sendable {
    var texts: [String]
    var isExact: Bool
    /// Nil for a few texts, which are compared one by one.
    private let index: Set<String>?

    init(_ texts: [String], isExact: Bool) {
        self.texts = texts.map {
            let value = Normalization.value($0)
            return isExact ? value : Normalization.folded(value)
        }
        self.isExact = isExact
        index = texts.count > 4 ? Set(self.texts) : nil
    }

    func contains(_ value: Value) -> Bool {
        let text = value.text(exact: isExact)
        return index?.contains(text) ?? texts.contains(text)
    }
}

enum ValueOperator: Sendable {
    case isOneOf(TextSet)
    case inTable(Int)
    case startsWith(TextSet)
    case endsWith(TextSet)
    case contains(TextSet)
    case matches(Pattern)
    case search(Pattern)
    case above(ExactNumber)
    case atLeast(ExactNumber)
    case below(ExactNumber)
    case atMost(ExactNumber)
    case between(ExactNumber, ExactNumber)
    case before(Timestamp)
    case after(Timestamp)

    func holds(for value: Value, tables: [Table]) -> Truth {
        switch self {
        case .isOneOf(let set): Truth(set.contains(value))
        case .inTable(let table): Truth(tables[table].index[value.exact] != nil)
        case .startsWith(let set):
            Truth(any(set, value) { $0.starts(with: $1) })
        case .endsWith(let set):
            Truth(any(set, value) { $0.reversed().starts(with: $1.reversed()) })
        case .contains(let set):
            Truth(set.texts.contains { ByteSearch.contains(value.text(exact: set.isExact), $0) })
        case .matches(let pattern): Truth(pattern.matchesWhole(value.exact))
        case .search(let pattern): Truth(pattern.matchesPart(value.exact))
        case .above(let limit): number(value) { $0 > limit }
        case .atLeast(let limit): number(value) { $0 >= limit }
        case .below(let limit): number(value) { $0 < limit }
        case .atMost(let limit): number(value) { $0 <= limit }
        case .between(let low, let high): number(value) { $0 >= low && $0 <= high }
        case .before(let limit): time(value) { $0 < limit }
        case .after(let limit): time(value) { $0 > limit }
        }
    }

    /// UTF-8 keeps the borders of scalars, so bytes decide as scalars would.
    private func any(
        _ set: TextSet, _ value: Value, _ holds: (String.UTF8View, String.UTF8View) -> Bool
    ) -> Bool {
        let text = value.text(exact: set.isExact).utf8
        return set.texts.contains { holds(text, $0.utf8) }
    }

    private func number(_ value: Value, _ holds: (ExactNumber) -> Bool) -> Truth {
        ExactNumber(value.exact).map { Truth(holds($0)) } ?? .unknown
    }

    private func time(_ value: Value, _ holds: (Timestamp) -> Bool) -> Truth {
        Timestamp(dateOrTime: value.exact).map { Truth(holds($0)) } ?? .unknown
    }

    /// What an unknown outcome of this operator means, for explanations.
    var unknownReason: String {
        switch self {
        case .before, .after: "not a time"
        default: "not a number"
        }
    }
}

enum FieldOperator: Sendable {
    case isNoneOf(TextSet)
    case notInTable(Int)
    case exists(Bool)
    case valid(Bool, FieldType)

    /// Whether it holds for values that are there or not.
    func holds(for values: [Value], tables: [Table]) -> Truth {
        if case .exists(let wanted) = self { return Truth(wanted == !values.isEmpty) }
        guard !values.isEmpty else { return .unknown }
        switch self {
        case .isNoneOf(let set): return Truth(!values.contains { set.contains($0) })
        case .notInTable(let table):
            return Truth(!values.contains { tables[table].index[$0.exact] != nil })
        case .valid(let wanted, let type):
            return Truth(wanted == values.allSatisfy { type.isWellFormed($0.exact) })
        case .exists(let wanted): return Truth(wanted)
        }
    }
}

/// One value as comparisons see it.
struct Value: Sendable {
    /// Trimmed and NFC.
    let exact: String
    /// Folded as well.
    let folded: String

    init(_ exact: String) {
        self.exact = exact
        folded = Normalization.folded(exact)
    }

    func text(exact isExact: Bool) -> String { isExact ? exact : folded }
}
