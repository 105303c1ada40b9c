import LeadKit
import Testing

struct LeadReaderTests {
    private func read(_ json: String, rename: [String: String] = [:]) throws -> Lead {
        let time = try #require(Timestamp("2025-10-09T08:00:00Z"))
        let reader = LeadReader(source: "web", receivedTime: time, rename: rename)
        return try reader.lead(JSONDocument.parse(Array(json.utf8)).root)
    }

    @Test(arguments: [
        ("17", "17"), ("\"17\"", "17"), ("\" 17 \"", "17"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551616", "18446744073709551616"), ("0", "0"), ("\"1e5\"", "1e5"),
        ("\"l:17\"", "l:17"),
    ]) func `an id is text, whatever it was`(_ written: String, _ wanted: String) throws {
        #expect(try read("{\"id\":\(written),\"a\":\"b\"}").id.text == wanted)
        #expect(try read("{\"id\":\(written),\"field_data\":[]}").id.text == wanted)
    }

    @Test(arguments: ["1e5", "1.0", "-1", "true", "[1]", "{}", "\"a\\u0000b\"", "\"a\\nb\""])
    func `an id that lost digits or is no text is refused`(_ written: String) {
        #expect(throws: LeadError.self) { try read("{\"id\":\(written)}") }
        #expect(throws: LeadError.self) { try read("{\"id\":\(written),\"field_data\":[]}") }
    }

    @Test func `an id may have 512 bytes, not more`() throws {
        let long = String(repeating: "x", count: 512)
        #expect(try read("{\"id\":\"\(long)\"}").id.text == long)
        #expect(throws: LeadError.self) { try read("{\"id\":\"\(long)x\"}") }
    }

    @Test(arguments: ["{\"a\":\"b\"}", "{\"id\":null,\"a\":\"b\"}", "{\"id\":\" \",\"a\":\"b\"}"])
    func `without an id the same content is the same lead`(_ json: String) throws {
        let id = try read(json).id
        #expect(try read(json).id == id)
        #expect(try read(json.replacing("b\"}", with: "c\"}")).id != id)
        #expect(id.text.utf8.starts(with: "sha256-".utf8))
    }

    @Test func `a flat object gives answers, nested ones with dots, nulls none`() throws {
        let lead = try read(
            #"{"id":1,"a":"x","b":null,"c":[1,"y",null,true],"d":{"e":{"f":2}},"g":false,"h":1.50,"i":[]}"#
        )
        #expect(
            lead.fieldData == [
                Field("a", "x"), Field("c", ["1", "y", "true"]), Field("d.e.f", "2"),
                Field("g", "false"),
                Field("h", "1.50"), Field("i", []),
            ])
    }

    @Test(arguments: [
        "{\"id\":1,\"a\":[[1]]}", "{\"id\":1,\"a\":[{}]}", "[]", "\"x\"", "1", "null",
        "{\"id\":1,\"field_data\":[{\"values\":[\"x\"]}]}",
        "{\"id\":1,\"field_data\":[{\"name\":\"a\",\"values\":{}}]}",
        "{\"id\":1,\"field_data\":[{\"name\":\"a\",\"values\":[[]]}]}",
        "{\"id\":1,\"field_data\":[],\"form_id\":1e5}",
        "{\"id\":1,\"field_data\":[],\"custom_disclaimer_responses\":[{}]}",
    ])
    func `what is no lead is refused, without its values in the message`(_ json: String) {
        #expect(throws: LeadError.self) { try read(json) }
    }

    @Test func `the Graph shape keeps order, repeats and blank values`() throws {
        let lead = try read(
            #"{"id":"1","created_time":"2025-10-09T08:53:20+0000","ad_id":0,"form_id":9223372036854775808,"is_organic":false,"field_data":[{"name":"b","values":["x",""]},{"name":"a","values":"y"},{"name":"b"},{"name":"c","values":null}],"custom_disclaimer_responses":[{"checkbox_key":"k","is_checked":"1"},{"checkbox_key":"l","is_checked":""},{"checkbox_key":"m","is_checked":true},{"checkbox_key":"n"}]}"#
        )
        #expect(
            lead.fieldData == [
                Field("b", ["x", ""]), Field("a", "y"), Field("b", []), Field("c", []),
            ])
        #expect(lead.fieldData["b"] == ["x", ""])
        #expect(lead.consents.map(\.isChecked) == [true, false, true, false])
        #expect(lead[.createdTime] == "2025-10-09T08:53:20Z")
        #expect(lead[.adID] == nil && lead[.formID] == "9223372036854775808")
        #expect(lead[.isOrganic] == "false" && lead[.isTest] == "false" && lead[.platform] == nil)
        #expect(lead[.receivedTime] == "2025-10-09T08:00:00Z" && lead.source == "web")
    }

    @Test func `what is written is read back the same`() throws {
        let lead = try read(
            #"{"id":1,"field_data":[{"name":"a\"\u0000é","values":["\ud83d\ude97",""]}],"is_test":true,"platform":"ig"}"#
        )
        let time = try #require(Timestamp("2025-10-09T08:00:00Z"))
        let again = try LeadReader(source: "web", receivedTime: time).lead(
            JSONDocument.parse(lead.json).root)
        #expect(again == lead)
    }

    @Test func `members are renamed first, also into the envelope`() throws {
        let lead = try read(
            #"{"id":1,"1.3":"Zoë","when":1759999999}"#,
            rename: ["1.3": "first_name", "when": "created_time"])
        #expect(lead.fieldData == [Field("first_name", "Zoë")])
        #expect(lead[.createdTime] == "2025-10-09T08:53:19Z")
    }

    @Test func `ids that are canonical twins differ`() {
        #expect(LeadID("é") != LeadID("e\u{301}"))
        #expect(LeadID(" ") == nil && LeadID("a\u{7F}") == nil && LeadID(" a ")?.text == "a")
    }
}
