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
    @inlinable public mutating func object<E>(_ body: (inout JSONWriter) throws(E) -> Void)
        throws(E)
    {
        open(0x7B)
        try body(&self)
        close(0x7D)
    }

    /// Writes an array around what `body` writes.
    @inlinable public mutating func array<E>(_ body: (inout JSONWriter) throws(E) -> Void) throws(E)
    {
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
        value.withCursor { self.value($0) }
    }

    mutating func value(_ value: JSONCursor) {
        switch value.kind {
        case .null: null()
        case .true: bool(true)
        case .false: bool(false)
        case .number:
            separate()
            bytes.append(contentsOf: value.bytes)
        case .string:
            separate()
            append(string: value.bytes)
        case .array: array { writer in value.forEachElement { writer.value($0) } }
        case .object:
            object { writer in
                value.forEachMember { name, member in
                    writer.separate()
                    writer.append(string: name.bytes)
                    writer.bytes.append(0x3A)
                    writer.needsComma = false
                    writer.value(member)
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

    @usableFromInline mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    @usableFromInline mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func append(string: String) {
        var string = string
        string.withUTF8 { append(string: $0) }
    }

    private mutating func append(string utf8: UnsafeBufferPointer<UInt8>) {
        bytes.append(0x22)
        JSONWriter.escape(utf8, into: &bytes)
        bytes.append(0x22)
    }

    /// Appends the inside of a JSON string (RFC 8259 section 7), without the quotes.
    public static func escape(_ string: String, into bytes: inout [UInt8]) {
        var string = string
        string.withUTF8 { escape($0, into: &bytes) }
    }

    /// Most texts have nothing to escape, so what lies between is appended in one piece.
    private static func escape(_ utf8: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) {
        var start = 0
        for index in utf8.indices where needsEscape(utf8[index]) {
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
            appendEscaped(utf8[index], to: &bytes)
            start = index + 1
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F
    }

    private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(0x5C)
        switch byte {
        case 0x22, 0x5C: bytes.append(byte)
        case 0x0A: bytes.append(0x6E)
        case 0x0D: bytes.append(0x72)
        case 0x09: bytes.append(0x74)
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}
