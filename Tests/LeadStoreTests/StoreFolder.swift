import Foundation
import LeadKit
import Testing

@testable import LeadStore

/// A folder of its own for the store of a test, gone with the last reference.
final class StoreFolder: Sendable {
    let url: URL
    let removes: Bool

    init(at url: URL? = nil) {
        self.url =
            url
            ?? FileManager.default.temporaryDirectory.appending(
                path: "leadstore-\(UUID().uuidString)", directoryHint: .isDirectory)
        removes = url == nil
    }

    deinit { if removes { try? FileManager.default.removeItem(at: url) } }

    /// The store's file; the folder does not exist before a store is opened.
    var path: String { url.appending(path: "leads.db").path() }

    func open(_ ownership: SQLiteStore.Ownership = .owner) async throws -> SQLiteStore {
        try await SQLiteStore.open(path: path, ownership: ownership)
    }

    /// Expects the store to be refused as unusable, with a sentence that holds the part.
    func isRefused(
        _ part: String, _ ownership: SQLiteStore.Ownership = .owner,
        at location: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: StoreError.self, sourceLocation: location) {
            try await open(ownership)
        }
        guard case .unusable(let text) = error else {
            Issue.record("\(String(describing: error))", sourceLocation: location)
            return
        }
        #expect(ByteSearch.contains(text, part), "\(text)", sourceLocation: location)
    }
}
