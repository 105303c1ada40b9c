/// One setting of a plugin: decodes it, defaults it, checks it, and is its line in the manual.
public struct Setting<Config>: Sendable {
    /// What the manual and the schema say of it.
    public let info: SettingInfo
    let apply: @Sendable (SettingNode, inout Config, inout SettingProblems) -> Void
    let collect: @Sendable (Config) -> [Template]

    /// A setting that must be there.
    public static func required<Value: SettingValue>(
        _ name: String, _ path: any WritableKeyPath<Config, Value> & Sendable, _ summary: String
    ) -> Setting {
        plain(name, path, summary, isRequired: true, fallback: nil)
    }

    /// A setting with a default: the value that `Config.init()` gives it, described by `default`.
    public static func optional<Value: SettingValue>(
        _ name: String, _ path: any WritableKeyPath<Config, Value> & Sendable,
        default fallback: String, _ summary: String
    ) -> Setting {
        plain(name, path, summary, isRequired: false, fallback: fallback)
    }

    /// A setting that may be left out altogether.
    public static func optional<Value: SettingValue>(
        _ name: String, _ path: any WritableKeyPath<Config, Value?> & Sendable, _ summary: String
    ) -> Setting {
        Setting(
            info: SettingInfo(
                name, Value.shape, summary, form: Value.form, isSecret: Value.self == Secret.self),
            apply: { node, config, problems in
                if let value = Value.decode(node, problems: &problems) {
                    config[keyPath: path] = value
                }
            }, collect: { _ in [] })
    }

    /// A text out of a fixed set, such as `text` or `html`.
    public static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ path: any WritableKeyPath<Config, Value> & Sendable,
        default fallback: Value, _ summary: String
    ) -> Setting {
        let known = Value.allCases.map(\.rawValue)
        let shape = "one of " + known.map { "'\($0)'" }.joined(separator: ", ")
        return Setting(
            info: SettingInfo(
                name, shape, summary, form: .choice(known), fallback: fallback.rawValue),
            apply: { node, config, problems in
                if let value = node.text.flatMap(Value.init(rawValue:)) {
                    config[keyPath: path] = value
                } else {
                    problems.error(
                        "bad-value", at: node.position,
                        "\(node.shown) is not \(shape)",
                        help: node.isSecret
                            ? nil : node.text.flatMap { Nearest.help(for: $0, among: known) })
                }
            }, collect: { _ in [] })
    }

    /// A text that is filled in for each delivery.
    public static func template(
        _ name: String, _ path: any WritableKeyPath<Config, Template?> & Sendable,
        in place: Template.Place, isRequired: Bool = false, default fallback: String? = nil,
        _ summary: String
    ) -> Setting {
        Setting(
            info: SettingInfo(
                name, "a template (\(place.rawValue))", summary, isRequired: isRequired,
                fallback: fallback, place: place),
            apply: { node, config, problems in
                guard let text = String.decode(node, problems: &problems) else { return }
                config[keyPath: path] = Template(
                    name: name, source: text, place: place, position: node.position,
                    isRequired: isRequired, isSecret: node.isSecret)
            }, collect: { [$0[keyPath: path]].compactMap(\.self) })
    }

    /// A map of texts that are filled in for each delivery, such as HTTP headers.
    public static func templates(
        _ name: String, _ path: any WritableKeyPath<Config, [Template]> & Sendable,
        in place: Template.Place, _ summary: String
    ) -> Setting {
        Setting(
            info: SettingInfo(
                name, "a map from names to templates (\(place.rawValue))", summary,
                form: .map(.text, areIdentifiers: false), place: place),
            apply: { node, config, problems in
                guard let entries = node.entries else {
                    problems.error(
                        "bad-value", at: node.position, "\(node.kindName) is not a map of texts")
                    return
                }
                for (key, value) in entries {
                    guard let text = String.decode(value, problems: &problems) else { continue }
                    config[keyPath: path].append(
                        Template(
                            name: "\(name).\(key.text ?? "")", source: text, place: place,
                            position: value.position, isSecret: value.isSecret))
                }
            }, collect: { $0[keyPath: path] })
    }

    private static func plain<Value: SettingValue>(
        _ name: String, _ path: any WritableKeyPath<Config, Value> & Sendable, _ summary: String,
        isRequired: Bool, fallback: String?
    ) -> Setting {
        Setting(
            info: SettingInfo(
                name, Value.shape, summary, form: Value.form, isRequired: isRequired,
                fallback: fallback,
                isSecret: Value.self == Secret.self || Value.self == [Secret].self),
            apply: { node, config, problems in
                if let value = Value.decode(node, problems: &problems) {
                    config[keyPath: path] = value
                }
            }, collect: { _ in [] })
    }
}

