internal import LeadKit
internal import Mustache

/// A template that was checked and parsed, ready to be filled in.
struct CompiledTemplate: Sendable {
    let template: Template
    let mustache: MustacheTemplate
    /// The plain fields it names, for warnings.
    let fields: Set<String>
}

/// Checks and parses Mustache texts.
///
/// Sections, inverted sections, comments and escaped variables are the language. Unescaped
/// variables, partials, set-delimiter tags and pragmas are refused: each place escapes for itself,
/// and nothing in a rule file can switch that off.
struct TemplateCompiler {
    var scope: NameScope

    static let deliveryNames = [
        "delivery.id", "delivery.pool", "delivery.member", "route", "fields",
    ]
    static let dateNames = ["created_date", "received_date"]

    func compile(_ template: Template, problems: inout SettingProblems) -> CompiledTemplate? {
        var fields: Set<String> = []
        var found = SettingProblems()
        guard let source = check(template, fields: &fields, problems: &found) else {
            report(found, of: template, to: &problems)
            return nil
        }
        do {
            // Values escape themselves for their place; the library must not do it again. The
            // pragma stands on a line of its own, which the library removes.
            let mustache = try MustacheTemplate(string: "{{%CONTENT_TYPE:TEXT}}\n" + source)
            return CompiledTemplate(template: template, mustache: mustache, fields: fields)
        } catch {
            problems.error(
                "bad-template", at: template.position, "the template is not valid Mustache",
                help: "check that each {{#name}} has its {{/name}}, in the right order")
            return nil
        }
    }

    /// Findings quote the template, unless part of it is a secret.
    private func report(
        _ found: SettingProblems, of template: Template, to problems: inout SettingProblems
    ) {
        guard template.isSecret else {
            for diagnostic in found.diagnostics { problems.add(diagnostic) }
            return
        }
        problems.error(
            "bad-template", at: template.position,
            "with its secret filled in, this is not a valid template",
            help: "brackets of a template may not be part of a secret")
    }

    /// Looks at each tag; answers the text with names that the library can read, or nil.
    private func check(
        _ template: Template, fields: inout Set<String>, problems: inout SettingProblems
    ) -> String? {
        let bytes = Array(template.source.utf8)
        var index = 0
        var result: [UInt8] = []
        var depth = 0
        var isGood = true
        while let open = TemplateCompiler.find("{{", in: bytes, from: index) {
            guard let close = TemplateCompiler.find("}}", in: bytes, from: open + 2) else {
                problems.error(
                    "bad-template", at: template.position, "a '{{' has no '}}'",
                    help: "close it, or write the brackets another way")
                return nil
            }
            let tag = String(decoding: bytes[(open + 2)..<close], as: UTF8.self)
            result += bytes[index..<open]
            let readable = check(
                tag: tag, of: template, depth: &depth, fields: &fields, problems: &problems)
            if let readable { result += Array("{{\(readable)}}".utf8) } else { isGood = false }
            index = close + 2
        }
        result += bytes[index...]
        if isGood, template.place == .address, index == 0,
            let help = Recipient.help(for: template.source)
        {
            problems.error(
                "bad-address", at: template.position,
                "'\(template.source)' is not one mail address", help: help)
            return nil
        }
        return isGood ? String(decoding: result, as: UTF8.self) : nil
    }

    private func check(
        tag: String, of template: Template, depth: inout Int, fields: inout Set<String>,
        problems: inout SettingProblems
    ) -> String? {
        let trimmed = tag.trimmed
        guard let mark = trimmed.unicodeScalars.first else {
            problems.error("bad-template", at: template.position, "a tag '{{}}' is empty")
            return nil
        }
        switch mark {
        case "!": return tag
        case "{", "&":
            problems.error(
                "bad-template", at: template.position, "'{{\(tag)' would not be escaped",
                help: "write two brackets: each place escapes what it needs")
            return nil
        case "=", ">", "<", "$", "%":
            problems.error(
                "bad-template", at: template.position,
                "'{{\(trimmed)}}' is not part of this language",
                help: "names, {{#sections}}, {{^inverted sections}} and {{! comments}} are")
            return nil
        case "#", "^", "/":
            let name = String(String.UnicodeScalarView(trimmed.unicodeScalars.dropFirst())).trimmed
            depth += mark == "/" ? -1 : 1
            return check(
                name: name, isVariable: false, of: template, fields: &fields, problems: &problems
            ).map { String(mark) + $0 }
        default:
            if trimmed == ".", depth < 1 {
                problems.error(
                    "bad-template", at: template.position, "'{{.}}' stands for nothing here",
                    help: "it is the value within {{#name}} and {{/name}}")
                return nil
            }
            return check(
                name: trimmed, isVariable: true, of: template, fields: &fields, problems: &problems)
        }
    }

    /// Names that stand for more than one text, and how to name a part.
    private func part(of name: String) -> String? {
        switch name {
        case "lead": "write the attribute, such as {{lead.id}}"
        case "consent": "write the checkbox's key behind a dot, such as {{consent.optional_1}}"
        case "delivery": "write {{delivery.id}}"
        case "fields": "write {{#fields}}{{name}}: {{value}}{{/fields}}"
        default: scope.tableIndex(name).map { _ in "write the column, such as {{\(name).name}}" }
        }
    }

    private func check(
        name: String, isVariable: Bool, of template: Template, fields: inout Set<String>,
        problems: inout SettingProblems
    ) -> String? {
        if isVariable, let help = part(of: name) {
            problems.error(
                "bad-template", at: template.position, "'{{\(name)}}' is not one text", help: help)
            return nil
        }
        if name == "." || TemplateCompiler.deliveryNames.contains(name) { return name }
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || "._-?".utf8.contains(byte)
        }
        if TemplateCompiler.dateNames.contains(where: { name == "lead." + $0 }) { return name }
        guard isPlain, !name.isEmpty else {
            let node = SettingNode(.text(name), at: template.position)
            return scope.leadName(node, problems: &problems).map { encoded($0, fields: &fields) }
        }
        if !name.utf8.contains(0x2E) {
            if scope.tableIndex(name) == nil { fields.insert(name) }
            return name
        }
        if ["delivery"].contains(name.split(separator: ".").first.map(String.init) ?? "") {
            problems.error(
                "unknown-name", at: template.position, "a delivery has no '\(name)'",
                help: "write 'delivery.id', 'delivery.pool' or 'delivery.member'")
            return nil
        }
        let node = SettingNode(.text(name), at: template.position)
        return scope.leadName(node, problems: &problems) == nil ? nil : name
    }

    /// A name that the library can read: other characters than its own as `*` and hexadecimal.
    private func encoded(_ name: Name, fields: inout Set<String>) -> String {
        func hex(_ text: String) -> String {
            "*" + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        switch name {
        case .field(let field):
            fields.insert(field)
            return hex(field)
        case .consent(let key): return "consent." + hex(key)
        case .attribute(let attribute): return "lead." + attribute.rawValue
        case .column(let table, let column):
            let known = scope.tables[table]
            return known.name + "." + hex(known.table?.columns[column] ?? "")
        case .schedule(let number):
            // Refused by `leadName`.
            return "schedule." + scope.schedules.names[number]
        }
    }

    /// The name that `encoded` wrote.
    static func decoded(_ name: String) -> String? {
        let digits = Array(name.utf8)
        guard digits.first == 0x2A else { return nil }
        let bytes = stride(from: 1, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func find(_ part: StaticString, in bytes: [UInt8], from start: Int) -> Int? {
        let first = part.utf8Start.pointee
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == first, bytes[index + 1] == first { return index }
            index += 1
        }
        return nil
    }
}
