internal import LeadKit

/// Which truths are possible.
struct Possible: OptionSet, Sendable {
    let rawValue: UInt8
    static let yes = Possible(rawValue: 1)
    static let no = Possible(rawValue: 2)
    static let unknown = Possible(rawValue: 4)
    static let either: Possible = [.yes, .no]
    static let any: Possible = [.yes, .no, .unknown]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ truth: Truth) {
        switch truth {
        case .yes: self = .yes
        case .no: self = .no
        case .unknown: self = .unknown
        }
    }

    /// Whether a side can be met.
    func allows(_ side: Side) -> Bool {
        switch side {
        case .yes: contains(.yes)
        case .no: contains(.no)
        case .notYes: contains(.no) || contains(.unknown)
        case .notNo: contains(.yes) || contains(.unknown)
        }
    }
}

/// All values that the checks at hand cannot tell apart, or at least none of them is forgotten:
/// a class may claim more than its values can do, never less. That is what makes "no lead can"
/// safe to say.
struct ValueClass: Sendable {
    enum Kind: Sendable {
        /// One text.
        case exactly
        /// A literal in some other case, as only folding comparisons see it.
        case inOtherCase
        /// A text that begins so and is none of the literals.
        case beginning(Value)
        /// A number, by its place among the limits: `2i + 1` is limit `i`, even is between them.
        case number(place: Int)
        /// A time, by its place among the limits.
        case time(place: Int)
        /// Any other text.
        case other
    }

    var kind: Kind
    /// A value of the class, or an attempt at one.
    var guess: Value
    /// What the checks that nobody can enumerate answer (`ends_with`, `contains`, regular
    /// expressions), by their number; empty when each is left open.
    var opaque: [Bool] = []
}

/// What tells values apart in a list of checks, and what they make of a class of values.
struct ValueSpace: Sendable {
    let tables: [Table]
    private(set) var exact: [String] = []
    private(set) var folded: [String] = []
    private(set) var exactBeginnings: [String] = []
    private(set) var foldedBeginnings: [String] = []
    private(set) var numbers: [ExactNumber] = []
    private(set) var times: [Timestamp] = []
    private(set) var keyTables: [Int] = []
    private(set) var opaque: [String] = []
    /// Texts that values may have to hold or end in.
    private(set) var parts: [String] = []
    /// Words of the tests as written, numbers among them.
    let spellings: [String]

    init(_ checks: [QuantifiedCheck], spellings: [String], tables: [Table]) {
        self.tables = tables
        self.spellings = spellings
        for check in checks { add(check.check) }
        numbers = ValueSpace.distinct(numbers)
        times = ValueSpace.distinct(times)
        for path in [
            \ValueSpace.exact, \.folded, \.exactBeginnings, \.foldedBeginnings, \.opaque, \.parts,
        ] as [WritableKeyPath<ValueSpace, [String]>] {
            var seen: Set<String> = []
            self[keyPath: path] = self[keyPath: path].filter { seen.insert($0).inserted }
        }
    }

    private static func distinct<Limit: Comparable>(_ limits: [Limit]) -> [Limit] {
        limits.sorted().reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    private mutating func add(_ check: ValueCheck) {
        switch check {
        case .operators(let operators, _): for op in operators { add(op) }
        case .isIn(let set, _): add(.isOneOf(set))
        case .isKey(let table, _): add(.inTable(table))
        case .isWellFormed: return
        case .equals(let text): exact.append(text)
        }
    }

    private mutating func add(_ op: ValueOperator) {
        if let name = ValueSpace.opaqueName(op) { opaque.append(name) }
        switch op {
        case .isOneOf(let set): set.isExact ? (exact += set.texts) : (folded += set.texts)
        case .startsWith(let set):
            set.isExact ? (exactBeginnings += set.texts) : (foldedBeginnings += set.texts)
        case .endsWith(let set), .contains(let set): parts += set.texts
        case .inTable(let table): if !keyTables.contains(table) { keyTables.append(table) }
        case .matches, .search: return
        case .above(let limit), .atLeast(let limit), .below(let limit), .atMost(let limit):
            numbers.append(limit)
        case .between(let low, let high): numbers += [low, high]
        case .before(let limit), .after(let limit): times.append(limit)
        }
    }

    /// What makes two such operators the same; nil for those that classes decide.
    private static func opaqueName(_ op: ValueOperator) -> String? {
        switch op {
        case .endsWith(let set): "ends \(set.isExact) " + set.texts.joined(separator: "\u{0}")
        case .contains(let set): "contains \(set.isExact) " + set.texts.joined(separator: "\u{0}")
        case .matches(let pattern): "matches " + pattern.source
        case .search(let pattern): "search " + pattern.source
        default: nil
        }
    }
}

// What a check can make of a class.
extension ValueSpace {
    func can(_ value: ValueClass, _ check: ValueCheck) -> Bool {
        switch check {
        case .operators(let operators, let side):
            return together(operators.map { answer($0, value) }).allows(side)
        case .isIn(let set, let wanted):
            return answer(.isOneOf(set), value).contains(wanted ? .yes : .no)
        case .isKey(let table, let wanted):
            return answer(.inTable(table), value).contains(wanted ? .yes : .no)
        case .isWellFormed(let type, let wanted):
            guard case .exactly = value.kind else { return type != .text || wanted }
            return type.isWellFormed(value.guess.exact) == wanted
        case .equals(let text):
            guard case .exactly = value.kind else { return false }
            return value.guess.exact.utf8.elementsEqual(text.utf8)
        }
    }

