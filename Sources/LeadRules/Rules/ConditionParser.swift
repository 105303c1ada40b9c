internal import LeadKit

/// Numbers the names that a rule set asks for, so that each is looked up once a lead.
struct SlotTable {
    private(set) var names: [Name] = []
    private var numbers: [Name: Int] = [:]

    mutating func slot(_ name: Name) -> Int {
        if let known = numbers[name] { return known }
        numbers[name] = names.count
        names.append(name)
        return names.count - 1
    }
}

/// What `fields:` says of a field.
struct FieldSettings: Sendable {
    var type: FieldType?
    var isExact = false
    /// A table that the field's values are expected to be keys of; a warning when not.
    var expectIn: Int?
    var position: Position
}

/// Turns condition nodes into conditions, recording every mistake with its place.
struct ConditionParser {
    var scope: NameScope
    var fields: [String: FieldSettings]
    /// Named conditions, by number.
    let conditionNames: NameIndex
    var slots = SlotTable()
    var problems = SettingProblems()
    /// The named conditions that the condition under way uses.
    var used: Set<Int> = []

    init(scope: NameScope, fields: [String: FieldSettings], conditionNames: [String]) {
        self.scope = scope
        self.fields = fields
        self.conditionNames = NameIndex(conditionNames)
    }

    /// A condition: a map whose entries must all hold.
    mutating func condition(_ node: SettingNode) -> Condition? {
        guard let entries = node.entries else {
            problems.error(
                "bad-condition", at: node.position, "a condition is a map, not \(node.kindName)",
                help: node.text.map { Slip.condition($0, named: conditionNames.names) }
                    ?? ConditionParser.oneList(node)
                    ?? "remove the '- ' before entries that must all hold; for one of them write "
                    + "'any:' above the list")
            return nil
        }
        guard !entries.isEmpty else {
            problems.error(
                "empty-condition", at: node.position, "the condition is empty",
                help: "for a route that takes every lead write 'always: true'")
            return nil
        }
        if entries.count == 1 { return entry(entries[0].name, entries[0].value) }
        var parts: [Condition] = []
        parts.reserveCapacity(entries.count)
        for (name, value) in entries {
            if let part = entry(name, value) { parts.append(part) }
        }
        return parts.count == entries.count ? .all(parts) : nil
    }

    /// A list whose entries all ask the same field: what they mean is a list of texts.
    private static func oneList(_ node: SettingNode) -> String? {
        guard case .list(let nodes) = node.content, nodes.count > 1 else { return nil }
        let entries = nodes.compactMap { $0.entries?.count == 1 ? $0.entries?.first : nil }
        let texts = entries.compactMap(\.value.text)
        guard texts.count == nodes.count, let name = entries[0].name.text,
            entries.allSatisfy({ $0.name.text == name })
        else { return nil }
        return "for one of them write '\(name): [\(texts.joined(separator: ", "))]'"
    }

    private mutating func entry(_ name: SettingNode, _ value: SettingNode) -> Condition? {
        switch name.text {
        case "all": return list(name, value).map { .all($0) }
        case "any": return list(name, value).map { .any($0) }
        case "not":
            if case .map = value.content { return condition(value).map { .not($0) } }
            return list(name, value).map { .not(.any($0)) }
        case "use": return uses(value)
        default:
            return isCombinatorMisspelt(name, value) ? nil : test(name, value).map { .test($0) }
        }
    }

    /// Whether conditions stand below a name, which only a combinator may have below it.
    private mutating func isCombinatorMisspelt(_ name: SettingNode, _ value: SettingNode) -> Bool {
        guard case .list(let nodes) = value.content, !nodes.isEmpty,
            nodes.allSatisfy({ $0.entries != nil })
        else { return false }
        let known = Vocabulary.combinators.names
        problems.error(
            "unknown-combinator", at: name.position,
            "conditions cannot stand below '\(name.text ?? "")'",
            help: Synonyms.combinators.help(for: name.text ?? "", among: known))
        return true
    }

    private mutating func list(_ name: SettingNode, _ value: SettingNode) -> [Condition]? {
        guard case .list(let nodes) = value.content else {
            let word = name.text ?? ""
            problems.error(
                "bad-condition", at: value.position,
                "'\(word)' needs a list, not \(value.kindName)",
                help: "write '\(word):' and below it one '- ' for each condition")
            return nil
        }
        guard !nodes.isEmpty else {
            problems.error(
                "empty-condition", at: value.position, "the list of '\(name.text ?? "")' is empty")
            return nil
        }
        let parts = nodes.map { condition($0) }
        return parts.contains { $0 == nil } ? nil : parts.compactMap(\.self)
    }

    private mutating func uses(_ value: SettingNode) -> Condition? {
        let nodes: [SettingNode]
        switch value.content {
        case .text: nodes = [value]
        case .list(let list): nodes = list
        case .map:
            problems.error(
                "bad-condition", at: value.position, "'use' needs a name or a list of names")
            return nil
        }
        guard !nodes.isEmpty else {
            problems.error("empty-condition", at: value.position, "the list of 'use' is empty")
            return nil
        }
        var parts: [Condition] = []
        for node in nodes {
            let name = node.text ?? ""
            if let number = conditionNames[name] {
                used.insert(number)
                parts.append(.use(number))
            } else {
                problems.error(
                    "undefined-condition", at: node.position, "there is no condition '\(name)'",
                    help: Nearest.help(for: name, among: conditionNames.names))
            }
        }
        guard parts.count == nodes.count else { return nil }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    /// `field: text`, `field: [texts]` or `field: {op: …}`.
    private mutating func test(_ name: SettingNode, _ value: SettingNode) -> Test? {
        let reference = scope.name(name, problems: &problems)
        let settings = reference.flatMap(fieldSettings)
        var operators = OperatorParser(
            scope: scope, isExactByField: settings?.isExact ?? false, type: settings?.type)
        operators.parse(value)
        for diagnostic in operators.problems.diagnostics { problems.add(diagnostic) }
        guard let reference, !operators.problems.hasErrors, mayBe(value, asked: reference) else {
            return nil
        }
        let shown = Normalization.value(name.text ?? "")
        return Test(
            slot: slots.slot(reference), name: shown, onValue: operators.onValue,
            onField: operators.onField, every: operators.every, orMissing: operators.orMissing,
            text: operators.described, position: name.position)
    }

    /// A schedule is `open` or `closed`, and nothing else can be asked.
    private mutating func mayBe(_ value: SettingNode, asked name: Name) -> Bool {
        guard case .schedule(let number) = name else { return true }
        let text = value.text.map { Normalization.folded($0.trimmed) }
        if text.flatMap(Schedule.State.init(rawValue:)) != nil { return true }
        problems.error(
            "bad-value", at: value.position,
            "a schedule is 'open' or 'closed', not \(value.shown)",
            help: "write 'schedule.\(scope.schedules.names[number]): open'")
        return false
    }

    private func fieldSettings(_ name: Name) -> FieldSettings? {
        if case .field(let field) = name { fields[field] } else { nil }
    }
}
