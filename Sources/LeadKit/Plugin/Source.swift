/// Where leads come from. A source tells the other side "accepted" only after `InboxWriter.accept`
/// returned: then the lead is on disk.
public protocol Source: Plugin {
    /// Produces leads until cancelled. A source that only answers requests need not write this.
    func run(into inbox: any InboxWriter) async throws

    /// What the source calls things, when its settings say so: files that are credited to it
    /// (`leadrouter import --source NAME FILE`) are read with these names. Secrets may not be
    /// filled in.
    static func names(of config: Config) -> LeadNames
}

extension Source {
    /// Produces nothing by itself.
    public func run(into inbox: any InboxWriter) async throws {}

    /// Nothing has a name of its own.
    public static func names(of config: Config) -> LeadNames { LeadNames() }
}

/// A source that answers HTTP requests at `/hooks/NAME`, NAME being the instance's.
public protocol WebhookSource: Source {
    /// Answers one request. The engine limits bodies to 1 MiB before this is called.
    ///
    /// - Throws: `IntakeError` from the inbox; the server answers 503 with `Retry-After`.
    func receive(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse

    /// What a request is answered of which only the head is known; nil when its body is needed.
    /// Asked before more than 16 KiB of a body are received, so that nobody can have the engine
    /// hold large bodies who lacks a secret of the head. `receive` checks everything, too.
    func refusal(of head: WebhookRequest) -> WebhookResponse?
}

extension WebhookSource {
    /// Nothing is refused by its head alone.
    public func refusal(of head: WebhookRequest) -> WebhookResponse? { nil }
}

/// A source whose webhook brings only references; the leads are read afterwards.
public protocol ReferenceSource: Source {
    /// Reads the leads that the references stand for; answers in the same order. Called with 1 to
    /// 50 references; each is asked for again until it is a lead or is
    /// given up.
    func fetch(_ references: [LeadReference]) async -> [Result<Lead, FetchFailure>]
}

/// A source that can be read in bulk: `leadrouter import --source NAME`.
public protocol BulkSource: Source {
    /// Reads all leads that the query asks for, page by page, and hands them to the inbox.
    /// `progress` is called after each page is stored.
    ///
    /// - Throws: `FetchFailure` or `IntakeError`; what was stored before stays stored, and reading
    ///   again is harmless.
    func retrieve(
        _ query: BulkQuery, into inbox: any InboxWriter,
        progress: @Sendable (BulkProgress) -> Void
    ) async throws -> BulkProgress
}

/// Takes leads in, durably.
public protocol InboxWriter: Sendable {
    /// Stores the items in one transaction, shared with concurrent callers. When it returns, they
    /// are on disk. The answers are in the items' order.
    ///
    /// - Throws: `IntakeError` when nothing was stored.
    func accept(_ items: [InboxItem]) async throws(IntakeError) -> [Acceptance]
}

/// What a source hands to the inbox.
public enum InboxItem: Sendable {
    /// A whole lead.
    case lead(Lead)
    /// The announcement of a lead that `ReferenceSource.fetch` reads.
    case reference(LeadReference)
    /// Something authentic that is no usable lead; kept for an operator to look at.
    case quarantined(source: String, raw: [UInt8], reason: String)
}

/// What became of an item.
public enum Acceptance: Sendable, Equatable {
    /// New, and on disk.
    case stored
    /// The inbox had it already; nothing changed, or a reference was filled in.
    case duplicate
    /// Kept aside, not routed.
    case quarantined
}

/// The announcement of a lead: enough to read it.
public struct LeadReference: Sendable, Equatable {
    /// The configured source.
    public var source: String
    /// The lead's id.
    public var id: LeadID
    /// What the announcement said beside the id (`page_id`, `form_id`, `ad_id`, `created_time`).
    public var envelope: Envelope

