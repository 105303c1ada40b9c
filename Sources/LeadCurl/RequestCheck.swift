/// Refuses what libcurl would send on as it is: line breaks in headers and recipients make new
/// headers and new commands (measured with 7.88.1). Works on bytes.
enum RequestCheck {
    static func check(_ request: HTTPRequest) throws(CurlError) {
        guard isToken(request.method) else {
            throw .badRequest("the method is not an HTTP token")
        }
        try checkURL(request.url, schemes: ["http://", "https://"])
        for (name, value) in request.headers {
            guard isToken(name) else { throw .badRequest("a header's name is not an HTTP token") }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw .badRequest("the value of header '\(name)' has control bytes")
            }
        }
    }

    static func check(_ mail: MailRequest) throws(CurlError) {
        try checkURL(mail.url, schemes: ["smtp://", "smtps://"])
        guard !mail.url.utf8.contains(where: { "?#".utf8.contains($0) }),
            mail.url.utf8.filter({ $0 == 0x2F }).count == 2
        else { throw .badRequest("the mail server's address has more than host and port") }
        guard isAddress(mail.from) else { throw .badRequest("the sender is no mail address") }
        guard isAddress(mail.recipient) else {
            throw .badRequest("the recipient is no mail address")
        }
        let secrets = [mail.username, mail.password].compactMap(\.self)
        guard secrets.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }) else {
            throw .badRequest("the user name or password has control bytes")
        }
        if let name = mail.heloName {
            guard !name.isEmpty,
                name.utf8.allSatisfy({ isAlphanumeric($0) || ".-".utf8.contains($0) })
            else { throw .badRequest("the name for EHLO is no host name") }
        }
    }

    /// One parser decides where a request goes, so whatever two parsers read differently is
    /// refused: user names, backslashes, blanks, an empty host, anything outside ASCII.
    private static func checkURL(_ url: String, schemes: [String]) throws(CurlError) {
        guard url.utf8.count <= 8192 else { throw .badRequest("the address is over 8192 bytes") }
        guard let scheme = schemes.first(where: { url.utf8.starts(with: $0.utf8) }) else {
            let known = schemes.map { "'\($0)'" }.joined(separator: " or ")
            throw .badRequest("the address does not start with \(known)")
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }) else {
            throw .badRequest("the address has blanks, backslashes, control or non-ASCII bytes")
        }
        let host = url.utf8.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
        guard let first = host.first, first != 0x3A else {
            throw .badRequest("the address has no host")
        }
        guard !host.contains(0x40) else {
            throw .badRequest("the address has a user name; use settings for that")
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        let bytes = text.utf8
        return bytes.filter { $0 == 0x40 }.count == 1 && bytes.count <= 254
            && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"<>\"\\,;()[]:".utf8.contains($0) }
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { isAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
