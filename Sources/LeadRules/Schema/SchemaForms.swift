internal import LeadKit

/// Writes forms as schemas. YAML editors see `20000` as a number and `true` as a boolean where the
/// language sees texts, so a text may be any of the three.
struct SchemaForms {
    /// Whether `${NAME}` and `{file: PATH}` are replaced here, as in settings of sources and sinks.
    var isFilledIn: Bool

    private static let scalar: SchemaNode = ["string", "number", "boolean"]

    /// A setting or key with its description.
    func described(_ info: SettingInfo) -> SchemaNode {
        var text = info.summary + "\n\nWrite: " + info.shape
        if let fallback = info.fallback { text += "\n\nDefault: " + fallback }
        let form = node(info.form)
        guard case .object(let members) = form, !members.contains(where: { $0.name == "$ref" })
        else { return ["description": .text(text), "allOf": [form]] }
        return .object(
            [("description", .text(text))] + members.filter { $0.name != "description" })
    }

    /// The schema of a form.
    func node(_ form: SettingForm) -> SchemaNode {
        switch form {
        case .text: orFile(["type": SchemaForms.scalar, "pattern": "\\S"])
        case .pattern(let pattern): ["type": "string", "pattern": .text(orVariable(pattern))]
        case .boolean:
            ["type": ["boolean", "string"], "pattern": .text(orVariable("^(true|false)$"))]
        case .wholeNumber:
            [
                "type": ["integer", "string"], "minimum": 0,
                "pattern": .text(orVariable("^[0-9]+$")),
            ]
        case .decimal:
            ["type": ["number", "string"], "pattern": "^\\s*[+-]?[0-9]+(\\.[0-9]+)?\\s*$"]
        case .choice(let texts): choice(texts)
        case .list(let form, let orOne, let mayBeEmpty):
            list(node(form), orOne: orOne, mayBeEmpty: mayBeEmpty)
        case .map(let form, let areIdentifiers): map(node(form), areIdentifiers: areIdentifiers)
        case .group(let infos): group(infos)
        case .definition(let name): ConfigurationSchema.reference(name)
        }
    }

    /// All settings of a plugin, and those that the engine reads.
    func plugin(_ info: PluginInfo, common: [SettingInfo]) -> SchemaNode {
        let plugin = SettingInfo(
            "plugin", "the plugin's name", info.summary, form: .choice([info.name]),
            isRequired: true)
        return group([plugin] + info.settings + common)
    }

    private func orFile(_ node: SchemaNode) -> SchemaNode {
        isFilledIn ? ["anyOf": [node, ConfigurationSchema.reference("secretFile")]] : node
    }

    private func orVariable(_ pattern: String) -> String {
        isFilledIn ? pattern + "|\\$\\{" : pattern
    }

    private func choice(_ texts: [String]) -> SchemaNode {
        let values = texts.flatMap { text -> [SchemaNode] in
            if let number = Int(text) { return [.number(number), .text(text)] }
            return text == "true" ? [.flag(true), .text(text)] : [.text(text)]
        }
        let known: SchemaNode = ["enum": .list(values)]
        return isFilledIn
            ? ["anyOf": [known, ["type": "string", "pattern": "\\$\\{"]]] : known
    }

    private func list(_ element: SchemaNode, orOne: Bool, mayBeEmpty: Bool) -> SchemaNode {
        let list: SchemaNode = ["type": "array", "items": element]
        let node = mayBeEmpty ? list : list.adding("minItems", 1)
        return orOne ? ["anyOf": [element, node]] : node
    }

    private func map(_ value: SchemaNode, areIdentifiers: Bool) -> SchemaNode {
        let map: SchemaNode = ["type": "object", "additionalProperties": value]
        guard areIdentifiers else { return map }
        let reserved = SchemaNode.list(NameScope.reserved.sorted().map { .text($0) })
        return map.adding(
            "propertyNames",
            ["pattern": "^[A-Za-z0-9_-]+$", "not": ["enum": reserved]])
    }

    private func group(_ infos: [SettingInfo]) -> SchemaNode {
        let members = infos.map { (name: $0.name, value: described($0)) }
        let required = infos.filter(\.isRequired).map { SchemaNode.text($0.name) }
        let node: SchemaNode = [
            "type": "object", "properties": .object(members), "additionalProperties": false,
        ]
        return required.isEmpty ? node : node.adding("required", .list(required))
    }
}
