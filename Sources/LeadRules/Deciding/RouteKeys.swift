/// Symbols of which a lead must have one for a condition to be true.
struct RouteKey {
    /// Sorted, each once.
    var symbols: [Int32]
    /// The probes that find them.
    var probes: [KeyProbe]
    /// Whether having one is enough.
    var isCertain: Bool
}

extension RuleCompiler {
    /// The keys of a condition, each good on its own; none when it can be true for a lead without
    /// any text that the rules know, as with `not`, numbers, and `or_missing`.
    mutating func keys(of condition: Condition) -> [RouteKey] {
        switch condition {
        case .not: return []
        case .use(let number):
            if let known = conditionKeys[number] { return known }
            let result = keys(of: namedConditions[number])
            conditionKeys[number] = result
            return result
        case .test(let test): return keys(of: test)
        case .all(let parts):
            // Each part must hold, so the key of any of them will do.
            var result: [RouteKey] = []
            for part in parts { result += keys(of: part) }
            guard parts.count > 1 else { return result }
            for index in result.indices { result[index].isCertain = false }
            return result
        case .any(let parts): return union(of: parts).map { [$0] } ?? []
        }
    }

    private mutating func keys(of test: Test) -> [RouteKey] {
        guard !test.orMissing else { return [] }
        var result: [RouteKey] = []
        let isAlone = test.onValue.count == 1 && test.onField.isEmpty && !test.every
        for op in test.onValue {
            guard let (probe, symbols) = textSymbols(of: op, slot: Int32(test.slot)) else {
                continue
            }
            result.append(
                RouteKey(
                    symbols: symbols, probes: [KeyProbe(slot: Int32(test.slot), probe: probe)],
                    isCertain: isAlone))
        }
        return result
    }

    /// One of the parts must hold, so each must have a key.
    private mutating func union(of parts: [Condition]) -> RouteKey? {
        var symbols: Set<Int32> = []
        var probes: Set<KeyProbe> = []
        var isCertain = true
        for part in parts {
            guard let key = keys(of: part).min(by: { $0.symbols.count < $1.symbols.count }) else {
                return nil
            }
            symbols.formUnion(key.symbols)
            probes.formUnion(key.probes)
            isCertain = isCertain && key.isCertain
        }
        return RouteKey(symbols: symbols.sorted(), probes: Array(probes), isCertain: isCertain)
    }
}
