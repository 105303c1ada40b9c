import LeadKit
import Testing

@testable import WebhookSource

@Suite struct FormURLEncodedTests {
    private func fields(_ text: String) throws -> [Field] {
        try FormURLEncoded.fields(Array(text.utf8))
    }

    @Test func `plus is a blank and percent a byte`() throws {
        #expect(
            try fields("a=1+2%2B3&%C3%A9=Zo%c3%ab") == [Field("a", "1 2+3"), Field("é", "Zoë")])
    }

    @Test func `a name without a value is blank, and a value may hold an equals sign`() throws {
        #expect(try fields("a&b=&c=x=y&&") == [Field("a", ""), Field("b", ""), Field("c", "x=y")])
    }

    @Test func `repeated names and brackets are several values`() throws {
        #expect(
            try fields("m%5B%5D=1&n=x&m[]=2&m=3") == [
                Field("m", ["1", "2", "3"]), Field("n", "x"),
            ])
    }

    @Test func `a percent sign without two digits stands for itself`() throws {
        #expect(
            try fields("a=50%&b=%zz&c=%4") == [
                Field("a", "50%"), Field("b", "%zz"), Field("c", "%4"),
            ])
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        let refusal = #expect(throws: Refusal.self) { try fields("a=%FF") }
        #expect(refusal?.status == 400)
    }

    @Test func `a charset field other than UTF-8 is refused, and UTF-8 is no answer`() throws {
        #expect(try fields("_charset_=UTF-8&a=1") == [Field("a", "1")])
        #expect(throws: Refusal.self) { try fields("_charset_=windows-1252&a=1") }
    }
}
