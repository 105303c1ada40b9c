internal import LeadKit
internal import Synchronization

/// What a rule or template can ask a lead for.
enum Name: Sendable, Hashable {
    /// An answer, by its trimmed NFC name.
    case field(String)
    /// `lead.NAME`.
    case attribute(LeadAttribute)
    /// `consent.KEY`.
    case consent(String)
    /// `TABLE.column`, by number.
    case column(table: Int, column: Int)
    /// `schedule.NAME`, by number: the text `open` or `closed`.
    case schedule(Int)
}

/// Names of other parts of the configuration that rules refer to.
struct NameScope {
    /// Tables by name; a table that could not be read is known and has no columns.
    private(set) var tables: [(name: String, table: Table?)] = []
    private var tableNumbers = NameIndex()
    private(set) var schedules = NameIndex()
    /// Every name that was read; copies of a scope share it.
    let asked = AskedNames()

    /// Words that no table may have as its name.
    static let reserved: Set<String> = ["lead", "consent", "field", "schedule"]

    mutating func add(_ name: String, _ table: Table?) {
        tableNumbers.add(name)
        tables.append((name, table))
    }

    /// Says what selects a table's row.
    mutating func setMatch(_ match: Name?, ofTable number: Int) {
        tables[number].table?.match = match
    }

    func tableIndex(_ name: String) -> Int? { tableNumbers[name] }

    mutating func add(schedule name: String) { schedules.add(name) }

    /// Reads the name of something that a lead says: any but a schedule.
    func leadName(_ node: SettingNode, problems: inout SettingProblems) -> Name? {
        let name = name(node, problems: &problems)
        guard case .schedule? = name else { return name }
        problems.error(
            "bad-name", at: node.position,
            "'\(node.text ?? "")' is nothing that a lead says",
            help: "schedules are asked in conditions only: 'schedule.NAME: open'")
        return nil
    }

    /// The number of a schedule; records that there is none.
    func schedule(_ node: SettingNode, problems: inout SettingProblems) -> Int? {
        schedule(node.text ?? "", node, problems: &problems)
    }

    private func schedule(
        _ name: String, _ node: SettingNode, problems: inout SettingProblems
    ) -> Int? {
        if let number = schedules[name] { return number }
        problems.error(
            "undefined-schedule", at: node.position, "there is no schedule '\(name)'",
            help: Nearest.help(for: name, among: schedules.names) ?? "define it below 'schedules:'")
        return nil
    }

    /// Reads a name as it is written in a condition; records what is wrong.
    func name(_ node: SettingNode, problems: inout SettingProblems) -> Name? {
        let name = read(node, problems: &problems)
        if let name { asked.add(name) }
        return name
    }

    private func read(_ node: SettingNode, problems: inout SettingProblems) -> Name? {
        let text = Normalization.value(node.text ?? "")
        guard !text.isEmpty else {
            problems.error("bad-name", at: node.position, "the name is blank")
            return nil
        }
        guard text.utf8.contains(where: { $0 == 0x2E || $0 == 0x5B }) else { return .field(text) }
        let scalars = Array(text.unicodeScalars)
        if let inside = NameScope.bracketed(scalars) {
            return bracketedField(inside, node, &problems)
        }
        guard let dot = scalars.firstIndex(of: ".") else { return .field(text) }
        let first = String(String.UnicodeScalarView(scalars[..<dot]))
        let rest = String(String.UnicodeScalarView(scalars[(dot + 1)...]))
        return dotted(first, rest, text: text, node, &problems)
    }

    private func bracketedField(
        _ inside: String, _ node: SettingNode, _ problems: inout SettingProblems
    ) -> Name? {
        let name = Normalization.value(inside)
        guard !name.isEmpty else {
            problems.error("bad-name", at: node.position, "the field's name is blank")
            return nil
        }
        return .field(name)
    }

    private func dotted(
        _ first: String, _ rest: String, text: String, _ node: SettingNode,
        _ problems: inout SettingProblems
    ) -> Name? {
        switch first {
        case "lead":
            if let attribute = LeadAttribute(rawValue: rest) { return .attribute(attribute) }
            problems.error(
                "unknown-attribute", at: node.position, "a lead has no '\(text)'",
                help: Nearest.help(
                    for: text, among: LeadAttribute.allCases.map { "lead." + $0.rawValue })
                    ?? "the names are in docs/rules.md; a field with a dot is written field[\"\(text)\"]"
            )
            return nil
        case "consent":
            if !rest.isEmpty { return .consent(rest) }
            problems.error(
                "bad-name", at: node.position, "'consent.' needs the checkbox's key behind the dot")
            return nil
        case "schedule": return schedule(rest, node, problems: &problems).map { .schedule($0) }
        default:
            return column(first, rest, text: text, node, &problems)
        }
    }

    private func column(
        _ first: String, _ rest: String, text: String, _ node: SettingNode,
        _ problems: inout SettingProblems
    ) -> Name? {
        guard let table = tableIndex(first) else {
            let nearest = Nearest.name(
                to: first, among: tables.map(\.name) + ["lead", "consent", "field", "schedule"])
            problems.error(
                "undefined-table", at: node.position, "there is no table '\(first)' for '\(text)'",
                help: nearest.map { "did you mean '\($0).\(rest)'?" }
                    ?? "a field whose name has a dot is written field[\"\(text)\"]")
            return nil
        }
        guard let known = tables[table].table else { return nil }
        if let column = known.column(rest) { return .column(table: table, column: column) }
        problems.error(
            "undefined-column", at: node.position, "table '\(first)' has no column '\(rest)'",
            help: Nearest.help(for: rest, among: known.columns))
        return nil
    }

    /// The inside of `field["…"]`, where nothing is escaped.
    static func bracketed(_ scalars: [Unicode.Scalar]) -> String? {
        let open = Array("field[\"".unicodeScalars)
        let close = Array("\"]".unicodeScalars)
        guard scalars.count >= open.count + close.count, scalars.starts(with: open),
            scalars.suffix(2).elementsEqual(close)
        else { return nil }
        return String(String.UnicodeScalarView(scalars[open.count..<(scalars.count - close.count)]))
    }
}

/// The names that a configuration asks leads for: what reading a lead may leave out, it must not
/// ask. Filled while a configuration is read, from one thread.
final class AskedNames: Sendable {
    private let names = Mutex<Set<Name>>([])

    func add(_ name: Name) { names.withLock { _ = $0.insert(name) } }

    /// What of a lead the names need; `more` is asked beside them.
    func selection(and more: Set<LeadAttribute>) -> LeadSelection {
        var attributes = more
        var fields: Set<String> = []
        for name in names.withLock(\.self) {
            switch name {
            case .field(let field): fields.insert(field)
            case .attribute(let attribute): attributes.insert(attribute)
            case .consent, .column, .schedule: continue
            }
        }
        return LeadSelection(attributes: attributes, fields: fields)
    }
}

/// Numbers names in the order added, and finds them byte for byte however many there are.
struct NameIndex {
    private(set) var names: [String] = []
    private var numbers: [String: Int] = [:]

    init(_ names: some Sequence<String> = []) {
        for name in names { add(name) }
    }

    /// Adds a name; one that is there already keeps its number.
    mutating func add(_ name: String) {
        if numbers[name] == nil { numbers[name] = names.count }
        names.append(name)
    }

    /// The number of a name. `String` merges canonical twins, so the bytes are compared, too.
    subscript(name: String) -> Int? {
        guard let number = numbers[name], names[number].utf8.elementsEqual(name.utf8) else {
            return nil
        }
        return number
    }
}
