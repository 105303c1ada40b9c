import Foundation
import Glibc
import LeadKit
import LeadRules
import Testing

@testable import LeadFlow

/// RELIABILITY d 65: what a link makes of a configuration's folder.
struct FolderLinkTests {
    private struct Folder: ~Copyable {
        let path: String

        init() throws {
            path =
                FileManager.default.temporaryDirectory.path(percentEncoded: false)
                + "/links-\(UUID().uuidString)"
            for name in ["rules/..v1", "rules/routes", "outside"] {
                try FileManager.default.createDirectory(
                    atPath: path + "/" + name, withIntermediateDirectories: true)
            }
            try write("outside/x.yaml", "hunter2: [\n")
            try write("outside/x.csv", "k,hunter2\n1,2\n")
        }

        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
        }

        func link(_ name: String, to target: String) {
            #expect(symlink(target, path + "/" + name) == 0)
        }

        func load(_ rest: String, from folder: String = "rules") throws -> LoadResult {
            try write("rules/leadrouter.yaml", "version: 1\ndefault: {hold: nobody}\n" + rest)
            return ConfigurationLoader.load(
                ConfigurationFolder(path: path + "/" + folder), catalogue: PluginCatalogue())
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    @Test func `a rule file or table outside is refused and not quoted`() throws {
        let folder = try Folder()
        folder.link("rules/x.yaml", to: "../outside/x.yaml")
        folder.link("rules/x.csv", to: folder.path + "/outside/x.csv")
        folder.link("rules/out", to: "../outside")
        for rest in [
            "include: x.yaml", "include: out/x.yaml", "include: \"x*.yaml\"",
            "tables: {t: {file: x.csv, key: k}}", "tables: {t: {file: out/x.csv, key: k}}",
        ] {
            let result = try folder.load(rest)
            #expect(result.diagnostics.map(\.code) == ["outside-folder"], "\(result.report)")
            #expect(!ByteSearch.contains(result.report, "hunter2"))
        }
    }

    @Test func `links inside the folder are read, as Kubernetes makes them`() throws {
        let folder = try Folder()
        try folder.write("rules/..v1/one.yaml", "conditions: {c: {f: x}}\n")
        folder.link("rules/..data", to: "..v1")
        folder.link("rules/routes/one.yaml", to: "../..data/one.yaml")
        folder.link("linked", to: "rules")
        for name in ["rules", "linked", "linked/", "./rules"] {
            let result = try folder.load("include: \"routes/*.yaml\"", from: name)
            #expect(result.configuration != nil && result.diagnostics.isEmpty, "\(result.report)")
        }
    }

    @Test func `one file under two names is read twice`() throws {
        let folder = try Folder()
        try folder.write("rules/b.yaml", "conditions: {c: {f: x}}\n")
        folder.link("rules/c.yaml", to: "b.yaml")
        let result = try folder.load("include: [b.yaml, c.yaml]")
        #expect(result.diagnostics.map(\.code) == ["included-twice"], "\(result.report)")
    }

    @Test func `links on the way to the folder are watched, and nothing beside them is`() throws {
        let folder = try Folder()
        for name in ["releases/1/rules", "releases/2/rules"] {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + name, withIntermediateDirectories: true)
        }
        folder.link("current", to: "releases/1")
        let root = folder.path + "/current/rules"
        #expect(FolderWatch.links(on: root).last == folder.path + "/current")
        let watch = try #require(FolderWatch(root: root) {})
        #expect(watch.watch([]))
        try folder.write("x.yaml", "beside\n")
        folder.link("y", to: "x.yaml")
        #expect(watch.take().isEmpty)
        for release in [2, 1] {
            folder.link("new", to: "releases/\(release)")
            #expect(rename(folder.path + "/new", folder.path + "/current") == 0)
            #expect(watch.take().map(\.path) == [root])
            // The reading that follows watches the folder that the link leads to now.
            #expect(watch.watch([]))
            try folder.write("releases/\(release)/rules/x.yaml", "inside\n")
            #expect(watch.take().map(\.path).contains(root + "/x.yaml"))
        }
    }

    @Test func `a folder that is itself a link is watched, too`() throws {
        let folder = try Folder()
        folder.link("linked", to: "rules")
        let watch = try #require(FolderWatch(root: folder.path + "/linked") {})
        #expect(watch.watch([]))
        folder.link("new", to: "outside")
        #expect(rename(folder.path + "/new", folder.path + "/linked") == 0)
        #expect(watch.take().map(\.path) == [folder.path + "/linked"])
    }
}
