internal import LeadKit

/// A template of the configuration with the names it asks for.
struct NamedTemplate {
    var template: Template
    /// The sink it belongs to.
    var sink: String
    var names: Set<Name>
}

extension LintSubject {
    /// Every template: of the sinks, and of targets that override some.
    var templates: [NamedTemplate] {
        let library = ruleSet.templates
        var scope = library.compiler.scope
        let sinks = library.sinks.sorted { $0.key < $1.key }.flatMap { sink, templates in
            templates.map { ($0.template, sink) }
        }
        let overrides = library.overrides.flatMap { target, templates in
            templates.map { ($0.template, target.sink) }
        }
        return (sinks + overrides).map { template, sink in
            NamedTemplate(
                template: template, sink: sink,
                names: TemplateNames.names(in: template, scope: &scope))
        }
    }
}

/// Reads the tags of a Mustache text that was compiled already, so that every tag is a good one.
enum TemplateNames {
    static func names(in template: Template, scope: inout NameScope) -> Set<Name> {
        var names: Set<Name> = []
        var insideFields = 0
        for tag in tags(in: template.source) {
            let mark = tag.unicodeScalars.first ?? " "
            let isSection = "#^/".unicodeScalars.contains(mark)
            let text =
                isSection
                ? String(String.UnicodeScalarView(tag.unicodeScalars.dropFirst())).trimmed : tag
            if text == "fields" {
                insideFields += mark == "#" ? 1 : mark == "/" ? -1 : 0
                continue
            }
            // Within {{#fields}} these two are the answer's.
            if insideFields > 0, text == "name" || text == "value" { continue }
            if mark == "!" || text == "." || TemplateCompiler.deliveryNames.contains(text) {
                continue
            }
            if TemplateCompiler.dateNames.contains(where: { text == "lead." + $0 }) { continue }
            // A section may be named like a table, to walk into its row.
            if scope.tableIndex(text) != nil || ["lead", "consent"].contains(text) { continue }
            var ignored = SettingProblems()
            let node = SettingNode(.text(text), at: template.position)
            if let name = scope.name(node, problems: &ignored) { names.insert(name) }
        }
        return names
    }

    private static func tags(in source: String) -> [String] {
        var result: [String] = []
        var rest = Array(source.utf8)[...]
        while let open = find(0x7B, in: rest),
            let close = find(0x7D, in: rest[(open + 2)...])
        {
            result.append(String(decoding: rest[(open + 2)..<close], as: UTF8.self).trimmed)
            rest = rest[(close + 2)...]
        }
        return result
    }

    /// Where the byte stands twice in a row.
    private static func find(_ byte: UInt8, in bytes: ArraySlice<UInt8>) -> Int? {
        bytes.indices.dropLast().first { bytes[$0] == byte && bytes[$0 + 1] == byte }
    }
}
