public import LeadKit

extension HTTPSink {
    /// The settings.
    public struct Config: PluginConfig {
        /// How the lead is written.
        public enum Format: String, CaseIterable, Sendable {
            /// The lead's JSON object with the delivery's envelope.
            case json
            /// `application/x-www-form-urlencoded`.
            case form
            /// The setting `body`.
            case template

            var contentType: String {
                switch self {
                case .json, .template: "application/json"
                case .form: "application/x-www-form-urlencoded"
                }
            }
        }

        /// The methods that carry a body.
        public enum Method: String, CaseIterable, Sendable {
            case post = "POST"
            case put = "PUT"
        }

        var url: Template?
        var method = Method.post
        var format = Format.json
        /// The body as written; escaped for what its Content-Type says it is.
        var body: Template? {
            get {
                guard var body = writtenBody else { return nil }
                body.place = HTTPSink.Config.place(of: contentType)
                return body
            }
            set { writtenBody = newValue }
        }
        private var writtenBody: Template?
        var contentType: String?
        var headers: [Template] = []
        var signingSecrets: [Secret] = []
        var success = HTTPSuccess()

        public init() {}

        public static let settings: [Setting<Config>] = [
            .template(
                "url", \.url, in: .url, isRequired: true,
                "Where to send to; the host is fixed or comes from a table, never from a lead."),
            .choice("method", \.method, default: .post, "The HTTP method."),
            .choice("format", \.format, default: .json, "How the lead is written."),
            .template("body", \.body, in: .json, "The body for 'format: template'."),
            .optional(
                "content_type", \.contentType,
                "The Content-Type, if not the one that belongs to the format."),
            .templates("headers", \.headers, in: .header, "More headers."),
            .optional(
                "signing_secret", \.signingSecrets, default: "no signature",
                "Signs as Standard Webhooks does; 'whsec_' and base64 of 24 to 64 bytes. A list signs with each."
            ),
            .optional(
                "success", \.success, default: "{status: [\"2xx\"]}",
                "Which answers mean that the lead has arrived."),
        ]

        /// JSON unless another type is named; XML is escaped as HTML is; other types are text.
        static func place(of contentType: String?) -> Template.Place {
            guard let type = contentType?.lowercased() else { return .json }
            if ByteSearch.contains(type, "json") { return .json }
            if ByteSearch.contains(type, "xml") || ByteSearch.contains(type, "html") {
                return .html
            }
            if ByteSearch.contains(type, "urlencoded") { return .url }
            return .text
        }

        public func check(at node: SettingNode, problems: inout SettingProblems) {
            if let url, let problem = HTTPAddress.problem(inTemplate: url.source) {
                problems.error("bad-url", at: url.position, problem)
            } else if let url, !url.isSecret, PlainAddress.isOpen(url.source) {
                problems.warning(
                    "plain-transport", at: url.position,
                    "leads would go readable over the network: the address begins with 'http:'",
                    help: "write 'https:', if the server can")
            }
            checkBody(at: node, problems: &problems)
            for header in headers {
                if let problem = HTTPSink.Config.problem(inHeader: header.headerName) {
                    problems.error("bad-header", at: header.position, problem)
                }
            }
            for secret in signingSecrets where (try? WebhookSigner(secret)) == nil {
                problems.error(
                    "bad-secret", at: node["signing_secret"]?.position ?? node.position,
                    WebhookSigner.shape)
            }
        }

        private func checkBody(at node: SettingNode, problems: inout SettingProblems) {
            if let contentType, !HTTPSink.Config.isHeaderText(contentType) {
                problems.error(
                    "bad-value", at: node["content_type"]?.position ?? node.position,
                    "'content_type' has control characters")
            }
            switch (format, body) {
            case (.template, nil):
                problems.error(
                    "missing-setting", at: node["format"]?.position ?? node.position,
                    "'format: template' needs the setting 'body'")
            case (.json, let body?), (.form, let body?):
                problems.error(
                    "unused-setting", at: body.position, "'body' has no effect here",
                    help: "add 'format: template'")
            default: break
            }
        }

        private static func isHeaderText(_ text: String) -> Bool {
            text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }

        private static func problem(inHeader name: String) -> String? {
            let isToken = name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                    || (0x61...0x7A).contains(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
            guard isToken, !name.isEmpty else { return "'\(name)' is no name of a header" }
            switch name.lowercased() {
            case "content-type": return "'\(name)' is set by the setting 'content_type'"
            case "host", "content-length", "transfer-encoding", "connection", "expect", "upgrade",
                "user-agent", "idempotency-key", "x-lead-id", "webhook-id", "webhook-timestamp",
                "webhook-signature":
                return "header '\(name)' is set by the program"
            default: return nil
            }
        }
    }
}

/// Which answers mean that the lead has arrived.
public struct HTTPSuccess: PluginConfig {
    var status = ["2xx"]
    var json = NamedSettings<String>()

    public init() {}

    public static let settings: [Setting<HTTPSuccess>] = [
        .optional(
            "status", \.status, default: "[\"2xx\"]", "The statuses: '201', or '2xx' for a class."),
        .optional(
            "json", \.json, default: "nothing",
            "What the JSON answer must hold: '$.path.to.member' and its text."),
    ]

    public func check(at node: SettingNode, problems: inout SettingProblems) {
        for status in status where !HTTPSuccess.isStatus(status) {
            problems.error(
                "bad-value", at: node["status"]?.position ?? node.position,
                "'\(status)' is no status; write '201' or '2xx'")
        }
        for (path, _) in json.entries where HTTPSuccess.members(of: path) == nil {
            problems.error(
                "bad-value", at: node["json"]?.position ?? node.position,
                "'\(path)' is no path; write '$.' and names with dots between them")
        }
    }

    /// Whether the status is one of those.
    func allows(_ code: Int) -> Bool {
        status.contains { $0 == String(code) || $0 == "\(code / 100)xx" }
    }

    private static func isStatus(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 3, (0x32...0x35).contains(bytes[0]) else { return false }
        return text.utf8.dropFirst().elementsEqual("xx".utf8)
            || bytes.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// The names that a path walks through; nil when it is no path.
    static func members(of path: String) -> [String]? {
        guard path.utf8.starts(with: "$.".utf8) else { return nil }
        let names = path.utf8.dropFirst(2).split(separator: 0x2E, omittingEmptySubsequences: false)
        return names.contains { $0.isEmpty }
            ? nil : names.map { String(decoding: $0, as: UTF8.self) }
    }
}
