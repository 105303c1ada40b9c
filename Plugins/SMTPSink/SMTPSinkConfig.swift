import LeadCurl
public import LeadKit

extension SMTPSink {
    /// The settings.
    public struct Config: PluginConfig {
        /// What the body is.
        public enum Format: String, CaseIterable, Sendable {
            case text, html
        }

        /// How the connection is encrypted.
        public enum TLS: String, CaseIterable, Sendable {
            case required, opportunistic, off

            var mode: MailRequest.TLSMode {
                switch self {
                case .required: .required
                case .opportunistic: .opportunistic
                case .off: .off
                }
            }
        }

        var relay = MailServerURL(text: "")
        var url: String { relay.text }
        var tls = TLS.required
        var username: String?
        var password: Secret?
        var from = ""
        var to: Template?
        var subject: Template? = Config.builtIn("subject", Config.defaultSubject, in: .header)
        var replyTo: Template?
        var format = Format.text
        var hello: String?
        private var writtenBody: Template?

        /// The body as written, or the one that belongs to the format; escaped as the format needs.
        var body: Template? {
            get {
                let isHTML = format == .html
                var body =
                    writtenBody
                    ?? Config.builtIn(
                        "body", isHTML ? Config.defaultHTML : Config.defaultText, in: .text)
                body.place = isHTML ? .html : .text
                return body
            }
            set { writtenBody = newValue }
        }

        public init() {}

        public static let settings: [Setting<Config>] = [
            .required(
                "url", \.relay,
                "The relay: 'smtp://HOST[:PORT]', or 'smtps://…' for TLS from the start."),
            .choice(
                "tls", \.tls, default: .required,
                "Whether the connection must be encrypted; certificates are always checked."),
            .optional("username", \.username, "The name to log in with."),
            .optional("password", \.password, "The password to log in with."),
            .required("from", \.from, "The sender: an address, or 'Name <address>'."),
            .template("to", \.to, in: .address, isRequired: true, "The one recipient."),
            .template(
                "subject", \.subject, in: .header, default: defaultSubject, "The subject."),
            .template(
                "reply_to", \.replyTo, in: .address,
                "Where answers go; left out of a mail when it is not one address."),
            .choice("format", \.format, default: .text, "What the body is."),
            .template(
                "body", \.body, in: .text, default: "every answer, then where the lead came from",
                "The body; with 'format: html' values are escaped for HTML."),
            .optional("hello", \.hello, "The host name to say in EHLO, if not the machine's."),
        ]

        static let badSender = "'from' is not a mail address or 'Name <address>'"
        private static let defaultSubject = "New lead {{lead.id}}"
        private static let defaultText = """
            {{#fields}}{{name}}: {{value}}
            {{/fields}}

            Lead: {{lead.id}}
            {{#lead.form_id}}
            Form: {{lead.form_name}} {{lead.form_id}}
            {{/lead.form_id}}
            {{#lead.created_time}}
            Time: {{lead.created_time}}
            {{/lead.created_time}}

            """
        private static let defaultHTML = """
            <table>{{#fields}}<tr><th align="left">{{name}}</th><td>{{value}}</td></tr>
            {{/fields}}</table>
            <p>Lead: {{lead.id}}<br>Form: {{lead.form_name}} {{lead.form_id}}<br>
            Time: {{lead.created_time}}</p>

            """

        private static func builtIn(
            _ name: String, _ source: String, in place: Template.Place
        ) -> Template {
            Template(name: name, source: source, place: place, position: Position(file: "default"))
        }
    }
}

