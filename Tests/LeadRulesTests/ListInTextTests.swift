import LeadKit
import LeadRules
import LeadTesting
import Testing

/// One text where a list was meant: told by what else is known of the field.
struct ListInTextTests {
    private func report(_ when: String, beside other: String, samples: String = "") -> [String] {
        let marked = MarkedText(
            """
            version: 1
            sinks: {a: {plugin: plain}, b: {plugin: plain}}
            default: {to: [a, b]}
            tables: {s: {file: s.csv, key: k, match: dealer}}
            routes:
              - {id: r, when: {\(when)}, to: a}
              - {id: q, when: {\(other), g: {exists: true}}, to: b}
              - {id: t, when: {dealer: {in_table: s}}, to: b}
            """)
        var files = [
            "leadrouter.yaml": marked.text,
            "s.csv": "k,city,make\n1,\"Washington, DC\",Honda\n2,Rome,Kia\n",
        ]
        if !samples.isEmpty { files["samples/a.ndjson"] = samples }
        let found = lint(files).diagnostics.filter { $0.code == "word-in-text" }
        let place = "\(marked.position("1️⃣", in: "leadrouter.yaml"))"
        #expect(found.allSatisfy { "\($0.position)" == place })
        return found.map { $0.help ?? "" }
    }

    @Test(arguments: [
        "Honda, Kia", "Honda,Kia", "Honda; Kia", "honda / kia", "Honda/Kia", "Honda | Kia",
        "Honda or Kia", "Honda and Kia",
    ])
    func `a text is a list when its parts are texts of other conditions`(text: String) {
        let found = report("f: 1️⃣\"\(text)\"", beside: "f: [Honda, Kia]")
        #expect(found.count == 1)
        #expect(found.allSatisfy { ByteSearch.contains($0.lowercased(), "write [honda, kia]") })
    }

    @Test func `a text is a list when a table has its parts`() {
        #expect(report("s.make: {in: [1️⃣\"Honda, Kia\"]}", beside: "f: x").count == 1)
        #expect(report("dealer: 1️⃣\"1,2\"", beside: "f: x").count == 1)
    }

    @Test func `a text is a list when leads answer its parts`() {
        let samples = #"{"id":"1","f":"Honda"}"# + "\n" + #"{"id":"2","f":"kia"}"# + "\n"
        #expect(report("f: 1️⃣\"Honda and Kia\"", beside: "h: x", samples: samples).count == 1)
    }

    @Test func `at a comma one known part is enough when all are words`() {
        #expect(report("f: 1️⃣\"Honda, Kia\"", beside: "f: Honda").count == 1)
        #expect(report("f: 1️⃣\"Honda, 2nd hand\"", beside: "f: Honda").isEmpty)
        #expect(report("f: 1️⃣\"Washington, DC\"", beside: "f: Washington").isEmpty)
        #expect(report("f: 1️⃣\"Honda and Kia\"", beside: "f: Honda").isEmpty)
    }

    @Test(arguments: [
        ("f: 1️⃣\"Washington, DC\"", "f: Rome"), ("f: 1️⃣\"Smith, John\"", "f: [\"Poe, Ed\", Smith]"),
        ("f: 1️⃣\"yes or no\"", "f: maybe"), ("f: 1️⃣\"A & B\"", "f: [A, B]"),
        ("f: 1️⃣\"Sales and Service\"", "f: Sales"), ("f: 1️⃣n/a", "f: [x]"),
        ("s.city: 1️⃣\"Washington, DC\"", "s.city: [Washington, DC]"),
        ("f: {contains: 1️⃣\"Honda, Kia\"}", "f: [Honda, Kia]"),
    ])
    func `other texts with such marks are left alone`(when: String, other: String) {
        #expect(report(when, beside: other).isEmpty)
    }

    @Test func `what a lead of a sample answers is no list`() {
        let samples = #"{"id":"1","f":"Sales and Service"}"# + "\n"
        #expect(
            report("f: 1️⃣\"Sales and Service\"", beside: "f: [Sales, Service]", samples: samples)
                .isEmpty)
    }
}
