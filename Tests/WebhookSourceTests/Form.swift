import LeadKit
import LeadTesting
import Logging
import SourceTesting
import WebhookSource

/// Makes sources and requests for the tests.
enum Form {
    static let time = Timestamp(seconds: 1_760_090_100)

    /// What a request led to.
    struct Outcome {
        var response: WebhookResponse
        var inbox: MemoryInbox

        /// Whether the body was kept aside whole, as far as such are, and is no lead.
        func isKeptAside(_ body: [UInt8]) async -> Bool {
            let kept = (1...64 << 10).contains(body.count) ? [body] : []
            let (leads, bytes) = await (inbox.leads, inbox.quarantinedBytes)
            return leads.isEmpty && bytes == kept
        }
    }

    static func config(_ settings: SettingLiteral = [:]) -> FormWebhookConfig {
        var problems = SettingProblems()
        guard let config = FormWebhookConfig.decode(settings.node, problems: &problems) else {
            preconditionFailure("\(problems.diagnostics)")
        }
        return config
    }

    static func request(
        _ body: [UInt8], _ type: String? = "application/json",
        headers: [(name: String, value: String)] = [], method: String = "POST"
    ) -> WebhookRequest {
        WebhookRequest(
            method: method, headers: (type.map { [("Content-Type", $0)] } ?? []) + headers,
            body: body, receivedTime: time)
    }

    static func send(
        _ request: WebhookRequest, _ settings: SettingLiteral = [:],
        to inbox: MemoryInbox = MemoryInbox()
    ) async throws -> Outcome {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let source = FormWebhookSource(
            config: config(settings), context: PluginContext(instance: "website", logger: logger))
        return Outcome(response: try await source.receive(request, into: inbox), inbox: inbox)
    }

    static func send(
        _ body: String, _ type: String = "application/json", _ settings: SettingLiteral = [:],
        to inbox: MemoryInbox = MemoryInbox()
    ) async throws -> Outcome {
        try await send(request(Array(body.utf8), type), settings, to: inbox)
    }

    static func counts(_ accepted: Int, duplicates: Int = 0, quarantined: Int = 0) -> String {
        #"{"accepted":\#(accepted),"duplicates":\#(duplicates),"quarantined":\#(quarantined)}"#
    }

    static let urlencoded = "application/x-www-form-urlencoded"
    static let multipart = "multipart/form-data; boundary=----SampleBoundary7MA4"
}
