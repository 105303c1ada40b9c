import FileSink
import HTTPSink
import LeadKit
import LeadRules
import MetaSource
import SMTPSink
import Testing
import WebhookSource

/// The example on each plugin's manual page is a configuration that loads.
@Suite struct ExampleTests {
    private static let catalogue = PluginCatalogue(
        sources: [MetaSource.self, FormWebhookSource.self],
        sinks: [FileSink.self, HTTPSink.self, SMTPSink.self])

    private static var examples: [(String, String)] {
        catalogue.sources.map { ($0.key, $0.value.info.example) }
            + catalogue.sinks.map { ($0.key, $0.value.info.example) }
    }

    @Test(arguments: examples)
    func `the example loads`(name: String, example: String) {
        let variables = [
            "META_VERIFY_TOKEN", "META_APP_SECRET", "META_PAGE_TOKEN", "FORM_TOKEN",
            "MAIL_PASSWORD", "SMTP_PASSWORD", "CRM_TOKEN", "SIGNING_SECRET", "CRM_SIGNING_SECRET",
        ]
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
        let files = ConfigurationFilesInMemory(
            [
                "leadrouter.yaml": """
                version: 1
                tables:
                  store: {file: stores.csv, key: number, match: selected_dealer}
                default: {hold: nobody}
                \(example)
                """,
                "stores.csv": "number,name,email,crm_url\n1,One,a@x.example,https://x.example\n",
            ], environment: Dictionary(uniqueKeysWithValues: variables.map { ($0, secret) }))
        let result = ConfigurationLoader.load(files, catalogue: Self.catalogue)
        #expect(result.errorCount == 0, "\(name): \(result.report)")
    }

    @Test func `the same idea has the same name in every sink`() {
        let names = Set(
            Self.catalogue.sinks.values.flatMap { $0.info.settings.map(\.name) })
        #expect(names.isDisjoint(with: ["uri", "endpoint", "host", "address", "file", "user"]))
        let engine = Set(SinkOptions.settings.map(\.info.name))
        #expect(names.isDisjoint(with: engine))
    }
}
