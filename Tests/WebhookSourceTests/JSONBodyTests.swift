import LeadKit
import LeadTesting
import SourceTesting
import Testing

@Suite struct JSONBodyTests {
    @Test func `the flat sample is one lead with all its answers`() async throws {
        let request = Form.request(try SampleFiles.bytes("generic-flat.json"))
        let outcome = try await Form.send(request, ["rename": ["created_at": "created_time"]])
        #expect(outcome.response.status == 200)
        #expect(outcome.response.contentType == "application/json")
        #expect(outcome.response.body == Form.counts(1))
        let lead = try #require(await outcome.inbox.leads.first)
        #expect(lead.id.text == "web-000001")
        #expect(lead.source == "website")
        #expect(lead.envelope[.createdTime] == "2025-10-09T08:53:20Z")
        #expect(lead.envelope[.receivedTime] == Form.time.text)
        #expect(lead.raw == request.body)
        #expect(
            Array(lead.fieldData) == [
                Field("full_name", "Zoë Example"), Field("email", "zoe@example.com"),
                Field("phone", "+1 (212) 555-0123"), Field("car_make", "Honda"),
                Field("selected_dealer", "00001234"), Field("models", ["Civic", "CR-V"]),
                Field("budget", "25000"), Field("newsletter", "false"),
                Field("utm__source", "autumn_mailer"), Field("vehicle.year", "2025"),
                Field("vehicle.condition", "new"),
            ])
    }

    @Test func `the Gravity Forms sample is renamed`() async throws {
        let rename: SettingLiteral = [
            "1.3": "first_name", "1.6": "last_name", "2": "email", "4": "selected_dealer",
            "5.1": "models", "5.2": "models", "date_created": "created_time",
        ]
        let request = Form.request(try SampleFiles.bytes("gravity-forms.json"))
        let outcome = try await Form.send(request, ["rename": rename])
        let lead = try #require(await outcome.inbox.leads.first)
        #expect(lead.id.text == "731")
        #expect(lead.envelope[.formID] == "4")
        #expect(lead.fieldData["first_name"] == ["Zoë"])
        #expect(lead.fieldData["last_name"] == ["Example"])
        #expect(lead.fieldData["selected_dealer"] == ["00001234"])
        #expect(lead.fieldData["models"] == ["Civic", "CR-V"])
        #expect(lead.fieldData["1.3"].isEmpty)
        #expect(lead.fieldData["3"] == ["(212) 555-0123"])
    }

    @Test(arguments: [
        #"[{"id":"1","a":"x"},{"id":2,"a":"y"}]"#,
        #"{"leads":[{"id":"1","a":"x"},{"id":2,"a":"y"}]}"#,
        #"{"data":[{"id":"1","a":"x"},{"id":2,"a":"y"}],"paging":{}}"#,
        #"{"total":2,"leads":[{"id":"1","a":"x"},{"id":2,"a":"y"}]}"#,
    ])
    func `a list is several leads`(body: String) async throws {
        let outcome = try await Form.send(body)
        #expect(outcome.response.body == Form.counts(2))
        #expect(await outcome.inbox.leads.map(\.id.text) == ["1", "2"])
        #expect(
            await outcome.inbox.leads.map(\.raw)
                == [#"{"id":"1","a":"x"}"#, #"{"id":2,"a":"y"}"#].map { Array($0.utf8) })
        #expect(await outcome.inbox.calls == 1)
    }

    @Test(arguments: ["application/x-ndjson", "application/ndjson", "application/jsonl"])
    func `one line is one lead`(type: String) async throws {
        let body = "{\"id\":\"1\",\"a\":\"x\"}\r\n\n  \t\n{\"id\":\"2\",\"a\":\"y\"}"
        let outcome = try await Form.send(body, type)
        #expect(outcome.response.body == Form.counts(2))
        #expect(await outcome.inbox.calls == 1)
    }

    @Test(arguments: [
        "application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", "text/json", "application/vnd.api+json",
        "application/cloudevents+json; charset=utf-8;",
    ])
    func `JSON goes by several names`(type: String) async throws {
        #expect(try await Form.send(#"{"a":"x"}"#, type).response.body == Form.counts(1))
    }

    @Test func `leads in Graph shape keep their answers and attributes`() async throws {
        for name in ["graph-lead.json", "graph-lead-organic.json", "graph-lead-test.json"] {
            let request = Form.request(try SampleFiles.bytes(name))
            let outcome = try await Form.send(request)
            #expect(outcome.response.body == Form.counts(1))
            let lead = try #require(await outcome.inbox.leads.first)
            #expect(lead.id.text == (try SampleFiles.json(name))["id"]?.string)
            #expect(!lead.fieldData.isEmpty)
            #expect(lead.fieldData["field_data"].isEmpty)
            #expect(lead.isTest == (name == "graph-lead-test.json"))
        }
        let page = Form.request(try SampleFiles.bytes("graph-form-leads-page1.json"))
        #expect(try await Form.send(page).response.body == Form.counts(3))
    }

    @Test func `bad elements are kept aside and the good ones go on`() async throws {
        let bad = [
            "7", "null", "[]", #""text""#, "{}", #"{"id":"1","a":[["x"]]}"#, #"{"id":1.5,"a":"x"}"#,
            #"{"id":true,"a":"x"}"#, #"{"id":"a\u0000b","a":"x"}"#, #"{"id":"1","field_data":[7]}"#,
            #"{"id":"\#(String(repeating: "x", count: 513))","a":"x"}"#,
        ]
        let good = [#"{"id":"1","a":"x"}"#, #"{"id":"2","a":"y"}"#]
        let list = ([good[0]] + bad + [good[1]]).joined(separator: ",")
        let bodies = [
            ("[\(list)]", "application/json"), (#"{"leads":[\#(list)]}"#, "application/json"),
            (#"{"data":[\#(list)]}"#, "application/json"),
            (([good[0]] + bad + [good[1]]).joined(separator: "\n"), "application/x-ndjson"),
        ]
        for (body, type) in bodies {
            let outcome = try await Form.send(body, type)
            #expect(outcome.response.body == Form.counts(2, quarantined: bad.count), "\(type)")
            #expect(await outcome.inbox.leads.map(\.id.text) == ["1", "2"])
            #expect(
                await outcome.inbox.quarantinedBytes.map { String(decoding: $0, as: UTF8.self) }
                    == bad)
        }
    }

    @Test(arguments: [#"{"full_name":"Zoë","data":[]}"#, #"{"full_name":"Zoë","leads":[]}"#])
    func `an empty answer of that name hides no lead`(body: String) async throws {
        let outcome = try await Form.send(body)
        #expect(outcome.response.body == Form.counts(1))
        #expect(await outcome.inbox.leads.first?.fieldData["full_name"] == ["Zoë"])
    }

    @Test(arguments: [
        #"{"a":"x","data":["y","z"]}"#, #"{"a":"x","leads":"y"}"#, #"{"a":"x","data":{"b":"y"}}"#,
    ])
    func `an answer of that name is an answer`(body: String) async throws {
        let outcome = try await Form.send(body)
        #expect(outcome.response.body == Form.counts(1))
        #expect(await outcome.inbox.leads.first?.fieldData.count == 2)
    }

    @Test(arguments: ["[]", #"{"leads":[]}"#, #"{"data":[]}"#, #"{"data":[],"paging":{}}"#])
    func `an empty list is no lead`(body: String) async throws {
        let outcome = try await Form.send(body)
        #expect(outcome.response.body == Form.counts(0))
        #expect(await outcome.inbox.calls == 0)
    }

    @Test func `the id comes from the setting`() async throws {
        let settings: SettingLiteral = ["id": "submission_id"]
        let outcome = try await Form.send(
            #"{"id":"row 5","submission_id":90071992547409954,"a":"x"}"#, "application/json",
            settings)
        let lead = try #require(await outcome.inbox.leads.first)
        #expect(lead.id.text == "90071992547409954")
        #expect(lead.fieldData["id"] == ["row 5"])
        #expect(lead.fieldData["submission_id"].isEmpty)
    }

    @Test func `without an id the same content is one lead`() async throws {
        let inbox = MemoryInbox()
        let first = try await Form.send(#"{"a":"x"}"#, to: inbox)
        #expect(first.response.body == Form.counts(1))
        for body in [#"{"a":"x"}"#, #" { "a" : "x" } "#, #"{"a":"\u0078"}"#] {
            let again = try await Form.send(body, to: inbox)
            #expect(again.response.body == Form.counts(0, duplicates: 1))
        }
        #expect(try await Form.send(#"{"a":"y"}"#, to: inbox).response.body == Form.counts(1))
        // An é of one scalar and one of two are different bytes, so different leads.
        #expect(
            try await Form.send("{\"a\":\"\u{E9}\"}", to: inbox).response.body == Form.counts(1))
        #expect(
            try await Form.send("{\"a\":\"e\u{301}\"}", to: inbox).response.body == Form.counts(1))
    }

    @Test(arguments: [
        "", " ", "{", #"{"a":"x"}{"b":"y"}"#, #"{"a":"x",}"#, #"{"a":"x","a":"y"}"#, "\u{FEFF}{}",
        #"{"a":"\ud800"}"#, "{\"a\":\"x\ny\"}", "{'a':'x'}", "NaN", #"{"a":01}"#, "{\"a\":\"x\"}\0",
        String(repeating: "[", count: 100_000),
        String(repeating: #"{"a":"#, count: 33) + "1"
            + String(repeating: "}", count: 33),
    ])
    func `what is no strict JSON is refused whole`(body: String) async throws {
        let outcome = try await Form.send(body)
        #expect(outcome.response.status == 400)
        #expect(await outcome.isKeptAside(Array(body.utf8)))
    }

    @Test func `bytes that are no UTF-8 are refused whole`() async throws {
        let utf16 = Array(#"{"a":"x"}"#.utf8).flatMap { [$0, UInt8(0)] }
        for body in [Array(#"{"a":""#.utf8) + [0xFF, 0x22, 0x7D], utf16, [0xFF, 0xFE] + utf16] {
            let outcome = try await Form.send(Form.request(body))
            #expect(outcome.response.status == 400)
            #expect(await outcome.isKeptAside(body))
        }
    }

    @Test func `a line that is no JSON is kept aside, named by its number`() async throws {
        let bad = ["{\"id\":\"SECRET", "{\"a\":1}}", "\u{FEFF}{}"]
        let outcome = try await Form.send(
            ([#"{"id":"1","a":"x"}"#, ""] + bad + [#"{"id":"2","a":"y"}"#])
                .joined(separator: "\n"), "application/x-ndjson")
        #expect(outcome.response.body == Form.counts(2, quarantined: 3))
        #expect(await outcome.inbox.leads.map(\.id.text) == ["1", "2"])
        let reasons = await outcome.inbox.quarantinedReasons
        #expect(reasons.count == 3)
        #expect(ByteSearch.contains(reasons.first ?? "", "line 3"))
        #expect(reasons.allSatisfy { !ByteSearch.contains($0, "SECRET") })
        #expect(
            await outcome.inbox.quarantinedBytes.map { String(decoding: $0, as: UTF8.self) } == bad)
    }

    @Test(arguments: [1_000, 1_001])
    func `so many items are kept aside at most`(count: Int) async throws {
        let bad = (0..<count).map(String.init)
        for (body, type) in [
            (#"[{"id":"1","a":"x"},\#(bad.joined(separator: ","))]"#, "application/json"),
            (
                "{\"id\":\"1\",\"a\":\"x\"}\n{" + bad.joined(separator: "\n{"),
                "application/x-ndjson"
            ),
        ] {
            let outcome = try await Form.send(body, type)
            #expect(outcome.response.status == (count > 1_000 ? 400 : 200))
            #expect(await outcome.inbox.items.count == (count > 1_000 ? 1 : 1_001))
            #expect(await outcome.inbox.leads.count == (count > 1_000 ? 0 : 1))
        }
    }

    @Test func `a body of which no line is JSON is refused whole`() async throws {
        let outcome = try await Form.send(
            "{\n\"id\": \"SECRET\",\n\"a\": {\n}\n", "application/x-ndjson")
        #expect(outcome.response.status == 400)
        #expect(ByteSearch.contains(outcome.response.body, "line 1"))
        #expect(!ByteSearch.contains(outcome.response.body, "SECRET"))
        #expect(await outcome.inbox.leads.isEmpty)
        #expect(await outcome.inbox.quarantinedBytes.count == 1)
    }
}
