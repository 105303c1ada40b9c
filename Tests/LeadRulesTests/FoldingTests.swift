import Foundation
import LeadKit
import Testing

@testable import LeadRules

/// RULES section 10, "Text": NFC, then full case folding (C + F), then NFC.
struct FoldingTests {
    private func folded(_ text: String) -> [Unicode.Scalar] {
        Array(Normalization.folded(Normalization.value(text)).unicodeScalars)
    }

    static let pairs: [(a: String, b: String, same: Bool)] = [
        ("ß", "ss", true), ("ẞ", "ß", true), ("Σ", "ς", true), ("σ", "ς", true),
        ("İ", "i\u{307}", true), ("İ", "i", false), ("ı", "i", false), ("I", "ı", false),
        ("Ꭰ", "ꭰ", true), ("Ᏸ", "ᏸ", true), ("ﬁ", "fi", true), ("K", "k", true),
        ("É", "e\u{301}", true), ("é", "e", false), ("ſ", "s", true),
        ("ΐ", "ι\u{308}\u{301}", true),
        ("Å", "å", true), ("ŉ", "ʼn", true), ("Ǆ", "ǆ", true), ("①", "1", false), ("Ａ", "a", false),
        ("e\u{323}\u{302}", "Ệ", true),
    ]

    @Test(arguments: pairs) func `folding makes these equal or keeps them apart`(
        _ pair: (a: String, b: String, same: Bool)
    ) {
        #expect((folded(pair.a) == folded(pair.b)) == pair.same)
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: "/usr/share/unicode/CaseFolding.txt"))
    ) func `every scalar folds as CaseFolding.txt says`() throws {
        let text = try String(contentsOfFile: "/usr/share/unicode/CaseFolding.txt", encoding: .utf8)
        let lines = text.split(separator: "\n")
        // The first line names the version: scalars newer than that are not in the file.
        let version = try #require(lines.first?.split(separator: "-").last)
        let numbers = version.split(separator: ".").compactMap { Int($0) }
        var table: [UInt32: String] = [:]
        for line in lines where !line.hasPrefix("#") {
            let parts = line.split(separator: ";").map(\.trimmed)
            guard parts.count > 2, ["C", "F"].contains(parts[1]) else { continue }
            let mapped = parts[2].split(separator: " ").compactMap { UInt32($0, radix: 16) }
            table[try #require(UInt32(parts[0], radix: 16))] = String(
                String.UnicodeScalarView(mapped.compactMap(Unicode.Scalar.init)))
        }
        #expect(table.count > 1400)
        var wrong: [String] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isKnown = scalar.properties.age.map {
                ($0.major, $0.minor) <= (numbers[0], numbers[1])
            }
            guard isKnown ?? (table[value] != nil), !scalar.isBlank else { continue }
            let nfc = Normalization.nfc(String(scalar))
            let mapped = nfc.unicodeScalars.map { table[$0.value] ?? String($0) }.joined()
            let wanted = Normalization.nfc(mapped)
            let found = Normalization.folded(nfc)
            if !found.utf8.elementsEqual(wanted.utf8) { wrong.append(String(value, radix: 16)) }
        }
        #expect(wrong == [])
    }

    @Test func `white space of every kind is trimmed, zero-width characters are not`() {
        let blanks: [UInt32] =
            Array(0x09...0x0D) + [0x20, 0x85, 0xA0, 0x1680] + Array(0x2000...0x200A)
            + [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
        for value in UInt32(0)...0xFFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            #expect(String(scalar).trimmed.isEmpty == blanks.contains(value), "U+\(value)")
        }
        #expect(" \u{301}x ".trimmed.utf8.elementsEqual("\u{301}x".utf8))
        #expect("\u{200B} x".trimmed.utf8.elementsEqual("\u{200B} x".utf8))
    }

    @Test func `numbers of any length keep their order`() throws {
        let order = [
            "-10", "-9.5", "-9.49", "-0.001", "0", "0.001", "0.01", "9", "10", "10.1", "10.11",
        ]
        let numbers = order.compactMap(ExactNumber.init)
        #expect(numbers.count == order.count)
        for (i, a) in numbers.enumerated() {
            for (j, b) in numbers.enumerated() { #expect((a < b) == (i < j)) }
        }
        #expect(ExactNumber("+007.10") == ExactNumber("7.1"))
        #expect(ExactNumber("-0.0") == ExactNumber("0"))
        for bad in ["", "+", "-", ".", "1.", ".1", "1e3", "1 ", "１", "1_0", "NaN", "1.2.3"] {
            #expect(ExactNumber(bad) == nil, "\(bad)")
        }
    }
}
