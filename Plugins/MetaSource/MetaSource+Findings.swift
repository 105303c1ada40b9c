public import LeadKit

extension MetaSource {
    /// What only these settings can have wrong.
    public static let findings: [FindingKind] = [
        FindingKind(
            .warning, "no-access-token", "a Meta source without an access token",
            why: "Webhooks name leads by their id only; without a token they cannot be read.",
            cure: "Set 'default_access_token', or a token for each page under 'pages:'.",
            wrong: example(""),
            right: example("\n    default_access_token: ${META_PAGE_TOKEN}"))
    ]

    private static func example(_ setting: String) -> String {
        """
        sources:
          facebook:
            plugin: meta
            verify_token: ${META_VERIFY_TOKEN}
            app_secret: ${META_APP_SECRET}\(setting)
        """
    }
}
