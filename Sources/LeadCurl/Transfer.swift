import CLibCurl

/// One transfer on one easy handle. Lives on the client's thread only; libcurl's callbacks come
/// back to it there.
final class Transfer {
    /// The most bytes of headers that an answer may have.
    static let headerBytesMax = 65_536
    /// How long, in seconds, libcurl may wait for the answer to QUIT, which blocks the thread.
    private static let quitSeconds = 2
    /// How long after the time limit such a wait is broken off; libcurl itself sees the limit first.
    private static let endExtra = Duration.milliseconds(500)

    let easy: UnsafeMutableRawPointer
    let job: Job
    private var answer = Answer()
    private var headerBytes = 0
    private var sentCount = 0
    /// Whether a mail server has asked for the message: its next answer is the one that counts.
    private var isMessageAsked = false
    /// When a mail is over, also for a libcurl that waits for the answer to QUIT.
    private let end: ContinuousClock.Instant
    private var lists: [UnsafeMutablePointer<curl_slist>] = []
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init(job: Job, easy: UnsafeMutableRawPointer) {
        self.easy = easy
        self.job = job
        end = .now + job.order.timeout + Transfer.endExtra
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    /// Frees what libcurl was lent; the handle must be out of the multi handle.
    func release() {
        lists.forEach { curl_slist_free_all($0) }
        lists = []
        errorText.deallocate()
    }

    /// The transfer that runs on a handle.
    static func running(on easy: UnsafeMutableRawPointer) -> Transfer? {
        var context: UnsafeMutablePointer<CChar>?
        guard lr_curl_get_pointer(easy, CURLINFO_PRIVATE, &context) == CURLE_OK else { return nil }
        return transfer(context)
    }

    // MARK: Preparing

    func prepare(authorities: String?) -> CURLcode {
        let context = Unmanaged.passUnretained(self).toOpaque()
        var setup = EasySetup(easy: easy)
        setup.pointer(CURLOPT_PRIVATE, context)
        setup.pointer(CURLOPT_ERRORBUFFER, errorText)
        setup.common(authorities: authorities)
        setup.pointer(CURLOPT_HEADERDATA, context)
        setup.callback(CURLOPT_HEADERFUNCTION) { Transfer.received($0, $1 * $2, $3, header: true) }
        setup.pointer(CURLOPT_WRITEDATA, context)
        setup.callback(CURLOPT_WRITEFUNCTION) { Transfer.received($0, $1 * $2, $3, header: false) }
        switch job.order {
        case .http(let request): setup.http(request, lists: &lists)
        case .mail(let mail):
            setup.pointer(CURLOPT_READDATA, context)
            setup.callback(CURLOPT_READFUNCTION) { bytes, size, count, context in
                Transfer.transfer(context)?.read(into: bytes, count: size * count) ?? 0
            }
            // Asked at least once a second, also while libcurl waits with the thread.
            setup.progress(context) { context, _, _, _, _ in
                Transfer.transfer(context)?.isOver == true ? 1 : 0
            }
            setup.mail(mail, lists: &lists)
        }
        return setup.result
    }

    // MARK: While it runs

    /// The transfer behind a context; it is kept by the loop while its handle is in use.
    fileprivate static func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    private var isOver: Bool { job.isCancelled || end < .now }

    private static func received(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        header: Bool
    ) -> Int {
        guard let bytes, let transfer = transfer(context) else { return 0 }
        let buffer = UnsafeRawBufferPointer(start: bytes, count: count)
        switch transfer.job.order {
        case .http(let request):
            return header
                ? transfer.keep(header: buffer)
                : transfer.keep(body: buffer, upTo: request.responseBytesMax)
        case .mail(let mail):
            if header { transfer.keep(reply: buffer, mail.timeout) }
            return count
        }
    }

    /// An answer less than `count` ends the transfer with CURLE_WRITE_ERROR.
    private func keep(header line: UnsafeRawBufferPointer) -> Int {
        headerBytes += line.count
        guard headerBytes <= Transfer.headerBytesMax else { return 0 }
        if line.starts(with: "HTTP/".utf8) {
            answer.lines = []  // the headers so far were those of a 1xx
        } else {
            answer.lines.append(Array(line))
        }
        return line.count
    }

    private func keep(body: UnsafeRawBufferPointer, upTo limit: Int) -> Int {
        let kept = body.prefix(max(0, limit - answer.body.count))
        answer.body.append(contentsOf: kept)
        answer.isTruncated = kept.count < body.count
        return kept.count
    }

    /// libcurl says QUIT after a refusal and waits for the answer with the whole thread, so the
    /// wait is short from a refusal on and long again if the dialogue goes on.
    ///
    /// A connection whose mail was not taken is closed, whatever the cause: libcurl 7.88 would keep
    /// it when time runs out behind the final dot, and the late answer would be the next mail's.
    private func keep(reply line: UnsafeRawBufferPointer, _ timeout: Duration) {
        // The answer to QUIT (RFC 5321 §4.2.3) says nothing of the mail.
        if !line.starts(with: "221".utf8) { answer.lines = [Array(line.prefix(1024))] }
        let isRefusal = line.first == 0x34 || line.first == 0x35
        let isWhole = line.count < 4 || line[3] != 0x2D  // `250-` has more lines behind it
        let isTaken = isMessageAsked && line.first == 0x32 && isWhole
        if isTaken { lr_curl_set_long(easy, CURLOPT_FORBID_REUSE, 0) }
        if line.starts(with: "354".utf8) { isMessageAsked = true }
        let whole = max(1, Int(timeout.components.seconds))
        let seconds =
            isRefusal || isTaken
            ? Transfer.quitSeconds
            : isMessageAsked ? whole : min(whole, MailRequest.replySecondsMax)
        lr_curl_set_long(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds)
    }

    private func read(into target: UnsafeMutablePointer<CChar>?, count: Int) -> Int {
        guard case .mail(let mail) = job.order, let target else { return 0 }
        let part = mail.message[sentCount..<min(mail.message.count, sentCount + count)]
        part.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(start: target, count: count).copyMemory(from: bytes)
        }
        sentCount += part.count
        return part.count
    }

