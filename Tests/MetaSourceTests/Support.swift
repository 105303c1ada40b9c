import Crypto
import Foundation
import LeadKit
import Logging
import Synchronization

@testable import MetaSource

/// The sample files beside the test targets.
enum Samples {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Samples")
        return Array(try Data(contentsOf: folder.appending(path: name)))
    }

    static func json(_ name: String) throws -> JSONValue {
        try JSONDocument.parse(bytes(name)).root
    }
}

/// An inbox that remembers, and knows an id the second time.
actor RecordingInbox: InboxWriter {
    private(set) var calls: [[InboxItem]] = []
    private var known: Set<LeadID> = []
    private var failures: [IntakeError]

    init(failures: [IntakeError] = []) { self.failures = failures }

    func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance] {
        if !failures.isEmpty { throw failures.removeFirst() }
        calls.append(items)
        return items.map { item in
            switch item {
            case .lead(let lead): known.insert(lead.id).inserted ? .stored : .duplicate
            case .reference(let reference):
                known.insert(reference.id).inserted ? .stored : .duplicate
            case .quarantined: .quarantined
            }
        }
    }

    var items: [InboxItem] { calls.flatMap(\.self) }
    var references: [LeadReference] {
        items.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    }
    var leads: [Lead] { items.compactMap { if case .lead(let lead) = $0 { lead } else { nil } } }
    var reasons: [String] {
        items.compactMap { item in
            if case .quarantined(_, _, let reason) = item { reason } else { nil }
        }
    }
}

/// Answers requests from a script and remembers them.
final class ScriptedGraph: GraphTransport {
    typealias Answer = @Sendable (GraphRequest) throws(GraphLoss) -> GraphReply
    private let answer: Answer
    private let received = Mutex<[GraphRequest]>([])

    init(_ answer: @escaping Answer) { self.answer = answer }

    /// Gives the replies one after the other; the last one again and again.
    convenience init(_ replies: [GraphReply]) {
        let rest = Mutex(replies)
        self.init { _ in rest.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
    }

    func get(_ request: GraphRequest) async throws(GraphLoss) -> GraphReply {
        received.withLock { $0.append(request) }
        return try answer(request)
    }

    var requests: [GraphRequest] { received.withLock { $0 } }
}

extension GraphReply {
    static func json(_ text: String, status: Int = 200) -> GraphReply {
        GraphReply(status: status, body: Array(text.utf8))
    }

    static func fault(_ code: Int, subcode: Int? = nil, _ message: String = "sample") -> GraphReply
    {
        let subcode = subcode.map { ",\"error_subcode\":\($0)" } ?? ""
        return .json(
            "{\"error\":{\"message\":\"\(message)\",\"code\":\(code)\(subcode)}}", status: 400)
    }

    /// What Graph answers for one lead.
    static func lead(_ id: String) -> GraphReply { .json(leadText(id)) }

    static func leadText(_ id: String) -> String {
        """
        {"id":"\(id)","created_time":"2025-10-09T08:53:20+0000",\
        "field_data":[{"name":"email","values":["a@example.com"]}]}
        """
    }
}

/// Time that passes only by being slept through.
final class ManualTime: Sendable {
    private let slept = Mutex<[Duration]>([])

    var waits: [Duration] { slept.withLock { $0 } }

    func pass(_ duration: Duration) { slept.withLock { $0.append(duration) } }

    var source: SourceTime {
        SourceTime(
            elapsed: { self.waits.reduce(.zero, +) },
            sleep: { duration in
                try Task.checkCancellation()
                self.pass(duration)
            }, now: { Timestamp(seconds: 1_760_100_000) })
    }
}

enum Meta {
    static let secret = "sample-app-secret"
    static let page = "106000000000001"
    static let otherPage = "106000000000002"

    static var config: MetaConfig {
        var config = MetaConfig()
        config.verifyToken = Secret("sample-verify-token")
        config.appSecrets = [Secret(secret)]
        config.pages = NamedSettings([
            (page, metaPage("TOKEN-ONE")), (otherPage, metaPage("TOKEN-TWO")),
        ])
        return config
    }

    static func metaPage(_ token: String) -> MetaPage {
        var page = MetaPage()
        page.accessToken = Secret(token)
        return page
    }

    /// A configuration with the first page only.
    static var onePage: MetaConfig {
        var config = config
        config.pages = NamedSettings([(page, metaPage("TOKEN-ONE"))])
        return config
    }

    static func source(
        _ config: MetaConfig = config, graph: ScriptedGraph = ScriptedGraph([.json("{}")]),
        time: ManualTime = ManualTime()
    ) throws -> MetaSource {
        try MetaSource(
            config: config,
            context: PluginContext(
                instance: "facebook",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            transport: graph, time: time.source)
    }

    static func sign(_ body: [UInt8], secret: String = secret) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: body, using: SymmetricKey(data: Array(secret.utf8)))
        return "sha256=" + code.map { String(UInt16($0) + 0x100, radix: 16).suffix(2) }.joined()
    }

    static func post(_ body: [UInt8], signature: String? = nil) -> WebhookRequest {
        WebhookRequest(
            method: "POST",
            headers: [
                ("Content-Type", "application/json"),
                ("X-Hub-Signature-256", signature ?? sign(body)),
            ], body: body, receivedTime: Timestamp(seconds: 1_760_090_010))
    }

    static func post(_ text: String) -> WebhookRequest { post(Array(text.utf8)) }

    /// An event with these changes of the first page.
    static func event(_ changes: [String]) -> String {
        """
        {"object":"page","entry":[{"id":"\(page)","time":1760090000,\
        "changes":[\(changes.joined(separator: ","))]}]}
        """
    }

    static func change(_ id: String, page: String = page) -> String {
        """
        {"field":"leadgen","value":{"leadgen_id":\(id),"page_id":"\(page)",\
        "form_id":"555000000000001","created_time":1760000000}}
        """
    }

    static func reference(_ id: String, page: String? = page) -> LeadReference {
        var envelope = Envelope([.formID: "555000000000001"])
        envelope[.pageID] = page
        // A literal of digits is an id.
        return LeadReference(source: "facebook", id: LeadID(id)!, envelope: envelope)
    }
}
