import CLibCurl
import Glibc

/// The thread's own part: the multi handle, the transfers under way, and those that wait.
///
/// Nothing here is touched by another thread; commands come through the mailbox, results leave
/// through the jobs.
final class CurlLoop {
    private let mailbox: CurlMailbox
    private let multi: UnsafeMutableRawPointer
    private let transfersMax: Int
    private let waitMax: Duration
    private let authorities: String?
    private var transfers: [ObjectIdentifier: Transfer] = [:]
    private var waiting: [Job?] = []
    private var waitingStart = 0
    private var idleHandles: [UnsafeMutableRawPointer] = []
    private var isStopping = false

    init(mailbox: CurlMailbox, transfersMax: Int, waitMax: Duration, authorities: String?) {
        self.mailbox = mailbox
        self.transfersMax = transfersMax
        self.waitMax = waitMax
        self.authorities = authorities
        multi = mailbox.multi
        // A mail thread has room for its last connection beside the one in use: closing one to make
        // room waits for QUIT. What is over a bound for thousands would be files that others need.
        let connectionsMax = min(2 * transfersMax, CurlClient.connectionsMax)
        lr_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connectionsMax)
        lr_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
    }

    /// Runs until stopped and out of work, then frees the handles.
    func run() {
        blockBrokenPipeSignal()
        while true {
            mailbox.takeAll().forEach(take)
            startWaiting()
            giveUpWaiting()
            var runningCount: Int32 = 0
            curl_multi_perform(multi, &runningCount)
            let hasRoom = finishEnded() && waitingStart < waiting.count
            if isStopping && transfers.isEmpty && waitingStart == waiting.count { break }
            if !hasRoom { curl_multi_poll(multi, nil, 0, pollMilliseconds, nil) }
        }
        mailbox.close()
        idleHandles.forEach { curl_easy_cleanup($0) }
        curl_multi_cleanup(multi)
        mailbox.end()
    }

    /// OpenSSL writes without MSG_NOSIGNAL, and libcurl was told to leave signals alone.
    private func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private func take(_ command: CurlMailbox.Command) {
        switch command {
        // Its cancellation came first, and found nothing.
        case .start(let job) where job.isCancelled: job.answer(.failure(.cancelled()))
        case .start(let job) where waiting.count - waitingStart >= CurlClient.waitingMax:
            job.answer(.failure(.busy(CurlClient.waitingMax)))
        case .start(let job): waiting.append(job)
        case .cancel(let job): cancel(job)
        case .stop: isStopping = true
        }
    }

    private func startWaiting() {
        while waitingStart < waiting.count, transfers.count < transfersMax {
            if let job = waiting[waitingStart] { start(job) }
            waiting[waitingStart] = nil
            waitingStart += 1
        }
        if waitingStart == waiting.count || waitingStart > 1024 {
            waiting.removeFirst(waitingStart)
            waitingStart = 0
        }
    }

    /// Those that have waited for too long, oldest first.
    private func giveUpWaiting() {
        guard waitingStart < waiting.count else { return }
        let latest = ContinuousClock.now - waitMax
        while waitingStart < waiting.count {
            if let job = waiting[waitingStart] {
                guard job.asked <= latest else { return }
                job.notSent(after: waitMax)
            }
            waiting[waitingStart] = nil
            waitingStart += 1
        }
    }

    /// Short while some wait: their time may be up.
    private var pollMilliseconds: Int32 {
        waitingStart < waiting.count ? 100 : 60_000
    }

    private func start(_ job: Job) {
        guard job.start() else { return job.answer(.failure(.cancelled())) }
        guard let easy = idleHandles.popLast() ?? curl_easy_init() else {
            fatalError("out of memory")
        }
        let transfer = Transfer(job: job, easy: easy)
        let result = transfer.prepare(authorities: authorities)
        guard result == CURLE_OK, curl_multi_add_handle(multi, easy) == CURLM_OK else {
            return end(transfer, result == CURLE_OK ? CURLE_FAILED_INIT : result)
        }
        transfers[ObjectIdentifier(job)] = transfer
    }

    /// A mail's transfer sees for itself that its job is cancelled: removing it here would make
    /// libcurl send the final dot, and half a mail would arrive as a whole one.
    private func cancel(_ job: Job) {
        let id = ObjectIdentifier(job)
        if let transfer = transfers[id] {
            guard case .http = job.order else { return }
            transfers[id] = nil
            curl_multi_remove_handle(multi, transfer.easy)
            let error = CurlError.cancelled(
                mayHaveArrived: transfer.mayHaveArrived, responseCode: transfer.responseCode)
            end(transfer, with: .failure(error))
        } else if let index = waiting.lastIndex(where: { $0 === job }) {
            job.answer(.failure(.cancelled()))
            waiting[index] = nil
        }
    }

    /// Whether any transfer ended.
    private func finishEnded() -> Bool {
        var hasEnded = false
        var leftCount: Int32 = 0
        while let message = curl_multi_info_read(multi, &leftCount) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = Transfer.running(on: easy)
            else { continue }
            transfers[ObjectIdentifier(transfer.job)] = nil
            let result = lr_curl_message_result(message)  // before removal frees the message
            curl_multi_remove_handle(multi, easy)
            end(transfer, result)
            hasEnded = true
        }
        return hasEnded
    }

    private func end(_ transfer: Transfer, _ result: CURLcode) {
        end(transfer, with: transfer.outcome(result))
    }

    private func end(_ transfer: Transfer, with outcome: Result<Answer, CurlError>) {
        transfer.release()
        if idleHandles.count < min(transfersMax, CurlClient.idleHandlesMax) {
            curl_easy_reset(transfer.easy)
            idleHandles.append(transfer.easy)
        } else {
            curl_easy_cleanup(transfer.easy)
        }
        transfer.job.answer(outcome)
    }
}
