import LeadKit
import Testing

@testable import SMTPSink

@Suite struct MailMessageTests {
    private func text(
        subject: String = "S", body: String = "b", from: String = "leads@example.com",
        leadID: String = "1", isHTML: Bool = false
    ) throws -> String {
        let message = MailMessage(
            key: String(repeating: "a", count: 64), from: try #require(Mailbox(from)),
            to: try #require(MailAddress("to@example.com")), replyTo: nil, subject: subject,
            leadID: leadID, isHTML: isHTML, body: body, seconds: 1_760_000_000)
        return String(decoding: message.bytes, as: UTF8.self)
    }

    private func lines(_ text: String) -> [String] {
        text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test func `a plain mail is the known text`() throws {
        let expected = """
            Date: Thu, 9 Oct 2025 08:53:20 +0000
            From: "New Leads"
             <leads@example.com>
            To: to@example.com
            Subject: S
            Message-ID: <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com>
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable
            Auto-Submitted: auto-generated
            X-Lead-Id: 1

            b

            """
        let found = try text(from: "New Leads <leads@example.com>")
        #expect(found == expected.replacing("\n", with: "\r\n"))
    }

    @Test(arguments: [
        "x\r\nBcc: a@b", "x\nBcc: a@b", "x\rBcc: a@b", "x\u{85}Bcc: a@b", "x\u{2028}Bcc: a@b",
        "x\u{202E}y", "=?UTF-8?B?QmNj?=", String(repeating: "ü🚗", count: 300),
        String(repeating: "a", count: 5000), "e\u{301}\r\u{301}\nBcc: a@b",
    ])
    func `a subject stays one header of short ASCII lines`(subject: String) throws {
        let text = try text(subject: subject)
        #expect(lines(text).filter { $0.utf8.starts(with: "Bcc".utf8) }.isEmpty)
        #expect(lines(text).filter { $0.utf8.starts(with: "Subject: ".utf8) }.count == 1)
        for line in lines(text) where !line.utf8.starts(with: "Message-ID".utf8) {
            #expect(line.utf8.count <= 79)  // the CR counts here
            #expect(line.utf8.allSatisfy { $0 < 0x80 })
        }
    }

    @Test func `encoded words split between scalars and give the text back`() throws {
        let subject = "Neuer Lead für " + String(repeating: "Müßiggang 🚗 ", count: 20)
        let line = HeaderText.line("Subject", subject)
        let words = line.dropFirst("Subject: ".count).split(separator: "\r\n ")
        var back = ""
        for word in words {
            #expect(word.utf8.count <= 75)
            let base64 = word.dropFirst("=?UTF-8?B?".count).dropLast(2)
            let bytes = try #require(decode(base64: String(base64)))
            let part = try #require(String(validating: bytes, as: UTF8.self))
            back += part
        }
        #expect(back == subject.trimmed)
    }

    @Test(arguments: ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r\n"])
    func `no body can end the mail`(end: String) throws {
        let text = try text(body: "a\(end)MAIL FROM:<evil@example.com>\(end)b")
        #expect(
            ByteSearch.contains(text, "a\r\n=2E\r\nMAIL FROM:<evil@example.com>\r\n=2E\r\nb\r\n"))
        let bytes = Array(text.utf8)
        for index in bytes.indices where bytes[index] == 0x0A || bytes[index] == 0x0D {
            let isPair = bytes[index] == 0x0A ? bytes[index - 1] == 0x0D : bytes[index + 1] == 0x0A
            #expect(isPair)
        }
    }

    @Test func `long lines, blanks at an end and controls are encoded`() {
        func encoded(_ text: String) -> String {
            String(decoding: QuotedPrintable.encode(text), as: UTF8.self)
        }
        #expect(encoded("a=b \n\tc\t") == "a=3Db=20\r\n\tc=09\r\n")
        #expect(encoded("\0\u{1B}") == "=E2=90=80=E2=90=9B\r\n")
        #expect(encoded("") == "")
        let long = encoded(String(repeating: "x", count: 3000))
        #expect(lines(long).allSatisfy { $0.utf8.count <= 77 })
        #expect(long.replacing("=\r\n", with: "") == String(repeating: "x", count: 3000) + "\r\n")
        let full = encoded(String(repeating: "x", count: 76))
        #expect(full == String(repeating: "x", count: 76) + "\r\n")
    }

    @Test func `a sender's name outside ASCII is encoded and the address stays`() throws {
        let text = try text(from: "Müller <leads@example.com>")
        #expect(
            ByteSearch.contains(
                text, "\r\nFrom: =?UTF-8?B?TcO8bGxlcg==?=\r\n <leads@example.com>\r\n"))
    }

    private func decode(base64: String) -> [UInt8]? {
        var bits = 0
        var bitCount = 0
        var bytes: [UInt8] = []
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for byte in base64.utf8 where byte != 0x3D {
            guard let value = digits.firstIndex(of: byte) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(bits >> bitCount & 0xFF))
            }
        }
        return bytes
    }
}

@Suite struct MailAddressTests {
    @Test(arguments: [
        "a@b.de", "first.last+tag@sub.example.com", "o'neil@example.ie", "root@localhost",
        "a@xn--mnchen-3ya.de",
    ])
    func `an ordinary address is one`(text: String) { #expect(MailAddress(text)?.text == text) }

    @Test func `lengths have their limits`() {
        #expect(MailAddress(String(repeating: "a", count: 64) + "@b.de") != nil)
        #expect(MailAddress(String(repeating: "a", count: 65) + "@b.de") == nil)
        let domain = Array(repeating: String(repeating: "d", count: 63), count: 4)
        #expect(MailAddress("a@" + domain.joined(separator: ".")) == nil)
    }
}
