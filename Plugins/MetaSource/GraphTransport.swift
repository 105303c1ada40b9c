import Foundation
import LeadCurl
import LeadKit

/// Carries requests to the Graph API. A seam: tests hand in a script, the program libcurl.
protocol GraphTransport: Sendable {
    /// Sends a GET; follows no redirect.
    func get(_ request: GraphRequest) async throws(GraphLoss) -> GraphReply
}

/// One GET.
struct GraphRequest: Sendable {
    var url: String
    var headers: [(name: String, value: String)]
    /// Longer answers are cut.
    var replyBytesMax: Int
}

/// One answer; header names in lower case.
struct GraphReply: Sendable {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var isTruncated = false

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// No answer came: no connection, no name, too slow.
struct GraphLoss: Error, Sendable {
    var message: String
}

/// Requests over the program's libcurl thread.
struct CurlTransport: GraphTransport {
    func get(_ request: GraphRequest) async throws(GraphLoss) -> GraphReply {
        do throws(CurlError) {
            let response = try await CurlClient.http.send(
                HTTPRequest(
                    method: "GET", url: request.url, headers: request.headers,
                    responseBytesMax: request.replyBytesMax))
            return GraphReply(
                status: response.status, headers: response.headers, body: response.body,
                isTruncated: response.isTruncated)
        } catch {
            throw GraphLoss(message: error.message)
        }
    }
}

/// The time, so that tests need not wait for it.
struct SourceTime: Sendable {
    /// Monotonic: since some moment.
    var elapsed: @Sendable () -> Duration
    /// Waits; throws `CancellationError` when cancelled.
    var sleep: @Sendable (Duration) async throws -> Void
    /// What the calendar says.
    var now: @Sendable () -> Timestamp

    /// The machine's.
    static let system = SourceTime(
        elapsed: { [start = ContinuousClock.now] in ContinuousClock.now - start },
        sleep: { try await Task.sleep(for: $0) },
        now: { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) })
}