extension SMTPSink.Config {
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        guard let server = MailServer(url) else {
            return problems.error(
                "bad-url", at: node["url"]?.position ?? node.position,
                "'url' is not 'smtp://HOST[:PORT]' or 'smtps://HOST[:PORT]'",
                help: MailServer("smtp://" + url).map { _ in "write smtp://\(url)" })
        }
        if Mailbox(from) == nil {
            problems.error(
                "bad-sender", at: node["from"]?.position ?? node.position,
                SMTPSink.Config.badSender)
        }
        if let hello, !MailServer.isHostName(hello) {
            problems.error(
                "bad-value", at: node["hello"]?.position ?? node.position,
                "'hello' is no host name")
        }
        checkLogin(at: node, server: server, problems: &problems)
    }

    /// A password never goes over an open line; to this machine itself it may.
    private func checkLogin(
        at node: SettingNode, server: MailServer, problems: inout SettingProblems
    ) {
        let position = node["tls"]?.position ?? node.position
        if server.isTLSFromTheStart, tls != .required, node["tls"] != nil {
            problems.error(
                "bad-value", at: position, "'tls: \(tls.rawValue)' contradicts 'smtps://'",
                help: "remove 'tls', or write 'smtp://'")
        }
        if (username == nil) != (password == nil) {
            problems.error(
                "missing-setting", at: node.position,
                "'username' and 'password' only work together")
        }
        guard tls != .required, !server.isTLSFromTheStart, !server.isLoopback else { return }
        if password != nil {
            problems.error(
                "plain-password", at: position,
                "'tls: \(tls.rawValue)' would send the password readable over the network",
                help: "write 'tls: required'")
        } else if PlainAddress.isOpen(url) {
            problems.warning(
                "plain-transport", at: position,
                "'tls: \(tls.rawValue)' sends leads readable over the network, if it must",
                help: "write 'tls: required'")
        }
    }
}

/// The relay's address as it is written; `MailServer` takes it apart.
struct MailServerURL: SettingValue {
    static let shape = "'smtp://HOST[:PORT]' or 'smtps://HOST[:PORT]'"
    static let form = SettingForm.pattern("^smtps?://")

    var text: String

    static func decode(_ node: SettingNode, problems: inout SettingProblems) -> MailServerURL? {
        String.decode(node, problems: &problems).map { MailServerURL(text: $0) }
    }
}

/// The relay's address, taken apart on bytes.
struct MailServer {
    let isTLSFromTheStart: Bool
    let isLoopback: Bool

    init?(_ url: String) {
        guard let scheme = ["smtps://", "smtp://"].first(where: { url.utf8.starts(with: $0.utf8) })
        else { return nil }
        isTLSFromTheStart = scheme.utf8.count == 8
        let rest = Array(url.utf8.dropFirst(scheme.utf8.count))
        let isBracketed = rest.first == 0x5B
        let host: [UInt8]
        if isBracketed {
            guard let end = rest.firstIndex(of: 0x5D) else { return nil }
            host = Array(rest[1..<end])
            guard !host.isEmpty, host.allSatisfy(MailServer.isAddressByte),
                MailServer.isPort(rest[(end + 1)...])
            else { return nil }
        } else {
            host = Array(rest.prefix { $0 != 0x3A })
            guard MailServer.isHostName(String(decoding: host, as: UTF8.self)),
                MailServer.isPort(rest[host.count...])
            else { return nil }
        }
        isLoopback =
            isBracketed
            ? host.elementsEqual("::1".utf8)
            : host.elementsEqual("localhost".utf8) || MailServer.isLoopbackV4(host)
    }

    /// ASCII letters, digits, dots and hyphens.
    static func isHostName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.utf8.allSatisfy { MailAddress.isAlphanumeric($0) || ".-".utf8.contains($0) }
    }

    /// `127.` and three numbers; a name such as `127.example.com` is none.
    private static func isLoopbackV4(_ host: [UInt8]) -> Bool {
        let parts = host.split(separator: 0x2E, omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0].elementsEqual("127".utf8)
            && parts.allSatisfy { UInt8(String(decoding: $0, as: UTF8.self)) != nil }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        (0x30...0x3A).contains(byte) || (0x41...0x46).contains(byte)
            || (0x61...0x66).contains(byte) || byte == 0x2E
    }

    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        let digits = text.dropFirst()
        guard first == 0x3A, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(String(decoding: digits, as: UTF8.self))
        else { return false }
        return port > 0
    }
}
