public import LeadKit

extension FormWebhookSource {
    /// What only these settings can have wrong.
    public static let findings: [FindingKind] = [
        FindingKind(
            .warning, "no-auth", "a form address that anybody can post to",
            why: "Whoever finds the address can send made-up leads to your stores.",
            cure: "Add 'auth', and let the website send the header.",
            wrong: "sources: {website: {plugin: webhook}}",
            right: "sources: {website: {plugin: webhook, auth: {header: X-Form-Token, secret: \"${FORM_TOKEN}\"}}}"
        )
    ]
}
