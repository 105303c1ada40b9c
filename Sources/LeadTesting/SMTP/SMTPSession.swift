internal import Foundation
internal import LeadKit
internal import NIOCore

/// One connection of a `FakeSMTPServer`: moves bytes between the network and the dialogue, and
/// lets the faults happen.
struct SMTPSession {
    typealias Outbound = NIOAsyncChannelOutboundWriter<ByteBuffer>

    private let server: FakeSMTPServer
    private var dialogue: SMTPDialogue
    private var reader: SMTPReader
    /// Replies not sent yet: those to pipelined commands leave together (RFC 2920 §3.2).
    private var replies = ByteBuffer()
    private var isOver = false

    init(server: FakeSMTPServer) {
        self.server = server
        dialogue = SMTPDialogue(options: server.options)
        reader = SMTPReader(messageBytesMax: server.options.messageBytesMax)
    }

    /// Talks until the client leaves, QUIT, a fault that closes, or cancellation.
    mutating func run(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: Outbound
    ) async throws {
        if let fault = server.faults.take(.step(.greeting)) {
            try await fail(fault, outbound)
            // Nobody may go on behind a refused greeting (RFC 5321 §3.1).
            isOver = true
        } else {
            reply("220 fake.localhost ESMTP")
        }
        try await flush(outbound)
        guard !isOver else { return }
        for try await buffer in inbound {
            reader.feed(buffer.readableBytesView)
            while !isOver, let input = reader.next() { try await handle(input, outbound) }
            try await flush(outbound)
            if isOver { return }
        }
    }

    private mutating func handle(_ input: SMTPReader.Input, _ outbound: Outbound) async throws {
        switch input {
        case .line(let line) where dialogue.awaitsLogin:
            reply(dialogue.answerLogin(String(decoding: line, as: UTF8.self)))
        case .line(let line): try await handle(SMTPCommand(line), outbound)
        case .malformedLine: reply("500 5.5.2 a line must end with CRLF")
        case .endlessLine:
            reply("500 5.5.2 the line is too long")
            isOver = true
        case .message(let bytes, let isMalformed, let isTooLarge):
            try await handle(
                message: bytes, isMalformed: isMalformed, isTooLarge: isTooLarge, outbound)
        }
    }

    private mutating func handle(_ command: SMTPCommand, _ outbound: Outbound) async throws {
        if let fault = fault(for: command) {
            try await fail(fault, outbound)
            return
        }
        switch dialogue.receive(command) {
        case .reply(let line): reply(line)
        case .askForMessage:
            reader.expectMessage()
            reply("354 end with a dot")
        case .replyAndClose(let line):
            reply(line)
            isOver = true
        }
    }

    private func fault(for command: SMTPCommand) -> SMTPFault? {
        switch command {
        case .ehlo, .helo: server.faults.take(.step(.ehlo))
        case .auth: server.faults.take(.step(.auth))
        case .startTLS: server.faults.take(.step(.startTLS))
        case .mail: server.faults.take(.step(.mail))
        case .rcpt(let path):
            server.faults.take(.recipient(path.address.lowercased()))
                ?? server.faults.take(.step(.rcpt))
        case .data: server.faults.take(.step(.data))
        case .quit: server.faults.take(.step(.quit))
        default: nil
        }
    }

    private mutating func handle(
        message: [UInt8], isMalformed: Bool, isTooLarge: Bool, _ outbound: Outbound
    ) async throws {
        defer { dialogue.endMail() }
        let fault = server.faults.take(.step(.message))
        if let fault, fault != .acceptAndClose {
            try await fail(fault, outbound)
        } else if isTooLarge {
            reply(SMTPDialogue.tooLarge)
        } else if isMalformed {
            reply("550 5.6.11 a CR or LF stands alone in the message")
        } else {
            reply(await store(message))
        }
        if fault == .acceptAndClose {
            replies.clear()
            isOver = true
        }
    }

    private func store(_ message: [UInt8]) async -> String {
        guard let envelope = dialogue.envelope else { return "503 5.5.1 MAIL first" }
        let mail = Mail(
            number: server.nextMailNumber(), client: dialogue.client, user: dialogue.user,
            sender: envelope.sender, recipients: envelope.recipients, message: message,
            isUTF8: envelope.isUTF8,
            receivedMilliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        do { try await server.sink?(mail) } catch { return "451 4.3.0 could not be kept" }
        server.arrivals.append { _ in mail }
        return "250 2.0.0 ok: queued as \(mail.number)"
    }

    private mutating func fail(_ fault: SMTPFault, _ outbound: Outbound) async throws {
        switch fault {
        case .reply(let line):
            reply(line)
            isOver = ByteSearch.hasPrefix(line, "421")
        case .hang:
            try await flush(outbound)
            await Waiting.untilCancelled()
            isOver = true
        case .close, .acceptAndClose: isOver = true
        }
    }

    private mutating func reply(_ line: String) { replies.writeString(line + "\r\n") }

    private mutating func flush(_ outbound: Outbound) async throws {
        guard replies.readableBytes > 0 else { return }
        let waiting = replies
        replies.clear()
        try await outbound.write(waiting)
    }
}
