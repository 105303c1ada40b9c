import FileSink
import Foundation
import HTTPSink
import LeadKit
import LeadRules
import MetaSource
import SMTPSink
import Testing
import WebhookSource

/// The schema beside the example rules is the one that the program writes.
@Suite struct SchemaTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let text = ConfigurationSchema(
        catalogue: PluginCatalogue(
            sources: [MetaSource.self, FormWebhookSource.self],
            sinks: [FileSink.self, HTTPSink.self, SMTPSink.self])
    ).text

    @Test func `the committed schema is up to date`() throws {
        let file = Self.root.appending(path: "rules/schema.json")
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(
            committed.utf8.elementsEqual(Self.text.utf8),
            "run: leadrouter schema --output rules/schema.json")
    }

    @Test func `every file of the example rules names the schema in its first line`() throws {
        let folder = Self.root.appending(path: "rules")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path())
            .filter { $0.hasSuffix(".yaml") }
        #expect(names.count >= 3)
        for name in names {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            #expect(text.hasPrefix("# yaml-language-server: $schema=schema.json\n"), "\(name)")
        }
    }

    @Test func `every setting has its sentence in the schema`() {
        for sentence in [
            "How long one attempt may take", "The one recipient.", "The app's secret",
        ] {
            #expect(ByteSearch.contains(Self.text, sentence))
        }
    }
}
