/// Cuts what an SMTP client sends into commands and messages, in bounded memory.
///
/// Strict about line ends (RFC 5321 §2.3.8): only CRLF ends a line, in a message too, so that
/// `LF . LF` never ends one (SMTP smuggling). A message is read byte by byte by a small machine
/// that also removes the dots a client must put before dots (§4.5.2).
struct SMTPReader {
    /// What was read.
    enum Input: Equatable {
        /// A command without its CRLF.
        case line([UInt8])
        /// A line that does not end with CRLF, or has a CR within.
        case malformedLine
        /// A line longer than `lineBytesMax`: the connection cannot be used any more.
        case endlessLine
        /// A whole message; `isMalformed` when a CR or LF stood alone in it. The message of one
        /// that is too large is cut.
        case message([UInt8], isMalformed: Bool, isTooLarge: Bool)
    }

    private enum Place { case lineStart, dot, dotCR, text, cr }

    /// RFC 5321 §4.5.3.1.4 allows 512; AUTH needs up to 12,288 (RFC 4954 §4).
    static let lineBytesMax = 12_288

    private let messageBytesMax: Int
    private var waiting: [UInt8] = []
    private var position = 0
    private var place = Place.lineStart
    private var message: [UInt8]?
    private var isMalformed = false
    private var isTooLarge = false

    init(messageBytesMax: Int) { self.messageBytesMax = messageBytesMax }

    /// Takes what the client sent; `next()` must be called until it is nil before more comes.
    mutating func feed(_ bytes: some Sequence<UInt8>) {
        waiting.removeFirst(position)
        position = 0
        waiting.append(contentsOf: bytes)
    }

    /// From now on a message is expected, up to its final dot.
    mutating func expectMessage() {
        message = []
        place = .lineStart
        isMalformed = false
        isTooLarge = false
    }

    /// The next command or message; nil until more is fed.
    mutating func next() -> Input? {
        message == nil ? nextLine() : nextMessage()
    }

    private mutating func nextLine() -> Input? {
        guard let end = waiting[position...].firstIndex(of: 0x0A) else {
            return waiting.count - position > SMTPReader.lineBytesMax ? .endlessLine : nil
        }
        var line = Array(waiting[position..<end])
        position = end + 1
        if line.count > SMTPReader.lineBytesMax { return .endlessLine }
        guard line.popLast() == 0x0D, !line.contains(0x0D) else { return .malformedLine }
        return .line(line)
    }

    private mutating func nextMessage() -> Input? {
        while position < waiting.count {
            let byte = waiting[position]
            position += 1
            if accept(byte) { return endOfMessage() }
        }
        return nil
    }

    private mutating func endOfMessage() -> Input {
        let input = Input.message(message ?? [], isMalformed: isMalformed, isTooLarge: isTooLarge)
        message = nil
        return input
    }

    /// Whether the byte ends the message.
    private mutating func accept(_ byte: UInt8) -> Bool {
        switch (place, byte) {
        case (.lineStart, UInt8(ascii: ".")): place = .dot
        case (.dot, 0x0D): place = .dotCR
        case (.dotCR, 0x0A): return true
        case (.dotCR, _):
            append(0x0D)
            isMalformed = true
            place = .text
            return accept(byte)
        case (.cr, 0x0A):
            append(0x0D)
            append(0x0A)
            place = .lineStart
        case (.cr, _):
            append(0x0D)
            isMalformed = true
            place = .text
            return accept(byte)
        case (_, 0x0D): place = .cr
        default:
            if byte == 0x0A { isMalformed = true }
            append(byte)
            place = .text
        }
        return false
    }

    private mutating func append(_ byte: UInt8) {
        if message?.count ?? 0 < messageBytesMax {
            message?.append(byte)
        } else {
            isTooLarge = true
        }
    }
}
