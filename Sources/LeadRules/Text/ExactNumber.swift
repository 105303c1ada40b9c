/// A decimal number of any length, compared exactly: optional sign, digits, optional `.digits`.
enum ExactNumber: Sendable {
    /// The number times 10¹⁸: at most 19 digits before the point and 18 behind it.
    case fixed(Int128)
    /// Any other number.
    case long(LongDecimal)

    /// Nil for anything else, also for exponents, blanks inside and digits that are not ASCII.
    init?(_ text: String) {
        var text = text
        guard let number = text.withUTF8({ ExactNumber(bytes: $0) }) else { return nil }
        self = number
    }

    /// Reads the same from bytes.
    init?(bytes: UnsafeBufferPointer<UInt8>) {
        var start = 0
        var isNegative = false
        if let sign = bytes.first, sign == 0x2B || sign == 0x2D {
            isNegative = sign == 0x2D
            start = 1
        }
        let point = ExactNumber.endOfDigits(bytes, from: start)
        guard point > start else { return nil }
        var end = point
        if point < bytes.count {
            guard bytes[point] == 0x2E else { return nil }
            end = ExactNumber.endOfDigits(bytes, from: point + 1)
            guard end == bytes.count, end > point + 1 else { return nil }
        }
        while start < point, bytes[start] == 0x30 { start += 1 }
        while end > point + 1, bytes[end - 1] == 0x30 { end -= 1 }
        let fraction = bytes[min(point + 1, end)..<end]
        self.init(whole: bytes[start..<point], fraction: fraction, isNegative: isNegative)
    }

    private init(
        whole: Slice<UnsafeBufferPointer<UInt8>>, fraction: Slice<UnsafeBufferPointer<UInt8>>,
        isNegative: Bool
    ) {
        guard whole.count <= 19, fraction.count <= 18 else {
            self = .long(
                LongDecimal(
                    isNegative: isNegative, whole: Array(whole), fraction: Array(fraction)))
            return
        }
        let product = ExactNumber.value(of: whole).multipliedFullWidth(by: ExactNumber.one)
        var magnitude = Int128(product.high) << 64 | Int128(product.low)
        if !fraction.isEmpty {
            var digits = ExactNumber.value(of: fraction)
            for _ in fraction.count..<18 { digits *= 10 }
            magnitude += Int128(digits)
        }
        self = .fixed(isNegative ? -magnitude : magnitude)
    }

    private static let one: UInt64 = 1_000_000_000_000_000_000

    private static func endOfDigits(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
        return index
    }

    private static func value(of digits: Slice<UnsafeBufferPointer<UInt8>>) -> UInt64 {
        // At most 19 digits: nothing can overflow.
        digits.reduce(0) { $0 &* 10 &+ UInt64($1 &- 0x30) }
    }

    private var long: LongDecimal {
        switch self {
        case .long(let decimal): return decimal
        case .fixed(let number):
            let (whole, fraction) = number.magnitude.quotientAndRemainder(
                dividingBy: UInt128(ExactNumber.one))
            let digits = Array(String(fraction).utf8)
            let padded = [UInt8](repeating: 0x30, count: 18 - digits.count) + digits
            let end = padded.lastIndex { $0 != 0x30 }.map { $0 + 1 } ?? 0
            return LongDecimal(
                isNegative: number < 0, whole: whole == 0 ? [] : Array(String(whole).utf8),
                fraction: Array(padded[..<end]))
        }
    }
}

extension ExactNumber: Comparable {
    static func < (a: ExactNumber, b: ExactNumber) -> Bool {
        if case .fixed(let a) = a, case .fixed(let b) = b { return a < b }
        return a.long < b.long
    }

    static func == (a: ExactNumber, b: ExactNumber) -> Bool {
        if case .fixed(let a) = a, case .fixed(let b) = b { return a == b }
        return a.long == b.long
    }
}

/// Digits before the point without leading zeros, and behind it without trailing zeros.
struct LongDecimal: Sendable, Comparable {
    let isNegative: Bool
    let whole: [UInt8]
    let fraction: [UInt8]

    static func < (a: LongDecimal, b: LongDecimal) -> Bool {
        if a.isNegative != b.isNegative { return a.isNegative }
        return a.isNegative ? magnitudeIsLess(b, a) : magnitudeIsLess(a, b)
    }

    private static func magnitudeIsLess(_ a: LongDecimal, _ b: LongDecimal) -> Bool {
        if a.whole.count != b.whole.count { return a.whole.count < b.whole.count }
        if a.whole != b.whole { return a.whole.lexicographicallyPrecedes(b.whole) }
        return a.fraction.lexicographicallyPrecedes(b.fraction)
    }
}

extension ExactNumber {
    /// The number in its shortest form: `-1.5`, `20000`, `0`.
    var text: String {
        switch self {
        case .fixed(let number):
            let (whole, rest) = number.magnitude.quotientAndRemainder(
                dividingBy: UInt128(ExactNumber.one))
            let digits = Array(String(rest).utf8)
            return ExactNumber.text(
                isNegative: number < 0, whole: Array(String(whole).utf8),
                fraction: Array(repeating: 0x30, count: 18 - digits.count) + digits)
        case .long(let number):
            return ExactNumber.text(
                isNegative: number.isNegative, whole: number.whole, fraction: number.fraction)
        }
    }

    private static func text(isNegative: Bool, whole: [UInt8], fraction: [UInt8]) -> String {
        let decimals = fraction.prefix((fraction.lastIndex { $0 != 0x30 } ?? -1) + 1)
        let digits = (whole.isEmpty ? [0x30] : whole) + (decimals.isEmpty ? [] : [0x2E] + decimals)
        return (isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self)
    }
}
