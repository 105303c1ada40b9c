import LeadKit
import LeadTesting
import Testing

@testable import LeadRules

struct SoughtAnswerTests {
    @Test(
        arguments: [
            ("zoe@example.com", " Zoe@Example.COM\t", true),
            ("zoe@example.com", "anna-zoe@example.com", false),
            ("zoe@example.com", "zoe@example.com.br", false), ("Zoé", "zoe\u{301}", true),
            ("Zoe", "zoe\u{301}", false), ("STRASSE", "Straße", true),
            ("+1 212 555 0100", "(212) 555-0100", true), ("2125550100", "+12125550100", true),
            ("12125550100", "+1.212.555.0100", true), ("+49 170 1234567", "0170/1234567", true),
            ("0049 170 1234567", "+491701234567", true), ("0170 1234567", "01701234567", true),
            ("0170 1234567", "1701234567", false), ("+49 170 1234567", "+43 170 1234567", false),
            ("1234567", "+49 170 1234567", false), ("1234567", "91234567", false),
            ("+49 (0)170 1234567", "0170 1234567", true),
            ("+49 (0)170 1234567", "+491701234567", true),
            ("(0)170 1234567", "01701234567", true), ("(0)170 1234567", "1701234567", false),
            ("+49\u{A0}170\u{2013}1234567", "0170 1234567", true),
            ("555 010", "+1 212 555 010", false), ("0042", "42", false),
        ])
    func `an answer is compared as rules do, and telephone numbers by their digits`(
        sought: String, text: String, isFound: Bool
    ) throws {
        #expect(try #require(SoughtAnswer(sought)).equals(text) == isFound)
        #expect(try #require(SoughtAnswer(text)).equals(sought) == isFound)
    }

    @Test func `blanks are no answer`() {
        #expect(SoughtAnswer("") == nil)
        #expect(SoughtAnswer(" \u{A0}\n") == nil)
    }

    @Test func `each value of each answer counts, and nothing else of a lead`() throws {
        let lead = Lead.sample(
            id: "1", fields: [Field("email", "a@example.com"), Field("make", ["Kia", "Honda"])])
        for (text, isFound) in [
            ("a@example.com", true), ("honda", true), ("email", false), ("make", false),
            ("1", false),
        ] {
            #expect(try #require(SoughtAnswer(text)).isAnswer(of: lead) == isFound)
        }
    }

    @Test(
        arguments: [
            (#"{"a": [{"b": "ZOE@example.com"}]}"#, "zoe@example.com", true),
            (#"{"zoe@example.com": 1}"#, "zoe@example.com", false),
            (#"{"a": "to zoe@example.com"}"#, "zoe@example.com", false),
            (#"[2125550100]"#, "212 555 0100", true),
            ("email=zoe%40Example.com&x=1", "zoe@example.com", true),
            ("name=Zoe+Example&x", "zoe example", true),
            ("email=anna-zoe%40example.com", "zoe@example.com", false),
            ("email=zoe%40example.com.br", "zoe@example.com", false),
            ("tel=%2B1%20212%205550100&", "(212) 555-0100", true),
            ("{\"email\": \"zoe@example.com\", broken", "zoe@example.com", true),
            ("Write to zoe@example.com.", "zoe@example.com", true),
            ("zoe@example.com. Thanks", "zoe@example.com", true),
            ("zoe@example.com.br.", "zoe@example.com", false),
            ("call +49\u{A0}170\u{2013}1234567, please", "0170 1234567", true),
            ("\u{FF}zoe", "zoe", false), ("", "zoe", false), ("%4", "zoe", false),
        ])
    func `what is no lead is looked through as far as it can be read`(
        text: String, sought: String, isFound: Bool
    ) throws {
        let answer = try #require(SoughtAnswer(sought))
        #expect(answer.isWithin(Array(text.utf8), parser: JSONParser()) == isFound)
    }

    /// Each place of every text over two letters and a blank, looked at by itself.
    @Test func `a word is found alone exactly where looking at each place finds it`() throws {
        func texts(_ length: Int) -> [[UInt8]] {
            length == 0 ? [[]] : texts(length - 1).flatMap { t in "ab ".utf8.map { t + [$0] } }
        }
        func isAlone(_ word: [UInt8], _ text: [UInt8]) -> Bool {
            guard text.count >= word.count else { return false }
            return (0...text.count - word.count).contains { start in
                let end = start + word.count
                return Array(text[start..<end]) == word
                    && (start == 0 || text[start - 1] == 0x20)
                    && (end == text.count || text[end] == 0x20)
            }
        }
        let all = (0...6).flatMap(texts)
        for word in ["a", "ab", "aa", "aba", "a a", "ab ab", "abab"] {
            let search = WordSearch(Array(word.utf8))
            let wrong = all.filter { search.isAlone(in: $0) != isAlone(Array(word.utf8), $0) }
            #expect(wrong.isEmpty, "\(word)")
        }
    }
}
