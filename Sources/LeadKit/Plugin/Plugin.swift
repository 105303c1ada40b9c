public import Logging

/// What sources and sinks share: a name, a sentence, an example, and settings.
///
/// Life cycle: the settings are decoded; `init` checks what it can without the network; `probe`
/// (optional) asks the other side; then `run`, `receive` or `deliver`; at the end `close`, once or
/// more.
public protocol Plugin: Sendable {
    /// The settings.
    associatedtype Config: PluginConfig
    /// What stands behind `plugin:`; lower case.
    static var name: String { get }
    /// One sentence for the manual.
    static var summary: String { get }
    /// A piece of configuration that works.
    static var example: String { get }
    /// The kinds of findings that only this plugin's settings have. None unless written.
    static var findings: [FindingKind] { get }
    /// Makes an instance. Must not touch the network.
    ///
    /// - Throws: when the settings cannot work, with a sentence that says what to change.
    init(config: Config, context: PluginContext) async throws
    /// Lets go of files and connections. May be called twice.
    func close() async
}

extension Plugin {
    /// No findings of its own.
    public static var findings: [FindingKind] { [] }

    /// Nothing to let go of.
    public func close() async {}
}

/// What an instance gets from its surroundings.
public struct PluginContext: Sendable {
    /// The name of the configured instance, such as `store-email`.
    public var instance: String
    /// Where to log. Never log values of a lead.
    public var logger: Logger

    /// Makes a context.
    public init(instance: String, logger: Logger) {
        self.instance = instance
        self.logger = logger
    }
}
