internal import LeadKit

// What is numbered, laid out flat.
extension RuleCompiler {
    mutating func flatten() {
        for (slot, name) in names.enumerated() {
            let kind: CompiledSlot.Kind =
                switch name {
                case .field: .field
                case .column(let table, let column):
                    .column(table: Int32(table), column: Int32(column))
                case .attribute(.id), .attribute(.source), .attribute(.isTest),
                    .attribute(.isDuplicate), .consent, .schedule:
                    .other
                case .attribute(let attribute): .attribute(attribute)
                }
            flatSlots.append(
                CompiledSlot(
                    kind: kind, firstProbe: Int32(flatProbes.count),
                    probeCount: Int32(plans[slot].count)))
            for plan in plans[slot] { flatProbes.append(probe(plan)) }
        }
    }

    private mutating func probe(_ plan: ProbePlan) -> Probe {
        switch plan.question {
        case .equals(let isExact):
            return Probe(kind: .equals, isExact: isExact, space: plan.space)
        case .table: return Probe(kind: .equals, isExact: true, space: plan.space)
        case .startsWith(let isExact), .endsWith(let isExact):
            let first = Int32(lengths.count)
            lengths += plan.lengths.sorted()
            let isStart = plan.question == .startsWith(isExact: isExact)
            return Probe(
                kind: isStart ? .startsWith : .endsWith, isExact: isExact, space: plan.space,
                first: first, count: Int32(plan.lengths.count))
        case .contains(let isExact): return group(plan, .literal, isExact)
        case .matches: return group(plan, .whole, true)
        case .search: return group(plan, .part, true)
        }
    }

    private mutating func group(
        _ plan: ProbePlan, _ kind: PatternGroup.Kind, _ isExact: Bool
    ) -> Probe {
        let first = Int32(symbols.count)
        symbols += plan.sourceSymbols
        groups.append(PatternGroup(plan.sources, kind: kind))
        return Probe(
            kind: .group, isExact: isExact, space: first, first: Int32(groups.count - 1),
            count: Int32(plan.sources.count))
    }

    /// The postings by symbol, each symbol's in the order of lists and routes.
    func sortedPostings() -> ([SymbolFile], [Posting]) {
        var files = [SymbolFile](repeating: SymbolFile(), count: Int(symbolCount))
        for (symbol, posting) in postings {
            files[Int(symbol)].count += 1
            files[Int(symbol)].single = posting
        }
        var next: Int32 = 0
        for symbol in files.indices where files[symbol].count > 1 {
            files[symbol].first = next
            next += files[symbol].count
        }
        var sorted = [Posting](
            repeating: Posting(list: 0, route: 0, isCertain: false), count: Int(next))
        var places = files.map(\.first)
        for (symbol, posting) in postings where files[Int(symbol)].count > 1 {
            sorted[Int(places[Int(symbol)])] = posting
            places[Int(symbol)] += 1
        }
        return (files, sorted)
    }
}