    // MARK: What became of it

    /// The last status or reply code; 0 for none.
    var responseCode: Int {
        var code = 0
        lr_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &code)
        return code
    }

    /// HTTP: a part of the request was sent. Mail: the whole message was handed over, and no
    /// refusal came back; a server forgets a message whose final dot never came (RFC 5321 §4.1.1.4).
    var mayHaveArrived: Bool {
        switch job.order {
        case .http:
            var sentBytes = 0
            lr_curl_get_long(easy, CURLINFO_REQUEST_SIZE, &sentBytes)
            return sentBytes > 0
        case .mail(let mail): return sentCount == mail.message.count && responseCode < 400
        }
    }

    func outcome(_ found: CURLcode) -> Result<Answer, CurlError> {
        var result = found
        if result == CURLE_ABORTED_BY_CALLBACK, !job.isCancelled {  // by its end, seen late
            result = CURLE_OPERATION_TIMEDOUT
            errorText.pointee = 0
        }
        answer.code = responseCode
        if result == CURLE_OK || (result == CURLE_WRITE_ERROR && answer.isTruncated) {
            return .success(answer)
        }
        return .failure(
            CurlError(
                code: Int32(result.rawValue), message: sentence(result),
                responseCode: responseCode, mayHaveArrived: mayHaveArrived, reply: reply,
                isOfSession: isOfSession(result)))
    }

    /// libcurl 7.88 ends with CURLE_SEND_ERROR when MAIL, RCPT or DATA is refused, and a refusal
    /// behind the final dot comes after the message was asked for. All others came before.
    private func isOfSession(_ result: CURLcode) -> Bool {
        guard case .mail = job.order, responseCode >= 400 else { return false }
        return !isMessageAsked && result != CURLE_SEND_ERROR
    }

    private var reply: String {
        guard case .mail = job.order else { return "" }
        return MailReply(answer).text ?? ""
    }

    private func sentence(_ result: CURLcode) -> String {
        if case .mail = job.order, responseCode >= 400 {
            return "the mail server answered \(responseCode)\(enhancedCode)"
        }
        if result == CURLE_WRITE_ERROR { return "the answer's headers are over 64 KiB" }
        return CurlError.sentence(result, detail: String(cString: errorText))
    }

    /// ` 5.1.1` from `550 5.1.1 …` (RFC 3463): the one part of a reply's text that cannot repeat
    /// anything of the mail.
    private var enhancedCode: String {
        let word = answer.lines.last?.dropFirst(4).prefix {
            $0 == 0x2E || (0x30...0x39).contains($0)
        }
        guard let word, word.filter({ $0 == 0x2E }).count == 2, word.count <= 9 else { return "" }
        return " " + String(decoding: word, as: UTF8.self)
    }
}
