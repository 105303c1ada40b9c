internal import LeadKit

/// Periods, days and dates as people type them, in the form that the language wants.
enum ScheduleSlip {
    /// What to write for `9-13`, `9am-1pm`, `09:00–13:00`, `9.30 to 13h` and several of them.
    static func period(_ text: String) -> String? {
        let parts = separated(plain(text), by: [",", ";", "&", " and "])
        let periods = parts.compactMap(onePeriod)
        guard periods.count == parts.count, let first = periods.first else { return nil }
        if periods.count == 1 { return "write '\(first)'" }
        return "write a list: [" + periods.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
    }

    /// What to write for `mon–fri`, `weekend`, `daily`.
    static func days(_ text: String) -> String? {
        let words = [
            "weekend": "sat-sun", "weekends": "sat-sun", "weekday": "mon-fri",
            "weekdays": "mon-fri", "workdays": "mon-fri", "daily": "mon-sun",
            "everyday": "mon-sun", "every day": "mon-sun", "all": "mon-sun", "always": "mon-sun",
        ]
        let text = plain(text)
        let meant = words[text] ?? text.replacing(" and ", with: ",").replacing(" ", with: "")
        return (try? Weekday.days(meant)) == nil ? nil : "write '\(meant)'"
    }

    /// What to write for `25/12/2025`, `25.12.2025` and `25.12.`; not when it could be two dates.
    static func date(_ text: String) -> String? {
        let parts = text.trimmed.utf8.split { "/.-".utf8.contains($0) }
            .map { String($0) ?? "" }
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count, (2...3).contains(parts.count) else { return nil }
        let isYearFirst = parts[0].utf8.count == 4
        let year = isYearFirst ? parts[0] : parts.count == 3 ? parts[2] : nil
        let (a, b) = isYearFirst ? (numbers.last ?? 0, numbers[1]) : (numbers[0], numbers[1])
        guard year.map({ $0.utf8.count == 4 }) ?? true else { return nil }
        // A point stands behind the day; with a slash the month may come first.
        let isDayFirst = isYearFirst || text.utf8.contains(0x2E) || a > 12
        guard isDayFirst || b > 12 || a == b else { return nil }
        let (day, month) = isDayFirst ? (a, b) : (b, a)
        let date = (year.map { $0 + "-" } ?? "") + two(month) + "-" + two(day)
        return DateSpan(date) == nil ? nil : "write '\(date)'"
    }

    // MARK: Parts

    /// In lower case, with hyphens for all dashes and for words between two ends.
    private static func plain(_ text: String) -> String {
        let scalars = text.trimmed.unicodeScalars.map { $0.properties.isDash ? "-" : $0 }
        var result = Normalization.folded(String(String.UnicodeScalarView(scalars)))
        for word in [" to ", " bis ", " until ", " till "] {
            result = result.replacing(word, with: "-")
        }
        return result
    }

    private static func separated(_ text: String, by marks: [String]) -> [String] {
        marks.reduce(text) { $0.replacing($1, with: ",") }.utf8.split(separator: 0x2C)
            .map { String($0) ?? "" }
    }

    private static func onePeriod(_ text: String) -> String? {
        let ends = text.utf8.split(separator: 0x2D, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard ends.count == 2, var start = clock(ends[0]), let end = clock(ends[1]) else {
            return nil
        }
        // '1-5pm' begins after noon, '9-5pm' does not.
        if !start.isMarked, end.isMarked, start.minutes + 720 < end.minutes { start.minutes += 720 }
        let period =
            two(start.minutes / 60) + ":" + two(start.minutes % 60) + "-"
            + two(end.minutes / 60) + ":" + two(end.minutes % 60)
        return Period(period) == nil ? nil : period
    }

    /// `9`, `9:30`, `9.30`, `9h`, `9am`, `1 pm`.
    private static func clock(_ text: String) -> (minutes: Int, isMarked: Bool)? {
        let text = text.replacing(" ", with: "")
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) || ":.h".utf8.contains($0) }
        let mark = String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self)
        let parts = digits.split { ":.h".utf8.contains($0) }
            .map { Int(String(decoding: $0, as: UTF8.self)) ?? 99 }
        guard var hour = parts.first, (1...2).contains(parts.count) else { return nil }
        let minute = parts.count == 2 ? parts[1] : 0
        switch mark {
        case "": break
        case "am", "a": hour %= 12
        case "pm", "p": hour = hour % 12 + 12
        default: return nil
        }
        return hour <= 24 && minute < 60 ? (hour * 60 + minute, !mark.isEmpty) : nil
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
