/// What a `FakeSMTPServer` offers and bounds.
public struct SMTPOptions: Sendable {
    /// Where to listen; 0 lets the system choose a free port.
    public var port = 0
    /// The one user that may send; nil lets anyone send and offers no AUTH.
    public var login: (user: String, password: String)?
    /// Whether non-ASCII addresses are taken (RFC 6531).
    public var offersUTF8 = true
    /// Whether STARTTLS is advertised; it is then refused with 454, for there is no TLS here.
    public var offersStartTLS = false
    /// The most bytes of a message; a larger one is refused with 552.
    public var messageBytesMax = 10 << 20
    /// The most recipients of a mail; one more is refused with 452.
    public var recipientsMax = 100
    /// How many mails are kept; those behind are answered and only counted.
    public var mailsMax = 10_000

    /// A free port, no login, SMTPUTF8, 10 MiB, 100 recipients, 10,000 mails.
    public init() {}
}

/// A step of the dialogue at which a `FakeSMTPServer` can fail.
public enum SMTPStep: Sendable, Hashable, CaseIterable {
    /// The connection is open, nothing is said yet.
    case greeting
    /// EHLO or HELO.
    case ehlo
    /// AUTH, before the password is looked at.
    case auth
    /// STARTTLS.
    case startTLS
    /// MAIL FROM.
    case mail
    /// RCPT TO, whoever it is for; see also `fail(recipient:with:times:)`.
    case rcpt
    /// DATA.
    case data
    /// The message has arrived with its final dot.
    case message
    /// QUIT.
    case quit
}

/// What can go wrong at a step.
public enum SMTPFault: Sendable, Equatable {
    /// Replies this instead, such as `450 4.2.0 try later`. The connection stays usable, except
    /// behind 421 and behind a failed greeting.
    case reply(String)
    /// Closes the connection without a reply. A message is lost with it.
    case close
    /// Says nothing more; the connection stays open until the client or `stop()` ends it.
    case hang
    /// Takes the message, then closes without a reply: the mail arrived, its answer did not. At
    /// any other step the same as `close`.
    case acceptAndClose
}
