internal import LeadKit

/// A test as it is written: the name, the operator and its texts with their places.
struct WrittenTest {
    var name: Name
    /// The field's settings, when `fields:` has any.
    var field: FieldSettings?
    /// The name as written.
    var shown: String
    var place: Position
    /// `equals` for `field: text`, `in` for `field: [texts]`.
    var op: String
    var literals: [SettingNode]
    var isExact: Bool
}

/// The tests and names of all rules as written, read again from the nodes: conditions themselves
/// no longer know how and where a text stood.
struct WrittenRules {
    private(set) var tests: [WrittenTest] = []
    /// Names that stand in conditions and `fields:`.
    private(set) var names: [SettingNode] = []
    let tables: [Table]
    /// Tables that a name's values are keys of: by `match`, and by `expect_in`.
    private(set) var keyTables: [Name: [(table: Int, isExpected: Bool)]] = [:]
    private let scope: NameScope
    private let fields: [String: FieldSettings]

    init(_ loader: ConfigurationLoader) {
        scope = loader.scope
        tables = loader.tables
        fields = loader.fields
        for (number, table) in tables.enumerated() {
            if let match = table.match {
                keyTables[match, default: []].append((number, false))
            }
        }
        for (name, settings) in fields {
            if let table = settings.expectIn {
                keyTables[.field(name), default: []].append((table, true))
            }
        }
        for entry in loader.merged.named["fields"] ?? [] {
            names.append(SettingNode(.text(entry.name), at: entry.place))
        }
        for entry in loader.merged.named["conditions"] ?? [] { condition(entry.value) }
        for route in loader.merged.routes { self.route(route) }
    }

    private mutating func route(_ node: SettingNode) {
        if let when = node["when"] { condition(when) }
        guard case .list(let children)? = node["routes"]?.content else { return }
        for child in children { route(child) }
    }

    private mutating func condition(_ node: SettingNode) {
        for (name, value) in node.entries ?? [] {
            switch name.text {
            case "use": continue
            case "all", "any", "not":
                if case .list(let parts) = value.content {
                    for part in parts { condition(part) }
                } else {
                    condition(value)
                }
            default: test(name, value)
            }
        }
    }

    private mutating func test(_ nameNode: SettingNode, _ value: SettingNode) {
        names.append(nameNode)
        var ignored = SettingProblems()
        guard let name = scope.name(nameNode, problems: &ignored) else { return }
        var test = WrittenTest(
            name: name, shown: Normalization.value(nameNode.text ?? ""), place: nameNode.position,
            op: "equals", literals: [value], isExact: false)
        if case .field(let field) = name { test.field = fields[field] }
        test.isExact = test.field?.isExact ?? false
        switch value.content {
        case .text: tests.append(test)
        case .list(let literals):
            test.op = "in"
            test.literals = literals
            tests.append(test)
        case .map(let entries):
            if let exact = value["exact"]?.text { test.isExact = exact == "true" }
            for (op, argument) in entries where OperatorParser.operators.contains(op.text ?? "") {
                test.op = op.text ?? ""
                test.literals = if case .list(let list) = argument.content { list } else { [argument] }
                tests.append(test)
            }
        }
    }
}
