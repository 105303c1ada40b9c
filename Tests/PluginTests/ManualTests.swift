import FileSink
import Foundation
import HTTPSink
import LeadKit
import LeadRules
import SMTPSink
import Testing

/// Every example of the page on schedules and pools loads, without a warning.
@Suite struct ManualTests {
    private static let page = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/rules-schedules-pools.md")

    /// The blocks of YAML on the page.
    private static var examples: [String] {
        let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
        return text.components(separatedBy: "```yaml\n").dropFirst()
            .map { $0.components(separatedBy: "```")[0] }
    }

    @Test func `the page has its examples`() { #expect(Self.examples.count >= 4) }

    @Test(arguments: examples) func `the example loads`(example: String) {
        let mail =
            "{plugin: smtp, url: \"smtp://127.0.0.1:2525\", tls: off, from: a@x.example, to: b@x.example}"
        let sinks = ["store-email", "showroom-phone", "anna-mail", "head-office"]
            .map { "  \($0): \(mail)\n" }.joined()
        let files = ConfigurationFilesInMemory([
            "leadrouter.yaml": """
            version: 1
            sinks:
            \(sinks)  store-crm: {plugin: http, url: "https://crm.example.com"}
              archive: {plugin: file, path: out/archive.ndjson}
            default: {to: head-office}
            \(example)
            """
        ])
        let catalogue = PluginCatalogue(sinks: [FileSink.self, HTTPSink.self, SMTPSink.self])
        let result = ConfigurationLoader.load(files, catalogue: catalogue)
        #expect(result.diagnostics.isEmpty, "\(result.report)")
    }
}
