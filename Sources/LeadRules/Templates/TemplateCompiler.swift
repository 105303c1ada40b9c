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

    static let deliveryNames = ["delivery.id", "route", "fields"]
    static let dateNames = ["created_date", "received_date"]

    func compile(_ template: Template, problems: inout SettingProblems) -> CompiledTemplate? {
        var fields: Set<String> = []
        guard check(template, fields: &fields, problems: &problems) else { return nil }
        do {
            // Values escape themselves for their place; the library must not do it again. The
            // pragma stands on a line of its own, which the library removes.
            let mustache = try MustacheTemplate(string: "{{%CONTENT_TYPE:TEXT}}\n" + template.source)
            return CompiledTemplate(template: template, mustache: mustache, fields: fields)
        } catch {
            problems.error(
                "bad-template", at: template.position, "the template is not valid Mustache",
                help: "check that each {{#name}} has its {{/name}}, in the right order")
            return nil
        }
    }

    /// Looks at each tag; answers whether all are good.
    private func check(
        _ template: Template, fields: inout Set<String>, problems: inout SettingProblems
    ) -> Bool {
        let bytes = Array(template.source.utf8)
        var index = 0
        var isGood = true
        while let open = TemplateCompiler.find("{{", in: bytes, from: index) {
            guard let close = TemplateCompiler.find("}}", in: bytes, from: open + 2) else {
                problems.error(
                    "bad-template", at: template.position, "a '{{' has no '}}'",
                    help: "close it, or write the brackets another way")
                return false
            }
            let tag = String(decoding: bytes[(open + 2)..<close], as: UTF8.self)
            if !check(tag: tag, of: template, fields: &fields, problems: &problems) { isGood = false }
            index = close + 2
        }
        return isGood
    }

    private func check(
        tag: String, of template: Template, fields: inout Set<String>,
        problems: inout SettingProblems
    ) -> Bool {
        let trimmed = tag.trimmed
        guard let mark = trimmed.unicodeScalars.first else {
            problems.error("bad-template", at: template.position, "a tag '{{}}' is empty")
            return false
        }
        switch mark {
        case "!": return true
        case "{", "&":
            problems.error(
                "bad-template", at: template.position, "'{{\(tag)' would not be escaped",
                help: "write two brackets: each place escapes what it needs")
            return false
        case "=", ">", "<", "$", "%":
            problems.error(
                "bad-template", at: template.position, "'{{\(trimmed)}}' is not part of this language",
                help: "names, {{#sections}}, {{^inverted sections}} and {{! comments}} are")
            return false
        case "#", "^", "/":
            let name = String(String.UnicodeScalarView(trimmed.unicodeScalars.dropFirst())).trimmed
            return check(name: name, of: template, fields: &fields, problems: &problems)
        default:
            return check(name: trimmed, of: template, fields: &fields, problems: &problems)
        }
    }

    private func check(
        name: String, of template: Template, fields: inout Set<String>,
        problems: inout SettingProblems
    ) -> Bool {
        if name == "." || TemplateCompiler.deliveryNames.contains(name) { return true }
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || "._-?*".utf8.contains(byte)
        }
        guard isPlain, !name.isEmpty else {
            problems.error(
                "bad-template", at: template.position, "'\(name)' cannot be named in a template",
                help: "names have letters, digits, '_', '-', '?' and dots; "
                    + "walk other answers with {{#fields}}{{name}}: {{value}}{{/fields}}")
            return false
        }
        if TemplateCompiler.dateNames.contains(where: { name == "lead." + $0 }) { return true }
        if !name.utf8.contains(0x2E) {
            if scope.tableIndex(name) == nil { fields.insert(name) }
            return true
        }
        if ["delivery"].contains(name.split(separator: ".").first.map(String.init) ?? "") {
            problems.error(
                "unknown-name", at: template.position, "a delivery has no '\(name)'",
                help: "write 'delivery.id'")
            return false
        }
        let node = SettingNode(.text(name), at: template.position)
        return scope.name(node, problems: &problems) != nil
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
