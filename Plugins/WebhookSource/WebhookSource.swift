import Crypto
public import LeadKit
import Logging

/// Forms of websites and of other services: JSON, NDJSON, and what browsers send.
///
/// Named apart from the protocol that it conforms to.
public struct FormWebhookSource: WebhookSource {
    /// `webhook`
    public static let name = "webhook"
    /// One sentence for the manual.
    public static let summary =
        "Leads that websites and other services post: JSON, NDJSON or HTML forms."
    /// A piece of configuration that works.
    public static let example = """
        sources:
          website:
            plugin: webhook
            auth: {header: X-Form-Token, secret: "${FORM_TOKEN}"}
            id: submission_id
            rename: {"1.3": first_name, date: created_time}
            honeypot: hp_url
        """

    private let config: FormWebhookConfig
    /// What the header's digest must be: one of these.
    private let secretDigests: [SHA256Digest]
    private let oldSecret = OldSecretNotice()
    /// For a request at any time.
    private let reader: LeadReader
    private let logger: Logger

    /// Makes an instance; touches nothing outside.
    public init(config: FormWebhookConfig, context: PluginContext) {
        self.config = config
        secretDigests = (config.auth?.secrets ?? []).map {
            SHA256.hash(data: Array($0.revealed.utf8))
        }
        reader = LeadReader(
            source: context.instance, receivedTime: Timestamp(seconds: 0),
            names: FormWebhookSource.names(of: config))
        logger = context.logger
    }

    /// What `id` and `rename` say.
    public static func names(of config: FormWebhookConfig) -> LeadNames {
        let pairs = config.rename.entries.map { ($0.name, $0.value) }
        return LeadNames(
            id: config.id, rename: Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
    }

    /// Takes one POST. All of it is stored in one commit, or nothing is.
    public func receive(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse {
        guard request.method == "POST" else {
            return WebhookResponse(status: 405, body: "use POST")
        }
        guard isAuthentic(request) else {
            logger.warning(
                "refused a webhook: wrong or missing authentication header",
                metadata: ["source": "\(reader.source)"])
            return WebhookResponse(status: 401, body: "wrong or missing authentication header")
        }
        let submission: Submission
        do throws(Refusal) {
            submission = try Submission(request, reader: reader)
        } catch {
            return try await refuse(request, error, inbox)
        }
        let items = withoutRobots(submission.items)
        let answers = items.isEmpty ? [] : try await inbox.accept(items)
        return FormWebhookSource.answer(answers)
    }

    /// Of what cannot be read, so many bytes are kept aside; a form that people fill in is shorter.
    static let unreadableBytesMax = 64 << 10

    /// Keeps aside what cannot be read, for an operator to look at: whoever sent it may not try again.
    private func refuse(
        _ request: WebhookRequest, _ refusal: Refusal, _ inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse {
        logger.warning(
            "refused a webhook: \(refusal.message)", metadata: ["source": "\(reader.source)"])
        guard (1...FormWebhookSource.unreadableBytesMax).contains(request.body.count) else {
            return WebhookResponse(status: refusal.status, body: refusal.message)
        }
        _ = try await inbox.accept([
            .quarantined(source: reader.source, raw: request.body, reason: refusal.message)
        ])
        return WebhookResponse(
            status: refusal.status, body: "\(refusal.message); kept aside, not routed")
    }

    /// Whether the header is there once and holds a secret. The time taken tells nothing of where
    /// they differ, nor of which it is: digests are compared, whole, and with all.
    func isAuthentic(_ request: WebhookRequest) -> Bool {
        guard let auth = config.auth else { return true }
        let given = request.headers(auth.header.lowercased())
        guard given.count == 1 else { return false }
        let digest = SHA256.hash(data: Array(given[0].utf8))
        var matching: Int?
        for index in secretDigests.indices.reversed() where secretDigests[index] == digest {
            matching = index
        }
        guard let matching else { return false }
        if matching > 0, oldSecret.isDue(at: request.receivedTime) {
            logger.notice(
                "a webhook came with the previous secret; it is told once an hour",
                metadata: ["source": "\(reader.source)"])
        }
        return true
    }

    /// Drops what filled in the field that people do not see, and takes that field out of the rest.
    private func withoutRobots(_ items: [InboxItem]) -> [InboxItem] {
        guard let honeypot = config.honeypot else { return items }
        var kept: [InboxItem] = []
        for item in items {
            guard case .lead(var lead) = item else {
                kept.append(item)
                continue
            }
            if lead.fieldData[honeypot].contains(where: { !$0.trimmed.isEmpty }) { continue }
            lead.fieldData = FieldData(
                lead.fieldData.filter { !$0.name.utf8.elementsEqual(honeypot.utf8) })
            kept.append(.lead(lead))
        }
        if kept.count < items.count {
            logger.notice(
                "dropped submissions that filled in the honeypot",
                metadata: ["count": "\(items.count - kept.count)"])
        }
        return kept
    }

    private static func answer(_ answers: [Acceptance]) -> WebhookResponse {
        var writer = JSONWriter(capacity: 64)
        writer.object { writer in
            writer.name("accepted")
            writer.integer(answers.count { $0 == .stored })
            writer.name("duplicates")
            writer.integer(answers.count { $0 == .duplicate })
            writer.name("quarantined")
            writer.integer(answers.count { $0 == .quarantined })
        }
        return WebhookResponse(
            status: 200, contentType: "application/json", body: writer.text)
    }
}
