import LeadKit
import LeadTesting
import Logging
import SourceTesting
import Synchronization

@testable import MetaSource

/// Makes sources and requests for the tests.
enum Meta {
    static let appSecret = "sample-app-secret"
    static let verifyToken = "sample-verify-token"
    static let page = "106000000000001"
    static let otherPage = "106000000000002"
    static let form = "555000000000001"
    static let time = Timestamp(seconds: 1_760_090_100)
    /// How long a lead that 100/33 hides is left alone.
    static let ambiguousWait = Duration.seconds(300)

    /// Two pages, a token each.
    static func config(
        token: String = "TOKEN-OF-PAGE-ONE", otherToken: String = "TOKEN-OF-PAGE-TWO",
        _ change: (inout MetaConfig) -> Void = { _ in }
    ) -> MetaConfig {
        var config = MetaConfig()
        config.verifyTokens = [Secret(verifyToken)]
        config.appSecrets = [Secret(appSecret)]
        config.pages = NamedSettings([
            (page, MetaPage(token)), (otherPage, MetaPage(otherToken)),
        ])
        change(&config)
        return config
    }

    /// A source that asks a script, or the Graph API at the URL of the settings.
    static func source(
        _ config: MetaConfig = Meta.config(), transport: any GraphTransport = CurlTransport(),
        clock: ManualTime = ManualTime()
    ) throws -> MetaSource {
        try MetaSource(
            config: config, context: PluginContext(instance: "facebook", logger: silent),
            transport: transport, time: clock.time)
    }

    static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

    /// A POST; signed unless other signatures are given.
    static func post(
        _ body: [UInt8], signatures: [String]? = nil, more: [(name: String, value: String)] = []
    ) -> WebhookRequest {
        let signatures =
            signatures ?? [FakeGraphAPI.signature(body: body, secret: appSecret)]
        return WebhookRequest(
            method: "POST",
            headers: [("Content-Type", "application/json")]
                + signatures.map { ("X-Hub-Signature-256", $0) } + more,
            body: body, receivedTime: time)
    }

    static func post(_ text: String) -> WebhookRequest { post(Array(text.utf8)) }

    /// An event of one page with these changes' values.
    static func event(_ values: [String], page: String = Meta.page) -> String {
        let changes = values.map { #"{"field":"leadgen","value":\#($0)}"# }
        return #"{"object":"page","entry":[{"id":"\#(page)","time":1,"changes":["#
            + changes.joined(separator: ",") + "]}]}"
    }

    static func reference(_ id: String, page: String? = Meta.page) -> LeadReference {
        var envelope = Envelope([.receivedTime: time.text])
        envelope[.pageID] = page
        guard let id = LeadID(id) else { preconditionFailure("'\(id)' is no id") }
        return LeadReference(source: "facebook", id: id, envelope: envelope)
    }
}

extension MetaPage {
    init(_ token: String) {
        self.init()
        accessToken = Secret(token)
    }
}

/// A clock that stands still until somebody sleeps.
final class ManualTime: Sendable {
    private let state = Mutex((elapsed: Duration.zero, sleeps: [Duration]()))

    var time: SourceTime {
        SourceTime(
            elapsed: { self.state.withLock { $0.elapsed } },
            sleep: { wait in
                try Task.checkCancellation()
                self.state.withLock { state in
                    state.elapsed += wait
                    state.sleeps.append(wait)
                }
            }, now: { Meta.time })
    }

    /// Every wait so far.
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    func advance(_ wait: Duration) { state.withLock { $0.elapsed += wait } }
}

/// Answers by a script: one function from request to reply.
final class ScriptedTransport: GraphTransport {
    private let requestsMade = Mutex<[GraphRequest]>([])
    private let answer: @Sendable (GraphRequest, Int) throws(GraphLoss) -> GraphReply

    /// `answer` gets the request and its number, from 0.
    init(_ answer: @escaping @Sendable (GraphRequest, Int) throws(GraphLoss) -> GraphReply) {
        self.answer = answer
    }

    /// The same reply always.
    convenience init(_ reply: GraphReply) { self.init { _, _ in reply } }

    func get(_ request: GraphRequest) async throws(GraphLoss) -> GraphReply {
        let number = requestsMade.withLock { requests in
            requests.append(request)
            return requests.count - 1
        }
        return try answer(request, number)
    }

    var requests: [GraphRequest] { requestsMade.withLock { $0 } }
}

extension GraphReply {
    static func json(
        _ text: String, status: Int = 200, headers: [(name: String, value: String)] = []
    ) -> GraphReply {
        GraphReply(status: status, headers: headers, body: Array(text.utf8))
    }
}

extension Result where Success == Lead, Failure == FetchFailure {
    var lead: Lead? { if case .success(let lead) = self { lead } else { nil } }
    var failure: FetchFailure? { if case .failure(let failure) = self { failure } else { nil } }
}
