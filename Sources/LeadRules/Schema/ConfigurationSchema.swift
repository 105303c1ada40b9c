public import LeadKit

/// The JSON Schema (draft 7, which YAML editors know best) of every file of a configuration.
///
/// Written from what decodes: `Vocabulary` for the language, the plugins' own settings for sources
/// and sinks. It calls wrong only what the program refuses; the program refuses more.
public struct ConfigurationSchema: Sendable {
    private let catalogue: PluginCatalogue

    /// The schema for a program with these plugins.
    public init(catalogue: PluginCatalogue) { self.catalogue = catalogue }

    /// The schema as JSON text with a line break at its end.
    public var text: String { document.pretty() + "\n" }

    private var document: SchemaNode {
        [
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "leadrouter configuration",
            "description": "Rules that say which lead goes where.",
            "if": ["required": ["tests"]],
            "then": ConfigurationSchema.reference("tests"),
            "else": ConfigurationSchema.reference("configuration"),
            "definitions": .object(definitions),
        ]
    }

    private var definitions: [(name: String, value: SchemaNode)] {
        let language = SchemaForms(isFilledIn: false)
        let service = SchemaForms(isFilledIn: true)
        let sources = catalogue.sources.values.map(\.info).sorted { $0.name < $1.name }
        let sinks = catalogue.sinks.values.map(\.info).sorted { $0.name < $1.name }
        return [
            ("configuration", configuration),
            ("tests", language.node(.group(Vocabulary.testFile))),
            ("answers", ConfigurationSchema.answers), ("rendered", ConfigurationSchema.rendered),
            ("graph", ["type": "object"]),
            ("name", ConfigurationSchema.name), ("route", route(language)),
            ("default", fallback(language)), ("target", target(language)),
            ("targets", ConfigurationSchema.oneOrMore("target")),
            ("member", member(language)), ("condition", condition(language)),
            ("conditions", ConfigurationSchema.several("condition")),
            ("negation", ConfigurationSchema.oneOrMore("condition")), ("test", test(language)),
            (
                "ends",
                [
                    "type": "array", "items": language.node(.decimal), "minItems": 2, "maxItems": 2,
                ]
            ), ("week", ConfigurationSchema.periods(language, of: Vocabulary.days)),
            ("specialDays", ConfigurationSchema.periods(language, of: Vocabulary.dates)),
            ("overrides", ["type": "object", "minProperties": 1]),
            (
                "secretFile",
                [
                    "description": "A secret read from a file.", "type": "object",
                    "properties": ["file": ["type": "string", "description": "The file's path."]],
                    "required": ["file"], "additionalProperties": false,
                ]
            ), ("source", ConfigurationSchema.instance(of: sources, kind: "source")),
            ("sink", ConfigurationSchema.instance(of: sinks, kind: "sink")),
        ]
            + sources.map { ("source-" + $0.name, service.plugin($0, common: [])) }
            + sinks.map {
                ("sink-" + $0.name, service.plugin($0, common: SinkOptions.settings.map(\.info)))
            }
    }
}

// Schedules.
extension ConfigurationSchema {
    /// Periods by names of this form.
    fileprivate static func periods(_ forms: SchemaForms, of names: String) -> SchemaNode {
        [
            "type": "object", "propertyNames": ["pattern": .text(names)],
            "additionalProperties": forms.node(Vocabulary.periods),
        ]
    }
}

// Routes.
extension ConfigurationSchema {
    private var configuration: SchemaNode {
        let language = SchemaForms(isFilledIn: false)
        let service = SchemaForms(isFilledIn: true)
        let members = Vocabulary.topKeys.map { key in
            let forms = ["store", "server"].contains(key.name) ? service : language
            return (name: key.name, value: forms.described(key))
        }
        return [
            "type": "object", "properties": .object(members), "additionalProperties": false,
            "minProperties": 1,
        ]
    }

    fileprivate static let name: SchemaNode = [
        "type": ["string", "number", "boolean"], "pattern": "^[A-Za-z0-9_-]+$",
    ]

    private func route(_ forms: SchemaForms) -> SchemaNode {
        forms.node(.group(Vocabulary.route))
            .adding("oneOf", [["required": ["when"]], ["required": ["always"]]])
            .adding(
                "anyOf",
                [
                    ["required": ["to"]], ["required": ["also_to"]], ["required": ["drop"]],
                    ["required": ["routes"]],
                ]
            )
            .adding("not", ["required": ["to", "drop"]])
            .adding("dependencies", ["match": ["routes"]])
    }

    private func fallback(_ forms: SchemaForms) -> SchemaNode {
        forms.node(.group(Vocabulary.fallback))
            .adding("minProperties", 1).adding("maxProperties", 1)
    }

