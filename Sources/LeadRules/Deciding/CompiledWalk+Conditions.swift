internal import LeadKit

// Conditions, with three values (RULES section 3): the same answers as `Evaluator`'s.
extension CompiledWalk {
    mutating func truth(_ number: Int) -> Truth {
        let step = rules.steps[number]
        let first = Int(step.first)
        switch step.kind {
        case .found: return truth(ofFound: step)
        case .test: return truth(of: rules.tests[first])
        case .all: return all(first..<(first + Int(step.count)))
        case .any: return any(first..<(first + Int(step.count)))
        case .not: return truth(first).negated
        case .use:
            if conditionTruths[first].lead == leadNumber { return conditionTruths[first].truth }
            let truth = truth(Int(rules.conditions[first]))
            conditionTruths[first] = ConditionTruth(lead: leadNumber, truth: truth)
            return truth
        }
    }

    private mutating func truth(ofFound step: Step) -> Truth {
        let slot = Int(step.slot)
        let values = self.values.values(of: slot)
        if values.isEmpty { return .unknown }
        for value in values {
            let found = self.values.found(for: value, slot: slot, probe: Int(step.probe))
            for place in found
            where contains(self.values.symbol(place), Int(step.first), Int(step.count)) {
                return .yes
            }
        }
        return .no
    }

    private mutating func all(_ steps: Range<Int>) -> Truth {
        var result = Truth.yes
        for step in steps {
            switch truth(step) {
            case .no: return .no
            case .unknown: result = .unknown
            case .yes: continue
            }
        }
        return result
    }

    private mutating func any(_ steps: Range<Int>) -> Truth {
        var result = Truth.no
        for step in steps {
            switch truth(step) {
            case .yes: return .yes
            case .unknown: result = .unknown
            case .no: continue
            }
        }
        return result
    }

    private mutating func truth(of test: CompiledTest) -> Truth {
        let values = self.values.values(of: Int(test.slot))
        if values.isEmpty, test.orMissing { return .yes }
        let firstOnField = Int(test.firstCheck + test.valueChecks)
        var result = Truth.yes
        for check in firstOnField..<(firstOnField + Int(test.fieldChecks)) {
            switch truth(onField: rules.checks[check], Int(test.slot), values) {
            case .no: return .no
            case .unknown: result = .unknown
            case .yes: continue
            }
        }
        guard test.valueChecks > 0 else { return result }
        switch onValues(test, values) {
        case .no: return .no
        case .unknown: return .unknown
        case .yes: return result
        }
    }

    /// The operators must hold for the same value; over the values, "some" or "every".
    private mutating func onValues(_ test: CompiledTest, _ values: Range<Int>) -> Truth {
        guard !values.isEmpty else { return .unknown }
        let end: Truth = test.every ? .no : .yes
        var result = end.negated
        for value in values {
            let truth = onValue(test, value)
            if truth == end { return end }
            if truth == .unknown { result = .unknown }
        }
        return result
    }

    private mutating func onValue(_ test: CompiledTest, _ value: Int) -> Truth {
        var result = Truth.yes
        let first = Int(test.firstCheck)
        for check in first..<(first + Int(test.valueChecks)) {
            switch truth(onValue: rules.checks[check], Int(test.slot), value) {
            case .no: return .no
            case .unknown: result = .unknown
            case .yes: continue
            }
        }
        return result
    }
}

// Operators.
extension CompiledWalk {
    private mutating func truth(onValue check: Check, _ slot: Int, _ value: Int) -> Truth {
        switch check.kind {
        case .found: Truth(finds(check, slot, value))
        case .foundAny:
            Truth(!values.found(for: value, slot: slot, probe: Int(check.probe)).isEmpty)
        case .above: number(value, check) { $0 > $1 }
        case .atLeast: number(value, check) { $0 >= $1 }
        case .below: number(value, check) { $0 < $1 }
        case .atMost: number(value, check) { $0 <= $1 }
        case .between: between(value, check)
        case .before: time(value, check) { $0 < $1 }
        case .after: time(value, check) { $0 > $1 }
        case .foundNone, .foundNothing, .exists, .valid:
            preconditionFailure("the check looks at a whole field")
        }
    }

    private mutating func truth(onField check: Check, _ slot: Int, _ values: Range<Int>) -> Truth {
        if check.kind == .exists { return Truth((check.count == 1) == !values.isEmpty) }
        guard !values.isEmpty else { return .unknown }
        switch check.kind {
        case .foundNone:
            for value in values where finds(check, slot, value) { return .no }
            return .yes
        case .foundNothing:
            for value in values {
                let found = self.values.found(for: value, slot: slot, probe: Int(check.probe))
                if !found.isEmpty { return .no }
            }
            return .yes
        case .valid:
            let type = rules.types[Int(check.first)]
            var areValid = true
            for value in values where !type.isWellFormed(self.values.string(of: value)) {
                areValid = false
            }
            return Truth(areValid == (check.count == 1))
        default: preconditionFailure("the check looks at a value")
        }
    }

    /// Whether the probe finds one of the check's symbols for the value.
    private mutating func finds(_ check: Check, _ slot: Int, _ value: Int) -> Bool {
        let found = values.found(for: value, slot: slot, probe: Int(check.probe))
        for place in found
        where contains(values.symbol(place), Int(check.first), Int(check.count)) {
            return true
        }
        return false
    }

    /// Whether a symbol is one of `symbols` from `first` on.
    private func contains(_ symbol: Int32, _ first: Int, _ count: Int) -> Bool {
        if count == 1 { return rules.symbols[first] == symbol }
        var (low, high) = (first, first + count)
        let end = high
        while low < high {
            let middle = (low + high) / 2
            if rules.symbols[middle] < symbol { low = middle + 1 } else { high = middle }
        }
        return low < end && rules.symbols[low] == symbol
    }

    private mutating func number(
        _ value: Int, _ check: Check, _ holds: (ExactNumber, ExactNumber) -> Bool
    ) -> Truth {
        guard let number = values.number(of: value) else { return .unknown }
        return Truth(holds(number, rules.numbers[Int(check.first)]))
    }

    private mutating func between(_ value: Int, _ check: Check) -> Truth {
        guard let number = values.number(of: value) else { return .unknown }
        let low = rules.numbers[Int(check.first)]
        let high = rules.numbers[Int(check.first) + 1]
        return Truth(number >= low && number <= high)
    }

    private mutating func time(
        _ value: Int, _ check: Check, _ holds: (Timestamp, Timestamp) -> Bool
    ) -> Truth {
        guard let time = values.time(of: value) else { return .unknown }
        return Truth(holds(time, rules.times[Int(check.first)]))
    }
}
