import Foundation
import GRDB
import LeadKit
import Testing

@testable import LeadStore

/// `docs/ledger.md` against the real schema.
@Suite(.timeLimit(.minutes(1)))
struct LedgerPageTests {
    let folder = StoreFolder()

    @Test func `the page describes each column of each table, and no other`() async throws {
        let store = try await folder.open()
        let real = try await store.read { db in
            let tables = try String.fetchAll(
                db,
                sql: """
                    SELECT name FROM sqlite_schema WHERE type = 'table'
                    AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'grdb_%'
                    """)
            return try Dictionary(
                uniqueKeysWithValues: tables.map { ($0, try db.columns(in: $0).map(\.name)) })
        }
        await store.close()
        let page = try Self.page()
        for (table, columns) in real {
            #expect(page[table] == columns, "docs/ledger.md, '### \(table)'")
        }
        #expect(Set(page.keys) == Set(real.keys))
    }

    @Test func `the page has each state and each invariant`() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        let words =
            InboxState.allCases.map(\.rawValue) + DeliveryState.allCases.map(\.rawValue)
            + OrderEntry.Verb.allCases.map(\.rawValue)
        for word in words { #expect(ByteSearch.contains(text, "`\(word)`"), "\(word)") }
        for invariant in LedgerFault.Invariant.allCases {
            #expect(ByteSearch.contains(text, invariant.rawValue), "\(invariant)")
        }
    }

    private static let file = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/ledger.md")

    /// The names in the first column of the table below each `### TABLE`.
    private static func page() throws -> [String: [String]] {
        var columns: [String: [String]] = [:]
        var table: String?
        var isBehindTables = false
        for line in try String(contentsOf: file, encoding: .utf8).utf8.split(separator: 0x0A) {
            let line = String(decoding: line, as: UTF8.self)
            if line == "## Tables" { isBehindTables = true }
            guard isBehindTables else { continue }
            if ByteSearch.hasPrefix(line, "### ") {
                table = String(decoding: line.utf8.dropFirst(4), as: UTF8.self)
            } else if let table, ByteSearch.hasPrefix(line, "| `") {
                let name = line.utf8.dropFirst(3).prefix { $0 != 0x60 }
                columns[table, default: []].append(String(decoding: name, as: UTF8.self))
            }
        }
        return columns
    }
}
