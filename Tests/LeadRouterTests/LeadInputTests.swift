import Foundation
import LeadKit
import Testing

@testable import leadrouter

/// Leads out of files of every form.
struct LeadInputTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func input() throws -> LeadInput {
        let time = try #require(Timestamp("2025-10-09T08:00:00Z"))
        return LeadInput(reader: LeadReader(source: "file", receivedTime: time))
    }

    private func items(_ bytes: some Sequence<UInt8>) throws -> [LeadInput.Item] {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try items(at: file.path())
    }

    private func items(at path: String) throws -> [LeadInput.Item] {
        let file = try input().open(path)
        var items: [LeadInput.Item] = []
        while let item = try file.next() { items.append(item) }
        return items
    }

    /// `id` of each lead, `line:` of each that cannot be read.
    private func summary(_ text: String) throws -> [String] {
        try items(text.utf8).map { item in
            switch item.lead {
            case .success(let lead): lead.id.text
            case .failure: "\(item.line):"
            }
        }
    }

    @Test(arguments: ["export.tsv", "export-utf8.tsv", "export-rawids-bom.csv"])
    func `an export gives the leads that the sample says`(_ name: String) throws {
        let samples = Self.root.appending(path: "Tests/Samples")
        let data = try Data(contentsOf: samples.appending(path: "export.expected.json"))
        let expected = try JSONDocument.parse(data).root.elements
        let found = try items(at: samples.appending(path: name).path()).map { try $0.lead.get() }
        #expect(found.count == 13 && expected.count == 13)
        for (lead, wanted) in zip(found, expected) {
            #expect(lead.id.text == wanted["id"]?.string)
            #expect(lead[.adID] == wanted["ad_id"]?.string)
            #expect(lead[.isOrganic] == wanted["is_organic"]?.scalarText)
            #expect(
                lead[.createdTime] == wanted["created_time"]?.string.map(LeadReader.normalisedTime))
            let fields = (wanted["field_data"]?.elements ?? []).map { field in
                Field(
                    field["name"]?.string ?? "",
                    (field["values"]?.elements ?? []).compactMap(\.string))
            }
            #expect(lead.fieldData == FieldData(fields))
        }
    }

    static let forms: [(text: String, leads: [String])] = [
        ("", []), (" \n\t\n", []), ("{\"id\":1}", ["1"]),
        ("{\"id\":1}\n\n{\"id\":2}\r\n", ["1", "2"]),
        ("{\"id\":1}\nnot JSON\n{\"id\":2}", ["1", "2:", "2"]),
        ("not JSON\n{\"id\":2}", ["1:", "2"]), ("not, JSON\n{\"id\":2}", ["1:", "2"]),
        ("{\"id\":1,\n{\"id\":2}\n{\"id\":3}", ["1:", "2", "3"]),
        ("[]", []), ("[{\"id\":1}]", ["1"]), ("[{\"id\":1},{\"id\":2}]", ["1", "2"]),
        ("[\n {\"id\":1},\n\n {\"id\":[]},\n {\"id\":3}\n]\n", ["1", "4:", "3"]),
        ("[{\"id\":1},]", ["1", "1:"]), ("[{\"id\":1}", ["1", "1:"]),
        ("[{\"id\":1}{\"id\":2}]", ["1", "1:", "2"]), ("[1, {\"id\":2}]", ["1:", "2"]),
        ("[{\"id\":1},{\"id\":2,]", ["1", "1:", "1:"]), ("[,{\"id\":1}]", ["1:"]),
        ("[{\"id\":1}]\n[{\"id\":2}]\n{\"id\":3}\n", ["1", "2", "3"]),
        ("{\"data\":[{\"id\":1},{\"id\":2}],\"paging\":{}}", ["1", "2"]),
        ("{\"leads\":[{\"id\":1}]}\n{\"data\":[{\"id\":2}]}", ["1", "2"]),
        ("{\n \"id\": 1,\n \"a\": \"}\"\n}\n{\n \"id\": 2\n}\n", ["1", "2"]),
        ("{\n \"data\": [\n {\"id\": 1}\n ]\n}", ["1"]),
        ("{\n\"id\":1\n}\n{\n\"id\":1e5\n}\n{\n\"id\":3\n}", ["1", "4:", "3"]),
        ("\u{FEFF}{\"id\":1}", ["1"]), ("[\"a, b\", {\"id\":1}]", ["1:", "1"]),
        ("[{\"id\":1,\"a\":\"]\\\"}\"},{\"id\":2}]", ["1", "2"]),
        ("{\"id\":1,\"id\":2}\n{\"id\":3}", ["1:", "3"]),
        ("[{\"id\":1}] x\n{\"id\":2}", ["1", "1:", "2"]),
    ]

    @Test(arguments: forms) func `JSON of every form gives its leads, and the lines that are none`(
        _ one: (text: String, leads: [String])
    ) throws {
        #expect(try summary(one.text) == one.leads, "\(one.text)")
    }

    static let rows: [(text: String, leads: [String])] = [
        ("id,a\n1,x\n2,y\n", ["1", "2"]), ("id;a\n1;x", ["1"]),
        ("id\ta\r\n1\tx\r\n\r\n2\ty\r\n", ["1", "2"]),
        ("id,a\n\"1\",\"x, \"\"y\"\"\nz\"\n2,b", ["1", "2"]), ("id,a\n1,x,y\n2,b", ["2:", "2"]),
        ("id,a\n1,\"x\n2,y\n3,z", ["1", "2", "3"]), ("id,a\n1,\"x\n2,\"y\"", ["1", "2"]),
        ("id,a\n1,\"Big\" Bob\n2,y", ["1", "2"]),
        ("id,a\n1,5\" pipe\n2,y", ["1", "2"]), ("id,a\n1,\"x\" y\n2,\"z\"\n3,w", ["1", "2", "3"]),
        ("id,a\n1,x\u{0}\n2,y", ["1", "2"]), ("id,a\n", []), ("id,a\n,\n1,x", ["2:", "1"]),
        ("id,created_time\n1,10/9/2025 3:53 PM\n2,2025-10-09T08:53:20Z", ["2:", "2"]),
    ]

    @Test(arguments: rows) func `rows of every form give their leads, and the lines that are none`(
        _ one: (text: String, leads: [String])
    ) throws {
        #expect(try summary(one.text) == one.leads, "\(one.text)")
    }

    @Test func `a quoted cell keeps its line breaks, a typed quotation mark stays`() throws {
        let leads = try items("id,a\n1,\"x\ny\"\n2,\"Big\" Bob\n".utf8).map { try $0.lead.get() }
        #expect(leads.map { $0.fieldData["a"] } == [["x\ny"], ["\"Big\" Bob"]])
        #expect(try items("id,a\n1,\"x\ny\"\n2,z,z".utf8).map(\.line) == [2, 4])
    }

    @Test func `only the row with half a character in UTF-16 is refused`() throws {
        var units = Array("id\ta\n1\t🚗é\n2\t".utf16) + [0xD83D] + Array("\n3\tz\n".utf16)
        for isBigEndian in [false, true] {
            units.insert(0xFEFF, at: 0)
            let bytes = units.flatMap { unit in
                let pair = [UInt8(unit & 0xFF), UInt8(unit >> 8)]
                return isBigEndian ? pair.reversed() : pair
            }
            units.removeFirst()
            for bytes in [bytes, Array(bytes.dropFirst(2))] {
                let found = try items(bytes)
                #expect(found.map { (try? $0.lead.get())?.id.text } == ["1", nil, "3"])
                #expect(try found[0].lead.get().fieldData["a"] == ["🚗é"])
            }
        }
    }

    @Test func `leads keep the bytes they came from`() throws {
        let line = "{\"id\":1, \"x\": 1.50}"
        #expect(try items((line + "\n").utf8)[0].lead.get().raw == Array(line.utf8))
        #expect(try items("[ \(line) ]".utf8)[0].lead.get().raw == Array(line.utf8))
        #expect(try items("id,a\r\n1,x\r\n".utf8)[0].lead.get().raw == Array("1,x".utf8))
    }

    @Test func `a list longer than any buffer streams`() throws {
        let padding = String(repeating: "x", count: 1_000)
        let text = (0..<2_000).map { "{\"id\":\($0),\"a\":\"\(padding)\"}" }.joined(
            separator: ",\n")
        let found = try items("[\(text)]".utf8)
        #expect(found.map(\.line) == Array(1...2_000))
        #expect(found.allSatisfy { (try? $0.lead.get()) != nil })
    }

    @Test(
        arguments: [
            ([0x1F, 0x8B, 0x08, 0x00], "compressed"), ([0x50, 0x4B, 0x03, 0x04], "save its sheet"),
            (Array("<?xml version=\"1.0\"?>".utf8), "save a sheet"),
        ] as [([UInt8], String)]) func `a container is refused with what to do`(
            _ bytes: [UInt8], _ word: String
        )
    {
        #expect {
            try items(bytes)
        } throws: { error in
            ByteSearch.contains((error as? LeadInput.Unreadable)?.description ?? "", word)
        }
    }

    @Test func `what is no file is refused`() {
        #expect(throws: LeadInput.Unreadable.self) { try items(at: "/nowhere") }
        #expect(throws: LeadInput.Unreadable.self) { try items(at: "/tmp") }
    }
}

struct OperatorTextTests {
    @Test(arguments: [
        ("equals Honda", "Honda"), ("in [75, 92]", "one of 75, 92"), ("exists true", "any value"),
        ("at_least 20000, below 30000", "at least 20000, less than 30000"),
        ("starts_with [75, 92], exact true", "a text that starts with 75 or 92, in this case"),
        ("equals a, b in c", "a, b in c"), ("between [1, 2]", "between 1 and 2"),
        ("in_table store", "a key of table store"), ("frobnicate x", "frobnicate x"),
        ("not_in [a, b], or_missing true", "none of a, b, or nothing"),
    ]) func `operators are said in words`(_ written: String, _ words: String) {
        #expect(OperatorText.inWords(written) == words)
    }
}
