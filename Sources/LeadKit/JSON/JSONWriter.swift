/// Writes JSON that keeps the order of its members, for texts whose order is promised.
///
/// Non-ASCII text is written as UTF-8. What is written is valid whatever the strings hold.
public struct JSONWriter: Sendable {
    private var output: ByteBuffer
    private var needsComma = false

    /// Makes an empty writer.
    public init(capacity: Int = 512) { output = ByteBuffer(capacity: capacity) }

    /// The text so far.
    public var bytes: [UInt8] { output.withBytes { Array($0) } }

    /// The text so far as a string.
    public var text: String { output.withBytes { String(decoding: $0, as: UTF8.self) } }

    /// How many bytes the text has so far.
    public var count: Int { output.count }

    /// Looks at the text so far without a copy.
    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        output.withBytes { body(UnsafeRawBufferPointer($0)) }
    }

    /// Forgets the text and keeps the memory.
    public mutating func removeAll() {
        output.removeAll()
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
        var name = name
        name.withUTF8 { write($0, behind: 0x3A) }
        needsComma = false
    }

    /// Writes a string.
    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { write($0) }
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
        case .number: literal(value.bytes)
        case .string: write(value.bytes)
        case .array: array { writer in value.forEachElement { writer.value($0) } }
        case .object:
            object { writer in
                value.forEachMember { name, member in
                    writer.write(name.bytes, behind: 0x3A)
                    writer.needsComma = false
                    writer.value(member)
                }
            }
        }
    }

    /// Writes bytes as they are: a part of a text that was written before, and fits here.
    public mutating func verbatim(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { append($0) }
    }

    /// Ends a line, for NDJSON: the next value starts a text of its own.
    public mutating func newline() {
        output.room(for: 1)[0] = 0x0A
        output.count += 1
        needsComma = false
    }

    /// Text that is already valid JSON.
    private mutating func literal(_ text: String) {
        var text = text
        text.withUTF8 { literal($0) }
    }

    private mutating func literal(_ text: UnsafeBufferPointer<UInt8>) {
        separate()
        append(text)
    }

    private mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
        let target = output.room(for: text.count)
        if let base = text.baseAddress { target.update(from: base, count: text.count) }
        output.count += text.count
    }

    private mutating func separate() {
        if needsComma {
            output.room(for: 1)[0] = 0x2C
            output.count += 1
        }
        needsComma = true
    }

    @usableFromInline mutating func open(_ byte: UInt8) {
        separate()
        output.room(for: 1)[0] = byte
        output.count += 1
        needsComma = false
    }

    @usableFromInline mutating func close(_ byte: UInt8) {
        output.room(for: 1)[0] = byte
        output.count += 1
        needsComma = true
    }

    /// Writes a comma where one is needed, the text in quotation marks, and `mark` behind it.
    private mutating func write(_ text: UnsafeBufferPointer<UInt8>, behind mark: UInt8? = nil) {
        let isPlain = !JSONEscaping.isNeeded(in: text)
        let start = output.room(for: (isPlain ? text.count : 6 * text.count) + 4)
        var target = start
        func put(_ byte: UInt8) {
            target.pointee = byte
            target += 1
        }
        if needsComma { put(0x2C) }
        put(0x22)
        if isPlain {
            if let base = text.baseAddress { target.update(from: base, count: text.count) }
            target += text.count
        } else {
            for byte in text { JSONEscaping.write(byte, to: &target) }
        }
        put(0x22)
        if let mark { put(mark) }
        output.count += target - start
        needsComma = true
    }

    /// Appends the inside of a JSON string (RFC 8259 section 7), without the quotes.
    public static func escape(_ string: String, into bytes: inout [UInt8]) {
        var string = string
        let escaped = string.withUTF8 { text in
            [UInt8](unsafeUninitializedCapacity: 6 * text.count) { buffer, count in
                guard var target = buffer.baseAddress else { return }
                for byte in text { JSONEscaping.write(byte, to: &target) }
                count = buffer.baseAddress.map { target - $0 } ?? 0
            }
        }
        bytes += escaped
    }
}

/// What stands in a JSON string for bytes that cannot stand there themselves.
private enum JSONEscaping {
    /// Whether some byte must be escaped: a control character, DEL, `"` or `\`.
    ///
    /// Looks at eight bytes at once: whether one of them is zero after subtracting what is looked
    /// for (H. S. Warren, "Hacker's Delight", section 6-1).
    static func isNeeded(in text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = text.baseAddress else { return false }
        let raw = UnsafeRawPointer(base)
        var index = 0
        while index + 8 <= text.count {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let isBelow = (word &- 0x2020_2020_2020_2020) & ~word
            let hits =
                isBelow | zeros(word ^ 0x2222_2222_2222_2222) | zeros(word ^ 0x5C5C_5C5C_5C5C_5C5C)
                | zeros(word ^ 0x7F7F_7F7F_7F7F_7F7F)
            if hits & 0x8080_8080_8080_8080 != 0 { return true }
            index += 8
        }
        while index < text.count {
            let byte = base[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F { return true }
            index += 1
        }
        return false
    }

    /// The high bit of each byte that is zero; perhaps of one above such a byte, too.
    private static func zeros(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word
    }

    static func write(_ byte: UInt8, to target: inout UnsafeMutablePointer<UInt8>) {
        func put(_ byte: UInt8) {
            target.pointee = byte
            target += 1
        }
        guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else { return put(byte) }
        put(0x5C)
        switch byte {
        case 0x22, 0x5C: put(byte)
        case 0x0A: put(0x6E)
        case 0x0D: put(0x72)
        case 0x09: put(0x74)
        default:
            put(0x75)
            put(0x30)
            put(0x30)
            put(0x30 + byte >> 4)
            put(byte & 15 < 10 ? 0x30 + byte & 15 : 0x57 + byte & 15)
        }
    }
}

/// Bytes that grow at their end. A value: whoever shares the memory with another gets its own
/// before it writes.
private struct ByteBuffer: Sendable {
    private var memory: Memory
    var count = 0

    init(capacity: Int) { memory = Memory(capacity: capacity) }

    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        withExtendedLifetime(memory) {
            body(UnsafeBufferPointer(start: memory.start, count: count))
        }
    }

    /// Where the next bytes go, with room for that many; count them afterwards.
    mutating func room(for more: Int) -> UnsafeMutablePointer<UInt8> {
        if !isKnownUniquelyReferenced(&memory) || memory.capacity - count < more {
            let larger = Memory(capacity: max(count + more, 2 * memory.capacity))
            larger.start.update(from: memory.start, count: count)
            memory = larger
        }
        return memory.start + count
    }

    mutating func removeAll() {
        if !isKnownUniquelyReferenced(&memory) { memory = Memory(capacity: memory.capacity) }
        count = 0
    }

    // Only a unique owner writes, and only through `room(for:)`.
    private final class Memory: @unchecked Sendable {
        let start: UnsafeMutablePointer<UInt8>
        let capacity: Int

        init(capacity: Int) {
            self.capacity = capacity
            start = .allocate(capacity: capacity)
        }

        deinit { start.deallocate() }
    }
}
