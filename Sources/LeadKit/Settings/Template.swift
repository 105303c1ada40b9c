/// A setting that is filled in for each delivery: Mustache text, such as
/// `New lead: {{car_make}} for {{store.name}}`.
///
/// The engine renders it and hands the result to the sink: `delivery[config.subject]`.
public struct Template: Sendable, Equatable {
    /// The place the text lands in; it decides how values are escaped.
    public enum Place: String, Sendable {
        /// Anything goes, line breaks too: the body of a text mail.
        case text
        /// One line: control characters and bidi marks become a blank (RFC 5322 §2.2).
        case header
        /// One mail address (RFC 5321 §4.1.2 Mailbox, dot-string local part).
        case address
        /// An HTML document's text or quoted attribute.
        case html
        /// The inside of a JSON string.
        case json
        /// An http or https address; values are percent-encoded, except a table's own address.
        case url
        /// A file's path; each value becomes one safe name (see `FileName`).
        case path
    }

    /// The setting it stands in, such as `subject` or `headers.X-Lead`.
    public var name: String
    /// The Mustache text.
    public var source: String
    /// Where the text lands.
    public var place: Place
    /// Where it is written.
    public var position: Position
    /// Whether a delivery whose text renders blank must fail.
    public var isRequired: Bool
    /// Whether part of it came from a secret; then it is never shown.
    public var isSecret: Bool

    /// Makes a template.
    public init(
        name: String, source: String, place: Place, position: Position, isRequired: Bool = false,
        isSecret: Bool = false
    ) {
        self.name = name
        self.source = source
        self.place = place
        self.position = position
        self.isRequired = isRequired
        self.isSecret = isSecret
    }
}

extension Template.Place {
    /// The value made harmless for this place. Works on scalars and bytes, so that no combining
    /// mark can hide a character from it.
    ///
    /// `address` leaves the value alone: what it makes is checked whole, and refused if it is not
    /// one address.
    public func escape(_ value: String) -> String {
        switch self {
        case .text, .address: value
        case .header: Template.Place.oneLine(value)
        case .html: Template.Place.html(value)
        case .json: Template.Place.json(value)
        case .url: Template.Place.percentEncoded(value)
        case .path: FileName.safe(value)
        }
    }

    /// Control characters, line and paragraph separators and bidi controls become one blank.
    public static func oneLine(_ value: String) -> String {
        // Most are plain: nothing of ASCII but control characters is changed.
        if value.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return value }
        var result = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E,
                0x2066...0x2069, 0x061C:
                if result.last != " " { result.append(" ") }
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func html(_ value: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "`": result.append(contentsOf: "&#96;".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    private static func json(_ value: String) -> String {
        var bytes: [UInt8] = []
        JSONWriter.escape(value, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Everything but RFC 3986's unreserved characters as `%XX`.
    public static func percentEncoded(_ value: String) -> String {
        PercentEncoding.encode(value) { byte in
            PercentEncoding.isAlphanumeric(byte) || "-._~".utf8.contains(byte)
        }
    }
}

/// `%XX` for bytes.
enum PercentEncoding {
    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    static func encode(_ value: String, keeping keeps: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in value.utf8 {
            if keeps(byte) {
                bytes.append(byte)
            } else {
                bytes.append(contentsOf: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Names of files made from lead data.
public enum FileName {
    /// The most bytes a name made from one value may have.
    public static let bytesMax = 100

    /// One safe name: only `A-Z a-z 0-9 . _ -`, other bytes as `%XX`, no leading `.` or `-`, at
    /// most 100 bytes (a longer one ends in a hash), `_` for nothing.
    public static func safe(_ value: String) -> String {
        var name = PercentEncoding.encode(value) { byte in
            PercentEncoding.isAlphanumeric(byte) || "._-".utf8.contains(byte)
        }
        if let first = name.utf8.first, first == 0x2E || first == 0x2D {
            name = (first == 0x2E ? "%2E" : "%2D") + name.dropFirst()
        }
        if name.utf8.count > bytesMax {
            let hash = Digest.sha256Hex(value.utf8).prefix(16)
            name = String(decoding: name.utf8.prefix(bytesMax - 17), as: UTF8.self) + "-" + hash
        }
        return name.isEmpty ? "_" : name
    }
}
