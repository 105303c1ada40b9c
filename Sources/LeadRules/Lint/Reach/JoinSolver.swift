internal import LeadKit

/// Finds a lead that meets demands on several names: each name for itself, but for the columns of
/// tables, which follow the name that selects the row.
struct JoinSolver {
    enum Answer {
        case none
        case found(LintLead)
        /// An attempt, and the names whose values may not do.
        case perhaps(LintLead, unsure: Set<Name>)
    }

    let ruleSet: RuleSet
    let demands: [Name: [Demand]]
    /// What earlier routes take, by name.
    let taken: [Name: TakenTexts]
    let work: LintWork
    /// Whether only leads with one value in each answer count.
    var isSingle = false

    /// The most rows of a table that are tried one by one.
    private static let rowsMax = 64

    func solve() -> Answer {
        var lead = LintLead(ruleSet: ruleSet)
        var unsure: Set<Name> = []
        var columns: [Int: [Name]] = [:]
        var others: Set<Name> = []
        for name in demands.keys {
            if case .column(let table, _) = name {
                columns[table, default: []].append(name)
            } else {
                others.insert(name)
            }
        }
        var tablesByMatch: [Name: [Int]] = [:]
        for table in columns.keys.sorted() {
            switch ruleSet.tables[table].match {
            case nil:
                guard isMetWithoutRow(columns[table] ?? []) else { return .none }
            case .column:
                // A chain of tables: the row may be any that suits, if one does.
                let names = columns[table] ?? []
                guard
                    isMetWithoutRow(names)
                        || rows(of: table, names).first(where: { _ in true }) != nil
                else { return .none }
                unsure.formUnion(names)
            case let match?:
                tablesByMatch[match, default: []].append(table)
                others.insert(match)
            }
        }
        for name in others {
            let tables = (tablesByMatch[name] ?? []).map { ($0, columns[$0] ?? []) }
            switch tables.isEmpty ? solver(name).solve() : solve(name, with: tables) {
            case .none: return .none
            case .found(let texts): lead.values[name] = texts
            case .perhaps(let texts):
                lead.values[name] = texts
                unsure.insert(name)
            }
        }
        return unsure.isEmpty ? .found(lead) : .perhaps(lead, unsure: unsure)
    }

    private func solver(_ name: Name, _ extra: [QuantifiedCheck] = []) -> NameSolver {
        var traits = NameTraits(of: name, in: ruleSet)
        if isSingle { traits.isSingle = true }
        return NameSolver(
            name: name, demands: demands[name] ?? [], extra: extra, tables: ruleSet.tables,
            traits: traits, work: work, taken: taken[name] ?? TakenTexts())
    }

    /// Values of the name that selects rows, such that the rows suit.
    private func solve(
        _ name: Name, with tables: [(table: Int, columns: [Name])]
    ) -> NameSolver.Answer {
        var attempt: [String]?
        switch solver(name).solve() {
        case .none: return .none
        case .found(let texts):
            if suits(name, texts, tables) { return .found(texts) }
            attempt = texts
        case .perhaps(let texts): attempt = texts
        }
        for (table, columns) in tables {
            switch solve(name, table, columns, all: tables) {
            case .found(let texts): return .found(texts)
            case .none: return .none
            case .perhaps(let texts): attempt = texts
            }
        }
        return .perhaps(attempt ?? [])
    }

    /// The same for one of the tables: without a row, then with each row whose cells suit.
    private func solve(
        _ name: Name, _ table: Int, _ columns: [Name], all tables: [(table: Int, columns: [Name])]
    ) -> NameSolver.Answer {
        var attempt: [String]?
        func consider(_ answer: NameSolver.Answer, key: String?) -> [String]? {
            switch answer {
            case .none: return nil
            case .found(let texts):
                let ordered = key.map { key in [key] + texts.filter { $0 != key } } ?? texts
                if suits(name, ordered, tables) { return ordered }
                attempt = ordered
            case .perhaps(let texts): attempt = texts
            }
            return nil
        }
        if isMetWithoutRow(columns) {
            let answer = solver(name, [.every(.isKey(table: table, false))]).solve()
            if let texts = consider(answer, key: nil) { return .found(texts) }
        }
        let keys = ruleSet.tables[table].keys
        var tried = 0
        for row in rows(of: table, columns)
        where !(taken[name]?.excludes(Value(keys[row])) ?? false) {
            tried += 1
            guard tried <= JoinSolver.rowsMax else { return .perhaps(attempt ?? [keys[row]]) }
            let answer = solver(name, [.some(.equals(keys[row]))]).solve()
            if let texts = consider(answer, key: keys[row]) { return .found(texts) }
        }
        return attempt.map { .perhaps($0) } ?? .none
    }

    /// Whether the rows that these values select meet the demands on columns.
    private func suits(
        _ name: Name, _ texts: [String], _ tables: [(table: Int, columns: [Name])]
    ) -> Bool {
        let lead = LintLead(ruleSet: ruleSet, values: [name: texts])
        return tables.allSatisfy { table in
            table.columns.allSatisfy { column in
                let values = lead.values(of: column)
                return (demands[column] ?? []).allSatisfy {
                    $0.side.allows($0.test.truth(values, ruleSet.tables))
                }
            }
        }
    }

    private func isMetWithoutRow(_ columns: [Name]) -> Bool {
        columns.allSatisfy { (demands[$0] ?? []).allSatisfy(\.isMetByMissing) }
    }

    /// The rows whose cells meet the demands on columns.
    private func rows(of table: Int, _ columns: [Name]) -> some Sequence<Int> {
        let rows = ruleSet.tables[table].rows
        return rows.indices.lazy.filter { row in
            columns.allSatisfy { name in
                guard case .column(_, let column) = name else { return false }
                let cell = Normalization.value(rows[row][column])
                let values = cell.isEmpty ? [] : [Value(cell)]
                return (demands[name] ?? []).allSatisfy {
                    $0.side.allows($0.test.truth(values, ruleSet.tables))
                }
            }
        }
    }
}

extension NameTraits {
    /// What a name can be, whatever the rules ask.
    init(of name: Name, in ruleSet: RuleSet) {
        switch name {
        case .field: return
        case .consent: texts = ["true", "false"]
        case .attribute(let attribute):
            isSingle = true
            switch attribute {
            case .id, .source, .receivedTime: mayBeMissing = false
            case .isOrganic: texts = ["true", "false"]
            case .isTest:
                texts = ["false", "true"]
                mayBeMissing = false
            case .isDuplicate:
                texts = ruleSet.dedupe == nil ? ["false"] : ["false", "true"]
                mayBeMissing = false
            default: return
            }
        case .column: isSingle = true
        case .schedule:
            isSingle = true
            mayBeMissing = false
            texts = Schedule.State.allCases.map(\.rawValue)
        }
    }
}

extension Table {
    /// The key of each row.
    var keys: [String] {
        var result = Array(repeating: "", count: rows.count)
        for (key, row) in index { result[row] = key }
        return result
    }
}
