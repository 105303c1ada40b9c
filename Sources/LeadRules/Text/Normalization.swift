internal import Foundation
internal import LeadKit

/// What a comparison of text sees: NFC, and folded when case does not count.
enum Normalization {
    /// The text in Unicode Normalization Form C.
    static func nfc(_ text: String) -> String {
        // Every scalar below U+0300 is already composed and starts a character of its own.
        if text.unicodeScalars.allSatisfy({ $0.value < 0x300 }) { return text }
        return CombiningRuns.inOrder(text).precomposedStringWithCanonicalMapping
    }

    /// Trimmed, then NFC: what every comparison starts from.
    static func value(_ text: String) -> String { nfc(text.trimmed) }

    /// NFC → full case folding (CaseFolding.txt `C` + `F`, no Turkic) → NFC. The text must be NFC.
    static func folded(_ text: String) -> String {
        var isASCII = true
        var isFolded = true
        for byte in text.utf8 {
            if byte >= 0x80 { isASCII = false }
            if (0x41...0x5A).contains(byte) { isFolded = false }
        }
        if isASCII {
            if isFolded { return text }
            return String(
                decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 },
                as: UTF8.self)
        }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { appendFolded(scalar, to: &result) }
        return nfc(String(result))
    }

    /// Full case folding of one scalar, from the standard library's own Unicode data: the lower
    /// case of the upper case, but for Cherokee, which folds to its capitals, and the capital
    /// sharp s. A test compares every scalar with CaseFolding.txt.
    private static func appendFolded(
        _ scalar: Unicode.Scalar, to result: inout String.UnicodeScalarView
    ) {
        switch scalar.value {
        case 0x41...0x5A: result.append(Unicode.Scalar(UInt8(scalar.value | 0x20)))
        case 0..<0x80: result.append(scalar)
        case 0x1E9E: result.append(contentsOf: "ss".unicodeScalars)
        case 0x13F8...0x13FD: append(scalar.value - 8, to: &result)
        case 0xAB70...0xABBF: append(scalar.value - 0xAB70 + 0x13A0, to: &result)
        case 0x13A0...0x13F5: result.append(scalar)
        default:
            guard scalar.properties.changesWhenCaseFolded else {
                result.append(scalar)
                return
            }
            for upper in scalar.properties.uppercaseMapping.unicodeScalars {
                result.append(contentsOf: upper.properties.lowercaseMapping.unicodeScalars)
            }
        }
    }

    private static func append(_ value: UInt32, to result: inout String.UnicodeScalarView) {
        if let scalar = Unicode.Scalar(value) { result.append(scalar) }
    }
}
