internal import Crypto

extension Lead {
    /// The lead as JSON in Graph shape, with the whole envelope: what the store keeps, what sinks
    /// send, and what `LeadReader` reads back to an equal lead.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in writeMembers(to: &writer) }
    }

    /// The members of that object, for callers that add their own.
    public func writeMembers(to writer: inout JSONWriter) {
        writer.name("id")
        writer.string(id.text)
        for attribute in LeadAttribute.allCases {
            guard attribute != .id, attribute != .source, let text = self[attribute] else {
                continue
            }
            switch attribute {
            case .isTest where text == "false": continue
            case .isOrganic, .isTest:
                writer.name(attribute.rawValue)
                writer.bool(text == "true")
            default:
                writer.name(attribute.rawValue)
                writer.string(text)
            }
        }
        writer.name("field_data")
        writer.array { writer in
            for field in fieldData {
                writer.object { writer in
                    writer.name("name")
                    writer.string(field.name)
                    writer.name("values")
                    writer.array { writer in field.forEachValue { writer.string($0) } }
                }
            }
        }
        guard !consents.isEmpty else { return }
        writer.name("custom_disclaimer_responses")
        writer.array { writer in
            for consent in consents {
                writer.object { writer in
                    writer.name("checkbox_key")
                    writer.string(consent.key)
                    writer.name("is_checked")
                    writer.string(consent.isChecked ? "1" : "")
                }
            }
        }
    }

    /// The lead as one JSON text; see `write(to:)`.
    public var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }
}

extension LeadID {
    /// An id for a lead that came without one: a hash of what it says, so that the same text sent
    /// twice is the same lead.
    init(contentOf value: JSONCursor) {
        var writer = JSONWriter()
        writer.value(value)
        self.init(contentOf: writer.bytes)
    }

    /// An id for a lead that came without one: a hash of its bytes.
    public init(contentOf bytes: [UInt8]) {
        self.init(validated: "sha256-" + Digest.sha256Hex(bytes).prefix(40))
    }

    private init(validated text: String) { self.text = text }
}

/// SHA-256 as lower-case hexadecimal digits.
public enum Digest {
    /// The digest of the bytes: 64 digits.
    public static func sha256Hex(_ bytes: some Sequence<UInt8>) -> String {
        hex(SHA256.hash(data: Array(bytes)))
    }

    /// The digest of the parts, each preceded by its length, so that no two lists of parts give
    /// the same digest.
    public static func sha256Hex(parts: [String]) -> String {
        var bytes: [UInt8] = []
        for part in parts {
            bytes += "\(part.utf8.count):".utf8
            bytes += part.utf8
        }
        return hex(SHA256.hash(data: bytes))
    }

    /// The bytes as digits, two each.
    public static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
