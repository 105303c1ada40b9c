public import LeadKit
import Logging

/// Meta lead ads (Facebook and Instagram): webhooks announce leads, the Graph API gives them, and
/// whole forms or ads can be read in bulk.
///
/// The webhook brings ids only; they are stored before Meta is told 200, and read afterwards.
public struct MetaSource: WebhookSource, ReferenceSource, BulkSource {
    /// `meta`
    public static let name = "meta"
    /// One sentence for the manual.
    public static let summary =
        "Leads of Facebook and Instagram lead ads, by webhook and from the Graph API."
    /// A piece of configuration that works.
    public static let example = """
        sources:
          facebook:
            plugin: meta
            verify_token: "${META_VERIFY_TOKEN}"
            app_secret: "${META_APP_SECRET}"
            pages:
              "106000000000001": {access_token: "${META_PAGE_TOKEN}"}
            forms: ["555000000000001"]
            catch_up: {every: 15m, overlap: 10m}
        """

    let config: MetaConfig
    let instance: String
    let logger: Logger
    let time: SourceTime
    let graph: GraphClient
    let fields: FieldChoice

    /// Makes an instance; touches nothing outside.
    ///
    /// - Throws: `MetaConfigError` when a setting cannot work.
    public init(config: MetaConfig, context: PluginContext) async throws {
        try self.init(
            config: config, context: context, transport: CurlTransport(), time: .system)
    }

    /// The same with what lies outside handed in: what carries requests, and the time.
    init(
        config: MetaConfig, context: PluginContext, transport: any GraphTransport, time: SourceTime
    ) throws(MetaConfigError) {
        if let problem = config.problem { throw MetaConfigError(description: problem) }
        self.config = config
        self.time = time
        instance = context.instance
        logger = context.logger
        graph = GraphClient(config: config, transport: transport, time: time)
        fields = FieldChoice(wanted: config.fields)
    }

    /// Answers Meta: the subscription handshake on GET, events on POST.
    public func receive(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse {
        switch request.method {
        case "GET": answerHandshake(request)
        case "POST": try await takeEvent(request, into: inbox)
        default: WebhookResponse(status: 405, body: "use GET or POST")
        }
    }
}

/// Settings that decode one by one and cannot work together. The sentence holds no secret.
public struct MetaConfigError: Error, Sendable, CustomStringConvertible {
    /// What to change.
    public let description: String
}
