internal import LeadKit

// What schedules are written in: days of the week, periods, dates.

/// Days of the week, counted from Monday.
enum Weekday {
    static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let longNames = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    struct Unknown: Error { var text: String }

    /// `mon`, `mon-fri`, `mon,wed,fri-sun`; a range may run over the end of the week.
    static func days(_ text: String) throws(Unknown) -> [Int] {
        var result: [Int] = []
        for part in text.utf8.split(separator: 0x2C, omittingEmptySubsequences: false) {
            let ends = part.split(separator: 0x2D, omittingEmptySubsequences: false)
            guard let first = ends.first, let last = ends.last, ends.count <= 2 else {
                throw Unknown(text: text.trimmed)
            }
            let (from, to) = (try day(first), try day(last))
            let count = Int(Int64(to - from).modulo(7)) + 1
            result += (0..<count).map { (from + $0) % 7 }
        }
        return result
    }

    private static func day(_ bytes: Substring.UTF8View) throws(Unknown) -> Int {
        let text = String(decoding: bytes, as: UTF8.self).trimmed
        let folded = Normalization.folded(text)
        if let day = names.firstIndex(of: folded) ?? longNames.firstIndex(of: folded) { return day }
        throw Unknown(text: text)
    }
}

extension Period {
    /// `HH:MM-HH:MM`, the end up to `24:00`; one that ends before it begins runs past midnight.
    init?(_ text: String) {
        let ends = text.utf8.split(separator: 0x2D, omittingEmptySubsequences: false)
        guard ends.count == 2, let start = Period.seconds(ends[0]),
            let end = Period.seconds(ends[1]), start != end, start < Schedule.daySeconds
        else { return nil }
        self.start = start
        self.end = end > start ? end : end + Schedule.daySeconds
        // It would last no time at all.
        if end == 0, start == 0 { return nil }
    }

    /// `H:MM` or `HH:MM`, from `00:00` to `24:00`.
    private static func seconds(_ bytes: Substring.UTF8View) -> Int64? {
        let text = String(decoding: bytes, as: UTF8.self).trimmed
        let parts = text.utf8.split(separator: 0x3A, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
            parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }),
            let hour = Int64(String(decoding: parts[0], as: UTF8.self)),
            let minute = Int64(String(decoding: parts[1], as: UTF8.self)), minute < 60,
            hour * 60 + minute <= 1440
        else { return nil }
        return (hour * 60 + minute) * 60
    }

    /// As it is written.
    var text: String { Period.text(start) + "-" + Period.text(end) }

    private static func text(_ second: Int64) -> String {
        let minute = (second > Schedule.daySeconds ? second - Schedule.daySeconds : second) / 60
        let digits = [minute / 60, minute % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return digits.joined(separator: ":")
    }
}

/// A date, a range of dates, or a day of every year.
struct DateSpan {
    /// Days since 1970.
    let days: [Int64]
    let isYearly: Bool

    /// The most days of a range.
    private static let daysMax: Int64 = 366

    /// `YYYY-MM-DD`, `YYYY-MM-DD..YYYY-MM-DD` or `MM-DD`.
    init?(_ text: String) {
        let text = text.trimmed
        switch text.utf8.count {
        case 5:
            let years = (2000..<2100).compactMap { DateSpan.day("\($0)-\(text)") }
            guard !years.isEmpty else { return nil }
            (days, isYearly) = (years, true)
        case 10:
            guard let day = DateSpan.day(text) else { return nil }
            (days, isYearly) = ([day], false)
        default:
            let dots = text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
            guard dots.count == 3, dots[1].isEmpty,
                let first = DateSpan.day(String(decoding: dots[0], as: UTF8.self)),
                let last = DateSpan.day(String(decoding: dots[2], as: UTF8.self)),
                first <= last, last - first < DateSpan.daysMax
            else { return nil }
            (days, isYearly) = (Array(first...last), false)
        }
    }

    private static func day(_ text: String) -> Int64? {
        let text = text.trimmed
        guard text.utf8.count == 10 else { return nil }
        return Timestamp(dateOrTime: text)?.seconds.floorDivided(by: Schedule.daySeconds)
    }
}