/// A setting as the manual, the schema and `leadrouter plugins` show it.
public struct SettingInfo: Sendable, Equatable {
    /// Its name, snake_case.
    public let name: String
    /// What to write.
    public let shape: String
    /// One sentence.
    public let summary: String
    /// Whether it must be there.
    public let isRequired: Bool
    /// What it is when left out, as the author would write it.
    public let fallback: String?
    /// Whether it is a secret.
    public let isSecret: Bool
    /// Whether it is filled in for each delivery, and so may stand under `with:` of a target.
    public var isTemplate: Bool { place != nil }
    /// Where a template's text lands; nil for other settings.
    public let place: Template.Place?
    /// What may be written, for the schema.
    public let form: SettingForm

    /// Describes a setting, or a key of the rule language.
    public init(
        _ name: String, _ shape: String, _ summary: String, form: SettingForm = .text,
        isRequired: Bool = false, fallback: String? = nil, isSecret: Bool = false,
        place: Template.Place? = nil
    ) {
        self.name = name
        self.shape = shape
        self.summary = summary
        self.form = form
        self.isRequired = isRequired
        self.fallback = fallback
        self.isSecret = isSecret
        self.place = place
    }
}

/// The settings of a plugin, or of a group of settings within one.
///
/// One list decodes, defaults, checks, suggests and documents. A nested group is a setting whose
/// type is another `PluginConfig`.
public protocol PluginConfig: SettingValue {
    /// Every setting at its default.
    init()
    /// The settings, in the order of the manual.
    static var settings: [Setting<Self>] { get }
    /// Checks what no single setting can: combinations. Does nothing unless written.
    func check(at node: SettingNode, problems: inout SettingProblems)
}

extension PluginConfig {
    /// What to write.
    public static var shape: String {
        "a map of " + settings.map { "'\($0.info.name)'" }.joined(separator: ", ")
    }

    /// Checks nothing.
    public func check(at node: SettingNode, problems: inout SettingProblems) {}

    /// The templates among the settings.
    public var templates: [Template] { Self.settings.flatMap { $0.collect(self) } }

    /// Reads a map; see `decode(_:ignoring:problems:)`.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Self? {
        decode(node, ignoring: [], problems: &problems)
    }

    /// Reads a map: unknown names are errors with the nearest known name, missing required ones
    /// are errors, all in one pass. `ignoring` are names that somebody else reads.
    public static func decode(
        _ node: SettingNode, ignoring: Set<String>, problems: inout SettingProblems
    ) -> Self? {
        guard let entries = node.entries else { return refuse(node, problems: &problems) }
        let errorsBefore = problems.errorCount
        var config = Self()
        var seen: Set<String> = []
        for (name, value) in entries {
            guard let text = name.text, !ignoring.contains(text) else { continue }
            guard let setting = settings.first(where: { $0.info.name == text }) else {
                problems.error(
                    "unknown-setting", at: name.position, "unknown setting '\(text)'",
                    help: Nearest.help(
                        for: text, among: settings.map(\.info.name) + ignoring.sorted()))
                continue
            }
            seen.insert(text)
            setting.apply(value, &config, &problems)
        }
        for setting in settings where setting.info.isRequired && !seen.contains(setting.info.name) {
            problems.error(
                "missing-setting", at: node.position, "setting '\(setting.info.name)' is missing",
                help: "add '\(setting.info.name):' with \(setting.info.shape)")
        }
        if problems.errorCount == errorsBefore { config.check(at: node, problems: &problems) }
        return problems.errorCount == errorsBefore ? config : nil
    }
}
