internal import LeadKit

/// One HTTP request as a fake received it.
public struct RecordedRequest: Sendable {
    /// Which request it was, from 1.
    public var number: Int
    /// `GET`, `POST`, …
    public var method: String
    /// The path as sent, percent-encoding and doubled slashes kept.
    public var path: String
    /// The query, percent-decoded, in order.
    public var query: [(name: String, value: String)]
    /// The header fields; names in lower case, in order.
    public var headers: [(name: String, value: String)]
    /// The body's bytes.
    public var body: [UInt8]
    /// When it had arrived whole, in milliseconds since 1970.
    public var receivedMilliseconds: Int64

    /// The first value of a header field; `name` in lower case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    /// The first value of a query parameter.
    public func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The parameters of an `application/x-www-form-urlencoded` body, in order; empty for others.
    public var form: [(name: String, value: String)] {
        guard header("content-type").map({ ByteSearch.contains($0, "urlencoded") }) == true else {
            return []
        }
        return FormDecoding.urlEncoded(body)
    }
}

/// What a fake answers.
public struct FakeResponse: Sendable {
    /// The HTTP status, 100 to 999.
    public var status: Int
    /// Header fields; `content-length` is added.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: [UInt8]

    /// Makes an answer; without a body it is empty.
    public init(
        status: Int = 200, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Makes an answer with a text as its body.
    public static func text(_ text: String, status: Int = 200) -> FakeResponse {
        FakeResponse(
            status: status, headers: [("content-type", "text/plain; charset=utf-8")],
            body: Array(text.utf8))
    }

    /// Makes an answer with a JSON text as its body.
    public static func json(_ text: String, status: Int = 200) -> FakeResponse {
        FakeResponse(
            status: status, headers: [("content-type", "application/json")], body: Array(text.utf8))
    }
}

/// What can go wrong with an answer. The request is recorded all the same: the fake has seen it.
public enum HTTPFault: Sendable {
    /// Answers this instead.
    case answer(FakeResponse)
    /// Never answers; the connection stays open until the client or `stop()` ends it.
    case hang
    /// Closes the connection without an answer: the answer is lost, the effect is not.
    case close
    /// Answers as usual, so much later.
    case delay(Duration)
    /// Answers as usual, one byte of the body at a time with this pause behind each.
    case drip(Duration)

    /// Answers with only a status.
    public static func status(_ status: Int) -> HTTPFault { .answer(FakeResponse(status: status)) }
}
