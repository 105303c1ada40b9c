/// The plugins that a program has, by name.
public struct PluginCatalogue: Sendable {
    /// What can stand under `sources:`.
    public private(set) var sources: [String: AnySourcePlugin] = [:]
    /// What can stand under `sinks:`.
    public private(set) var sinks: [String: AnySinkPlugin] = [:]

    /// Makes a catalogue.
    public init(sources: [any Source.Type] = [], sinks: [any Sink.Type] = []) {
        for source in sources { add(source) }
        for sink in sinks { add(sink) }
    }

    private mutating func add<S: Source>(_ type: S.Type) { sources[S.name] = AnySourcePlugin(type) }
    private mutating func add<S: Sink>(_ type: S.Type) { sinks[S.name] = AnySinkPlugin(type) }
}

/// What the manual says of a plugin.
public struct PluginInfo: Sendable {
    /// What stands behind `plugin:`.
    public let name: String
    /// One sentence.
    public let summary: String
    /// A piece of configuration that works.
    public let example: String
    /// Its settings.
    public let settings: [SettingInfo]
    /// The kinds of findings that only its settings have.
    public let findings: [FindingKind]

    init<P: Plugin>(_ type: P.Type) {
        name = P.name
        summary = P.summary
        example = P.example
        settings = P.Config.settings.map(\.info)
        findings = P.findings
    }
}

/// A kind of sink with its type erased: decodes settings, then makes instances.
public struct AnySinkPlugin: Sendable {
    /// What the manual says.
    public let info: PluginInfo
    /// How long an attempt may take where the configuration does not say.
    public let timeout: Duration
    private let decoder:
        @Sendable (SettingNode, Set<String>, inout SettingProblems) -> SinkBlueprint?

    init<S: Sink>(_ type: S.Type) {
        info = PluginInfo(type)
        timeout = S.timeout
        decoder = { node, ignoring, problems in
            guard let config = S.Config.decode(node, ignoring: ignoring, problems: &problems) else {
                return nil
            }
            return SinkBlueprint(
                templates: config.templates, body: { S.body(of: $0, config: config) },
                refusal: { S.refusal(of: $0, config: config) },
                make: { context in try await S(config: config, context: context) })
        }
    }

    /// Reads the settings of one instance; `ignoring` are the engine's own names.
    public func decode(
        _ node: SettingNode, ignoring: Set<String>, problems: inout SettingProblems
    ) -> SinkBlueprint? {
        decoder(node, ignoring, &problems)
    }
}

/// A sink whose settings are read and that is not running yet.
public struct SinkBlueprint: Sendable {
    /// The settings that are filled in for each delivery.
    public let templates: [Template]
    /// The body that the sink would make of a delivery; see `Sink.body(of:config:)`.
    public let body: @Sendable (Delivery) -> String?
    /// Why the sink would never send a delivery; see `Sink.refusal(of:config:)`.
    public let refusal: @Sendable (Delivery) -> String?
    /// Makes the instance; touches nothing outside.
    public let make: @Sendable (PluginContext) async throws -> any Sink
}

/// A kind of source with its type erased: decodes settings, then makes instances.
public struct AnySourcePlugin: Sendable {
    /// What the manual says.
    public let info: PluginInfo
    private let decoder:
        @Sendable (SettingNode, Set<String>, inout SettingProblems) -> SourceBlueprint?
    private let namer: @Sendable (SettingNode, Set<String>) -> LeadNames?

    init<S: Source>(_ type: S.Type) {
        info = PluginInfo(type)
        namer = { node, ignoring in
            // Whoever loads the settings tells of them.
            var problems = SettingProblems()
            return S.Config.decode(node, ignoring: ignoring, problems: &problems)
                .map { S.names(of: $0) }
        }
        decoder = { node, ignoring, problems in
            guard let config = S.Config.decode(node, ignoring: ignoring, problems: &problems) else {
                return nil
            }
            return SourceBlueprint { context in try await S(config: config, context: context) }
        }
    }

    /// Reads the settings of one instance; `ignoring` are the engine's own names.
    public func decode(
        _ node: SettingNode, ignoring: Set<String>, problems: inout SettingProblems
    ) -> SourceBlueprint? {
        decoder(node, ignoring, &problems)
    }

    /// What an instance calls things, as far as its settings can be read; secrets need not be
    /// filled in.
    public func names(_ node: SettingNode, ignoring: Set<String>) -> LeadNames? {
        namer(node, ignoring)
    }
}

/// A source whose settings are read and that is not running yet.
public struct SourceBlueprint: Sendable {
    /// Makes the instance; touches nothing outside.
    public let make: @Sendable (PluginContext) async throws -> any Source
}
