import CLibCurl

/// Sets the options of one easy handle and keeps the first failure.
struct EasySetup {
    let easy: UnsafeMutableRawPointer
    private(set) var result = CURLE_OK

    init(easy: UnsafeMutableRawPointer) { self.easy = easy }

    mutating func long(_ option: CURLoption, _ value: Int) {
        keep(lr_curl_set_long(easy, option, value))
    }

    mutating func string(_ option: CURLoption, _ value: String) {
        keep(lr_curl_set_string(easy, option, value))
    }

    mutating func pointer(_ option: CURLoption, _ value: UnsafeRawPointer) {
        keep(lr_curl_set_pointer(easy, option, value))
    }

    mutating func callback(_ option: CURLoption, _ value: @escaping lr_curl_transfer_callback) {
        keep(lr_curl_set_callback(easy, option, value))
    }

    mutating func progress(
        _ context: UnsafeRawPointer, _ value: @escaping curl_xferinfo_callback
    ) {
        long(CURLOPT_NOPROGRESS, 0)
        pointer(CURLOPT_XFERINFODATA, context)
        keep(lr_curl_set_progress_callback(easy, value))
    }

    private mutating func keep(_ code: CURLcode) {
        if result == CURLE_OK { result = code }
    }

    /// Hands libcurl a list, which must outlive the transfer.
    private mutating func list(
        _ option: CURLoption, _ texts: [String], _ lists: inout [UnsafeMutablePointer<curl_slist>]
    ) {
        var head: UnsafeMutablePointer<curl_slist>?
        for text in texts {
            guard let longer = curl_slist_append(head, text) else { fatalError("out of memory") }
            head = longer
        }
        guard let head else { return }
        lists.append(head)
        keep(lr_curl_set_list(easy, option, head))
    }

    // MARK: Everything

    mutating func common(authorities: String?) {
        long(CURLOPT_NOSIGNAL, 1)
        long(CURLOPT_FOLLOWLOCATION, 0)
        string(CURLOPT_PROXY, "")
        long(CURLOPT_NETRC, 0)
        long(CURLOPT_SSL_VERIFYPEER, 1)
        long(CURLOPT_SSL_VERIFYHOST, 2)
        long(CURLOPT_SSLVERSION, 6)  // CURL_SSLVERSION_TLSv1_2, an enum without a Swift number
        if let authorities { string(CURLOPT_CAINFO, authorities) }
        // Giving up during a name look-up must not wait for the resolver's thread.
        long(CURLOPT_QUICK_EXIT, 1)
        long(CURLOPT_TCP_KEEPALIVE, 1)
        // Shorter than most servers keep idle connections, so that few turn out to be dead.
        long(CURLOPT_MAXAGE_CONN, 50)
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(
            1, Int(clamping: seconds.clampedToDay) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        )
    }

    // MARK: HTTP

    mutating func http(
        _ request: HTTPRequest, lists: inout [UnsafeMutablePointer<curl_slist>]
    ) {
        string(CURLOPT_PROTOCOLS_STR, "http,https")
        string(CURLOPT_URL, request.url)
        long(CURLOPT_PATH_AS_IS, 1)
        long(CURLOPT_HTTP_VERSION, 2)  // CURL_HTTP_VERSION_1_1, an enum without a Swift number
        long(CURLOPT_TIMEOUT_MS, EasySetup.milliseconds(request.timeout))
        long(CURLOPT_CONNECTTIMEOUT_MS, EasySetup.milliseconds(request.connectTimeout))
        body(of: request)
        list(CURLOPT_HTTPHEADER, EasySetup.headerLines(request), &lists)
    }

    private mutating func body(of request: HTTPRequest) {
        if request.method == "HEAD" { return long(CURLOPT_NOBODY, 1) }
        if request.method == "GET", request.body.isEmpty { return long(CURLOPT_HTTPGET, 1) }
        if request.method == "POST" || request.method == "PUT" || !request.body.isEmpty {
            long(CURLOPT_POST, 1)
            keep(
                lr_curl_set_offset(
                    easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
            let code = request.body.withUnsafeBytes { bytes in
                // An empty array has no address, and libcurl would then ask for a callback.
                bytes.baseAddress.map { lr_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, $0) }
                    ?? lr_curl_set_string(easy, CURLOPT_COPYPOSTFIELDS, "")
            }
            keep(code)
        }
        if request.method != "POST" { string(CURLOPT_CUSTOMREQUEST, request.method) }
    }

    /// libcurl reads `Name:` as "leave this header out" and `Name;` as an empty header.
    private static func headerLines(_ request: HTTPRequest) -> [String] {
        var lines = request.headers.map {
            $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)"
        }
        lines.append("Expect:")
        let hasType = request.headers.contains { $0.name.lowercased() == "content-type" }
        if !hasType { lines.append("Content-Type:") }
        return lines
    }

    // MARK: Mail

    mutating func mail(
        _ mail: MailRequest, lists: inout [UnsafeMutablePointer<curl_slist>]
    ) {
        string(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        string(CURLOPT_URL, mail.heloName.map { "\(mail.url)/\($0)" } ?? mail.url)
        long(CURLOPT_TIMEOUT_MS, EasySetup.milliseconds(mail.timeout))
        // To libcurl the greeting, EHLO, STARTTLS and AUTH are a part of connecting, and some relays let
        // strangers wait for their greeting.
        long(
            CURLOPT_CONNECTTIMEOUT_MS,
            EasySetup.milliseconds(min(mail.timeout, .seconds(MailRequest.replySecondsMax))))
        long(
            CURLOPT_SERVER_RESPONSE_TIMEOUT,
            min(max(1, Int(mail.timeout.components.seconds)), MailRequest.replySecondsMax))
        switch mail.tls {
        case .required: long(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue))
        case .opportunistic: long(CURLOPT_USE_SSL, Int(CURLUSESSL_TRY.rawValue))
        case .off: long(CURLOPT_USE_SSL, Int(CURLUSESSL_NONE.rawValue))
        }
        if let username = mail.username { string(CURLOPT_USERNAME, username) }
        if let password = mail.password { string(CURLOPT_PASSWORD, password) }
        string(CURLOPT_MAIL_FROM, "<\(mail.from)>")
        list(CURLOPT_MAIL_RCPT, ["<\(mail.recipient)>"], &lists)
        long(CURLOPT_UPLOAD, 1)
        // Unless the relay has taken the mail, see `Transfer.keep(reply:_:)`.
        long(CURLOPT_FORBID_REUSE, 1)
        keep(
            lr_curl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(mail.message.count)))
    }
}

extension Int64 {
    /// Seconds between none and a day: no transfer takes longer.
    fileprivate var clampedToDay: Int64 { Swift.min(Swift.max(self, 0), 86_400) }
}
