internal import LeadKit

/// A probe while rules are compiled.
struct ProbePlan {
    enum Question: Hashable {
        case equals(isExact: Bool)
        case table(Int)
        case startsWith(isExact: Bool)
        case endsWith(isExact: Bool)
        case contains(isExact: Bool)
        case matches, search

        /// Whether the answer takes reading the value from front to back.
        var isPattern: Bool {
            switch self {
            case .equals, .table, .startsWith, .endsWith: false
            case .contains, .matches, .search: true
            }
        }
    }

    var question: Question
    /// Where the texts stand in the index.
    var space: Int32
    /// Of beginnings and ends.
    var lengths: Set<Int32> = []
    /// Patterns and parts, with their symbols.
    var sources: [String] = []
    var sourceSymbols: [Int32] = []
    private var known: [String: Int32] = [:]

    init(_ question: Question, space: Int32) {
        self.question = question
        self.space = space
    }

    mutating func symbol(of source: String, orNew next: Int32) -> Int32 {
        if let symbol = known[source] { return symbol }
        sources.append(source)
        sourceSymbols.append(next)
        known[source] = next
        return next
    }
}

// Conditions.
extension RuleCompiler {
    /// The number of the step that a whole condition begins with.
    mutating func root(_ condition: Condition) -> Int32 {
        let step = step(condition)
        steps.append(step)
        return Int32(steps.count - 1)
    }

    private mutating func step(_ condition: Condition) -> Step {
        switch condition {
        case .test(let test): return short(test) ?? Step(kind: .test, first: self.test(test))
        case .not(let part): return Step(kind: .not, first: root(part))
        case .all(let parts): return combined(.all, parts)
        case .any(let parts): return combined(.any, parts)
        case .use(let number):
            if conditionSteps[number] < 0 {
                conditionSteps[number] = root(namedConditions[number])
            }
            return Step(kind: .use, first: Int32(number))
        }
    }

    /// The order of parts does not change the truth; the cheap ones may spare the others.
    private mutating func combined(_ kind: Step.Kind, _ parts: [Condition]) -> Step {
        let compiled = parts.map { (cost: RuleCompiler.cost($0), step: step($0)) }
            .enumerated().sorted { ($0.element.cost, $0.offset) < ($1.element.cost, $1.offset) }
            .map(\.element.step)
        let first = Int32(steps.count)
        steps += compiled
        return Step(kind: kind, first: first, count: Int32(parts.count))
    }

    private static func cost(_ condition: Condition) -> Int {
        switch condition {
        case .test(let test): test.onValue.map { cost($0) }.max() ?? 0
        case .not(let part): cost(part)
        case .use: 3
        case .all(let parts), .any(let parts): 2 + (parts.map { cost($0) }.max() ?? 0)
        }
    }

    private static func cost(_ op: ValueOperator) -> Int {
        switch op {
        case .isOneOf, .inTable: 0
        case .startsWith, .endsWith, .above, .atLeast, .below, .atMost, .between: 1
        case .contains, .before, .after: 2
        case .matches, .search: 4
        }
    }

    /// A test that asks whether some value has one of a few symbols, and no more.
    private mutating func short(_ test: Test) -> Step? {
        guard test.onValue.count == 1, test.onField.isEmpty, !test.every, !test.orMissing,
            let (probe, found) = textSymbols(of: test.onValue[0], slot: Int32(test.slot))
        else { return nil }
        let first = Int32(symbols.count)
        symbols += found
        return Step(
            kind: .found, first: first, count: Int32(found.count), slot: Int32(test.slot),
            probe: probe)
    }

    private mutating func test(_ test: Test) -> Int32 {
        let slot = Int32(test.slot)
        let first = Int32(checks.count)
        for op in test.onValue { checks.append(check(op, slot)) }
        for op in test.onField { checks.append(check(op, slot)) }
        tests.append(
            CompiledTest(
                slot: slot, firstCheck: first, valueChecks: Int32(test.onValue.count),
                fieldChecks: Int32(test.onField.count), every: test.every,
                orMissing: test.orMissing))
        return Int32(tests.count - 1)
    }
}

// Operators.
extension RuleCompiler {
    private mutating func check(_ op: ValueOperator, _ slot: Int32) -> Check {
        if let (probe, symbols) = textSymbols(of: op, slot: slot) {
            return found(.found, probe, symbols)
        }
        switch op {
        case .inTable(let table):
            return Check(kind: .foundAny, probe: probe(of: slot, table: table))
        case .above(let limit): return number(.above, limit)
        case .atLeast(let limit): return number(.atLeast, limit)
        case .below(let limit): return number(.below, limit)
        case .atMost(let limit): return number(.atMost, limit)
        case .between(let low, let high):
            let check = number(.between, low)
            numbers.append(high)
            return check
        case .before(let limit): return time(.before, limit)
        case .after(let limit): return time(.after, limit)
        case .isOneOf, .startsWith, .endsWith, .contains, .matches, .search:
            preconditionFailure("an operator on text has symbols")
        }
    }

