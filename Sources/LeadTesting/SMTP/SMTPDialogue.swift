/// What an SMTP server says to whom when: a value without any input or output.
///
/// The connection feeds it commands and messages; it answers with what to do. States follow
/// RFC 5321 §4.1.4: greeting → EHLO → MAIL → RCPT… → DATA → message.
struct SMTPDialogue {
    /// What the connection must do.
    enum Action: Equatable {
        /// Send this line; several lines for EHLO.
        case reply(String)
        /// Send `354`; the message follows.
        case askForMessage
        /// Send this line, then close.
        case replyAndClose(String)
    }

    /// A message on its way in.
    struct Envelope: Equatable {
        var sender: String
        var recipients: [String] = []
        var isUTF8 = false
    }

    private enum Login { case none, plain, loginUser, loginPassword(user: String) }

    let options: SMTPOptions
    private(set) var client = ""
    private(set) var user: String?
    private(set) var envelope: Envelope?
    private var login = Login.none

    init(options: SMTPOptions) { self.options = options }

    /// Whether the next line answers an AUTH challenge, and is no command.
    var awaitsLogin: Bool { if case .none = login { false } else { true } }

    /// The mail is done, delivered or not: the next may follow.
    mutating func endMail() { envelope = nil }

    mutating func receive(_ command: SMTPCommand) -> Action {
        switch command {
        case .ehlo(let name): return greet(name, extended: true)
        case .helo(let name): return greet(name, extended: false)
        case .mail(let path): return .reply(mail(path))
        case .rcpt(let path): return .reply(rcpt(path))
        case .data: return data()
        case .rset:
            envelope = nil
            return .reply("250 2.0.0 forgotten")
        case .noop: return .reply("250 2.0.0 fine")
        case .help: return .reply("214 2.0.0 see RFC 5321")
        case .verify: return .reply("252 2.5.1 send a mail and see")
        case .quit: return .replyAndClose("221 2.0.0 bye")
        case .startTLS:
            return .reply(
                options.offersStartTLS ? "454 4.7.0 TLS is not available" : "502 5.5.1 no TLS here")
        case .auth(let mechanism, let initial): return .reply(auth(mechanism, initial))
        case .wrong(let reply): return .reply(reply)
        case .unknown: return .reply("500 5.5.2 unknown command")
        }
    }

    private mutating func greet(_ name: String, extended: Bool) -> Action {
        client = name
        envelope = nil
        guard extended else { return .reply("250 fake.localhost") }
        var keywords = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
        keywords.append("SIZE \(options.messageBytesMax)")
        if options.offersUTF8 { keywords.append("SMTPUTF8") }
        if options.offersStartTLS { keywords.append("STARTTLS") }
        if options.login != nil { keywords.append("AUTH PLAIN LOGIN") }
        let lines = ["fake.localhost"] + keywords
        return .reply(
            lines.enumerated().map { index, line in
                "250\(index == lines.count - 1 ? " " : "-")\(line)"
            }.joined(separator: "\r\n"))
    }

    private mutating func mail(_ path: SMTPCommand.Path) -> String {
        guard !client.isEmpty else { return "503 5.5.1 EHLO first" }
        guard envelope == nil else { return "503 5.5.1 one mail at a time" }
        guard options.login == nil || user != nil else { return "530 5.7.0 log in first" }
        var isUTF8 = false
        for (name, value) in path.parameters {
            switch (name, value.uppercased()) {
            case ("SIZE", _):
                guard let size = Int(value) else { return "501 5.5.4 SIZE is no number" }
                if size > options.messageBytesMax { return SMTPDialogue.tooLarge }
            case ("BODY", "7BIT"), ("BODY", "8BITMIME"), ("AUTH", _): continue
            case ("SMTPUTF8", "") where options.offersUTF8: isUTF8 = true
            default: return "555 5.5.4 unknown parameter"
            }
        }
        guard isUTF8 || path.address.utf8.allSatisfy({ $0 < 0x80 }) else {
            return SMTPDialogue.notASCII
        }
        envelope = Envelope(sender: path.address, isUTF8: isUTF8)
        return "250 2.1.0 ok"
    }

    private mutating func rcpt(_ path: SMTPCommand.Path) -> String {
        guard let envelope else { return "503 5.5.1 MAIL first" }
        guard path.parameters.isEmpty else { return "555 5.5.4 unknown parameter" }
        guard !path.address.isEmpty else { return "501 5.1.3 no address" }
        guard envelope.isUTF8 || path.address.utf8.allSatisfy({ $0 < 0x80 }) else {
            return SMTPDialogue.notASCII
        }
        guard envelope.recipients.count < options.recipientsMax else {
            return "452 4.5.3 too many recipients"
        }
        self.envelope?.recipients.append(path.address)
        return "250 2.1.5 ok"
    }

    private func data() -> Action {
        guard let envelope else { return .reply("503 5.5.1 MAIL first") }
        return envelope.recipients.isEmpty
            ? .reply("554 5.5.1 no valid recipients") : .askForMessage
    }

    static let tooLarge = "552 5.3.4 the message is too large"
    static let notASCII = "553 5.6.7 SMTPUTF8 is needed for this address"
}

// MARK: AUTH (RFC 4954, PLAIN: RFC 4616, LOGIN: as common clients speak it)

extension SMTPDialogue {
    private mutating func auth(_ mechanism: String, _ initial: String?) -> String {
        guard options.login != nil else { return "502 5.5.1 no login here" }
        guard user == nil, envelope == nil else { return "503 5.5.1 not now" }
        switch mechanism {
        case "PLAIN":
            login = .plain
            return initial.map { answerLogin($0) } ?? "334 "
        case "LOGIN":
            login = .loginUser
            return initial.map { answerLogin($0) } ?? "334 VXNlcm5hbWU6"
        default: return "504 5.5.4 unknown mechanism"
        }
    }

    /// Takes the client's answer to a challenge.
    mutating func answerLogin(_ text: String) -> String {
        let step = login
        login = .none
        guard let bytes = SMTPCommand.base64Decoded(text) else { return "501 5.5.2 no base64" }
        switch step {
        case .none: return "503 5.5.1 AUTH first"
        case .plain:
            let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            guard parts.count == 3 else { return "501 5.5.2 not PLAIN" }
            return check(user: parts[1], password: parts[2])
        case .loginUser:
            login = .loginPassword(user: String(decoding: bytes, as: UTF8.self))
            return "334 UGFzc3dvcmQ6"
        case .loginPassword(let user):
            return check(user: user, password: String(decoding: bytes, as: UTF8.self))
        }
    }

    private mutating func check(user: String, password: String) -> String {
        guard let login = options.login, user.utf8.elementsEqual(login.user.utf8),
            password.utf8.elementsEqual(login.password.utf8)
        else { return "535 5.7.8 wrong user or password" }
        self.user = user
        return "235 2.7.0 welcome"
    }
}
