/// What somebody meant who typed a number or duration in another way.
enum MeantValue {
    private static let units: [String: Int] = [
        "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "mins": 60,
        "minute": 60, "minutes": 60, "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600,
        "hours": 3600, "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800,
        "weeks": 604_800,
    ]

    /// `16 hours` as `16h`; for a number without a unit, the units.
    static func duration(_ text: String) -> String? {
        let bytes = Array(text.trimmed.utf8)
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, let number = Int(String(decoding: digits, as: UTF8.self)),
            number < 100_000
        else { return nil }
        let word = String(decoding: bytes.dropFirst(digits.count), as: UTF8.self).trimmed
        if word.isEmpty {
            return "write \(number)h for hours, \(number)m for minutes, \(number)d for days"
        }
        guard let unit = units[word.lowercased()] else { return nil }
        let seconds = number * unit
        let names = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")]
        // Weeks become days; the rest keeps its unit.
        let (size, name) = names.first { $0.0 <= unit } ?? (1, "s")
        return "write \(seconds / size)\(name)"
    }

    /// `30%`, `1,000` and `5 000` without what is no digit.
    static func wholeNumber(_ text: String) -> String? {
        let digits = text.utf8.filter { (0x30...0x39).contains($0) }
        let rest = text.trimmed.unicodeScalars.filter { !(0x30...0x39).contains($0.value) }
        guard (1...9).contains(digits.count),
            rest.allSatisfy({ $0.isBlank || "%,'".contains(Character($0)) })
        else { return nil }
        return "write \(Int(String(decoding: digits, as: UTF8.self)) ?? 0)"
    }
}
