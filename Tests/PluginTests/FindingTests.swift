import FileSink
import Foundation
import HTTPSink
import LeadKit
import LeadRules
import MetaSource
import SMTPSink
import Testing
import WebhookSource

/// Every kind of finding is what its examples say, and every code in the program has a kind.
@Suite struct FindingTests {
    private static let plugins = PluginCatalogue(
        sources: [MetaSource.self, FormWebhookSource.self],
        sinks: [FileSink.self, HTTPSink.self, SMTPSink.self])
    private static let kinds = FindingCatalogue(plugins).kinds

    private static let variables = [
        "ADMIN_TOKEN", "MAIL_PASSWORD", "META_VERIFY_TOKEN", "META_APP_SECRET", "META_PAGE_TOKEN",
        "FORM_TOKEN",
    ]

    private static func lint(_ example: FindingKind.Example) -> LoadResult {
        let files = ConfigurationFilesInMemory(
            FindingCatalogue.folder(of: example),
            environment: Dictionary(uniqueKeysWithValues: variables.map { ($0, "hush-hush-1") }))
        return Linter.lint(
            files, catalogue: plugins, now: Timestamp(seconds: 1_760_011_200))
    }

    @Test(arguments: kinds.map(\.code))
    func `the wrong example has this finding and no other`(code: String) throws {
        let kind = try #require(Self.kinds.first { $0.code == code })
        let result = Self.lint(kind.wrong)
        #expect(Set(result.diagnostics.map(\.code)) == [code], "\(result.report)")
        #expect(Set(result.diagnostics.map(\.severity)) == [kind.severity])
    }

    @Test(arguments: kinds.map(\.code))
    func `the right example has no finding`(code: String) throws {
        let kind = try #require(Self.kinds.first { $0.code == code })
        let result = Self.lint(kind.right)
        #expect(result.diagnostics.isEmpty, "\(result.report)")
    }

    @Test func `no two kinds have one code`() {
        let codes = Self.kinds.map(\.code)
        #expect(codes.count == Set(codes).count)
    }

    @Test func `the manual is written from the kinds`() throws {
        let page = try Self.text("docs/lint.md")
        #expect(
            page == FindingDocument.page(FindingCatalogue(Self.plugins)),
            "run: leadrouter check --manual > docs/lint.md")
    }

    /// The codes are literals in the sources; this finds them where they are emitted.
    @Test func `every code in the sources has a kind`() throws {
        let known = Set(Self.kinds.map(\.code))
        var found: Set<String> = []
        for folder in ["Sources", "Plugins"] {
            let paths = try #require(
                FileManager.default.enumerator(atPath: Self.root.appending(path: folder).path()))
            for case let path as String in paths where path.hasSuffix(".swift") {
                let text = try Self.text(folder + "/" + path)
                let codes = text.matches(
                    of:
                        /(?:error|warning|finding|Diagnostic|refuse)\(\s*(?:\.error,\s*|\.warning,\s*)?"([a-z]+(?:-[a-z]+)+)"/
                )
                found.formUnion(codes.map { String($0.1) })
                found.formUnion(
                    text.matches(of: /"([a-z]+(?:-[a-z]+)+)",\s+at:/).map { String($0.1) })
                // Those that a value hands on to whoever reports it.
                found.formUnion(
                    text.matches(of: /\bcode:\s+"([a-z]+(?:-[a-z]+)*)"/).map { String($0.1) })
            }
        }
        #expect(found.count > 70)
        #expect(found.subtracting(known).sorted() == [])
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
