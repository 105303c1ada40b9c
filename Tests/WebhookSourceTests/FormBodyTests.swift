import LeadKit
import LeadTesting
import SourceTesting
import Testing

@Suite struct FormBodyTests {
    private func fields(_ body: String, _ type: String = Form.urlencoded) async throws -> [Field] {
        let outcome = try await Form.send(body, type)
        #expect(outcome.response.status == 200)
        return Array(try #require(await outcome.inbox.leads.first).fieldData)
    }

    @Test func `the urlencoded sample`() async throws {
        let request = Form.request(
            try SampleFiles.bytes("form-urlencoded.txt"), Form.urlencoded)
        let outcome = try await Form.send(request, ["honeypot": "hp_url"])
        #expect(outcome.response.body == Form.counts(1))
        let lead = try #require(await outcome.inbox.leads.first)
        #expect(
            Array(lead.fieldData) == [
                Field("full_name", "Zoë Example"), Field("email", "zoe+cars@example.com"),
                Field("phone", "+12125550123"), Field("selected_dealer", "00001234"),
                Field("models", ["Civic", "CR-V"]), Field("car_make", "Honda"),
                Field("consent", "on"), Field("comments", "50% off?\r\nLine two"),
            ])
        #expect(lead.raw == request.body)
    }

    @Test func `the multipart sample, without its file`() async throws {
        let request = Form.request(try SampleFiles.bytes("form-multipart.txt"), Form.multipart)
        let outcome = try await Form.send(request)
        #expect(outcome.response.body == Form.counts(1))
        let lead = try #require(await outcome.inbox.leads.first)
        #expect(
            Array(lead.fieldData) == [
                Field("full_name", "Zoë Example"), Field("email", "zoe@example.com"),
                Field("selected_dealer", "00001234"), Field("models", ["Civic", "CR-V"]),
                Field("comments", "Line one\r\n--not a boundary"),
            ])
        #expect(!ByteSearch.contains(String(decoding: lead.raw, as: UTF8.self), "not a photo"))
    }

    @Test(arguments: [
        ("a=1&b=2", [Field("a", "1"), Field("b", "2")]), ("a", [Field("a", "")]),
        ("a=&b=x", [Field("a", ""), Field("b", "x")]), ("&&a=1&", [Field("a", "1")]),
        ("a=1=2", [Field("a", "1=2")]), ("a=x+y%2Bz", [Field("a", "x y+z")]),
        ("a=100%", [Field("a", "100%")]), ("a=%zz%4", [Field("a", "%zz%4")]),
        ("a=1&b=x&a=2", [Field("a", ["1", "2"]), Field("b", "x")]),
        ("a%5B%5D=1&a[]=2&a=3", [Field("a", ["1", "2", "3"])]),
        ("a=%00", [Field("a", "\0")]), ("a=%c3%ab", [Field("a", "ë")]),
        ("_charset_=utf-8&a=1", [Field("a", "1")]), ("%5B%5D=1", [Field("[]", "1")]),
        ("a=<b>&b=%3D1%2B1", [Field("a", "<b>"), Field("b", "=1+1")]),
        ("e%CC%81=1&%C3%A9=2", [Field("e\u{301}", "1"), Field("é", "2")]),
    ])
    func `urlencoded fields`(body: String, expected: [Field]) async throws {
        let fields = try await fields(body)
        #expect(fields.map(\.values) == expected.map(\.values))
        #expect(fields.map { Array($0.name.utf8) } == expected.map { Array($0.name.utf8) })
    }

    @Test(arguments: ["a=%FF", "a=%C3", "%FF=a", "a=%ED%A0%80", "a=%C0%AF"])
    func `a field that is no UTF-8 refuses the form`(body: String) async throws {
        let outcome = try await Form.send(body, Form.urlencoded)
        #expect(outcome.response.status == 400)
        #expect(await outcome.isKeptAside(Array(body.utf8)))
    }

    @Test(arguments: [
        ("_charset_=iso-8859-1&a=1", Form.urlencoded),
        ("a=1", Form.urlencoded + "; charset=iso-8859-1"),
        (#"{"a":"x"}"#, "application/json; charset=utf-16"),
    ])
    func `another character set is refused`(body: String, type: String) async throws {
        #expect(try await Form.send(body, type).response.status == 415)
    }

    @Test func `an empty form is kept aside`() async throws {
        for body in ["", "&", "_charset_=utf-8"] {
            let outcome = try await Form.send(body, Form.urlencoded)
            #expect(outcome.response.body == Form.counts(0, quarantined: 1))
        }
    }

    // MARK: Multipart

    /// Two people whose forms have the same fault must not become one row.
    @Test func `a form with a file that is no lead is kept aside with its fields`() async throws {
        let file = Self.part("name=f; filename=f.txt", "FILE")
        for person in ["Zoe", "Ann"] {
            let body = file + Self.part("name=id", "1") + Self.part("name=id", "2")
            let outcome = try await Form.send(
                body + Self.part("name=who", person) + "--B--", Self.type)
            #expect(outcome.response.body == Form.counts(0, quarantined: 1))
            let raw = String(decoding: await outcome.inbox.quarantinedBytes[0], as: UTF8.self)
            #expect(ByteSearch.contains(raw, person))
            #expect(!ByteSearch.contains(raw, "FILE"))
        }
    }

    private static func part(_ header: String, _ value: String) -> String {
        "--B\r\nContent-Disposition: form-data; \(header)\r\n\r\n\(value)\r\n"
    }

    private static let type = "multipart/form-data; boundary=B"

    @Test(arguments: [
        (part("name=a", "x") + "--B--", "x"), (part("name=\"a\"", "x") + "--B--\r\nepilogue", "x"),
        ("preamble\r\n" + part("name=\"a\"", "x") + "--B--\r\n", "x"),
        (part("name=\"a\"", "") + "--B--", ""), (part("name=\"a\"", "x--B") + "--B--", "x--B"),
        (part("name=\"a\"", "x\r\n--Bx\r\ny") + "--B--", "x\r\n--Bx\r\ny"),
        (part("name=\"a\"", "x\r\n-B\r") + "--B--", "x\r\n-B\r"),
        (part("name=\"a\"", "\r\n\r\n") + "--B--", "\r\n\r\n"),
        (part("name=\"a\"\r\nContent-Type: text/plain; charset=utf-8", "x") + "--B--", "x"),
        (part("name=\"a\"", "x").replacing("--B\r\n", with: "--B \t\r\n") + "--B--", "x"),
        (part("NAME=\"a\"", "x").replacing("Content-D", with: "CONTENT-D") + "--B--", "x"),
        (part("name=\"a\"; filename*=UTF-8''f", "file") + part("name=\"a\"", "x") + "--B--", "x"),
        (part("name=\"a\"; filename=\"\"", "") + part("name=\"a\"", "x") + "--B--", "x"),
    ])
    func `a part's value`(body: String, value: String) async throws {
        #expect(try await fields(body, Self.type) == [Field("a", value)])
        #expect(
            try await fields(body, "Multipart/Form-Data; Boundary=\"B\"") == [Field("a", value)])
    }

    @Test func `browsers escape names in their own way`() async throws {
        let body = Self.part(#"name="a%22b%0D%0Ac%41\d""#, "x") + "--B--"
        #expect(try await fields(body, Self.type) == [Field("a\"b\r\nc%41\\d", "x")])
    }

    @Test(arguments: [
        "", "--B--x", "x", "--C--", part("name=a", "x"), part("name=a", "x") + "--B-",
        part("filename=f", "x") + "--B--", part("name=a; name=b", "x") + "--B--",
        part("name=\"a", "x") + "--B--", "--B\r\n\r\nx\r\n--B--", "--B\r\nx\r\n--B--",
        "--B\r\n\r\n--B--", "--B\r\n--B\r\n--B--",
        "--B\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--B--",
        "--B\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--B--",
        "--B\r\nX: \(String(repeating: "x", count: 9000))\r\n\r\nx\r\n--B--",
    ])
    func `a malformed multipart form is refused whole`(body: String) async throws {
        let outcome = try await Form.send(body, Self.type)
        // Nothing but a last boundary is a form without fields.
        #expect(outcome.response.status == (body == "--B--x" ? 200 : 400))
        #expect(await outcome.inbox.leads.isEmpty)
    }

    @Test(arguments: [
        "multipart/form-data", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=" + String(repeating: "B", count: 71),
    ])
    func `a boundary that cannot be is refused`(type: String) async throws {
        let body = Self.part("name=a", "x") + "--B--"
        let outcome = try await Form.send(body, type)
        #expect([400, 415].contains(outcome.response.status))
        #expect(await outcome.isKeptAside(Array(body.utf8)))
    }

    @Test func `damaged forms never crash and never store what is no lead`() async throws {
        let samples = [
            ("form-multipart.txt", Form.multipart), ("form-urlencoded.txt", Form.urlencoded),
            ("generic-flat.json", "application/json"), ("gravity-forms.json", "application/json"),
        ]
        var numbers = SeededNumbers(seed: 41)
        for (name, type) in samples {
            let sample = try SampleFiles.bytes(name)
            for _ in 0..<1000 {
                let body = numbers.mutated(sample)
                let outcome = try await Form.send(Form.request(body, type))
                #expect([200, 400, 415].contains(outcome.response.status))
                if outcome.response.status == 200 {
                    #expect(await outcome.inbox.items.count == 1)
                } else {
                    #expect(await outcome.isKeptAside(body))
                }
            }
        }
    }
}