    private func target(_ forms: SchemaForms) -> SchemaNode {
        guard case .object(let members) = forms.node(.group(Vocabulary.target)) else { return [:] }
        let rest = members.filter { $0.name != "type" }
        return .object(
            [
                ("description", "A sink's name, or a sink with other settings."),
                ("type", ["string", "number", "boolean", "object"]),
                ("pattern", "^[A-Za-z0-9_-]+$"),
            ] + rest + [
                (
                    "anyOf",
                    [
                        ["not": ["type": "object"]],
                        ["required": ["sink"], "not": ["required": ["pool"]]],
                        ["required": ["pool"], "maxProperties": 1],
                    ]
                )
            ])
    }

    private func member(_ forms: SchemaForms) -> SchemaNode {
        guard case .object(let members) = forms.node(.group(Vocabulary.member)) else { return [:] }
        let rest = members.filter { $0.name != "type" }
        return .object(
            [
                ("description", "A sink's name, or 'to' with what else is known of the member."),
                ("type", ["string", "number", "boolean", "object"]),
                ("pattern", "^[A-Za-z0-9_-]+$"),
            ] + rest)
    }

    fileprivate static let answers: SchemaNode = [
        "type": "object",
        "additionalProperties": [
            "type": ["string", "number", "boolean", "array"],
            "items": ["type": ["string", "number", "boolean"]],
        ],
    ]

    fileprivate static let rendered: SchemaNode = [
        "type": "object", "minProperties": 1,
        "additionalProperties": [
            "type": "object", "minProperties": 1,
            "additionalProperties": [
                "type": ["string", "number", "boolean", "object"], "required": ["contains"],
                "additionalProperties": false, "properties": ["contains": [:]],
            ],
        ],
    ]

    fileprivate static func several(_ name: String) -> SchemaNode {
        ["type": "array", "items": reference(name), "minItems": 1]
    }

    fileprivate static func oneOrMore(_ name: String) -> SchemaNode {
        ["anyOf": [reference(name), several(name)]]
    }

    static func reference(_ name: String) -> SchemaNode {
        ["$ref": .text("#/definitions/" + name)]
    }
}

// Conditions.
extension ConfigurationSchema {
    private func condition(_ forms: SchemaForms) -> SchemaNode {
        let attributes = LeadAttribute.allCases.map { "lead." + $0.rawValue }
        let members =
            Vocabulary.combinators.map { (name: $0.name, value: forms.described($0)) }
            + attributes.map { name in
                (name: name, value: ["allOf": [ConfigurationSchema.reference("test")]])
            }
        return [
            "description": "Fields with what they must be, one a line. All lines must hold.",
            "type": "object", "minProperties": 1, "properties": .object(members),
            "patternProperties": ["^\\s*schedule\\.": ConfigurationSchema.scheduleState],
            "additionalProperties": ConfigurationSchema.reference("test"),
            "propertyNames": [
                "pattern": "\\S", "if": ["pattern": "^\\s*lead\\."],
                "then": ["enum": .list(attributes.map { .text($0) })],
            ],
        ]
    }

    private static let scheduleState: SchemaNode = [
        "description": "Whether the schedule is open when the lead is decided.",
        "type": "string",
        "pattern": "^\\s*([Oo][Pp][Ee][Nn]|[Cc][Ll][Oo][Ss][Ee][Dd])\\s*$",
    ]

    /// A text, a list of texts, or a map of operators: each keyword is about its own type only, so
    /// that an editor says exactly what is wrong.
    private func test(_ forms: SchemaForms) -> SchemaNode {
        let known = Vocabulary.operators + Vocabulary.modifiers
        return [
            "description": "A text that the answer equals, a list with it in, or operators.",
            "type": ["string", "number", "boolean", "array", "object"], "pattern": "\\S",
            "items": forms.node(.text), "minItems": 1,
            "properties": .object(known.map { ($0.name, forms.described($0)) }),
            "additionalProperties": false, "minProperties": 1,
            "anyOf": .list(
                [["not": ["type": "object"]]]
                    + Vocabulary.operators.map { ["required": [.text($0.name)]] }),
        ]
    }
}

// Sources and sinks.
extension ConfigurationSchema {
    /// A configured source or sink: the plugin's name says which settings there are.
    fileprivate static func instance(of plugins: [PluginInfo], kind: String) -> SchemaNode {
        let list = plugins.map { "\($0.name): \($0.summary)" }.joined(separator: "\n\n")
        let choice: SchemaNode = [
            "description": .text(list), "enum": .list(plugins.map { .text($0.name) }),
        ]
        let branches: [SchemaNode] = plugins.map { plugin in
            [
                "if": [
                    "properties": ["plugin": ["const": .text(plugin.name)]], "required": ["plugin"],
                ], "then": reference("\(kind)-\(plugin.name)"),
            ]
        }
        return [
            "type": "object", "properties": ["plugin": choice], "required": ["plugin"],
            "allOf": .list(branches),
        ]
    }
}
