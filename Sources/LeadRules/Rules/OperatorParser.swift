internal import LeadKit

/// Reads what a field must be: a text, a list, or a map of operators and modifiers.
struct OperatorParser {
    var scope: NameScope
    var isExactByField: Bool
    var type: FieldType?

    var onValue: [ValueOperator] = []
    var onField: [FieldOperator] = []
    var every = false
    var orMissing = false
    /// The operators as written, for explanations.
    var described = ""
    var problems = SettingProblems()

    private var isExact = false
    private var hasTextOperator = false
    private var hasExists = false

    static let operators = Vocabulary.operators.names
    static let modifiers = Vocabulary.modifiers.names

    init(scope: NameScope, isExactByField: Bool, type: FieldType?) {
        self.scope = scope
        self.isExactByField = isExactByField
        self.type = type
    }

    mutating func parse(_ node: SettingNode) {
        isExact = isExactByField
        switch node.content {
        case .text:
            described = "equals \(node.text ?? "")"
            if let text = literal(node) { onValue = [.isOneOf(TextSet([text], isExact: isExact))] }
        case .list:
            described = "in " + OperatorParser.shown(node)
            if let texts = literals(node) { onValue = [.isOneOf(TextSet(texts, isExact: isExact))] }
        case .map(let entries): parse(entries, of: node)
        }
    }

    private mutating func parse(
        _ entries: [(name: SettingNode, value: SettingNode)], of node: SettingNode
    ) {
        described = entries.map { "\($0.name.text ?? "") \(OperatorParser.shown($0.value))" }
            .joined(separator: ", ")
        let exact = readModifiers(entries)
        isExact = exact ?? isExactByField
        var count = 0
        for (name, value) in entries {
            let text = name.text ?? ""
            guard !OperatorParser.modifiers.contains(text) else { continue }
            count += 1
            parse(operator: text, name, value)
        }
        guard count > 0 else {
            problems.error(
                "empty-condition", at: node.position, "no operator stands here",
                help: "write 'exists: true' to ask only whether there is a value")
            return
        }
        refuseModifiersWithoutEffect(entries, exact: exact)
    }

    /// Reads `every`, `exact`, `or_missing`; answers what `exact` says.
    private mutating func readModifiers(
        _ entries: [(name: SettingNode, value: SettingNode)]
    ) -> Bool? {
        var exact: Bool?
        for (name, value) in entries {
            switch name.text {
            case "every": every = Bool.decode(value, problems: &problems) ?? false
            case "or_missing": orMissing = Bool.decode(value, problems: &problems) ?? false
            case "exact": exact = Bool.decode(value, problems: &problems)
            default: continue
            }
        }
        return exact
    }

    private mutating func refuseModifiersWithoutEffect(
        _ entries: [(name: SettingNode, value: SettingNode)], exact: Bool?
    ) {
        for (name, _) in entries {
            switch name.text {
            case "every" where onValue.isEmpty && !problems.hasErrors:
                problems.error(
                    "no-effect", at: name.position, "'every' has no effect here",
                    help: "it goes with operators that look at a value, such as 'in'")
            case "exact" where !hasTextOperator && !problems.hasErrors:
                problems.error(
                    "no-effect", at: name.position, "'exact' has no effect here",
                    help: "it goes with operators that compare text, such as 'equals'")
            case "or_missing" where hasExists:
                problems.error(
                    "no-effect", at: name.position, "'or_missing' contradicts 'exists'",
                    help: "remove one of them")
            default: continue
            }
        }
    }

