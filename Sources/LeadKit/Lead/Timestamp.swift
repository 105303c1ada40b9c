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
        self.init(seconds: milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000)
    }

    /// Reads RFC 3339, also with an offset without colon (`+0000`, as the Graph API writes it),
    /// lower-case `t` and `z`, and second 60 as the next second. Surrounding white space is ignored.
    /// Nil for anything else.
    public init?(_ text: String) {
        var reader = ByteReader(text.trimmed)
        guard let date = reader.date(), reader.skip(anyOf: "Tt"),
            let hour = reader.number(2, upTo: 23), reader.skip(":"),
            let minute = reader.number(2, upTo: 59), reader.skip(":"),
            let second = reader.number(2, upTo: 60)
        else { return nil }
        var digits: [UInt8] = []
        if reader.skip(".") {
            digits = reader.digits()
            if digits.isEmpty { return nil }
        }
        guard let offset = reader.offset(), reader.isAtEnd else { return nil }
        let local = date * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        seconds = local - Int64(offset)
        writtenFraction = digits
        fraction = Timestamp.withoutTrailingZeros(digits)
    }

    /// Reads `YYYY-MM-DD` as midnight UTC, or a full time.
    public init?(dateOrTime text: String) {
        var reader = ByteReader(text.trimmed)
        if let date = reader.date(), reader.isAtEnd {
            self.init(seconds: date * 86_400)
        } else {
            self.init(text)
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
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let time = seconds - days * 86_400
        let point =
            writtenFraction.isEmpty ? "" : "." + String(decoding: writtenFraction, as: UTF8.self)
        return dateText + "T"
            + [time / 3600, time / 60 % 60, time % 60].map { padded($0, 2) }.joined(separator: ":")
            + point + "Z"
    }

    /// `YYYY-MM-DD` in UTC.
    public var dateText: String {
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let (year, month, day) = civil(fromDays: days)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
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
private struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ text: String) { rest = Array(text.utf8)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number(_ width: Int, upTo most: Int) -> Int? {
        let part = rest.prefix(width)
        guard part.count == width, part.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        rest.removeFirst(width)
        let value = part.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return value <= most ? value : nil
    }

    mutating func digits() -> [UInt8] {
        let part = rest.prefix { (0x30...0x39).contains($0) }
        rest.removeFirst(part.count)
        return Array(part)
    }

    mutating func skip(anyOf characters: String) -> Bool {
        guard let first = rest.first, characters.utf8.contains(first) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func skip(_ character: String) -> Bool { skip(anyOf: character) }

    mutating func date() -> Int64? {
        guard let year = number(4, upTo: 9999), skip("-"), let month = number(2, upTo: 12),
            skip("-"), let day = number(2, upTo: 31), month >= 1, day >= 1
        else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        return days(fromYear: year, month, day)
    }

    /// `Z`, `+HH:MM` or `+HHMM`, in seconds.
    mutating func offset() -> Int? {
        if skip(anyOf: "Zz") { return 0 }
        guard let sign = rest.first, skip(anyOf: "+-"), let hours = number(2, upTo: 23) else {
            return nil
        }
        _ = skip(":")
        guard let minutes = number(2, upTo: 59) else { return nil }
        return (sign == 0x2D ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}
