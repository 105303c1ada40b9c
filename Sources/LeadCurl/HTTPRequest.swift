/// One HTTP request, sent by `CurlClient.send(_:)`.
public struct HTTPRequest: Sendable {
    /// `GET`, `POST`, …: an RFC 9110 token.
    public var method: String
    /// An `http:` or `https:` address in ASCII, without blanks and without user or password.
    public var url: String
    /// The headers in order. Names are RFC 9110 tokens; values have no control bytes.
    public var headers: [(name: String, value: String)]
    /// What is sent behind the headers.
    public var body: [UInt8]
    /// How long the whole exchange may take.
    public var timeout: Duration
    /// How long name look-up, connection and TLS may take together.
    public var connectTimeout: Duration
    /// How much of the answer's body is kept; a longer answer is cut there.
    public var responseBytesMax: Int

    /// Makes a request; by default 30 s in all, 5 s to connect, 64 KiB of answer.
    public init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = [], timeout: Duration = .seconds(30),
        connectTimeout: Duration = .seconds(5), responseBytesMax: Int = 65_536
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.responseBytesMax = responseBytesMax
    }
}

/// The answer to an `HTTPRequest`, whatever its status.
public struct HTTPResponse: Sendable {
    /// The status, 200 to 599 as a rule.
    public var status: Int
    /// The headers in order, names in lower case; bytes that are no UTF-8 are replaced.
    public var headers: [(name: String, value: String)]
    /// The body, at most `HTTPRequest.responseBytesMax` bytes of it.
    public var body: [UInt8]
    /// Whether the body was longer and was cut.
    public var isTruncated: Bool

    /// Makes an answer.
    public init(
        status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        isTruncated: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isTruncated = isTruncated
    }

    /// The first header of that name, in any case; nil when there is none.
    public func header(_ name: String) -> String? {
        let wanted = name.utf8.map(HTTPResponse.lowercased)
        return headers.first { $0.name.utf8.elementsEqual(wanted) }?.value
    }

    /// The byte, in lower case if it is an ASCII letter.
    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
    }

    init(_ answer: Answer) {
        self.init(
            status: answer.code, headers: answer.lines.compactMap(HTTPResponse.header(line:)),
            body: answer.body, isTruncated: answer.isTruncated)
    }

    /// A header from its line; nil for what has no colon.
    private static func header(line: [UInt8]) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: 0x3A) else { return nil }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let value = line[(colon + 1)...].drop(while: isBlank)
        let end = value.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? value.startIndex
        return (
            String(decoding: line[..<colon].map(lowercased), as: UTF8.self),
            String(decoding: value[..<end], as: UTF8.self)
        )
    }
}
