import LeadKit
import Testing

struct JSONTests {
    static let refused: [String] = [
        "", " ", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "\u{FEFF}{}", "[1,]", "{\"a\":1,}",
        "[,1]",
        "{\"a\" 1}", "{a:1}", "{'a':1}", "[1] x", "{} {}", "\"\\ud800\"", "\"\\udc00\\ud800\"",
        "\"\\ud800x\"",
        "\"a\u{0}b\"", "\"a\nb\"", "\"\\x41\"", "\"abc", "[1", "01", "+1", "1.", ".5", "1e", "0x1",
        "NaN", "Infinity",
        "nul", "truex", "True", "// c\n1", "-", "[1 2]", "\u{0}", "1\u{0}", "\"\\u12\"", "-01",
        "[1]]",
    ]

    @Test(arguments: refused) func `anything but strict JSON is refused`(_ text: String) {
        #expect(throws: JSONError.self) { try JSONDocument.parse(Array(text.utf8)) }
    }

    @Test(
        arguments: [
            [0xFF, 0xFE, 0x31, 0x00], [0x31, 0x00], [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22],
            [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
        ] as [[UInt8]]) func `bytes that are not UTF-8 are refused`(_ bytes: [UInt8])
    {
        #expect(throws: JSONError.self) { try JSONDocument.parse(bytes) }
    }

    @Test func `a number that no machine holds is refused or kept as written, never infinite`()
        throws
    {
        #expect(throws: JSONError.self) { try JSONDocument.parse(Array("1e400".utf8)) }
        for text in ["18446744073709551616", "1.0", "-0", "1E5", "123456789012345678901234567890"] {
            #expect(try JSONDocument.parse(Array(text.utf8)).root.scalarText == text)
        }
    }

    @Test func `canonical twins are different names`() throws {
        let root = try JSONDocument.parse(Array("{\"é\":1,\"e\u{301}\":2}".utf8)).root
        #expect(root["é"]?.integer == 1 && root["e\u{301}"]?.integer == 2)
        let many = "{" + (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(throws: Never.self) { try JSONDocument.parse(Array((many + "}").utf8)) }
        #expect(throws: JSONError.self) {
            try JSONDocument.parse(Array((many + ",\"k7\":1}").utf8))
        }
    }

    @Test func `depth and number of values have limits`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONDocument.parse(nested(32)) }
        #expect(throws: JSONError.self) { try JSONDocument.parse(nested(33)) }
        #expect(throws: JSONError.self) { try JSONDocument.parse(nested(5000)) }
        let few = JSONDocument.Limits(valuesMax: 3)
        #expect(throws: Never.self) { try JSONDocument.parse(Array("[1,2]".utf8), limits: few) }
        #expect(throws: JSONError.self) {
            try JSONDocument.parse(Array("[1,2,3]".utf8), limits: few)
        }
    }

    @Test func `an error never quotes the text`() {
        do {
            _ = try JSONDocument.parse(Array("{\"zoe@example.com\":1,\"zoe@example.com\":2}".utf8))
            Issue.record("parsed")
        } catch {
            #expect(!ByteSearch.contains("\(error)", "zoe"))
        }
    }

    @Test func `strings of every scalar survive writing and reading`() throws {
        var text = String.UnicodeScalarView()
        for value in Array(UInt32(0)...0x2FFF) + [0xFFFD, 0xFFFE, 0xFFFF, 0x1F697, 0x10FFFF] {
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        var writer = JSONWriter()
        writer.string(String(text))
        let read = try JSONDocument.parse(writer.bytes).root.string
        #expect(read?.utf8.elementsEqual(String(text).utf8) == true)
        #expect(!writer.bytes.contains { $0 < 0x20 || $0 == 0x7F })
    }

    @Test func `a parsed value is written again the same`() throws {
        let text = #"{"b":[1,1.50,1E5,-0,null,true,false,{}],"a":{"":[],"x":"é\n\"\\"}}"#
        var writer = JSONWriter()
        writer.value(try JSONDocument.parse(Array(text.utf8)).root)
        #expect(writer.text == text)
        writer.newline()
        writer.object { writer in
            writer.name("n")
            writer.integer(-1)
            writer.name("s")
            writer.string(nil as String?)
        }
        #expect(writer.text == text + "\n{\"n\":-1,\"s\":null}")
    }

    @Test func `one parser may read many texts`() throws {
        let parser = JSONParser()
        let first = try parser.parse(Array("[\"a\"]".utf8))
        #expect(throws: JSONError.self) { try parser.parse(Array("[".utf8)) }
        let second = try parser.parse(Array("[\"bb\"]".utf8))
        #expect(
            first.root.elements.first?.string == "a" && second.root.elements.first?.string == "bb")
    }
}
