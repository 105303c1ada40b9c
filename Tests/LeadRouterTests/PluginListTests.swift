import Foundation
import Testing

/// A plugin is a folder, a line in Package.swift and a line in BundledPlugins.swift. SwiftPM caches
/// the manifest by its text, so the folder cannot be scanned there; this test names what is missing.
@Suite struct PluginListTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private static func folders() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Plugins").path())
            .filter { !$0.hasPrefix(".") }.sorted()
    }

    @Test func `there are plugins`() throws {
        #expect(try Self.folders().count >= 5)
    }

    @Test func `every folder in Plugins has its line in Package_swift`() throws {
        let package = try Self.text("Package.swift")
        for folder in try Self.folders() {
            #expect(
                package.contains("plugin(\"\(folder)\""),
                "add 'plugin(\"\(folder)\"),' to the list 'plugins' in Package.swift")
        }
    }

    @Test func `every folder in Plugins is in BundledPlugins_swift`() throws {
        let bundled = try Self.text("Sources/leadrouter/BundledPlugins.swift")
        for folder in try Self.folders() {
            #expect(
                bundled.contains("import \(folder)\n"),
                "add 'import \(folder)' and its type to Sources/leadrouter/BundledPlugins.swift")
        }
    }

    @Test(arguments: ["LeadKit", "LeadFlow", "LeadStore", "LeadServer"])
    func `no module below the program imports a plugin`(module: String) throws {
        let sources = Self.root.appending(path: "Sources/\(module)")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var count = 0
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            count += 1
            let text = try String(contentsOf: file, encoding: .utf8)
            for folder in try Self.folders() { #expect(!text.contains("import \(folder)\n")) }
        }
        #expect(count > 0)
    }
}