    private func together(_ answers: [Possible]) -> Possible {
        var result: Possible = []
        if answers.allSatisfy({ $0.contains(.yes) }) { result.insert(.yes) }
        if answers.contains(where: { $0.contains(.no) }) { result.insert(.no) }
        if answers.contains(where: { $0.contains(.unknown) }),
            answers.allSatisfy({ $0 != .no })
        {
            result.insert(.unknown)
        }
        return result
    }

    private func answer(_ op: ValueOperator, _ value: ValueClass) -> Possible {
        if case .exactly = value.kind { return Possible(op.holds(for: value.guess, tables: tables)) }
        if let name = ValueSpace.opaqueName(op) {
            guard !value.opaque.isEmpty, let number = opaque.firstIndex(of: name) else {
                return .either
            }
            return value.opaque[number] ? .yes : .no
        }
        switch op {
        case .isOneOf(let set):
            guard case .inOtherCase = value.kind, !set.isExact else { return .no }
            return Possible(op.holds(for: value.guess, tables: tables))
        case .inTable:
            if case .inOtherCase = value.kind { return .either }
            return .no
        case .startsWith(let set): return beginning(set, value)
        case .before(let limit):
            return time(value, limit) { $0 < $1 }
        case .after(let limit): return time(value, limit) { $0 > $1 }
        default: return number(value, op)
        }
    }

    private func beginning(_ set: TextSet, _ value: ValueClass) -> Possible {
        switch value.kind {
        case .beginning(let stem):
            // With both kinds of comparison at hand a beginning says nothing of the case.
            if set.isExact, !foldedBeginnings.isEmpty {
                return set.texts.contains {
                    ByteSearch.hasPrefix(stem.folded, Normalization.folded($0))
                } ? .either : .no
            }
            let text = stem.text(exact: set.isExact)
            return set.texts.contains { ByteSearch.hasPrefix(text, $0) } ? .yes : .no
        case .inOtherCase:
            if set.isExact {
                return set.texts.contains {
                    ByteSearch.hasPrefix(value.guess.folded, Normalization.folded($0))
                } ? .either : .no
            }
            return set.texts.contains { ByteSearch.hasPrefix(value.guess.folded, $0) } ? .yes : .no
        default: return .no
        }
    }

    private func number(_ value: ValueClass, _ op: ValueOperator) -> Possible {
        guard case .number(let place) = value.kind else { return mayBeAnything(value) }
        func at(_ limit: ExactNumber) -> Int { 2 * (numbers.firstIndex(of: limit) ?? 0) + 1 }
        switch op {
        case .above(let limit): return Possible(Truth(place > at(limit)))
        case .atLeast(let limit): return Possible(Truth(place >= at(limit)))
        case .below(let limit): return Possible(Truth(place < at(limit)))
        case .atMost(let limit): return Possible(Truth(place <= at(limit)))
        case .between(let low, let high):
            return Possible(Truth(place >= at(low) && place <= at(high)))
        default: return .any
        }
    }

    private func time(
        _ value: ValueClass, _ limit: Timestamp, _ holds: (Int, Int) -> Bool
    ) -> Possible {
        guard case .time(let place) = value.kind else { return mayBeAnything(value) }
        return Possible(Truth(holds(place, 2 * (times.firstIndex(of: limit) ?? 0) + 1)))
    }

    /// Whether a text that is not a number or time by its class might be one all the same.
    private func mayBeAnything(_ value: ValueClass) -> Possible {
        switch value.kind {
        case .beginning(let stem):
            let isNumeric = stem.exact.utf8.allSatisfy {
                (0x30...0x39).contains($0) || "+-.:tTzZ".utf8.contains($0)
            }
            return isNumeric ? .any : .unknown
        case .inOtherCase: return value.guess.exact.utf8.contains { (0x30...0x39).contains($0) } ? .any : .unknown
        default: return .unknown
        }
    }
}
