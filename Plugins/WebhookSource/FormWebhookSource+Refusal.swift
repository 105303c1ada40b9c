public import LeadKit

extension FormWebhookSource {
    /// Whoever lacks the header's secret need not send a large body to hear so.
    public func refusal(of head: WebhookRequest) -> WebhookResponse? {
        guard head.method == "POST", !isAuthentic(head) else { return nil }
        return WebhookResponse(status: 401, body: "wrong or missing authentication header")
    }
}
