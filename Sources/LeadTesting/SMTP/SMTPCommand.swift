internal import Foundation

/// One command of an SMTP client (RFC 5321 §4.1.1), read from its line.
enum SMTPCommand: Equatable {
    case ehlo(String)
    case helo(String)
    case mail(Path)
    case rcpt(Path)
    case data, rset, noop, quit, help, verify, startTLS
    case auth(mechanism: String, initial: String?)
    /// A known command with a wrong argument; the reply to give.
    case wrong(String)
    case unknown

    /// `<address> KEY=value …`
    struct Path: Equatable {
        var address: String
        /// Parameters; names in upper case.
        var parameters: [String: String]
    }

    init(_ line: [UInt8]) {
        // Non-ASCII that is no UTF-8 becomes U+FFFD, which no address may hold.
        let text = String(decoding: line, as: UTF8.self)
        let verb = text.utf8.prefix { $0 != 0x20 }
        let rest = String(decoding: text.utf8.dropFirst(verb.count + 1), as: UTF8.self)
        switch String(decoding: verb, as: UTF8.self).uppercased() {
        case "EHLO" where !rest.isEmpty: self = .ehlo(rest)
        case "HELO" where !rest.isEmpty: self = .helo(rest)
        case "EHLO", "HELO": self = .wrong("501 5.5.4 name yourself")
        case "MAIL": self = SMTPCommand.path(rest, behind: "FROM:", SMTPCommand.mail)
        case "RCPT": self = SMTPCommand.path(rest, behind: "TO:", SMTPCommand.rcpt)
        case "DATA": self = rest.isEmpty ? .data : .wrong("501 5.5.4 DATA takes no argument")
        case "RSET": self = .rset
        case "NOOP": self = .noop
        case "QUIT": self = .quit
        case "HELP": self = .help
        case "VRFY": self = .verify
        case "STARTTLS": self = .startTLS
        case "AUTH":
            let words = rest.utf8.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            self =
                words.isEmpty
                ? .wrong("501 5.5.4 name a mechanism")
                : .auth(
                    mechanism: words[0].uppercased(), initial: words.count > 1 ? words[1] : nil)
        default: self = .unknown
        }
    }

    private static func path(
        _ text: String, behind keyword: String, _ make: (Path) -> SMTPCommand
    ) -> SMTPCommand {
        let bytes = Array(text.utf8)
        let head = String(decoding: bytes.prefix(keyword.utf8.count), as: UTF8.self)
        guard head.uppercased() == keyword else { return .wrong("501 5.5.4 \(keyword) expected") }
        var rest = bytes.dropFirst(keyword.utf8.count).drop { $0 == 0x20 }
        guard rest.first == UInt8(ascii: "<"), let end = rest.firstIndex(of: UInt8(ascii: ">"))
        else { return .wrong("501 5.1.7 an address in angle brackets expected") }
        let address = String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
        rest = rest[(end + 1)...]
        guard rest.isEmpty || rest.first == 0x20, isAddress(address) else {
            return .wrong("501 5.1.7 not one address")
        }
        var parameters: [String: String] = [:]
        for word in rest.split(separator: 0x20) {
            let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1)
            parameters[String(decoding: parts[0], as: UTF8.self).uppercased()] =
                parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        }
        return make(Path(address: address, parameters: parameters))
    }

    /// At most 254 bytes, no blanks, control characters or angle brackets; one `@` unless empty
    /// or `postmaster`. Quoted local parts are not supported.
    private static func isAddress(_ text: String) -> Bool {
        if text.isEmpty || text.lowercased() == "postmaster" { return true }
        let parts = text.utf8.split(
            separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        return text.utf8.count <= 254 && parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && !text.unicodeScalars.contains { scalar in
                scalar.value <= 0x20 || scalar.value == 0x7F || scalar.value == 0xFFFD
                    || scalar == "<" || scalar == ">" || scalar == "\""
            }
    }

    /// The text of an argument in base64; nil when it is none.
    static func base64Decoded(_ text: String) -> [UInt8]? {
        Data(base64Encoded: text == "=" ? "" : text).map { Array($0) }
    }
}
