import Foundation
import LeadTesting
import Testing

@testable import LeadRules

/// NFC in time linear in the text, and the same to the byte as the standard library's.
struct NormalizationTests {
    static let marks: [Unicode.Scalar] = [
        "\u{301}", "\u{323}", "\u{302}", "\u{327}", "\u{334}", "\u{345}", "\u{315}", "\u{05B0}",
        "\u{3099}", "\u{308}", "\u{328}",
    ]
    static let letters: [Unicode.Scalar] = ["a", "e", "é", "Ệ", "が", "か", "각", "ᄀ", "ᅡ", "ག", "x"]

    private func text(_ random: inout SystemRandomNumberGenerator, run: Int) -> String {
        var result = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            if Bool.random(using: &random) {
                result.append(Self.letters.randomElement(using: &random) ?? "a")
            }
            for _ in 0..<Int.random(in: 0...run, using: &random) {
                result.append(Self.marks.randomElement(using: &random) ?? "\u{301}")
            }
        }
        return String(result)
    }

    @Test(arguments: [4, 40, 90]) func `runs of marks are normalised as the library does`(
        _ run: Int
    ) {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<400 {
            let text = text(&random, run: run)
            let wanted = text.precomposedStringWithCanonicalMapping
            #expect(Normalization.nfc(text).utf8.elementsEqual(wanted.utf8))
        }
    }

    @Test func `a long run is in canonical order before the library sees it`() {
        let mixed = String(repeating: "\u{301}\u{323}\u{334}", count: 50)
        let sorted = ["\u{334}", "\u{323}", "\u{301}"].map { String(repeating: $0, count: 50) }
        #expect(
            CombiningRuns.inOrder("e" + mixed + "x").unicodeScalars
                .elementsEqual(("e" + sorted.joined() + "x").unicodeScalars))
        #expect(
            CombiningRuns.inOrder("e\u{301}\u{323}").unicodeScalars
                .elementsEqual("e\u{301}\u{323}".unicodeScalars))
    }

    @Test(.timeLimit(.minutes(1)))
    func `an answer of nothing but unordered marks is decided`() throws {
        let rules = try rules("routes: [{id: r, when: {f: x}, to: a}]")
        let marks = "e" + String(repeating: "\u{301}\u{323}", count: 120_000)
        #expect(rules.decide(lead(["f": [marks], .init(marks): ["x"]])).outcome == .held)
    }
}
