import CLibCurl
import Foundation
import Synchronization

/// Sends HTTP requests and mails: one thread that owns one libcurl multi handle and keeps its
/// connections.
///
/// Redirects are never followed, proxies and `.netrc` never used, TLS certificates always
/// checked (TLS 1.2 or later). HTTP is spoken in version 1.1. libcurl sends a request once more
/// by itself when a kept connection turns out to be dead, so a request that must not take effect
/// twice carries a key.
public final class CurlClient: Sendable {
    /// For HTTP.
    public static let http = CurlClient(name: "http")
    /// For mail. Apart from HTTP, because a mail server that is silent on QUIT holds up its whole
    /// thread for up to 2 s.
    public static let mail = CurlClient(name: "mail")

    /// The most requests that may wait for a free place.
    public static let waitingMax = 100_000

    private let mailbox: CurlMailbox

    /// Starts a client of its own, which ends when it is let go of and its transfers are done.
    ///
    /// - Parameters:
    ///   - name: the thread's name, `curl-NAME`.
    ///   - transfersMax: how many transfers are under way at once; others wait in order.
    ///   - authorities: a PEM file of certificate authorities instead of the system's.
    public init(name: String, transfersMax: Int = 256, authorities: String? = nil) {
        precondition(transfersMax > 0, "a client without transfers would never answer")
        _ = CurlClient.library
        guard let multi = curl_multi_init() else { fatalError("out of memory") }
        let mailbox = CurlMailbox(multi: multi)
        self.mailbox = mailbox
        let thread = Thread {
            CurlLoop(mailbox: mailbox, transfersMax: transfersMax, authorities: authorities).run()
        }
        thread.name = "curl-\(name)"
        thread.start()
    }

    deinit { mailbox.stop() }

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
        return HTTPResponse(try await answer(to: .http(request)).get())
    }

    /// Sends a mail. Cancelling the task gives the transfer up at once.
    ///
    /// - Throws: `CurlError` when it was not taken; `responseCode` tells why.
    public func send(_ mail: MailRequest) async throws(CurlError) -> MailReply {
        try RequestCheck.check(mail)
        return MailReply(try await answer(to: .mail(mail)).get())
    }

    private func answer(to order: Order) async -> Result<Answer, CurlError> {
        let id = mailbox.nextID()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                mailbox.post(.start(Job(id: id, order: order, continuation: continuation)))
                // A cancellation that came before the job was posted named nothing.
                if Task.isCancelled { mailbox.post(.cancel(id)) }
            }
        } onCancel: {
            mailbox.post(.cancel(id))
        }
    }
}

/// What is to be sent.
enum Order: Sendable {
    case http(HTTPRequest)
    case mail(MailRequest)
}

/// What came back.
struct Answer: Sendable {
    /// The status or reply code; 0 for none.
    var code = 0
    /// Header lines of HTTP, or the last line that a mail server said.
    var lines: [[UInt8]] = []
    var body: [UInt8] = []
    var isTruncated = false
}

/// An order and who waits for it.
struct Job: Sendable {
    let id: UInt64
    let order: Order
    let continuation: CheckedContinuation<Result<Answer, CurlError>, Never>
}

/// The one way to a client's thread.
final class CurlMailbox: Sendable {
    enum Command: Sendable {
        case start(Job)
        case cancel(UInt64)
        case stop
    }

    /// `curl_multi_wakeup` is the one call that libcurl allows from any thread. It is made only
    /// inside the lock and only before `stop` was taken out, so never on a handle that is gone.
    private struct Handle: @unchecked Sendable {
        let multi: UnsafeMutableRawPointer
    }

    private let handle: Handle
    private let commands = Mutex<[Command]>([])
    private let lastID = Atomic<UInt64>(0)

    init(multi: UnsafeMutableRawPointer) { handle = Handle(multi: multi) }

    /// For the client's own thread.
    var multi: UnsafeMutableRawPointer { handle.multi }

    func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

    /// Wakes the thread for the first command only: it takes all that are there.
    func post(_ command: Command) {
        commands.withLock { commands in
            if commands.isEmpty { curl_multi_wakeup(handle.multi) }
            commands.append(command)
        }
    }

    func stop() { post(.stop) }

    func takeAll() -> [Command] {
        commands.withLock { commands in
            let all = commands
            commands = []
            return all
        }
    }
}
