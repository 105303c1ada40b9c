import Foundation
import LeadFlow
import LeadKit
import LeadRules
import Testing

@testable import leadrouter

struct SelectionTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func `reading only what the rules ask for decides every sample the same`() throws {
        let folder = ConfigurationFolder(path: Self.root.appending(path: "rules").path())
        let loaded = ConfigurationLoader.load(folder, catalogue: bundledPlugins)
        let rules = try #require(loaded.configuration, "\(loaded.report)").ruleSet
        let now = Timestamp(seconds: 1_760_011_200)
        let whole = LeadReader(source: "dry-run", receivedTime: now)
        var part = whole
        part.selection = rules.asked
        let file = Self.root.appending(path: "rules/samples/dealer-leads.ndjson").path()
        let all = try LeadInput(reader: whole).open(file)
        let some = try LeadInput(reader: part, keepsRaw: false).open(file)
        var count = 0
        while let one = try all.next(), let other = try some.next() {
            let (lead, selected) = (try one.lead.get(), try other.lead.get())
            #expect(rules.decide(lead, at: now) == rules.decide(selected, at: now))
            #expect(lead[.isTest] == selected[.isTest])
            #expect(selected.fieldData.count < lead.fieldData.count)
            count += 1
        }
        #expect(count == 500)
    }
}
