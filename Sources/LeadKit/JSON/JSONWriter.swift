/// Writes JSON that keeps the order of its members, for texts whose order is promised.
///
/// Non-ASCII text is written as UTF-8. What is written is valid whatever the strings hold.
public struct JSONWriter: Sendable {
    /// The text so far.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Makes an empty writer.
    public init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// The text so far as a string.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Forgets the text and keeps the memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Writes an object around what `body` writes.
    public mutating func object<E>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        open(0x7B)
        try body(&self)
        close(0x7D)
    }

    /// Writes an array around what `body` writes.
    public mutating func array<E>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E) {
        open(0x5B)
        try body(&self)
        close(0x5D)
    }

    /// Writes a member's name; its value must follow.
    public mutating func name(_ name: String) {
        separate()
        append(string: name)
        bytes.append(0x3A)
        needsComma = false
    }

    /// Writes a string.
    public mutating func string(_ value: String) {
        separate()
        append(string: value)
    }

    /// Writes a string, or `null`.
    public mutating func string(_ value: String?) {
        if let value { string(value) } else { null() }
    }

    /// Writes a whole number.
    public mutating func integer(_ value: some BinaryInteger) { literal(String(value)) }

    /// Writes `true` or `false`.
    public mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    /// Writes `null`.
    public mutating func null() { literal("null") }

    /// Writes a parsed value again: numbers as they were, strings escaped anew.
    public mutating func value(_ value: JSONValue) {
        switch value.kind {
        case .null: null()
        case .true: bool(true)
        case .false: bool(false)
        case .number: literal(value.scalarText ?? "0")
        case .string: string(value.string ?? "")
        case .array: array { writer in for element in value.elements { writer.value(element) } }
        case .object:
            object { writer in
                for member in value.members {
                    writer.name(member.name)
                    writer.value(member.value)
                }
            }
        }
    }

    /// Ends a line, for NDJSON: the next value starts a text of its own.
    public mutating func newline() {
        bytes.append(0x0A)
        needsComma = false
    }

    /// Text that is already valid JSON.
    private mutating func literal(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }

    private mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func append(string: String) {
        bytes.append(0x22)
        JSONWriter.escape(string, into: &bytes)
        bytes.append(0x22)
    }

    /// Appends the inside of a JSON string (RFC 8259 section 7), without the quotes.
    public static func escape(_ string: String, into bytes: inout [UInt8]) {
        var string = string
        string.withUTF8 { utf8 in
            for byte in utf8 {
                switch byte {
                case 0x22: bytes.append(contentsOf: [0x5C, 0x22])
                case 0x5C: bytes.append(contentsOf: [0x5C, 0x5C])
                case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
                case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
                case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
                case 0..<0x20, 0x7F:
                    let hex = String(byte, radix: 16)
                    bytes.append(contentsOf: "\\u".utf8)
                    bytes.append(contentsOf: String(repeating: "0", count: 4 - hex.utf8.count).utf8)
                    bytes.append(contentsOf: hex.utf8)
                default: bytes.append(byte)
                }
            }
        }
    }
}
