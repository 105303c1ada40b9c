internal import LeadKit

/// A lead made up to try the rules with: the names that somebody cared about, the rest missing.
struct LintLead: Sendable {
    let ruleSet: RuleSet
    var values: [Name: [String]] = [:]

    /// What stands in a lead of which nothing is said.
    static let usual: [LeadAttribute: String] = [
        .id: "witness", .source: "witness", .isTest: "false", .isDuplicate: "false",
    ]

    func values(of name: Name) -> [Value] {
        if let known = values[name] { return known.map(Value.init) }
        switch name {
        case .column(let table, let column):
            guard let row = row(of: table) else { return [] }
            let cell = Normalization.value(ruleSet.tables[table].rows[row][column])
            return cell.isEmpty ? [] : [Value(cell)]
        case .attribute(let attribute): return LintLead.usual[attribute].map { [Value($0)] } ?? []
        case .schedule: return [Value(Schedule.State.open.rawValue)]
        case .field, .consent: return []
        }
    }

    func row(of table: Int) -> Int? {
        guard let match = ruleSet.tables[table].match else { return nil }
        return values(of: match).lazy.compactMap { ruleSet.tables[table].index[$0.exact] }.first
    }

    func truth(_ condition: Condition?) -> Truth {
        switch condition {
        case nil: .yes
        case .all(let parts): LintLead.all(parts.lazy.map { truth($0) })
        case .any(let parts): LintLead.all(parts.lazy.map { truth($0).negated }).negated
        case .not(let part): truth(part).negated
        case .use(let number): truth(ruleSet.conditions[number].condition)
        case .test(let test): test.truth(values(of: ruleSet.names[test.slot]), ruleSet.tables)
        }
    }

    /// False if any part is, else unknown if any is, else true.
    static func all(_ parts: some Sequence<Truth>) -> Truth {
        var result = Truth.yes
        for part in parts {
            if part == .no { return .no }
            if part == .unknown { result = .unknown }
        }
        return result
    }

    /// Whether some name has several values.
    var hasSeveralValues: Bool { values.contains { $0.value.count > 1 } }
}

extension Test {
    /// The test's answer, computed apart from the evaluator that serves.
    func truth(_ values: [Value], _ tables: [Table]) -> Truth {
        if values.isEmpty, orMissing { return .yes }
        var parts = onField.map { $0.holds(for: values, tables: tables) }
        if !onValue.isEmpty { parts.append(onValueTruth(values, tables)) }
        return LintLead.all(parts)
    }

    private func onValueTruth(_ values: [Value], _ tables: [Table]) -> Truth {
        guard !values.isEmpty else { return .unknown }
        let each = values.map { value in
            LintLead.all(onValue.lazy.map { $0.holds(for: value, tables: tables) })
        }
        return every ? LintLead.all(each) : LintLead.all(each.map(\.negated)).negated
    }
}

extension LintLead {
    /// A real lead that says the same, to be proved with the evaluator that serves.
    var lead: Lead {
        var lead = Lead(id: LintLead.id, source: LintLead.usual[.source] ?? "")
        var answers: [(name: String, values: [String])] = []
        for (name, texts) in values where !texts.isEmpty {
            switch name {
            case .field(let field): answers.append((field, texts))
            case .attribute(.id): lead.id = LeadID(texts[0]) ?? lead.id
            case .attribute(.source): lead.source = texts[0]
            case .attribute(let attribute): lead.envelope[attribute] = texts[0]
            case .consent(let key):
                lead.consents += texts.map { Consent(key: key, isChecked: $0 == "true") }
            case .column, .schedule: continue
            }
        }
        answers.sort { $0.name < $1.name }
        lead.fieldData = FieldData(answers.map { Field($0.name, $0.values) })
        return lead
    }

    private static let id: LeadID = {
        guard let id = LeadID("witness") else { preconditionFailure("a plain word is an id") }
        return id
    }()

    /// A moment at which every schedule is as the lead supposes; nil when none is found within a
    /// year, in steps of half an hour.
    var moment: Timestamp? {
        let wanted = values.compactMap { name, texts -> (schedule: Schedule, isOpen: Bool)? in
            guard case .schedule(let number) = name else { return nil }
            return (ruleSet.schedules[number], texts == [Schedule.State.open.rawValue])
        }
        let steps = wanted.isEmpty ? 1 : 366 * 48
        return (0..<Int64(steps)).lazy.map { LintLead.noon + $0 * 1800 }
            .first { time in wanted.allSatisfy { $0.schedule.isOpen(at: time) == $0.isOpen } }
            .map { Timestamp(seconds: $0) }
    }

    /// Noon of a Wednesday, UTC.
    private static let noon: Int64 = 1_736_942_400

    var isDuplicate: Bool { values[.attribute(.isDuplicate)] == ["true"] }

    /// The lead as its author would write it in a test: `{car_make: honda}`.
    var description: String {
        let parts = values.compactMap { name, texts -> String? in
            if texts.isEmpty { return nil }
            let shown: String
            switch name {
            case .field(let field): shown = LintLead.quoted(field, isName: true)
            case .attribute(let attribute): shown = "lead." + attribute.rawValue
            case .consent(let key): shown = "consent." + key
            case .schedule(let number): shown = "schedule." + ruleSet.schedules[number].name
            case .column: return nil
            }
            let list = texts.map { LintLead.quoted($0) }
            return shown + ": " + (list.count == 1 ? list[0] : "[\(list.joined(separator: ", "))]")
        }
        return parts.isEmpty ? "{} (no answers)" : "{" + parts.sorted().joined(separator: ", ") + "}"
    }

    /// In quotes when YAML would read it as something else, or when it is no plain name.
    private static func quoted(_ text: String, isName: Bool = false) -> String {
        if isName, text.utf8.contains(0x2E) { return "field[\"\(text)\"]" }
        let isPlain = text.utf8.enumerated().allSatisfy { index, byte in
            (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte >= 0x80
                || byte == 0x5F
                || (index > 0 && ((0x30...0x39).contains(byte) || "-.@+ ".utf8.contains(byte)))
        }
        if isPlain, text.utf8.last != 0x20 { return text }
        return "\"" + text.unicodeScalars.map {
            $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0)
        }.joined() + "\""
    }
}
