import LeadKit

/// A media type with its parameters (RFC 9110 section 8.3.1).
struct ContentType {
    /// `type/subtype` in lower case.
    let name: String
    private var parameters: [(name: String, value: String)] = []

    /// Reads a header's value; nil when it is none.
    init?(_ header: String) {
        var parser = HeaderParser(header)
        guard let name = parser.token(), name.utf8.contains(UInt8(ascii: "/")),
            let parameters = parser.parameters()
        else { return nil }
        self.name = name.lowercased()
        self.parameters = parameters
    }

    /// The value of a parameter; nil when it is not there.
    subscript(name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// `application/json`, `text/json`, `application/anything+json`.
    static func isJSON(_ name: String) -> Bool {
        if name == "application/json" || name == "text/json" || name == "text/x-json" {
            return true
        }
        return name.utf8.count > 5 && name.utf8.suffix(5).elementsEqual("+json".utf8)
    }
}

extension String {
    /// Whether it names UTF-8; ASCII is a part of it.
    var isUTF8Name: Bool { ["utf-8", "utf8", "us-ascii"].contains(lowercased()) }
}

/// Reads `token; name=value; name="quoted value"`.
struct HeaderParser {
    private var rest: ArraySlice<UInt8>
    private let unescapes: Bool

    /// - Parameter unescapes: whether `\` in a quoted value escapes what follows (RFC 9110).
    ///   Browsers do not escape that way in multipart parts (WHATWG HTML, "multipart form data").
    init(_ header: String, unescapes: Bool = true) {
        rest = Array(header.utf8)[...]
        self.unescapes = unescapes
    }

    /// The bytes up to a blank, `;`, `=` or `"`; nil when there are none.
    mutating func token() -> String? {
        skipBlanks()
        let token = rest.prefix { !HeaderParser.endsToken($0) }
        rest = rest.dropFirst(token.count)
        return token.isEmpty ? nil : String(validating: token, as: UTF8.self)
    }

    private static func endsToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: "="),
            UInt8(ascii: "\""):
            true
        default: false
        }
    }

    /// The most parameters of a field; each is compared with those before it.
    private static let parametersMax = 16

    /// All parameters, names in lower case; nil when they are malformed, too many, or one comes
    /// twice.
    mutating func parameters() -> [(name: String, value: String)]? {
        var found: [(name: String, value: String)] = []
        while true {
            skipBlanks()
            guard let next = rest.popFirst() else { return found }
            guard next == UInt8(ascii: ";") else { return nil }
            skipBlanks()
            if rest.isEmpty || rest.first == UInt8(ascii: ";") { continue }
            guard found.count < Self.parametersMax, let name = token()?.lowercased(),
                rest.popFirst() == UInt8(ascii: "="),
                let value = rest.first == UInt8(ascii: "\"") ? quoted() : token(),
                !found.contains(where: { $0.name == name })
            else { return nil }
            found.append((name, value))
        }
    }

    private mutating func quoted() -> String? {
        rest.removeFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return String(validating: bytes, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), unescapes {
                guard let escaped = rest.popFirst() else { return nil }
                bytes.append(escaped)
            } else {
                bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func skipBlanks() {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
    }
}
