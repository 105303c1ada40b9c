import CLibCurl

/// The thread's own part: the multi handle, the transfers under way, and those that wait.
///
/// Nothing here is touched by another thread; commands come through the mailbox, results leave
/// through continuations.
final class CurlLoop {
    private let mailbox: CurlMailbox
    private let multi: UnsafeMutableRawPointer
    private let transfersMax: Int
    private let authorities: String?
    private var transfers: [UInt64: Transfer] = [:]
    private var waiting: [Job?] = []
    private var waitingStart = 0
    private var idleHandles: [UnsafeMutableRawPointer] = []
    private var isStopping = false

    init(mailbox: CurlMailbox, transfersMax: Int, authorities: String?) {
        self.mailbox = mailbox
        self.transfersMax = transfersMax
        self.authorities = authorities
        multi = mailbox.multi
        // Room for every connection: closing a mail connection to make room would wait for QUIT.
        lr_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 2 * transfersMax)
        lr_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
    }

    /// Runs until stopped and out of work, then frees the handles.
    func run() {
        while true {
            mailbox.takeAll().forEach(take)
            startWaiting()
            var runningCount: Int32 = 0
            curl_multi_perform(multi, &runningCount)
            let hasRoom = finishEnded() && waitingStart < waiting.count
            if isStopping && transfers.isEmpty && waitingStart == waiting.count { break }
            if !hasRoom { curl_multi_poll(multi, nil, 0, 60_000, nil) }
        }
        idleHandles.forEach { curl_easy_cleanup($0) }
        curl_multi_cleanup(multi)
    }

    private func take(_ command: CurlMailbox.Command) {
        switch command {
        case .start(let job) where waiting.count - waitingStart >= CurlClient.waitingMax:
            job.continuation.resume(returning: .failure(.busy(CurlClient.waitingMax)))
        case .start(let job): waiting.append(job)
        case .cancel(let id): cancel(id)
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

    private func start(_ job: Job) {
        guard let easy = idleHandles.popLast() ?? curl_easy_init() else {
            fatalError("out of memory")
        }
        let transfer = Transfer(job: job, easy: easy)
        let result = transfer.prepare(authorities: authorities)
        guard result == CURLE_OK, curl_multi_add_handle(multi, easy) == CURLM_OK else {
            return end(transfer, result == CURLE_OK ? CURLE_FAILED_INIT : result)
        }
        transfers[job.id] = transfer
    }

    private func cancel(_ id: UInt64) {
        if let transfer = transfers.removeValue(forKey: id) {
            curl_multi_remove_handle(multi, transfer.easy)
            let error = CurlError.cancelled(
                mayHaveArrived: transfer.mayHaveArrived, responseCode: transfer.responseCode)
            end(transfer, with: .failure(error))
        } else if let index = waiting.lastIndex(where: { $0?.id == id }) {
            waiting[index]?.continuation.resume(returning: .failure(.cancelled()))
            waiting[index] = nil
        }
    }

    /// Whether any transfer ended.
    private func finishEnded() -> Bool {
        var hasEnded = false
        var leftCount: Int32 = 0
        while let message = curl_multi_info_read(multi, &leftCount) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let id = Transfer.id(of: easy), let transfer = transfers.removeValue(forKey: id)
            else { continue }
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
        if idleHandles.count < transfersMax {
            curl_easy_reset(transfer.easy)
            idleHandles.append(transfer.easy)
        } else {
            curl_easy_cleanup(transfer.easy)
        }
        transfer.continuation.resume(returning: outcome)
    }
}
