import Foundation
import Glibc
import LeadKit

/// A mail as bytes: RFC 5322 headers and one quoted-printable part, lines ended by CR LF.
struct MailMessage {
    var key: String
    var from: Mailbox
    var to: MailAddress
    var replyTo: MailAddress?
    var subject: String
    var leadID: String
    var isHTML: Bool
    var body: String
    /// When it is sent, in seconds since 1970.
    var seconds: Int

    var bytes: [UInt8] {
        var lines = ["Date: \(MailMessage.date(seconds))", fromLine, "To: \(to.text)"]
        if let replyTo { lines.append("Reply-To: \(replyTo.text)") }
        lines += [
            HeaderText.line("Subject", subject),
            "Message-ID: <\(key)@\(from.address.domain)>",
            "MIME-Version: 1.0",
            "Content-Type: text/\(isHTML ? "html" : "plain"); charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "Auto-Submitted: auto-generated",
            HeaderText.line("X-Lead-Id", leadID),
        ]
        let head = lines.joined(separator: "\r\n") + "\r\n\r\n"
        return Array(head.utf8) + QuotedPrintable.encode(body)
    }

    private var fromLine: String {
        let address = from.address.text
        guard !from.name.isEmpty else { return "From: \(address)" }
        guard from.name.utf8.allSatisfy({ $0 < 0x80 }) else {
            return HeaderText.line("From", from.name) + "\r\n <\(address)>"
        }
        // Quotes within the name were refused when it was read.
        return "From: \"\(from.name)\"\r\n <\(address)>"
    }

    /// RFC 5322 §3.3, in UTC and in English whatever the locale.
    static func date(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ]
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(days[Int(parts.tm_wday)]), \(parts.tm_mday) \(months[Int(parts.tm_mon)]) "
            + "\(parts.tm_year + 1900) \(clock.joined(separator: ":")) +0000"
    }
}

/// Text of a header: plain if it fits, else RFC 2047 words.
enum HeaderText {
    /// The most characters that a line should have (RFC 5322 §2.1.1).
    private static let lineMax = 78
    /// What `=?UTF-8?B?` and `?=` take of a line.
    private static let frameCount = 12

    /// `Name: text`, folded; the text becomes one line first.
    static func line(_ name: String, _ text: String) -> String {
        let text = Template.Place.oneLine(text).trimmed
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        if isPlain, name.utf8.count + 2 + text.utf8.count <= lineMax,
            !ByteSearch.contains(text, "=?")
        {
            return "\(name): \(text)"
        }
        return "\(name): " + words(text, firstMax: lineMax - name.utf8.count - 2)
    }

    /// The text as words of at most 75 characters, each of whole scalars, one a line.
    private static func words(_ text: String, firstMax: Int) -> String {
        var words: [String] = []
        var part: [UInt8] = []
        var bytesMax = bytesFitting(min(firstMax, 75))
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if part.count + bytes.count > bytesMax {
                words.append(word(part))
                part = []
                bytesMax = bytesFitting(75)
            }
            part += bytes
        }
        words.append(word(part))
        return words.joined(separator: "\r\n ")
    }

    private static func bytesFitting(_ characters: Int) -> Int {
        max(4, (characters - frameCount) / 4 * 3)
    }

    private static func word(_ bytes: [UInt8]) -> String {
        "=?UTF-8?B?\(Data(bytes).base64EncodedString())?="
    }
}

/// RFC 2045 §6.7. Every kind of line break becomes CR LF, so that no part of a lead can end the
/// mail; other control characters become their visible pictures (U+2400…).
enum QuotedPrintable {
    private static let lineMax = 76
    private static let hex = Array("0123456789ABCDEF".utf8)

    static func encode(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + text.utf8.count / 8)
        var line: [UInt8] = []
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if scalar == "\n" && previous == "\r" {
                // the second half of CR LF
            } else if scalar == "\n" || scalar == "\r" {
                append(line: &line, to: &output)
            } else {
                line.append(contentsOf: String(visible(scalar)).utf8)
            }
            previous = scalar
        }
        if !line.isEmpty { append(line: &line, to: &output) }
        return output
    }

    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x09: scalar
        case 0..<0x20: Unicode.Scalar(0x2400 + scalar.value) ?? scalar
        case 0x7F: "\u{2421}"
        default: scalar
        }
    }

    private static func append(line: inout [UInt8], to output: inout [UInt8]) {
        var count = 0
        for (index, byte) in line.enumerated() {
            let isLast = index == line.count - 1
            let width = isLiteral(byte, isFirst: count == 0, isLast: isLast) ? 1 : 3
            if count + width > lineMax - (isLast ? 0 : 1) {
                output.append(contentsOf: "=\r\n".utf8)
                count = 0
            }
            if isLiteral(byte, isFirst: count == 0, isLast: isLast) {
                output.append(byte)
                count += 1
            } else {
                output.append(contentsOf: [0x3D, hex[Int(byte >> 4)], hex[Int(byte & 15)]])
                count += 3
            }
        }
        output.append(contentsOf: "\r\n".utf8)
        line.removeAll(keepingCapacity: true)
    }

    /// A blank at the end of a line would be lost on the way; a dot at its start means something
    /// to SMTP.
    private static func isLiteral(_ byte: UInt8, isFirst: Bool, isLast: Bool) -> Bool {
        switch byte {
        case 0x20, 0x09: !isLast
        case 0x2E: !isFirst
        case 0x3D: false
        default: (0x21...0x7E).contains(byte)
        }
    }
}
