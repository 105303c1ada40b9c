public import LeadKit

/// `retention:`: how long leads that are over are kept, counted from when they were taken in. A
/// limit that is not set keeps them for ever.
public struct RetentionSettings: PluginConfig {
    /// Of leads that were delivered, or dropped by a rule.
    public var delivered: Duration?
    /// Of leads with a dead letter.
    public var dead: Duration?
    /// Of leads that the rules hold.
    public var held: Duration?
    /// Of what was kept aside.
    public var quarantined: Duration?

    /// The shortest that may be asked for: an hour less would be a slip.
    public static let least = Duration.seconds(3600)

    /// Everything is kept.
    public init() {}

    /// The settings.
    public static let settings: [Setting<RetentionSettings>] = [
        .optional(
            "delivered", \.delivered,
            "How long delivered and dropped leads are kept, such as '90d'; for ever unless set."),
        .optional("dead", \.dead, "How long leads with a dead letter are kept."),
        .optional("held", \.held, "How long leads that the rules hold are kept."),
        .optional("quarantined", \.quarantined, "How long what was kept aside is kept."),
    ]

    /// Refuses a limit that would erase a lead on the day it comes.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        for (name, limit) in [
            ("delivered", delivered), ("dead", dead), ("held", held), ("quarantined", quarantined),
        ] {
            guard let limit, limit < RetentionSettings.least else { continue }
            problems.error(
                "bad-value", at: node[name]?.position ?? node.position,
                "'\(name)' must be at least 1h: what it erases is gone",
                help: "write a number of days, such as '\(name): 90d'")
        }
    }
}
