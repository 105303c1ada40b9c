import Glibc
import LeadCurl
public import LeadKit

/// Mails each lead to one recipient through an SMTP relay.
///
/// The `Message-ID` is made from the delivery key, the same on every attempt, so a mail that came
/// twice can be told by it.
public struct SMTPSink: Sink {
    public static let name = "smtp"
    /// What RFC 5321 (4.5.3.2.6) asks for behind the final dot: a relay that looks through a mail before
    /// it answers would get it again and again.
    public static let timeout = Duration.seconds(600)
    public static let summary = "Mails each lead to one recipient through an SMTP relay."
    public static let example = """
        sinks:
          store-email:
            plugin: smtp
            url: smtp://mail.example.com:587
            username: leads
            password: ${MAIL_PASSWORD}
            from: "New leads <leads@example.com>"
            to: "{{store.email}}"
            reply_to: "{{email}}"
            subject: "New lead: {{full_name}}"
        """

    private let config: Config
    private let from: Mailbox
    private let client: CurlClient

    public init(config: Config, context: PluginContext) throws {
        guard let from = Mailbox(config.from) else { throw SMTPConfigError(Config.badSender) }
        self.config = config
        self.from = from
        client = .mail
    }

    public func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        guard let recipient = MailAddress(delivery[config.to].trimmed) else {
            throw .reject(SMTPSink.badRecipient)
        }
        let mail = MailRequest(
            url: config.url, tls: config.tls.mode, username: config.username,
            password: config.password?.revealed, from: from.address.text,
            recipient: recipient.text, message: message(delivery, to: recipient),
            timeout: delivery.timeout, heloName: config.hello)
        do {
            let reply = try await client.send(mail)
            return Receipt("SMTP \(reply.code)", to: recipient.text, answer: reply.text ?? "")
        } catch {
            throw SMTPVerdict.failure(error).answered(error.reply).sent(to: recipient.text)
        }
    }

    /// The relay, whoever the recipient is: refused credentials and lost connections are its own,
    /// and must not be tried again with every recipient. A recipient's trouble is `isOfThisLead`.
    public func destination(of delivery: Delivery) -> String { config.url.lowercased() }

    private static let badRecipient = "bad-recipient: 'to' is not one mail address"

    public static func refusal(of delivery: Delivery, config: Config) -> String? {
        MailAddress(delivery[config.to].trimmed) == nil ? badRecipient : nil
    }

    private func message(_ delivery: Delivery, to recipient: MailAddress) -> [UInt8] {
        MailMessage(
            key: delivery.key.text, from: from, to: recipient,
            replyTo: MailAddress(delivery[config.replyTo].trimmed),
            subject: delivery[config.subject], leadID: delivery.lead.id.text,
            isHTML: config.format == .html, body: delivery[config.body], seconds: time(nil)
        ).bytes
    }
}

/// The settings cannot work.
struct SMTPConfigError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What a refusal, or the lack of an answer, means for the delivery. The reply code decides, not
/// libcurl's number (measured; see RFC 5321 §4.2.1).
enum SMTPVerdict {
    static func failure(_ error: CurlError) -> DeliveryFailure {
        if error.isBadRequest { return .reject(error.message) }
        // Not begun: no reason to leave the relay alone.
        if error.isBusy { return .retry(error.message, isOfThisLead: true) }
        switch error.responseCode {
        case 530, 534, 535, 538: return .halt(error.message)
        // A relay that does not talk to this host says nothing of the mail.
        case 400..<600 where error.isOfSession: return .retry(error.message)
        case 421, 432, 454: return .retry(error.message)  // closing; logging in fails for now
        // RFC 5321 §4.2.1: the relay is well enough to say no to this mail.
        case 400..<500: return .retry(error.message, isOfThisLead: true)
        // RFC 5321 §4.5.3.1.10: too many recipients.
        case 552: return .retry(error.message, isOfThisLead: true)
        case 500..<600: return .reject(error.message)
        default: break
        }
        if error.isMissingTLS { return .halt("the mail server does not offer TLS") }
        if error.isLoginRefused { return .halt("the mail server offers no way to log in") }
        return .retry(error.message, isAmbiguous: error.mayHaveArrived)
    }
}
