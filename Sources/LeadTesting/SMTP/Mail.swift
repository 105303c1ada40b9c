internal import LeadKit

/// One mail as `FakeSMTPServer` received it.
public struct Mail: Sendable, Equatable {
    /// One field of the header section.
    public struct Header: Sendable, Equatable {
        /// The name as sent; empty for a line that is no field.
        public var name: String
        /// The value, unfolded (RFC 5322 §2.2.3), without blanks at its ends; encoded words stay.
        public var value: String
    }

    /// Its number, from 1; a mail that the sink refused leaves a gap.
    public var number: Int
    /// The name the client gave in EHLO or HELO.
    public var client: String
    /// The user that logged in; nil when nobody did.
    public var user: String?
    /// The address of MAIL FROM; empty for the null sender.
    public var sender: String
    /// The addresses of the accepted RCPT TO commands, in order.
    public var recipients: [String]
    /// The message, dots unstuffed, as sent between `354` and the final dot.
    public var message: [UInt8]
    /// The header section, in order.
    public var headers: [Header]
    /// What stands behind the first empty line.
    public var body: [UInt8]
    /// Whether the client asked for SMTPUTF8.
    public var isUTF8: Bool
    /// When it had arrived whole, in milliseconds since 1970.
    public var receivedMilliseconds: Int64

    init(
        number: Int, client: String, user: String?, sender: String, recipients: [String],
        message: [UInt8], isUTF8: Bool, receivedMilliseconds: Int64
    ) {
        self.number = number
        self.client = client
        self.user = user
        self.sender = sender
        self.recipients = recipients
        self.message = message
        self.isUTF8 = isUTF8
        self.receivedMilliseconds = receivedMilliseconds
        (headers, body) = Mail.parse(message)
    }

    /// The first value of a header field, unfolded; case of the name does not matter.
    public func header(_ name: String) -> String? { headers(name).first }

    /// All values of a header field, unfolded; case of the name does not matter.
    public func headers(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// Splits a message with CRLF line ends into its fields and its body.
    static func parse(_ message: [UInt8]) -> (headers: [Header], body: [UInt8]) {
        var fields: [[UInt8]] = []
        var rest = message[...]
        while !rest.isEmpty {
            let end = FormDecoding.firstRange(of: [13, 10], in: rest)
            let line = rest[..<(end?.lowerBound ?? rest.endIndex)]
            rest = rest[(end?.upperBound ?? rest.endIndex)...]
            if line.isEmpty { break }
            if line.first == 0x20 || line.first == 0x09, !fields.isEmpty {
                fields[fields.count - 1].append(contentsOf: line)
            } else {
                fields.append(Array(line))
            }
        }
        return (fields.map(header), Array(rest))
    }

    private static func header(_ field: [UInt8]) -> Header {
        guard let colon = field.firstIndex(of: UInt8(ascii: ":")) else {
            return Header(name: "", value: String(decoding: field, as: UTF8.self))
        }
        return Header(
            name: String(decoding: field[..<colon], as: UTF8.self),
            value: String(decoding: field[(colon + 1)...], as: UTF8.self).trimmed)
    }
}
