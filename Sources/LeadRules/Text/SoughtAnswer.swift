public import LeadKit

/// An answer that somebody looks for among leads: an address, a telephone number, a name.
///
/// It is found as rules compare: trimmed, composed (NFC) and without regard to case, and as a whole.
/// What reads as a telephone number, on both sides, is compared by its digits as well. One that
/// begins with `+` or `00` has the country's one to three digits, and equals one that is written
/// without these marks, or without the country, and then with a `0` before it or not:
/// `+1 212 555 0100` finds `(212) 555-0100` and `12125550100`, and is found by them.
///
/// What could not be read as a lead has no answers. Of it each text of a JSON value counts as one;
/// in any other bytes the answer is looked for between blanks and punctuation, also as forms encode
/// it.
public struct SoughtAnswer: Sendable {
    /// The most bytes of a text that is looked for: no address, number or name is as long.
    public static let bytesMax = 1024

    private let folded: String
    private let word: WordSearch
    private let phone: PhoneNumber?

    /// Nil for a text that has nothing but blanks.
    public init?(_ text: String) {
        let value = Normalization.value(text)
        guard !value.utf8.isEmpty else { return nil }
        folded = Normalization.folded(value)
        word = WordSearch(Array(folded.utf8))
        phone = PhoneNumber(value)
    }

    /// Whether an answer of the lead is this one.
    public func isAnswer(of lead: Lead) -> Bool {
        lead.fieldData.contains { field in
            var isFound = false
            field.forEachValue { isFound = isFound || self.equals($0) }
            return isFound
        }
    }

    /// Whether the text as a whole is this answer.
    func equals(_ text: String) -> Bool {
        let value = Normalization.value(text)
        if Normalization.folded(value).utf8.elementsEqual(folded.utf8) { return true }
        guard let phone, let other = PhoneNumber(value) else { return false }
        return phone.isSame(as: other)
    }

    /// Whether bytes that are no usable lead hold this answer. They may be many: what is found no
    /// longer counts when the task is cancelled, and it then ends soon.
    public func isWithin(_ bytes: [UInt8], parser: JSONParser) -> Bool {
        if let document = try? parser.parse(bytes) { return isWithin(document.root) }
        if isWithin(text: bytes) { return true }
        if Task.isCancelled { return false }
        let decoded = SoughtAnswer.formDecoded(bytes)
        return decoded != bytes && isWithin(text: decoded)
    }

    private func isWithin(_ value: JSONValue) -> Bool {
        switch value.kind {
        case .string, .number: value.scalarText.map { equals($0) } ?? false
        case .array: value.elements.contains { isWithin($0) }
        case .object: value.members.contains { isWithin($0.value) }
        case .null, .true, .false: false
        }
    }

    private func isWithin(text bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        if word.isAlone(in: Array(Normalization.folded(Normalization.nfc(text)).utf8)) {
            return true
        }
        guard let phone else { return false }
        return PhoneNumber.plain(text).utf8.split { !PhoneNumber.mayHold($0) }.contains { run in
            if Task.isCancelled { return false }
            return PhoneNumber(String(Substring(run)).trimmed)?.isSame(as: phone)
                ?? false
        }
    }

    /// `a%40b` and `a+b` as forms write `a@b` and `a b`.
    private static func formDecoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x25, index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
                continue
            }
            result.append(byte == 0x2B ? 0x20 : byte)
            index += 1
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

/// A telephone number by its digits.
struct PhoneNumber {
    /// The most digits of a country (ITU-T E.164).
    private static let countryDigitsMax = 3

    private let digits: [UInt8]
    /// Whether the country's digits are among them for certain.
    private let isInternational: Bool

    /// Nil for a text (trimmed, NFC) that does not read as one.
    init?(_ text: String) {
        let text = PhoneNumber.plain(text)
        guard FieldType.isPhone(text) else { return nil }
        let hasPlus = text.utf8.first == 0x2B
        let all = text.utf8.filter { (0x30...0x39).contains($0) }
        let hasZeros = !hasPlus && all.starts(with: "00".utf8)
        isInternational = hasPlus || hasZeros
        // "+49 (0)170": the zero is for who calls without the country.
        let digits =
            isInternational
            ? PhoneNumber.withoutZero(text).filter { (0x30...0x39).contains($0) } : all
        self.digits = hasZeros ? Array(digits.dropFirst(2)) : digits
    }

    /// Bytes without each `(0)`.
    private static func withoutZero(_ text: String) -> [UInt8] {
        var rest: [UInt8] = []
        for byte in text.utf8 {
            rest.append(byte)
            if byte == 0x29, rest.suffix(3).elementsEqual("(0)".utf8) { rest.removeLast(3) }
        }
        return rest
    }

    /// With the blanks and hyphens of ASCII for those that word processors put into numbers.
    static func plain(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0xA0, 0x2007, 0x2009, 0x202F: scalars.append(" ")
            case 0x2010...0x2013, 0x2212: scalars.append("-")
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }

    /// Whether a number may be written with the byte.
    static func mayHold(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x28, 0x29, 0x2B, 0x2D...0x39: true
        default: false
        }
    }

    func isSame(as other: PhoneNumber) -> Bool {
        switch (isInternational, other.isInternational) {
        case (true, false): other.isNational(of: self)
        case (false, true): isNational(of: other)
        default: digits == other.digits
        }
    }

    private func isNational(of whole: PhoneNumber) -> Bool {
        let own = digits.first == 0x30 ? digits.dropFirst() : digits[...]
        guard own.count >= 6 else { return false }
        let country = whole.digits.count - own.count
        return (0...PhoneNumber.countryDigitsMax).contains(country)
            && whole.digits.suffix(own.count).elementsEqual(own)
    }
}
