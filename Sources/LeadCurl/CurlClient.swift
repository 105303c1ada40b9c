import CLibCurl
import Glibc

/// Sends HTTP requests and mails.
///
/// All HTTP requests share one thread, which owns one libcurl multi handle and keeps its
/// connections. Mails have a thread for each that is under way, because libcurl 7.88 waits for the
/// answer behind the final dot, and for that to QUIT, with the whole thread (measured): one slow
/// relay would hold up all others. Some of those threads are kept too, with their connections. A
/// connection carries a further mail only if the one before had a whole answer of success: a late
/// answer would be read as the next one's.
///
/// What one sink may have under way is for its `max_in_flight` to bound. The limits here are for the
/// process, so high that hung sinks do not use them up: 8192 requests and 4096 mails (`http`,
/// `mail`). What has waited for its turn for 3 s was not sent, and is told so (`isBusy`).
///
/// Redirects are never followed, proxies and `.netrc` never used, TLS certificates always
/// checked (TLS 1.2 or later). HTTP is spoken in version 1.1. libcurl sends a request once more
/// by itself when a kept connection turns out to be dead, so a request that must not take effect
/// twice carries a key.
public final class CurlClient: Sendable {
    /// For HTTP: as many requests at once as 32 sinks may have, but no more than a quarter of the
    /// files that the process may have open (at least 256).
    public static let http = CurlClient(
        name: "http", transfersMax: max(256, min(8192, filesMax / 4)))
    /// For mail: as many at once as 16 sinks may have. Each takes up to four files, so at most a
    /// sixteenth of them (at least 128).
    public static let mail = CurlClient(
        name: "mail", transfersMax: max(128, min(4096, filesMax / 16)))

    /// The most requests that may wait for a free place.
    public static let waitingMax = 100_000
    /// Past so many connections of a thread, those that are idle are closed, oldest first.
    static let connectionsMax = 512
    /// The most easy handles that a thread keeps for the next transfers.
    static let idleHandlesMax = 256
    /// The most threads for mail that are kept when they have nothing to do.
    static let idleMailThreadsMax = 128

    private let lanes: CurlLanes
    private let waitMax: Duration

    /// Makes a client of its own. Its threads start when needed, and end when it is let go of and
    /// its transfers are done.
    ///
    /// - Parameters:
    ///   - name: begins the threads' names, `curl-NAME`.
    ///   - transfersMax: how many transfers are under way at once; others wait in order.
    ///   - waitMax: how long each may wait; what is not begun then was not sent (`isBusy`), told
    ///     before whoever asked takes the wait for the other side's.
    ///   - authorities: a PEM file of certificate authorities instead of the system's.
    public init(
        name: String, transfersMax: Int = 256, waitMax: Duration = .seconds(3),
        authorities: String? = nil
    ) {
        precondition(transfersMax > 0, "a client without transfers would never answer")
        _ = CurlClient.library
        self.waitMax = waitMax
        lanes = CurlLanes(
            name: name, transfersMax: transfersMax, waitMax: waitMax, authorities: authorities)
    }

    /// How many files the process may have open.
    private static var filesMax: Int {
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return 0 }
        return Int(clamping: files.rlim_cur)
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
        return HTTPResponse(try await answer(Job(.http(request)), on: lanes.http()).get())
    }

    /// Sends a mail. Cancelling the task returns at once; the connection is given up within two
    /// seconds.
    ///
    /// - Throws: `CurlError` when it was not taken; `responseCode` tells why.
    public func send(_ mail: MailRequest) async throws(CurlError) -> MailReply {
        try RequestCheck.check(mail)
        let lane = lanes.takeMail(for: mail.connectionKey)
        defer { lanes.giveBack(lane) }
        let job = Job(.mail(mail))
        // Behind another mail: its thread may be waiting, and cannot tell.
        async let _ = lane.isShared ? job.giveUpWaiting(after: waitMax) : ()
        return MailReply(try await answer(job, on: lane.mailbox).get())
    }

    private func answer(_ job: Job, on mailbox: CurlMailbox) async -> Job.Outcome {
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
