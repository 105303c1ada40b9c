import Foundation
import LeadCurl
import LeadKit
import LeadRules
import LeadServer
import Synchronization

/// Waits for both listeners, then says where they are.
final class ReadyPorts: Sendable {
    private let ports = Mutex<(webhooks: Int?, admin: Int?)>((nil, nil))
    private let onReady: @Sendable (Service.Ports) -> Void

    init(onReady: @escaping @Sendable (Service.Ports) -> Void) { self.onReady = onReady }

    func set(webhooks: Int? = nil, admin: Int? = nil) {
        let complete = ports.withLock { ports -> Service.Ports? in
            if let webhooks { ports.webhooks = webhooks }
            if let admin { ports.admin = admin }
            guard let webhooks = ports.webhooks, let admin = ports.admin else { return nil }
            return Service.Ports(webhooks: webhooks, admin: admin)
        }
        if let complete { onReady(complete) }
    }
}

/// `POST /api/import`: items from an import that runs beside the service, one JSON object a line:
/// `{"source": …, "lead": {…}, "raw": …}` or `{"source": …, "raw": …, "reason": …}`.
enum ImportAction {
    static func run(_ body: [UInt8], into inbox: any InboxWriter) async -> AdminServer.Answer {
        let received = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        var items: [InboxItem] = []
        for line in body.split(separator: 0x0A) {
            guard let item = item(line, received) else {
                return AdminServer.Answer(
                    status: 400, body: Array("{\"error\":\"a line is no item\"}\n".utf8))
            }
            items.append(item)
        }
        do {
            let acceptances = try await inbox.accept(items)
            var writer = JSONWriter()
            writer.array { writer in for one in acceptances { writer.string("\(one)") } }
            return AdminServer.Answer(body: writer.bytes)
        } catch {
            return AdminServer.Answer(
                status: 503, body: Array("{\"error\":\"nothing was stored\"}\n".utf8))
        }
    }

    private static func item(_ line: ArraySlice<UInt8>, _ received: Timestamp) -> InboxItem? {
        guard let root = try? JSONDocument.parse(line).root, let source = root["source"]?.string
        else { return nil }
        let raw = Array((root["raw"]?.string ?? "").utf8)
        if let reason = root["reason"]?.string {
            return .quarantined(source: source, raw: raw, reason: reason)
        }
        let reader = LeadReader(source: source, receivedTime: received)
        guard let value = root["lead"], let lead = try? reader.graph(value, raw: raw) else {
            return nil
        }
        return .lead(lead)
    }

    static func line(_ item: InboxItem) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            switch item {
            case .lead(let lead):
                writer.name("source")
                writer.string(lead.source)
                writer.name("lead")
                lead.write(to: &writer)
                writer.name("raw")
                writer.string(String(decoding: lead.raw, as: UTF8.self))
            case .quarantined(let source, let raw, let reason):
                writer.name("source")
                writer.string(source)
                writer.name("raw")
                writer.string(String(decoding: raw, as: UTF8.self))
                writer.name("reason")
                writer.string(reason)
            case .reference(let reference):
                writer.name("source")
                writer.string(reference.source)
                writer.name("raw")
                writer.string("")
                writer.name("reason")
                writer.string("an import brings whole leads only")
            }
        }
        writer.newline()
        return writer.bytes
    }
}

/// The inbox of a service that runs in another process.
struct RemoteInbox: InboxWriter {
    let url: String
    let token: Secret?

    init(_ admin: AdminSettings) {
        url = "http://\(admin.listen)/api/import"
        token = admin.token
    }

    func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance] {
        var headers = [(name: "Content-Type", value: "application/x-ndjson")]
        if let token { headers.append(("Authorization", "Bearer \(token.revealed)")) }
        let request = HTTPRequest(
            method: "POST", url: url, headers: headers, body: items.flatMap(ImportAction.line),
            responseBytesMax: 4 << 20)
        let response: HTTPResponse
        do {
            response = try await CurlClient.http.send(request)
        } catch {
            throw .unavailable("the running service does not answer at \(url): \(error)")
        }
        guard response.status == 200, let root = try? JSONDocument.parse(response.body).root else {
            throw .unavailable("the running service answered \(response.status) at \(url)")
        }
        return root.elements.map { element in
            switch element.string {
            case "stored": .stored
            case "quarantined": .quarantined
            default: .duplicate
            }
        }
    }
}
