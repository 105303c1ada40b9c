import LeadKit
import LeadRules
import SMTPSink
import Testing

/// Deliveries that can be rendered and that their sink would never send.
struct RefusalTests {
    private static let catalogue = PluginCatalogue(sinks: [SMTPSink.self])

    private func run(to recipient: String, fails: String) throws -> RuleTestResult {
        let files = ConfigurationFilesInMemory([
            "leadrouter.yaml": """
            version: 1
            sinks:
              mail: {plugin: smtp, url: "smtp://localhost", from: a@x.example, to: "\(recipient)"}
            default: {to: mail}
            """,
            "a.test.yaml": """
            tests:
              - name: a mail
                lead: {email: "no address"}
                expect: {fails: \(fails)}
            """,
        ])
        let result = ConfigurationLoader.load(files, catalogue: Self.catalogue)
        let configuration = try #require(result.configuration, "\(result.report)")
        var suite = RuleTestSuite()
        suite.read("a.test.yaml", of: files, for: configuration.ruleSet)
        let test = try #require(suite.tests.first, "\(suite.report)")
        return test.run(with: configuration.ruleSet, sinks: configuration.sinks)
    }

    @Test(arguments: ["{{email}}", "{{lead.source}}; b@x.example", "{{lead.source}}"])
    func `a mail to what is no address fails`(_ recipient: String) throws {
        #expect(try run(to: recipient, fails: "[mail]").isPassed)
        #expect(try !run(to: recipient, fails: "[]").isPassed)
    }

    @Test func `a mail to an address does not`() throws {
        #expect(try run(to: "{{lead.source}}@x.example", fails: "[]").isPassed)
        #expect(try !run(to: "b@x.example", fails: "[mail]").isPassed)
    }
}
