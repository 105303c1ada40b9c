internal import LeadKit
internal import Synchronization

/// A local Graph API for lead ads, as far as a client can tell (Graph API v21.0 to v26.0).
///
/// It answers `GET /LEAD`, `?ids=`, batches, `/FORM/leads` and `/AD/leads` with cursors and
/// filters, `/PAGE/leadgen_forms`, form and page nodes, test leads and `subscribed_apps`; with or
/// without a version, with trailing and doubled slashes, and with parameters in the query, an
/// urlencoded, multipart or JSON body.
///
/// Three tokens do magic: `EXPIRED` answers 190/463, `THROTTLE` 80005 with a usage header, and
/// `FLAKY` fails two of three calls with code 2.
public final class FakeGraphAPI: Sendable {
    /// How the fake is set up.
    public struct Options: Sendable {
        /// Where to listen; 0 lets the system choose a free port.
        public var port = 0
        /// The page of leads that name none.
        public var pageID = "106000000000001"
        /// Checks `appsecret_proof` where it is given; nil checks nothing.
        public var appSecret: String?
        /// Whether a call without `appsecret_proof` is refused.
        public var requiresProof = false
        /// The tokens that are taken; nil takes any.
        public var tokens: Set<String>?
        /// More leads than these are cut off a page, silently.
        public var pageSizeMax = 500
        /// Forms whose pages have an empty page with `next` between them, as happens when items
        /// are held back for privacy.
        public var formsWithEmptyPages: Set<String> = []

        /// A free port, any token, no proof.
        public init() {}
    }

    /// A kind of call, for counting and for faults.
    public enum Call: String, Sendable, CaseIterable {
        /// `GET /LEAD`, also within `?ids=` and batches.
        case lead
        /// `GET /FORM/leads` and `GET /AD/leads`.
        case leads
        /// `GET /?ids=…`, once for all ids.
        case ids
        /// `POST /` with `batch`, once for all items.
        case batch
        /// `GET /PAGE/leadgen_forms`.
        case forms
        /// A form or page node.
        case node
        /// `…/test_leads`.
        case testLeads
        /// `…/subscribed_apps`.
        case subscribedApps
        /// `DELETE /LEAD`.
        case delete
        /// Anything else.
        case other
    }

    struct State {
        var leads = GraphLeads()
        var calls: [Call: Int] = [:]
        var flakyCalls = 0
        var testLeadNumber = 0
    }

    /// The server below: its requests, and faults of transport.
    public let http: FakeHTTPServer
    /// How the fake is set up.
    public let options: Options
    let state = Mutex(State())
    let faults = FaultSlots<Call?, GraphError>()

    /// Makes a fake that is not listening yet.
    public init(options: Options = Options()) {
        self.options = options
        let hook = Hook()
        http = FakeHTTPServer(port: options.port) { request in
            guard let api = hook.api.withLock({ $0.value }) else {
                return FakeResponse(status: 503)
            }
            return GraphCall(api: api, request: request).response()
        }
        hook.api.withLock { $0.value = self }
    }

    /// Lets the server below find its owner without keeping it alive.
    private final class Hook: Sendable {
        struct Reference { weak var value: FakeGraphAPI? }
        let api = Mutex(Reference())
    }

    /// Listens, and returns the port once connections are taken.
    @discardableResult
    public func start() async throws -> Int { try await http.start() }

    /// Stops listening. May be called twice.
    public func stop() async { await http.stop() }

    /// `http://127.0.0.1:PORT`: what a client takes for `https://graph.facebook.com`.
    public var url: String { http.url }

    /// Adds leads in Graph shape, one JSON object a line; a known id replaces its lead. Empty
    /// lines are skipped. A member `page_id` names the lead's page, which the lead node itself
    /// does not show.
    ///
    /// - Returns: the ids in order.
    /// - Throws: `JSONError` or `LeadError`; then nothing was added.
    @discardableResult
    public func add(ndjson: some Collection<UInt8>) throws -> [String] {
        let leads = try ndjson.split(separator: 0x0A).compactMap { line -> GraphLead? in
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return nil }
            return try GraphLead(JSONDocument.parse(Array(line)).root)
        }
        state.withLock { state in for lead in leads { state.leads.add(lead) } }
        return leads.map(\.id)
    }

    /// Takes a lead away, as if it were over 90 days old. Whether there was one.
    @discardableResult
    public func remove(_ id: String) -> Bool { state.withLock { $0.leads.remove(id) } }

    /// The ids of all leads, in order of id.
    public var leadIDs: [String] { state.withLock { $0.leads.byID.keys.sorted() } }

    /// Lets the next calls fail: of that kind, or of any kind when nil. Within a batch only its
    /// items fail. For faults of transport use `http.fail(_:times:)`.
    public func fail(_ error: GraphError, times: Int = 1, call: Call? = nil) {
        faults.add(error, at: call, times: times)
    }

    /// Takes back every fault that has not happened yet.
    public func recover() {
        faults.removeAll()
        http.recover()
    }

    /// How often each kind was called, failures included.
    public var calls: [Call: Int] { state.withLock { $0.calls } }
}
