import LeadKit
import Testing

struct ExportReaderTests {
    private func read(_ cells: KeyValuePairs<String, String>) throws -> Lead {
        let time = try #require(Timestamp("2025-10-09T08:00:00Z"))
        let reader = try ExportReader(
            header: cells.map(\.key), reader: LeadReader(source: "file", receivedTime: time))
        return try reader.lead(cells.map(\.value), raw: Array("raw".utf8))
    }

    @Test func `Meta's own columns become the envelope without their prefixes`() throws {
        let lead = try read([
            "id": "l:173", "created_time": "2025-10-09T03:53:20-05:00", "ad_id": "ag:12",
            "ad_name": "Autumn", "adset_id": "as:13", "campaign_id": "c:14", "form_id": "f:55",
            "form_name": "Test drive", "is_organic": "FALSE", "platform": "ig",
            "car_make": "honda", "lead_status": "complete", "inbox_url": "https://x.example",
        ])
        #expect(lead.id.text == "173" && lead.source == "file")
        #expect(lead[.createdTime] == "2025-10-09T08:53:20Z")
        #expect(lead[.receivedTime] == "2025-10-09T08:00:00Z")
        #expect([lead[.adID], lead[.adsetID], lead[.campaignID]] == ["12", "13", "14"])
        #expect([lead[.formID], lead[.formName], lead[.adName]] == ["55", "Test drive", "Autumn"])
        #expect(lead[.isOrganic] == "false" && lead[.platform] == "ig")
        #expect(lead.fieldData == [Field("car_make", "honda")])
    }

    @Test func `a source's own names are read as it reads them`() throws {
        let names = LeadNames(id: "No.", rename: ["Date": "created_time", "Make": "car_make"])
        let reader = LeadReader(
            source: "website", receivedTime: Timestamp(seconds: 0), names: names)
        let cells = ["7", "2025-10-09T03:53:20-05:00", "Kia", "9"]
        let own = try ExportReader(header: ["No.", "Date", "Make", "id"], reader: reader)
        let lead = try own.lead(cells, raw: [])
        #expect(lead.id.text == "7" && lead.source == "website")
        #expect(lead[.createdTime] == "2025-10-09T08:53:20Z")
        #expect(lead.fieldData == [Field("car_make", "Kia"), Field("id", "9")])
        // An export of Meta's, without the source's own column.
        let metas = try ExportReader(header: ["id", "Make"], reader: reader)
        #expect(try metas.lead(["l:173", "Kia"], raw: []).id.text == "173")
    }

    static let answers: [(column: String, cell: String, answer: String)] = [
        ("phone_number", "p:+12125550100", "+12125550100"), ("phone_number", "+1212", "+1212"),
        ("numéro_de_téléphone", "p:+33", "+33"), ("zip_code", "z:02108", "02108"),
        ("remarks", "c: see below", "c: see below"), ("remarks", "p:1", "p:1"),
        ("phone_number", "'+12125550100", "+12125550100"), ("name", "'t Hart", "'t Hart"),
        ("name", "'=1+1", "=1+1"), ("car_make", " honda ", " honda "),
    ]

    @Test(arguments: answers) func `a prefix goes only from the column it belongs to`(
        _ one: (column: String, cell: String, answer: String)
    ) throws {
        let lead = try read(["id": "1", one.column: one.cell])
        #expect(lead.fieldData == [Field(one.column, one.answer)])
    }

    @Test func `blank cells are no answers, and a repeated question keeps its answers`() throws {
        let lead = try read(["id": "1", "a": "x", "b": " ", "a ": "y"])
        #expect(lead.fieldData["a"] == ["x", "y"] && lead.fieldData.count == 2)
    }

    @Test(arguments: ["1.73E+15", "1,73E+15", "1.73e15", "173E+13"])
    func `an id that a spreadsheet rounded is refused`(_ id: String) {
        #expect(throws: LeadError.self) { try read(["id": id, "a": "b"]) }
        #expect(throws: LeadError.self) { try read(["id": "1", "form_id": id, "a": "b"]) }
    }

    @Test(arguments: ["173e", "e15", "1.73", "17E+1x", "E+15"])
    func `what only looks like a rounded number is an id`(_ id: String) throws {
        #expect(try read(["id": id, "a": "b"]).id.text == id)
    }

    @Test(arguments: ["10/9/2025 3:53 PM", "09.10.2025", "2025-10-12", "45939.37"])
    func `a time that a spreadsheet rewrote is refused, without its text`(_ time: String) {
        #expect {
            try read(["id": "1", "created_time": time, "a": "b"])
        } throws: { error in
            let text = "\(error)"
            return ByteSearch.contains(text, "created_time") && !ByteSearch.contains(text, time)
        }
    }

    @Test func `a row without an id is known by its bytes`() throws {
        let lead = try read(["name": "Zoë", "email": "zoe@example.com"])
        #expect(lead.id == LeadID(contentOf: Array("raw".utf8)))
    }

    @Test func `a header that names a column twice is refused`() {
        let reader = LeadReader(source: "file", receivedTime: Timestamp(seconds: 0))
        #expect(throws: LeadError.self) { try ExportReader(header: ["id", " id"], reader: reader) }
        #expect(throws: LeadError.self) { try ExportReader(header: [" ", ""], reader: reader) }
        #expect(throws: Never.self) { try ExportReader(header: ["a", "a"], reader: reader) }
    }

    @Test func `a row with another number of cells is refused`() throws {
        let reader = try ExportReader(
            header: ["id", "a"],
            reader: LeadReader(source: "x", receivedTime: Timestamp(seconds: 0)))
        #expect(throws: LeadError.self) { try reader.lead(["1"], raw: []) }
        #expect(throws: LeadError.self) { try reader.lead(["1", "2", "3"], raw: []) }
        #expect(throws: LeadError.self) { try reader.lead(["", " "], raw: []) }
    }
}