    private mutating func parse(operator text: String, _ name: SettingNode, _ value: SettingNode) {
        switch text {
        case "equals", "not_equals":
            hasTextOperator = true
            guard let literal = one(text, value, instead: text == "equals" ? "in" : "not_in") else {
                return
            }
            let set = TextSet([literal], isExact: isExact)
            if text == "equals" {
                onValue.append(.isOneOf(set))
            } else {
                onField.append(.isNoneOf(set))
            }
        case "in", "not_in":
            hasTextOperator = true
            guard let texts = several(text, value) else { return }
            let set = TextSet(texts, isExact: isExact)
            if text == "in" {
                onValue.append(.isOneOf(set))
            } else {
                onField.append(.isNoneOf(set))
            }
        case "starts_with", "ends_with", "contains":
            hasTextOperator = true
            guard let texts = literals(value) else { return }
            let set = TextSet(texts, isExact: isExact)
            switch text {
            case "starts_with": onValue.append(.startsWith(set))
            case "ends_with": onValue.append(.endsWith(set))
            default: onValue.append(.contains(set))
            }
        case "in_table", "not_in_table":
            guard let table = table(value) else { return }
            if text == "in_table" {
                onValue.append(.inTable(table))
            } else {
                onField.append(.notInTable(table))
            }
        case "matches", "search": parsePattern(text, value)
        case "above", "at_least", "below", "at_most": parseLimit(text, value)
        case "between": parseBetween(value)
        case "before", "after": parseTime(text, value)
        case "exists":
            hasExists = true
            if let flag = Bool.decode(value, problems: &problems) { onField.append(.exists(flag)) }
        case "valid": parseValid(name, value)
        default:
            let known = OperatorParser.operators + OperatorParser.modifiers
            problems.error(
                "unknown-operator", at: name.position, "unknown operator '\(text)'",
                help: Synonyms.operators.help(for: text, among: known)
                    ?? "the operators are \(known.joined(separator: ", "))")
        }
    }

    private mutating func parsePattern(_ text: String, _ value: SettingNode) {
        guard let source = literal(value) else { return }
        warn(of: Slip.pattern(source), at: value.position)
        do {
            let pattern = try Pattern(Normalization.nfc(source))
            onValue.append(text == "matches" ? .matches(pattern) : .search(pattern))
        } catch {
            problems.error(
                "bad-pattern", at: value.position,
                "the regular expression is refused: \(error.reason)",
                help: source.utf8.first == 0x2A
                    ? "a '*' repeats what stands before it; for texts that end so write 'ends_with'"
                    : "the syntax is RE2's; there are no look-arounds and no back-references")
        }
    }

    private mutating func parseLimit(_ text: String, _ value: SettingNode) {
        guard let limit = number(value) else { return }
        switch text {
        case "above": onValue.append(.above(limit))
        case "at_least": onValue.append(.atLeast(limit))
        case "below": onValue.append(.below(limit))
        default: onValue.append(.atMost(limit))
        }
    }

    private mutating func parseBetween(_ value: SettingNode) {
        guard case .list(let nodes) = value.content, nodes.count == 2 else {
            let ends = (value.text ?? "").utf8.split { !(0x30...0x39).contains($0) }
                .map { String(decoding: $0, as: UTF8.self) }
            let shown = ends.count == 2 ? ends : ["10000", "20000"]
            problems.error(
                "bad-value", at: value.position, "'between' needs a list of two numbers",
                help: "write 'between: [\(shown.joined(separator: ", "))]'")
            return
        }
        if nodes.allSatisfy({ Slip.isClock($0.text ?? "") }) {
            problems.error(
                "bad-value", at: value.position, "'between' compares numbers, not times of day",
                help: Slip.clockHelp)
            return
        }
        let ends = nodes.map { number($0) }
        guard let low = ends[0], let high = ends[1] else { return }
        guard low <= high else {
            problems.error(
                "bad-value", at: value.position, "the low end of 'between' is above the high end",
                help: "write 'between: [\(nodes[1].text ?? ""), \(nodes[0].text ?? "")]'")
            return
        }
        onValue.append(.between(low, high))
    }

    private mutating func parseTime(_ text: String, _ value: SettingNode) {
        guard let time = value.text.flatMap(Timestamp.init(dateOrTime:)) else {
            let written = value.text.map { "'\($0)'" } ?? value.kindName
            problems.error(
                "bad-value", at: value.position, "\(written) is not a time",
                help: "write '2025-10-09T08:00:00Z', or '2025-10-09' for its midnight in UTC")
            return
        }
        onValue.append(text == "before" ? .before(time) : .after(time))
    }

