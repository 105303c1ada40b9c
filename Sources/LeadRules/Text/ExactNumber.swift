/// A decimal number of any length, compared exactly: optional sign, digits, optional `.digits`.
struct ExactNumber: Sendable, Comparable {
    private let isNegative: Bool
    /// Digits before the point without leading zeros, and behind it without trailing zeros.
    private let whole: [UInt8]
    private let fraction: [UInt8]

    /// Nil for anything else, also for exponents, blanks inside and digits that are not ASCII.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        var negative = false
        if let sign = rest.first, sign == 0x2B || sign == 0x2D {
            negative = sign == 0x2D
            rest.removeFirst()
        }
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest.removeFirst(digits.count)
        var decimals: ArraySlice<UInt8> = []
        if rest.first == 0x2E {
            rest.removeFirst()
            decimals = rest.prefix { (0x30...0x39).contains($0) }
            guard !decimals.isEmpty else { return nil }
            rest.removeFirst(decimals.count)
        }
        guard rest.isEmpty else { return nil }
        whole = Array(digits.drop { $0 == 0x30 })
        fraction = Array(
            decimals.prefix(
                decimals.lastIndex { $0 != 0x30 }.map { $0 + 1 - decimals.startIndex } ?? 0))
        isNegative = negative && !(whole.isEmpty && fraction.isEmpty)
    }

    static func < (a: ExactNumber, b: ExactNumber) -> Bool {
        if a.isNegative != b.isNegative { return a.isNegative }
        return a.isNegative ? magnitudeIsLess(b, a) : magnitudeIsLess(a, b)
    }

    private static func magnitudeIsLess(_ a: ExactNumber, _ b: ExactNumber) -> Bool {
        if a.whole.count != b.whole.count { return a.whole.count < b.whole.count }
        if a.whole != b.whole { return a.whole.lexicographicallyPrecedes(b.whole) }
        return a.fraction.lexicographicallyPrecedes(b.fraction)
    }
}

extension ExactNumber {
    /// The number in its shortest form: `-1.5`, `20000`, `0`.
    var text: String {
        let digits = whole.isEmpty ? [0x30] : whole
        let decimals = fraction.isEmpty ? [] : [0x2E] + fraction
        return (isNegative ? "-" : "") + String(decoding: digits + decimals, as: UTF8.self)
    }
}
