import LeadKit
import Testing

@testable import LeadRules

/// The parts that deciding is made of, each against a slower way to the same answer.
struct DecidingPartsTests {
    private static let scalars: [Unicode.Scalar] = Array(
        "aZ ß\u{A0}\u{85}İŉǰ\u{1F0}ȺµÅé\u{17F}\u{2FF}09-\u{200B}Ω\u{301}Ꭰ漢🚗\u{3000}\u{2028}"
            .unicodeScalars)

    private func expectSame(_ text: String, location: SourceLocation = #_sourceLocation) {
        var arena = TextArena()
        let (range, form) = arena.append(text)
        let value = Normalization.value(text)
        #expect(Array(arena.string(range).utf8) == Array(value.utf8), sourceLocation: location)
        guard range.count > 0 else { return }
        let folded = arena.fold(range, form)
        #expect(
            Array(arena.string(folded).utf8) == Array(Normalization.folded(value).utf8),
            "\(text.unicodeScalars.map { String($0.value, radix: 16) })", sourceLocation: location)
    }

    @Test func `every scalar below U+0300 is trimmed and folded on its bytes as elsewhere`() {
        for value in UInt32(0)..<0x300 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            expectSame("a\(scalar)B")
            expectSame("\(scalar)")
            expectSame(" \(scalar)\(scalar)x")
        }
    }

    @Test(arguments: UInt64(1)...40) func `random texts are trimmed and folded as elsewhere`(
        _ seed: UInt64
    ) {
        var chance = SeededNumbers(seed)
        for _ in 0..<50 {
            let count = Int.random(in: 0...24, using: &chance)
            let most = Bool.random(using: &chance) ? 17 : DecidingPartsTests.scalars.count
            var text = String.UnicodeScalarView()
            for _ in 0..<count {
                text.append(DecidingPartsTests.scalars[Int.random(in: 0..<most, using: &chance)])
            }
            expectSame(String(text))
        }
    }

    private func symbol(_ text: String, _ space: Int32, _ index: TextIndex) -> Int32 {
        // A terminator gives an empty text an address as well.
        let bytes = Array(text.utf8) + [0]
        return bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return -1 }
            let count = buffer.count - 1
            return index.symbol(of: base, count: count, key: TextKey(base, count: count), in: space)
        }
    }

    @Test func `the index of texts finds what it holds, and nothing else`() {
        var index = TextIndex()
        var wanted: [[String: Int32]] = [[:], [:]]
        var next: Int32 = 0
        for length in 0...40 {
            for number in 0..<30 {
                let text = String((String(repeating: "x", count: 40) + "\(number)").suffix(length))
                for space in [0, 1] where number % 3 != space {
                    let symbol = index.symbol(of: text, in: Int32(space), orNew: next)
                    #expect(symbol == wanted[space][text] ?? next)
                    wanted[space][text] = symbol
                    if symbol == next { next += 1 }
                }
            }
        }
        for length in 0...41 {
            for number in 0..<40 {
                let text = String((String(repeating: "x", count: 40) + "\(number)").suffix(length))
                for space in [0, 1] {
                    #expect(symbol(text, Int32(space), index) == wanted[space][text] ?? -1)
                }
            }
        }
        #expect(symbol("", 2, index) == -1)
    }

    private func digits(_ count: Int, _ chance: inout SeededNumbers) -> String {
        String((0..<count).map { _ in "0123456789".randomElement(using: &chance) ?? "0" })
    }

    @Test(arguments: UInt64(1)...20) func `numbers of any length are compared as decimals`(
        _ seed: UInt64
    ) throws {
        var chance = SeededNumbers(seed)
        for _ in 0..<200 {
            let whole = Int.random(in: 0...21, using: &chance)
            let fraction = Int.random(in: 0...20, using: &chance)
            let a = "1" + digits(whole, &chance) + "." + digits(fraction, &chance) + "1"
            var b = Array(a)
            // The same but for one digit, or with zeros in front and behind.
            let place = Int.random(in: 0..<b.count, using: &chance)
            if b[place] != "." { b[place] = "5" }
            let other = "000" + String(b) + "00"
            let left = try #require(ExactNumber(a))
            let right = try #require(ExactNumber(other))
            let isLess = a.compare(with: String(b)) < 0
            #expect((left < right) == isLess, "\(a) \(other)")
            #expect((left == right) == (a == String(b)), "\(a) \(other)")
            let minus = try #require(ExactNumber("-" + a))
            #expect(minus < right)
            #expect((minus < ExactNumber("-" + other) ?? left) == (a.compare(with: String(b)) > 0))
        }
    }

    @Test func `patterns matched together match as each alone`() throws {
        let sources = RandomRules.patterns + ["^$", "(?m)^b", "é|e", ".{3}", "[^a]+", "\\d\\d\\d*"]
        for kind in [PatternGroup.Kind.whole, .part, .literal] {
            let many = PatternGroup(sources, kind: kind)
            for text in RandomRules.texts + RandomRules.numbers + ["a\nb", "x o", "^$", "4."] {
                let bytes = Array(text.utf8)
                func matches(_ group: PatternGroup) -> [Int32] {
                    var numbers = [Int32](repeating: -1, count: sources.count)
                    let count = group.match(bytes, count: bytes.count, numbers: &numbers)
                    return numbers.prefix(count).sorted()
                }
                let wanted = sources.indices.filter {
                    !matches(PatternGroup([sources[$0]], kind: kind)).isEmpty
                }
                #expect(matches(many) == wanted.map { Int32($0) }, "\(kind) \(text)")
            }
        }
    }
}

extension String {
    /// Of two positive decimals with as many digits before the point: below, equal, above.
    fileprivate func compare(with other: String) -> Int {
        self == other ? 0 : utf8.lexicographicallyPrecedes(other.utf8) ? -1 : 1
    }
}