    private mutating func parseValid(_ name: SettingNode, _ value: SettingNode) {
        guard let flag = Bool.decode(value, problems: &problems) else { return }
        guard let type else {
            problems.error(
                "untyped-field", at: name.position, "'valid' needs to know the field's type",
                help: "add it under 'fields:', such as '{type: email}'")
            return
        }
        onField.append(.valid(flag, type))
    }
}

// Arguments.
extension OperatorParser {
    private mutating func number(_ node: SettingNode) -> ExactNumber? {
        if let number = node.text.flatMap({ ExactNumber($0.trimmed) }) {
            warn(of: Slip.thousands(node.text ?? ""), at: node.position)
            return number
        }
        let written = node.text.map { "'\($0)'" } ?? node.kindName
        problems.error(
            "bad-value", at: node.position, "\(written) is not a number",
            help: node.text.flatMap(Slip.number).map { "write \($0)" }
                ?? node.text.flatMap { Slip.isClock($0) ? Slip.clockHelp : nil }
                ?? "write digits with an optional sign and decimal point: 20000 or -1.5")
        return nil
    }

    private mutating func table(_ node: SettingNode) -> Int? {
        let name = node.text ?? ""
        if let index = scope.tableIndex(name) { return index }
        problems.error(
            "undefined-table", at: node.position,
            node.text == nil
                ? "a table's name belongs here, not \(node.kindName)"
                : "there is no table '\(name)'",
            help: Nearest.help(for: name, among: scope.tables.map(\.name)))
        return nil
    }

    private mutating func one(_ text: String, _ node: SettingNode, instead: String) -> String? {
        if node.text == nil {
            problems.error(
                "bad-value", at: node.position, "'\(text)' needs one text, not \(node.kindName)",
                help: "write '\(instead): \(OperatorParser.shown(node))'")
            return nil
        }
        return literal(node)
    }

    private mutating func several(_ text: String, _ node: SettingNode) -> [String]? {
        if let single = node.text {
            problems.error(
                "bad-value", at: node.position, "'\(text)' needs a list, not a text",
                help: "write '\(text): [\(single)]'")
            return nil
        }
        return literals(node)
    }

    /// A text or a list of texts, none blank.
    private mutating func literals(_ node: SettingNode) -> [String]? {
        switch node.content {
        case .text: return literal(node).map { [$0] }
        case .map:
            problems.error("bad-value", at: node.position, "a text or a list belongs here")
            return nil
        case .list(let nodes):
            guard !nodes.isEmpty else {
                problems.error(
                    "empty-condition", at: node.position, "the list is empty",
                    help: "write the texts in it; for any value at all write {exists: true}")
                return nil
            }
            let texts = nodes.map { literal($0) }
            return texts.contains { $0 == nil } ? nil : texts.compactMap(\.self)
        }
    }

    private mutating func literal(_ node: SettingNode) -> String? {
        guard let text = node.text else {
            problems.error(
                "bad-value", at: node.position, "a text belongs here, not \(node.kindName)")
            return nil
        }
        guard !text.trimmed.isEmpty else {
            problems.error(
                "blank-literal", at: node.position, "a blank text never matches",
                help: "to ask for a missing value write 'exists: false'")
            return nil
        }
        warn(of: Slip.surprise(in: text), at: node.position)
        return text
    }

    private mutating func warn(of surprise: Slip.Surprise?, at place: Position) {
        guard let surprise else { return }
        problems.warning(surprise.code, at: place, surprise.message, help: surprise.help)
    }

    /// The node as it might be written on one line.
    static func shown(_ node: SettingNode) -> String {
        switch node.content {
        case .text(let text): text
        case .list(let nodes): "[" + nodes.map(shown).joined(separator: ", ") + "]"
        case .map: "{…}"
        }
    }
}
