/// A point in time as RFC 3339 writes it, exact to any number of fraction digits.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Whole seconds since 1970-01-01T00:00:00Z, negative before.
    public let seconds: Int64
    /// The digits behind the point, ASCII, without trailing zeros for comparison.
    private let fraction: [UInt8]
    /// The digits behind the point as they were written.
    private let writtenFraction: [UInt8]

    /// Makes a time from whole seconds since 1970.
    public init(seconds: Int64) {
        self.seconds = seconds
        fraction = []
        writtenFraction = []
    }

    /// Makes a time from milliseconds since 1970; the text has no fraction.
    public init(milliseconds: Int64) {
        self.init(seconds: milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0))
    }

    /// Reads RFC 3339, also with an offset without colon (`+0000`, as the Graph API writes it),
    /// lower-case `t` and `z`, and second 60 as the next second. Surrounding white space is ignored.
    /// Nil for anything else.
    public init?(_ text: String) {
        var text = text.trimmed
        guard let time = text.withUTF8({ bytes in TimeReader(bytes).time() }) else { return nil }
        self = time
    }

    fileprivate init(seconds: Int64, digits: [UInt8]) {
        self.seconds = seconds
        writtenFraction = digits
        fraction = digits.isEmpty ? [] : Timestamp.withoutTrailingZeros(digits)
    }

    /// Reads `YYYY-MM-DD` as midnight UTC, or a full time.
    public init?(dateOrTime text: String) {
        var trimmed = text.trimmed
        let day = trimmed.withUTF8 { bytes -> Int64? in
            var reader = TimeReader(bytes)
            guard let day = reader.date(), reader.isAtEnd else { return nil }
            return day
        }
        if let day {
            self.init(seconds: day * 86_400)
        } else {
            self.init(trimmed)
        }
    }

    private static func withoutTrailingZeros(_ digits: [UInt8]) -> [UInt8] {
        Array(digits.prefix(digits.lastIndex { $0 != 0x30 }.map { $0 + 1 } ?? 0))
    }

    /// Earlier is less, exactly.
    public static func < (a: Timestamp, b: Timestamp) -> Bool {
        a.seconds != b.seconds
            ? a.seconds < b.seconds : a.fraction.lexicographicallyPrecedes(b.fraction)
    }

    /// Equal when the instants are, however they were written.
    public static func == (a: Timestamp, b: Timestamp) -> Bool {
        a.seconds == b.seconds && a.fraction == b.fraction
    }

    /// Hashes the instant.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(seconds)
        hasher.combine(fraction)
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, with the fraction as it was written.
    public var text: String {
        let time = seconds - days * 86_400
        let fractionCount = writtenFraction.isEmpty ? 0 : writtenFraction.count + 1
        return String(unsafeUninitializedCapacity: 32 + fractionCount) { bytes in
            var writer = DigitWriter(bytes)
            writer.append(date: days)
            writer.append(byte: 0x54)
            writer.append(time / 3600, width: 2)
            writer.append(byte: 0x3A)
            writer.append(time / 60 % 60, width: 2)
            writer.append(byte: 0x3A)
            writer.append(time % 60, width: 2)
            if !writtenFraction.isEmpty { writer.append(byte: 0x2E) }
            for digit in writtenFraction { writer.append(byte: digit) }
            writer.append(byte: 0x5A)
            return writer.count
        }
    }

    /// `YYYY-MM-DD` in UTC.
    public var dateText: String {
        String(unsafeUninitializedCapacity: 32) { bytes in
            var writer = DigitWriter(bytes)
            writer.append(date: days)
            return writer.count
        }
    }

    private var days: Int64 { seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400 }
}

/// Writes ASCII into a buffer that is large enough for any year of an `Int64`.
private struct DigitWriter {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ bytes: UnsafeMutableBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func append(byte: UInt8) {
        bytes[count] = byte
        count += 1
    }

    mutating func append(_ number: Int64, width: Int) {
        if number < 0 { append(byte: 0x2D) }
        let number = abs(number)
        var divisor: Int64 = 1
        var digits = 1
        while number / divisor >= 10 || digits < width {
            divisor *= 10
            digits += 1
        }
        while divisor > 0 {
            append(byte: UInt8(0x30 + number / divisor % 10))
            divisor /= 10
        }
    }

    mutating func append(date days: Int64) {
        let (year, month, day) = civil(fromDays: days)
        append(year, width: 4)
        append(byte: 0x2D)
        append(month, width: 2)
        append(byte: 0x2D)
        append(day, width: 2)
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back (the algorithms
/// of H. Hinnant, "chrono-compatible low-level date algorithms").
private func days(fromYear year: Int, _ month: Int, _ day: Int) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return Int64(era * 146_097 + dayOfEra - 719_468)
}

private func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

/// Reads fixed-width ASCII from front to back.
private struct TimeReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }

    /// A whole time, and nothing behind it.
    func time() -> Timestamp? {
        var reader = self
        guard let date = reader.date(), reader.skip(0x54, 0x74),
            let hour = reader.number(2, upTo: 23), reader.skip(0x3A),
            let minute = reader.number(2, upTo: 59), reader.skip(0x3A),
            let second = reader.number(2, upTo: 60)
        else { return nil }
        var digits: [UInt8] = []
        if reader.skip(0x2E) {
            digits = reader.digits()
            if digits.isEmpty { return nil }
        }
        guard let offset = reader.offset(), reader.isAtEnd else { return nil }
        let local = date * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        return Timestamp(seconds: local - Int64(offset), digits: digits)
    }

    private mutating func number(_ width: Int, upTo most: Int) -> Int? {
        guard bytes.count - index >= width else { return nil }
        var value = 0
        for offset in 0..<width {
            let byte = bytes[index + offset]
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        index += width
        return value <= most ? value : nil
    }

    private mutating func digits() -> [UInt8] {
        let part = bytes[index...].prefix { (0x30...0x39).contains($0) }
        index += part.count
        return Array(part)
    }

    private mutating func skip(_ byte: UInt8) -> Bool { skip(byte, byte) }

    private mutating func skip(_ a: UInt8, _ b: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == a || bytes[index] == b else { return false }
        index += 1
        return true
    }

    mutating func date() -> Int64? {
        guard let year = number(4, upTo: 9999), skip(0x2D), let month = number(2, upTo: 12),
            skip(0x2D), let day = number(2, upTo: 31), month >= 1, day >= 1
        else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        guard day <= TimeReader.length(ofMonth: month, leap) else { return nil }
        return days(fromYear: year, month, day)
    }

    private static func length(ofMonth month: Int, _ isLeap: Bool) -> Int {
        switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// `Z`, `+HH:MM` or `+HHMM`, in seconds.
    private mutating func offset() -> Int? {
        if skip(0x5A, 0x7A) { return 0 }
        let isNegative = index < bytes.count && bytes[index] == 0x2D
        guard skip(0x2B, 0x2D), let hours = number(2, upTo: 23) else { return nil }
        _ = skip(0x3A)
        guard let minutes = number(2, upTo: 59) else { return nil }
        return (isNegative ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}
