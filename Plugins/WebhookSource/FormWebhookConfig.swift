public import LeadKit

/// The settings of `plugin: webhook`.
public struct FormWebhookConfig: PluginConfig {
    /// What a sender must know.
    public var auth: FormAuth?
    /// The member or field that holds the lead's id.
    public var id = "id"
    /// Names of members or fields → names of answers.
    public var rename = NamedSettings<String>()
    /// The field that people do not see and robots fill in.
    public var honeypot: String?

    /// Every setting at its default.
    public init() {}

    /// The settings, in the order of the manual.
    public static let settings: [Setting<FormWebhookConfig>] = [
        .optional(
            "auth", \.auth, "The header and the secret that every sender must send along."),
        .optional(
            "id", \.id, default: "id",
            "The member or field that holds the lead's id; without it the same content is one lead."
        ),
        .optional(
            "rename", \.rename, default: "{}",
            "Names of members or fields and what they become: an answer's name, or an attribute such"
                + " as 'created_time' or 'form_id'."),
        .optional(
            "honeypot", \.honeypot,
            "A field that people do not see; a submission that fills it in is dropped."),
    ]

    /// Warns of an open door.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        if auth == nil {
            problems.warning(
                "no-auth", at: node.position, "anybody who knows the address can post leads",
                help: "add 'auth: {header: X-Form-Token, secret: \"${FORM_TOKEN}\"}'")
        }
    }
}

/// A header that every sender must send along.
public struct FormAuth: PluginConfig {
    /// The header's name, in any case.
    public var header = ""
    /// What it must hold: one of these; while it is changed the new one, then the old one.
    public var secrets: [Secret] = []
    /// The most secrets of a header: the current and the previous one.
    public static let secretsMax = 2

    /// Nothing yet.
    public init() {}

    /// The settings.
    public static let settings: [Setting<FormAuth>] = [
        .required("header", \.header, "The header's name, such as 'X-Form-Token'."),
        .required(
            "secret", \.secrets,
            "What the header must hold; while it is changed, a list of the new and the old one."),
    ]

    /// Refuses a name that no request can have and a list without a secret: nobody could ever post.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        let place = node["secret"]?.position ?? node.position
        if secrets.isEmpty {
            problems.error("bad-value", at: place, "'secret' has no secret: nobody could post")
        }
        if secrets.count > FormAuth.secretsMax {
            problems.error(
                "bad-value", at: place,
                "'secret' has over two secrets; keep the current and the previous one")
        }
        let isToken = header.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
        if !isToken {
            problems.error(
                "bad-value", at: node["header"]?.position ?? node.position,
                "'\(header)' is no name of a header")
        }
    }
}