    private mutating func check(_ op: FieldOperator, _ slot: Int32) -> Check {
        switch op {
        case .isNoneOf(let set):
            let (probe, symbols) = self.symbols(
                of: set, slot, .equals(isExact: set.isExact))
            return found(.foundNone, probe, symbols)
        case .notInTable(let table):
            return Check(kind: .foundNothing, probe: probe(of: slot, table: table))
        case .exists(let wanted): return Check(kind: .exists, count: wanted ? 1 : 0)
        case .valid(let wanted, let type):
            types.append(type)
            return Check(kind: .valid, first: Int32(types.count - 1), count: wanted ? 1 : 0)
        }
    }

    private mutating func found(_ kind: Check.Kind, _ probe: Int32, _ found: [Int32]) -> Check {
        let first = Int32(symbols.count)
        symbols += found
        return Check(kind: kind, probe: probe, first: first, count: Int32(found.count))
    }

    private mutating func number(_ kind: Check.Kind, _ limit: ExactNumber) -> Check {
        numbers.append(limit)
        return Check(kind: kind, first: Int32(numbers.count - 1))
    }

    private mutating func time(_ kind: Check.Kind, _ limit: Timestamp) -> Check {
        times.append(limit)
        return Check(kind: kind, first: Int32(times.count - 1))
    }
}

// Probes and symbols.
extension RuleCompiler {
    /// The probe of the slot, and the symbols of which it must find one; nil for operators that
    /// do not look for texts of the rules.
    mutating func textSymbols(of op: ValueOperator, slot: Int32) -> (Int32, [Int32])? {
        switch op {
        case .isOneOf(let set): return symbols(of: set, slot, .equals(isExact: set.isExact))
        case .startsWith(let set):
            return symbols(of: set, slot, .startsWith(isExact: set.isExact))
        case .endsWith(let set): return symbols(of: set, slot, .endsWith(isExact: set.isExact))
        case .contains(let set):
            return symbols(of: set.texts, slot, .contains(isExact: set.isExact))
        case .matches(let pattern): return symbols(of: [pattern.source], slot, .matches)
        case .search(let pattern): return symbols(of: [pattern.source], slot, .search)
        default: return nil
        }
    }

    private mutating func symbols(
        of set: TextSet, _ slot: Int32, _ question: ProbePlan.Question
    ) -> (Int32, [Int32]) {
        let probe = probe(of: slot, question)
        let space = plans[Int(slot)][Int(probe)].space
        var result: [Int32] = []
        result.reserveCapacity(set.texts.count)
        for text in set.texts {
            let symbol = texts.symbol(of: text, in: space, orNew: symbolCount)
            if symbol == symbolCount { symbolCount += 1 }
            result.append(symbol)
            if question != .equals(isExact: set.isExact) {
                plans[Int(slot)][Int(probe)].lengths.insert(Int32(text.utf8.count))
            }
        }
        return (probe, RuleCompiler.sorted(result))
    }

    private mutating func symbols(
        of sources: [String], _ slot: Int32, _ question: ProbePlan.Question
    ) -> (Int32, [Int32]) {
        let probe = probe(of: slot, question)
        var result: [Int32] = []
        for source in sources {
            let symbol = plans[Int(slot)][Int(probe)].symbol(of: source, orNew: symbolCount)
            if symbol == symbolCount { symbolCount += 1 }
            result.append(symbol)
        }
        return (probe, RuleCompiler.sorted(result))
    }

    /// Ascending, each once.
    private static func sorted(_ symbols: [Int32]) -> [Int32] {
        guard symbols.count > 1 else { return symbols }
        var result: [Int32] = []
        for symbol in symbols.sorted() where symbol != result.last { result.append(symbol) }
        return result
    }

    /// The number of a probe among those of the slot.
    private mutating func probe(of slot: Int32, _ question: ProbePlan.Question) -> Int32 {
        if let known = plans[Int(slot)].firstIndex(where: { $0.question == question }) {
            return Int32(known)
        }
        plans[Int(slot)].append(ProbePlan(question, space: spaceCount))
        spaceCount += 1
        return Int32(plans[Int(slot)].count - 1)
    }

    /// The probe that finds the rows of a table; the row's symbol is its number behind the first.
    mutating func probe(of slot: Int32, table: Int) -> Int32 {
        let space = space(of: table)
        let probe = probe(of: slot, .table(table))
        plans[Int(slot)][Int(probe)].space = space
        return probe
    }

    private mutating func space(of table: Int) -> Int32 {
        if let known = tableSpaces[table] { return known }
        let space = spaceCount
        spaceCount += 1
        tableSpaces[table] = space
        tableFirstSymbols[table] = symbolCount
        for (key, row) in tables[table].index {
            _ = texts.symbol(of: key, in: space, orNew: symbolCount + Int32(row))
        }
        symbolCount += Int32(tables[table].rows.count)
        return space
    }
}
