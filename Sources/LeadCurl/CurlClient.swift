import CLibCurl

/// Sends HTTP requests and mails.
///
/// All HTTP requests share one thread, which owns one libcurl multi handle and keeps its
/// connections. Mails have a thread for each that is under way, because libcurl 7.88 waits for the
/// answer behind the final dot, and for that to QUIT, with the whole thread (measured): one slow
/// relay would hold up all others. Those threads and their connections are kept too.
///
/// Redirects are never followed, proxies and `.netrc` never used, TLS certificates always
/// checked (TLS 1.2 or later). HTTP is spoken in version 1.1. libcurl sends a request once more
/// by itself when a kept connection turns out to be dead, so a request that must not take effect
/// twice carries a key.
public final class CurlClient: Sendable {
    /// For HTTP.
    public static let http = CurlClient(name: "http")
    /// For mail.
    public static let mail = CurlClient(name: "mail")

    /// The most requests that may wait for a free place.
    public static let waitingMax = 100_000
    /// The most threads for mail. Past that, mails wait behind others.
    public static let mailThreadsMax = 128

    private let lanes: CurlLanes

    /// Makes a client of its own. Its threads start when needed, and end when it is let go of and
    /// its transfers are done.
    ///
    /// - Parameters:
    ///   - name: begins the threads' names, `curl-NAME`.
    ///   - transfersMax: how many transfers are under way at once; others wait in order.
    ///   - authorities: a PEM file of certificate authorities instead of the system's.
    public init(name: String, transfersMax: Int = 256, authorities: String? = nil) {
        precondition(transfersMax > 0, "a client without transfers would never answer")
        _ = CurlClient.library
        lanes = CurlLanes(name: name, transfersMax: transfersMax, authorities: authorities)
    }

    /// Once a process; `curl_global_init` must not run beside other libcurl calls.
    private static let library: Void = {
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
            fatalError("libcurl does not start")
        }
    }()

    /// Sends a request and returns the answer, whatever its status. Cancelling the task gives the
    /// transfer up at once.
    ///
    /// - Throws: `CurlError` when there is no whole answer.
    public func send(_ request: HTTPRequest) async throws(CurlError) -> HTTPResponse {
        try RequestCheck.check(request)
        return HTTPResponse(try await answer(to: .http(request), on: lanes.http()).get())
    }

    /// Sends a mail. Cancelling the task returns at once; the connection is given up within a
    /// second.
    ///
    /// - Throws: `CurlError` when it was not taken; `responseCode` tells why.
    public func send(_ mail: MailRequest) async throws(CurlError) -> MailReply {
        try RequestCheck.check(mail)
        let lane = lanes.takeMail(for: mail.connectionKey)
        defer { lanes.giveBack(lane) }
        return MailReply(try await answer(to: .mail(mail), on: lane.mailbox).get())
    }

    private func answer(to order: Order, on mailbox: CurlMailbox) async -> Job.Outcome {
        let job = Job(order)
        defer { withExtendedLifetime(self) {} }  // else it might stop the thread before the job
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                job.wait(continuation)
                mailbox.post(.start(job))
            }
        } onCancel: {
            job.cancel()
            mailbox.post(.cancel(job))
        }
    }
}

extension MailRequest {
    /// Mails with the same key can share a connection.
    fileprivate var connectionKey: String { "\(username ?? "")@\(tls.rawValue) \(url)" }
}
