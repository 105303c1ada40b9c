import LeadKit
import Testing

struct LeadSelectionTests {
    private func read(_ json: String, _ selection: LeadSelection) -> Result<Lead, LeadError> {
        var reader = LeadReader(source: "web", receivedTime: Timestamp(seconds: 0))
        reader.selection = selection
        var leads: [Result<Lead, LeadError>] = []
        Array(json.utf8).withUnsafeBufferPointer {
            try? reader.read($0, parser: JSONParser(), keepsRaw: false, into: &leads)
        }
        return leads.first ?? .failure(LeadError("not JSON"))
    }

    private let selection = LeadSelection(attributes: [.platform], fields: ["a"])

    @Test func `what is not asked for is not read, the rest is`() throws {
        let lead = try read(
            #"{"id":1,"platform":"ig","form_id":"5","field_data":[{"name":"a","values":["x"]},{"name":"b","values":["y"]},{"name":" a ","values":["z"]}]}"#,
            selection
        ).get()
        #expect(lead.fieldData == [Field("a", "x"), Field(" a ", "z")])
        #expect(lead[.platform] == "ig" && lead[.formID] == nil && lead.id.text == "1")
    }

    @Test func `a name that is not plain may be one that is asked for`() throws {
        let composed = LeadSelection(attributes: [], fields: ["é"])
        let lead = try read(
            "{\"id\":1,\"field_data\":[{\"name\":\"e\u{301}\",\"values\":[\"x\"]}]}", composed
        ).get()
        #expect(lead.fieldData.count == 1)
    }

    @Test(arguments: [
        #"{"id":1,"field_data":[],"form_id":1e5}"#,
        #"{"id":1,"field_data":[{"name":"b","values":[[]]}]}"#,
        #"{"id":1,"field_data":[{"name":"b","values":{}}]}"#,
        #"{"id":1,"field_data":[{"values":["x"]}]}"#,
    ]) func `what is left out is checked all the same`(_ json: String) {
        for selection in [selection, .everything] {
            #expect(throws: LeadError.self) { try read(json, selection).get() }
        }
    }

    @Test(arguments: [
        ("test@meta.com", "true"), (" test@fb.com ", "true"), ("xtest@fb.com", "false"),
        ("<test lead: dummy data for email>", "true"), ("someone@example.com", "false"),
    ]) func `a test is known by an answer that is not asked for`(
        _ value: String, _ isTest: String
    ) throws {
        let json = #"{"id":1,"field_data":[{"name":"b","values":["\#(value)"]}]}"#
        let asked = LeadSelection(attributes: [.isTest], fields: [])
        #expect(try read(json, asked).get()[.isTest] == isTest)
        #expect(try read(json, .everything).get()[.isTest] == isTest)
    }
}