    /// Makes a reference.
    public init(source: String, id: LeadID, envelope: Envelope = Envelope()) {
        self.source = source
        self.id = id
        self.envelope = envelope
    }
}

/// Why nothing was stored.
public enum IntakeError: Error, Sendable, Equatable {
    /// Too many wait already: the other side should try again after that many seconds.
    case overloaded(retryAfterSeconds: Int)
    /// The store cannot write; the sentence is for the log.
    case unavailable(String)
}

/// Why a referenced lead could not be read, and what to do next.
public struct FetchFailure: Error, Sendable, CustomStringConvertible {
    /// What the engine does next.
    public enum Verdict: Sendable, Equatable {
        /// This lead, later; `after` is the least wait that the other side asked for.
        case retry(after: Duration?)
        /// Nothing of this scope will pass (a token, a permission): hold, and spend no attempt.
        case halt
        /// This lead, never; it is kept with the reason.
        case reject
    }

    /// What to do next.
    public let verdict: Verdict
    /// One line for operators; never a token, never lead data.
    public let reason: String

    /// Makes a failure.
    public init(_ verdict: Verdict, _ reason: String) {
        self.verdict = verdict
        self.reason = Receipt.line(reason)
    }

    /// The reason.
    public var description: String { reason }
}

/// One HTTP request to a webhook.
public struct WebhookRequest: Sendable {
    /// `GET`, `POST`, …
    public var method: String
    /// The query, percent-decoded, in order.
    public var query: [(name: String, value: String)]
    /// The header fields; names in lower case, in order.
    public var headers: [(name: String, value: String)]
    /// The body's bytes as sent: signatures are over these.
    public var body: [UInt8]
    /// When it arrived.
    public var receivedTime: Timestamp

    /// Makes a request; names of headers become lower case.
    public init(
        method: String, query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        receivedTime: Timestamp
    ) {
        self.method = method
        self.query = query
        self.headers = headers.map { ($0.name.lowercased(), $0.value) }
        self.body = body
        self.receivedTime = receivedTime
    }

    /// All values of a header field; `name` in lower case.
    public func headers(_ name: String) -> [String] {
        var values: [String] = []
        for header in headers where header.name == name { values.append(header.value) }
        return values
    }

    /// All values of a query parameter.
    public func query(_ name: String) -> [String] {
        query.filter { $0.name == name }.map(\.value)
    }
}

/// The answer to a webhook.
public struct WebhookResponse: Sendable, Equatable {
    /// The HTTP status.
    public var status: Int
    /// The body's type.
    public var contentType: String
    /// The body; never lead data, never settings.
    public var body: String

    /// Makes an answer; the body is plain text unless told.
    public init(status: Int, contentType: String = "text/plain; charset=utf-8", body: String = "") {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

/// What to read in bulk.
public struct BulkQuery: Sendable, Equatable {
    /// The forms to read; empty with no ads: every form that the source knows.
    public var forms: [String]
    /// The ads to read.
    public var ads: [String]
    /// Only leads created at or after.
    public var since: Timestamp?
    /// Only leads created at or before.
    public var until: Timestamp?

    /// Makes a query.
    public init(
        forms: [String] = [], ads: [String] = [], since: Timestamp? = nil, until: Timestamp? = nil
    ) {
        self.forms = forms
        self.ads = ads
        self.since = since
        self.until = until
    }
}

/// How far a bulk read is.
public struct BulkProgress: Sendable, Equatable {
    /// Pages read.
    public var pages = 0
    /// Leads read.
    public var leads = 0
    /// Of these, new ones.
    public var stored = 0
    /// Of these, known ones.
    public var duplicates = 0
    /// Items kept aside.
    public var quarantined = 0

    /// Nothing yet.
    public init() {}

    /// Counts what the inbox answered.
    public mutating func count(_ acceptances: [Acceptance]) {
        for acceptance in acceptances {
            switch acceptance {
            case .stored: stored += 1
            case .duplicate: duplicates += 1
            case .quarantined: quarantined += 1
            }
        }
    }
}
