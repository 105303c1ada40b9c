/// One mail for one recipient, sent by `CurlClient.send(_:)`.
public struct MailRequest: Sendable {
    /// How the connection is encrypted. The server's certificate is always checked.
    public enum TLSMode: String, Sendable, CaseIterable {
        /// Without TLS nothing is sent, not even the password.
        case required
        /// TLS when the server offers it; then its certificate must be good.
        case opportunistic
        /// Never; for relays on this machine. `smtps:` is encrypted all the same.
        case off
    }

    /// How long, in seconds, each answer may take before the mail itself is sent; the one behind the
    /// final dot has the whole time. A relay that hangs is found out sooner so.
    public static let replySecondsMax = 60

    /// The relay: `smtp://HOST[:PORT]`, or `smtps://…` for TLS from the start.
    public var url: String
    /// How the connection is encrypted.
    public var tls: TLSMode
    /// The name to log in with; nil for no log-in.
    public var username: String?
    /// The password to log in with.
    public var password: String?
    /// The envelope's sender: an ASCII addr-spec without brackets.
    public var from: String
    /// The envelope's one recipient: an ASCII addr-spec without brackets.
    public var recipient: String
    /// Headers and body, lines ended by CR LF. Dots are stuffed on the way.
    public var message: [UInt8]
    /// How long the whole exchange may take.
    public var timeout: Duration
    /// The name said in EHLO; nil for the machine's own.
    public var heloName: String?

    /// Makes a mail; by default TLS is required and the exchange may take 60 s.
    public init(
        url: String, tls: TLSMode = .required, username: String? = nil, password: String? = nil,
        from: String, recipient: String, message: [UInt8], timeout: Duration = .seconds(60),
        heloName: String? = nil
    ) {
        self.url = url
        self.tls = tls
        self.username = username
        self.password = password
        self.from = from
        self.recipient = recipient
        self.message = message
        self.timeout = timeout
        self.heloName = heloName
    }
}

/// The relay's answer behind the final dot.
public struct MailReply: Sendable {
    /// The reply code, 250 as a rule.
    public var code: Int
    /// The last line of the reply without its code. May repeat parts of the mail: never log it.
    public var text: String?

    /// Makes a reply.
    public init(code: Int, text: String? = nil) {
        self.code = code
        self.text = text
    }

    init(_ answer: Answer) {
        code = answer.code
        text = answer.lines.last.map { line in
            let text = String(decoding: line.dropFirst(4), as: UTF8.self)
            return String(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
        }
    }
}
