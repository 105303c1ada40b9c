public import LeadKit

extension SMTPSink {
    /// What only these settings can have wrong.
    public static let findings: [FindingKind] = [
        FindingKind(
            .error, "bad-sender", "a sender that is no mail address",
            why: "Every mail would be refused.",
            cure: "Write an address, or 'Name <address>'.",
            wrong: example(from: "Leads of Harbor Honda", tls: "required"),
            right: example(from: "Harbor Honda <leads@harbor.example>", tls: "required")),
        FindingKind(
            .error, "plain-password", "a password that would go over an open line",
            why: "Anyone on the way could read it.",
            cure: "Write 'tls: required', or 'smtps://'.",
            wrong: example(from: "leads@harbor.example", tls: "off", login: true),
            right: example(from: "leads@harbor.example", tls: "required", login: true)),
    ]

    private static func example(from: String, tls: String, login: Bool = false) -> String {
        """
        sinks:
          mailbox:
            plugin: smtp
            url: smtp://mail.example.com
            tls: \(tls)
            from: \(from)
            to: store@example.com\(login ? "\n    username: leads\n    password: ${MAIL_PASSWORD}" : "")
        default: {to: mailbox}
        """
    }
}
