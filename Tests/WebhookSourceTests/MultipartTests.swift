import LeadKit
import Testing

@testable import WebhookSource

@Suite struct MultipartTests {
    private func form(_ lines: [String], boundary: String? = "B") throws -> Multipart.Form {
        try Multipart.form(Array(lines.joined(separator: "\r\n").utf8), boundary: boundary)
    }

    private let named = "Content-Disposition: form-data; name=\"a\""

    @Test func `values keep line ends and dashes that are no boundary`() throws {
        let form = try form(["--B", named, "", "1", "--Bx", " --B", "2", "--B--", ""])
        #expect(form.fields == [Field("a", "1\r\n--Bx\r\n --B\r\n2")])
    }

    @Test func `text around the parts and blanks behind a boundary do not count`() throws {
        let form = try form(["before", "--B \t", named, "", "1", "--B--", "after"])
        #expect(form.fields == [Field("a", "1")])
    }

    @Test func `an empty value is a value`() throws {
        #expect(try form(["--B", named, "", "", "--B--"]).fields == [Field("a", "")])
    }

    @Test func `files are left out and counted`() throws {
        let file = "Content-Disposition: form-data; name=\"f\"; filename=\"x\""
        let form = try form(["--B", file, "", "data", "--B", named, "", "1", "--B--"])
        #expect(form.fields == [Field("a", "1")] && form.filesSkipped == 1)
    }

    @Test func `names are unescaped the way browsers escape them`() throws {
        let part = "content-disposition: form-data; name=\"a%22b\\%41\""
        #expect(try form(["--B", part, "", "1", "--B--"]).fields == [Field("a\"b\\%41", "1")])
    }

    @Test(arguments: [
        ["nothing"], ["--B", "Content-Disposition: form-data; name=\"a\"", "", "1"],
        ["--B", "Content-Disposition: form-data", "", "1", "--B--"], ["--B", "1", "--B--"],
        ["--B", "", "1", "--B--"], ["--B", "Content-Disposition: attachment; name=a", "", "--B--"],
        [
            "--B", "Content-Disposition: form-data; name=a",
            "Content-Disposition: form-data; name=b",
            "", "1", "--B--",
        ],
    ])
    func `malformed forms are refused`(lines: [String]) {
        let refusal = #expect(throws: Refusal.self) { try form(lines) }
        #expect(refusal?.status == 400)
    }

    @Test(arguments: [nil, "", String(repeating: "b", count: 71)])
    func `a boundary that is missing or too long is refused`(boundary: String?) {
        #expect(throws: Refusal.self) { try form(["--B--"], boundary: boundary) }
    }

    @Test func `content types are read with quoted parameters`() {
        let type = ContentType("Multipart/Form-Data; charset=utf-8 ; boundary=\"a \\\"b\"")
        #expect(type?.name == "multipart/form-data" && type?["boundary"] == "a \"b")
        for text in ["", "json", "a/b; c", "a/b; c=1; c=2", "a/b; c=\"1", "a/b, c/d"] {
            #expect(ContentType(text) == nil || text == "a/b, c/d")
        }
    }
}
