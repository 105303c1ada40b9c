import HTTPSink
import LeadKit
import SinkTesting
import Testing

@Suite struct HTTPSinkConfigTests {
    @Test(arguments: [
        "https://crm.example.com/leads/{{lead.id}}", "http://127.0.0.1:8080", "https://h?x={{a}}",
        "{{store.crm_url}}", "{{ store.crm_url }}/x/{{name}}", "https://{{store.host}}/x",
    ])
    func `the host is fixed or comes from a table`(url: String) {
        #expect(HTTPSink.Config.made([("url", .text(url))]) != nil)
    }

    @Test(arguments: [
        "{{name}}", "https://{{name}}/", "https://{{lead.id}}.example.com/", "{{lead.url}}",
        "https://crm.example.com{{name}}/", "{{store.crm_url}}{{name}}", "{{{store.crm_url}}}",
        "{{#store.x}}https://a{{/store.x}}", "{{&store.x}}", "ftp://x/", "file:///etc/passwd",
        "gopher://x", "smtp://x", "https:///x", "https://u:p@h/", "https://h\\@evil/", "//h/x",
        "https://①②⑦.⓪.⓪.①/", "{{store.}}", "{{.x}}", "{{delivery.id}}", "https://{{store.x",
    ])
    func `a lead may not choose the host`(url: String) {
        #expect(HTTPSink.Config.problems([("url", .text(url))]) == ["bad-url"])
    }

    @Test(arguments: [
        "Host", "content-length", "Transfer-Encoding", "webhook-id", "X Y", "", "Content-Type",
    ])
    func `some headers are the program's`(name: String) {
        let headers = SettingNode.made([(name, "x")])
        #expect(
            HTTPSink.Config.problems([("url", "http://h"), ("headers", headers)]) == ["bad-header"])
    }

    @Test func `what does not fit together is told`() {
        #expect(
            HTTPSink.Config.problems([("url", "http://h"), ("format", "template")])
                == ["missing-setting"])
        #expect(
            HTTPSink.Config.problems([("url", "http://h"), ("body", "x")]) == ["unused-setting"])
        #expect(
            HTTPSink.Config.problems([("url", "http://h"), ("signing_secret", "short")])
                == ["bad-secret"])
        let success = SettingNode.made([("status", "200-299"), ("json", .made([("status", "ok")]))])
        #expect(
            HTTPSink.Config.problems([("url", "http://h"), ("success", success)])
                == ["bad-value", "bad-value"])
    }
}
