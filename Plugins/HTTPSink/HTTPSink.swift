import Glibc
import LeadCurl
public import LeadKit

/// Sends each lead to an HTTP address: JSON, a form, or a body of your own.
///
/// Every attempt carries the delivery key as `webhook-id` and `Idempotency-Key`, so the other side
/// can drop repeats. Redirects are never followed.
public struct HTTPSink: Sink {
    public static let name = "http"
    public static let summary =
        "Sends each lead to an HTTP address as JSON, a form or a text of your own."
    public static let example = """
        sinks:
          store-crm:
            plugin: http
            url: "https://crm.example.com/leads/{{lead.id}}"
            headers: {Authorization: "Bearer ${CRM_TOKEN}"}
            success: {status: ["2xx", "409"], json: {"$.status": ok}}
        """

    private let config: Config
    private let signers: [WebhookSigner]
    private let client: CurlClient

    public init(config: Config, context: PluginContext) throws {
        self.config = config
        signers = try config.signingSecrets.map(WebhookSigner.init)
        client = .http
    }

    public func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        let url = delivery[config.url]
        try HTTPAddress.check(url)
        let body = body(of: delivery)
        let request = HTTPRequest(
            method: config.method.rawValue, url: url,
            headers: headers(of: delivery, body: body, at: Int64(time(nil))), body: body,
            timeout: delivery.timeout)
        let response: HTTPResponse
        do {
            response = try await client.send(request)
        } catch {
            throw HTTPVerdict.failure(error)
        }
        return try HTTPVerdict.receipt(
            response, success: config.success, attempt: delivery.attempt, now: Int64(time(nil)))
    }

    public func destination(of delivery: Delivery) -> String {
        HTTPAddress.origin(of: delivery[config.url]) ?? delivery.sink
    }

    /// A target may still name another address; the engine sees that one when it comes.
    public var hasOneDestination: Bool {
        config.url.map { HTTPAddress.hasFixedHost($0.source) } ?? true
    }

    private func headers(
        of delivery: Delivery, body: [UInt8], at seconds: Int64
    ) -> [(name: String, value: String)] {
        var headers = config.headers.map { template in
            (name: template.headerName, value: Template.Place.oneLine(delivery[template]).trimmed)
        }
        headers.append(("Content-Type", config.contentType ?? config.format.contentType))
        headers.append(("User-Agent", "leadrouter"))
        headers.append(("Idempotency-Key", delivery.key.text))
        headers.append(("X-Lead-Id", Template.Place.oneLine(delivery.lead.id.text)))
        headers.append(("webhook-id", delivery.key.text))
        guard !signers.isEmpty else { return headers }
        headers.append(("webhook-timestamp", String(seconds)))
        let signatures = signers.map {
            $0.sign(id: delivery.key.text, seconds: seconds, body: body)
        }
        headers.append(("webhook-signature", signatures.joined(separator: " ")))
        return headers
    }

    private func body(of delivery: Delivery) -> [UInt8] {
        HTTPSink.ownBody(of: delivery, config) ?? Array(delivery[config.body].utf8)
    }

    /// The body, unless it is a setting.
    private static func ownBody(of delivery: Delivery, _ config: Config) -> [UInt8]? {
        switch config.format {
        case .json: delivery.json
        case .form: FormBody.bytes(of: delivery)
        case .template: nil
        }
    }

    public static func body(of delivery: Delivery, config: Config) -> String? {
        ownBody(of: delivery, config).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Template {
    /// The header that a template of the setting `headers` is for.
    var headerName: String {
        String(decoding: name.utf8.dropFirst("headers.".utf8.count), as: UTF8.self)
    }
}
