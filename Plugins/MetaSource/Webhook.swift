import LeadKit
import Logging

/// The webhook's two requests. What they hold: Graph webhooks for the object `page`, field
/// `leadgen`.
extension MetaSource {
    /// The handshake when the callback is saved: the challenge goes back as plain text.
    func answerHandshake(_ request: WebhookRequest) -> WebhookResponse {
        let modes = request.query("hub.mode")
        let tokens = request.query("hub.verify_token")
        let challenges = request.query("hub.challenge")
        guard modes.count == 1, tokens.count == 1, challenges.count == 1 else {
            return WebhookResponse(
                status: 400, body: "hub.mode, hub.verify_token or hub.challenge is not there once")
        }
        guard Signature.isEqual(tokens[0], toOneOf: config.verifyTokens),
            modes[0].utf8.elementsEqual("subscribe".utf8)
        else {
            logger.warning("refused a webhook handshake: wrong verify token or mode")
            return WebhookResponse(status: 403, body: "wrong verify token or mode")
        }
        let challenge = challenges[0].utf8
        let isPrintable = challenge.allSatisfy { (0x21...0x7E).contains($0) }
        guard (1...64).contains(challenge.count), isPrintable else {
            return WebhookResponse(
                status: 400, body: "the challenge is not 1 to 64 printable bytes")
        }
        return WebhookResponse(status: 200, body: challenges[0])
    }

    /// An event: nothing is looked at before the signature, and 200 is said after the commit.
    func takeEvent(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse {
        guard
            Signature.isValid(
                request.headers(Signature.header), body: request.body, secrets: config.appSecrets)
        else {
            logger.warning("refused a webhook: no valid signature")
            return WebhookResponse(status: 401, body: "no valid signature")
        }
        guard request.headers("content-encoding").isEmpty else {
            return WebhookResponse(status: 415, body: "send the body without content encoding")
        }
        let event: JSONValue
        do throws(JSONError) {
            event = try JSONDocument.parse(request.body).root
        } catch {
            return WebhookResponse(status: 400, body: error.description)
        }
        guard event.kind == .object else {
            return WebhookResponse(status: 400, body: "the body is no JSON object")
        }
        var reader = EventReader(config: config, source: instance, received: request.receivedTime)
        reader.read(event, body: request.body)
        log(reader.ignored)
        if !reader.items.isEmpty { _ = try await inbox.accept(reader.items) }
        return WebhookResponse(status: 200, body: "ok")
    }

    private func log(_ ignored: EventReader.Ignored) {
        if ignored.dashboardSamples > 0 {
            logger.notice("ignored the sample of the app dashboard's Test button")
        }
        if ignored.withoutValues > 0 {
            logger.warning(
                """
                a webhook came without values: subscribe with 'include_values', or leads are found \
                only by a bulk read
                """
            )
        }
        if ignored.others > 0 {
            logger.debug("ignored webhook changes", metadata: ["count": "\(ignored.others)"])
        }
    }
}
