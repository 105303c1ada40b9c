import Foundation
import LeadKit
import LeadRules
import Testing

/// `docs/configuration.md` has every setting of the service, with its default.
@Suite struct ServicePageTests {
    private static let settings: [String: SettingInfo] = {
        func named(_ prefix: String, _ settings: [SettingInfo]) -> [(String, SettingInfo)] {
            settings.map { ("\(prefix).\($0.name)", $0) }
        }
        let all =
            named("server", ServerSettings.settings.map(\.info).filter { $0.name != "admin" })
            + named("server.admin", AdminSettings.settings.map(\.info))
            + named("store", StoreSettings.settings.map(\.info))
            + named("log", LogSettings.settings.map(\.info))
            + named("retention", RetentionSettings.settings.map(\.info))
        return Dictionary(uniqueKeysWithValues: all)
    }()

    /// The table's rows: the setting's name, and its default's cell.
    private func rows() throws -> [String: String] {
        let page = try String(
            contentsOf: Manual.root.appending(path: "docs/configuration.md"), encoding: .utf8)
        var rows: [String: String] = [:]
        for line in page.components(separatedBy: "\n") where line.hasPrefix("| `") {
            let cells = line.components(separatedBy: " | ").map(\.trimmed)
            rows[String(cells[0].dropFirst(3).dropLast())] = cells.count > 3 ? cells[3] : ""
        }
        return rows
    }

    @Test func `every setting is on the page, and nothing else is`() throws {
        #expect(Set(try rows().keys) == Set(Self.settings.keys))
    }

    @Test func `the page has each default as it is`() throws {
        for (name, cell) in try rows() {
            guard let fallback = Self.settings[name]?.fallback else {
                #expect(["no token", "for ever"].contains(cell), "\(name)")
                continue
            }
            #expect(cell == "`\(fallback)`", "\(name)")
        }
    }

    @Test func `every choice and every shortest time is on the page`() throws {
        let page = try String(
            contentsOf: Manual.root.appending(path: "docs/configuration.md"), encoding: .utf8)
        for level in LogSettings.Level.allCases {
            #expect(ByteSearch.contains(page, "`\(level.rawValue)`"))
        }
        #expect(RetentionSettings.least == .seconds(3600))
        #expect(ByteSearch.contains(page, "at least `1h`"))
    }
}
