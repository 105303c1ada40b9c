import FileSink
import HTTPSink
import LeadKit
import LeadRules
import LeadTesting
import LeadYAML
import MetaSource
import SMTPSink
import Testing
import WebhookSource

/// Every example of the manual loads without a finding, and does what the table below it says.
@Suite struct ManualTests {
    private static let catalogue = PluginCatalogue(
        sources: [MetaSource.self, FormWebhookSource.self],
        sinks: [FileSink.self, HTTPSink.self, SMTPSink.self])

    private func parsed(_ text: String) throws -> SettingNode {
        var problems = SettingProblems()
        let node = YAMLReader.read(Array(text.utf8), file: "page", problems: &problems)
        return try #require(node, "\(problems.diagnostics)")
    }

    private func rules(_ example: Manual.Example) throws -> RuleSet {
        let files = ConfigurationFilesInMemory(
            example.configuration(root: try parsed(example.text)),
            environment: ["MAIL_PASSWORD": "hunter2"])
        let result = ConfigurationLoader.load(files, catalogue: Self.catalogue)
        #expect(result.diagnostics.isEmpty, "\(example.page): \(result.report)")
        return try #require(result.configuration).ruleSet
    }

    @Test func `the pages have their examples`() {
        for page in Manual.pages {
            #expect(Manual.examples.contains { $0.page == page }, "\(page)")
        }
        #expect(Manual.examples.count { !$0.rows.isEmpty } >= 20)
    }

    @Test(arguments: Manual.examples) func `an example does what the manual says`(
        _ example: Manual.Example
    ) throws {
        let node = try parsed(example.text)
        // A file of tests is a test itself.
        guard node["tests"] == nil else { return try runTests(example) }
        let rules = try rules(example)
        for row in example.rows {
            let decision = rules.decide(
                try lead(row), at: Timestamp(seconds: 1_760_011_200), isDuplicate: false)
            let found = Self.shown(decision, isCondition: node["when"] != nil)
            #expect(found == row.happens, "\(example.page):\(row.line)")
        }
    }

    /// The tests of the page are for the example with routes before them.
    private func runTests(_ example: Manual.Example) throws {
        let before = Manual.examples.filter { $0.page == example.page && $0.line < example.line }
        let tested = try #require(before.last { ByteSearch.contains($0.text, "id: dealers") })
        let rules = try rules(tested)
        var suite = RuleTestSuite()
        suite.read(
            "page.test.yaml", of: ConfigurationFilesInMemory(["page.test.yaml": example.text]),
            for: rules)
        #expect(suite.diagnostics.isEmpty, "\(suite.report)")
        #expect(!suite.tests.isEmpty)
        for test in suite.tests {
            let result = test.run(with: rules)
            #expect(result.mismatches.isEmpty, "\(result.mismatches)")
        }
    }

    /// What the tables write: routes that took the lead, or what became of it.
    private static func shown(_ decision: Decision, isCondition: Bool) -> String {
        let names = decision.routes.map { "`\($0)`" }.joined(separator: ", ")
        switch decision.outcome {
        case .routed: return isCondition ? "taken" : "taken by \(names)"
        case .dropped: return "dropped by \(names)"
        case .held: return isCondition ? "not taken" : "held"
        case .default: return "default"
        }
    }

    private func lead(_ row: Manual.Row) throws -> Lead {
        var lead = Lead.sample(fields: FieldData([]), envelope: [:])
        for (name, value) in try #require(parsed(row.lead).entries) {
            let name = try #require(name.text)
            let values: [String] =
                if case .list(let nodes) = value.content { nodes.compactMap(\.text) } else {
                    [value.text ?? ""]
                }
            if name.hasPrefix("lead.") {
                let attribute = try #require(LeadAttribute(rawValue: String(name.dropFirst(5))))
                lead.envelope[attribute] = values[0]
            } else if name.hasPrefix("consent.") {
                lead.consents.append(
                    Consent(key: String(name.dropFirst(8)), isChecked: values[0] == "true"))
            } else {
                lead.fieldData.append(Field(name, values))
            }
        }
        return lead
    }
}
