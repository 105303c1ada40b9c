public import LeadKit

extension HTTPSink {
    /// What only these settings can have wrong.
    public static let findings: [FindingKind] = [
        FindingKind(
            .error, "bad-header", "a header that cannot be sent",
            why: "Some headers are the program's own, and names have no blanks.",
            cure: "Correct the name, or use the setting that the message names.",
            wrong: example("headers: {Content-Type: text/plain}"),
            right: example("content_type: text/plain")),
        FindingKind(
            .error, "unused-setting", "a setting that has no effect beside the others",
            why: "Its author expects something of it.",
            cure: "Add what the help line names, or remove it.",
            wrong: example("body: '{\"make\": \"{{car_make}}\"}'"),
            right: example("format: template\n    body: '{\"make\": \"{{car_make}}\"}'")),
    ]

    private static func example(_ setting: String) -> String {
        """
        sinks:
          crm:
            plugin: http
            url: https://crm.example.com/leads
            \(setting)
        default: {to: crm}
        """
    }
}
