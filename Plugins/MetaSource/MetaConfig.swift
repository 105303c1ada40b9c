public import LeadKit

/// The settings of `plugin: meta`.
public struct MetaConfig: PluginConfig {
    /// What the app's dashboard sends when the callback is saved: one of these.
    public var verifyTokens: [Secret] = []
    /// The app's secret; during a rotation the current one, then the previous one.
    public var appSecrets: [Secret] = []
    /// Where the Graph API is.
    public var graphURL = "https://graph.facebook.com"
    /// Its version.
    public var graphVersion = "v21.0"
    /// The pages, by id.
    public var pages = NamedSettings<MetaPage>()
    /// The token for pages that have none of their own.
    public var defaultAccessToken: Secret?
    /// The forms that bulk reads take when none are named.
    public var forms: [String] = []
    /// The lead fields to ask for.
    public var fields = FieldChoice.recommended
    /// Whether each call proves that it knows the app's secret.
    public var appsecretProof = true
    /// How to look for leads whose webhook never came.
    public var catchUp: MetaCatchUp?

    /// Every setting at its default.
    public init() {}

    /// The settings, in the order of the manual.
    public static let settings: [Setting<MetaConfig>] = [
        .required(
            "verify_token", \.verifyTokens,
            "The verify token that you type into the app's webhook dialogue; while it is changed a"
                + " list of the new and the old one."),
        .required(
            "app_secret", \.appSecrets,
            "The app's secret, which signs webhooks; during a rotation a list of the current and the"
                + " previous one."),
        .optional(
            "graph_url", \.graphURL, default: "https://graph.facebook.com",
            "Where the Graph API is; plain http only for this machine."),
        .optional("graph_version", \.graphVersion, default: "v21.0", "The Graph API's version."),
        .optional(
            "pages", \.pages, default: "{}",
            "The pages whose leads are taken, by page id, each with its 'access_token'."),
        .optional(
            "default_access_token", \.defaultAccessToken,
            "The access token for pages that are not listed; with it, leads of any page are taken."),
        .optional(
            "forms", \.forms, default: "[]",
            "The forms that catch-up and bulk reads take; empty: every form of the pages."),
        .optional(
            "fields", \.fields, default: FieldChoice.recommended.joined(separator: ","),
            "The lead fields to ask for; when the API does not know one, the few that every version"
                + " knows are asked for instead."),
        .optional(
            "appsecret_proof", \.appsecretProof, default: "true",
            "Whether calls carry the proof that they come from the app's owner."),
        .optional(
            "catch_up", \.catchUp,
            "How often forms are swept for missed leads. This version does not sweep yet: import."),
    ]

    /// Refuses what no single setting can see.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        if let problem {
            problems.error("bad-value", at: node.position, problem)
        }
        if PlainAddress.isOpen(graphURL) {
            problems.warning(
                "plain-transport", at: node["graph_url"]?.position ?? node.position,
                "tokens and leads would go readable over the network",
                help: "write 'https:'")
        }
        if pages.entries.isEmpty && defaultAccessToken == nil {
            problems.warning(
                "no-access-token", at: node.position, "no page has an access token",
                help: "add the page under 'pages:', or set 'default_access_token:'; until then its"
                    + " leads are quarantined")
        }
    }

    /// The token to read what belongs to a page; nil when there is none.
    func token(page: String?) -> Secret? {
        page.flatMap { pages[$0] }?.accessToken ?? defaultAccessToken
    }
}

/// One page.
public struct MetaPage: PluginConfig {
    /// The page's token.
    public var accessToken = Secret("")

    /// Without a token.
    public init() {}

    /// The settings.
    public static let settings: [Setting<MetaPage>] = [
        .required("access_token", \.accessToken, "The page's long-lived access token.")
    ]
}

/// How to look for leads whose webhook never came.
public struct MetaCatchUp: PluginConfig {
    /// How often.
    public var every = Duration.seconds(15 * 60)
    /// How far each sweep reaches back behind the last lead seen.
    public var overlap = Duration.seconds(10 * 60)

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<MetaCatchUp>] = [
        .optional("every", \.every, default: "15m", "How often each form is swept."),
        .optional(
            "overlap", \.overlap, default: "10m",
            "How far a sweep reaches back behind the newest lead known."),
    ]
}

extension MetaConfig {
    /// What cannot work, if anything; a sentence without secrets.
    var problem: String? {
        secretProblem ?? tokenProblem ?? addressProblem ?? idProblem
    }

    private var secretProblem: String? {
        if appSecrets.isEmpty || appSecrets.contains(where: { $0.revealed.trimmed.isEmpty }) {
            return "'app_secret' is empty: anybody could sign webhooks"
        }
        if appSecrets.count > 2 {
            return "'app_secret' has over two secrets; keep the current and the previous one"
        }
        if verifyTokens.isEmpty || verifyTokens.contains(where: { $0.revealed.trimmed.isEmpty }) {
            return "'verify_token' is empty: anybody could subscribe"
        }
        return verifyTokens.count > 2
            ? "'verify_token' has over two tokens; keep the current and the previous one" : nil
    }

    private var tokenProblem: String? {
        // A token goes into a header: a line break in it would begin another one.
        for (page, settings) in pages.entries where !settings.accessToken.revealed.isHeaderToken {
            return "the access token of page '\(page)' is blank or has characters no token has"
        }
        if let token = defaultAccessToken, !token.revealed.isHeaderToken {
            return "'default_access_token' is blank or has characters no token has"
        }
        return nil
    }

    private var addressProblem: String? {
        if let problem = GraphAddress.problem(graphURL) { return problem }
        guard graphVersion.utf8.first == UInt8(ascii: "v"),
            graphVersion.utf8.dropFirst().allSatisfy({ $0.isDigit || $0 == UInt8(ascii: ".") }),
            (4...8).contains(graphVersion.utf8.count)
        else { return "'graph_version' is not a version such as 'v21.0'" }
        return nil
    }

    private var idProblem: String? {
        for (page, _) in pages.entries where GraphID(page) == nil {
            return "'\(page)' is no page id; write it as digits in quotes"
        }
        for form in forms where GraphID(form) == nil {
            return "'\(form)' is no form id; write it as digits in quotes"
        }
        for field in fields where !FieldChoice.isName(field) {
            return "'\(field)' in 'fields' is no field name"
        }
        return nil
    }
}

extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }
}

extension String {
    /// Whether the text can stand in a header as a token: printable ASCII without blanks.
    fileprivate var isHeaderToken: Bool {
        !utf8.isEmpty && utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
