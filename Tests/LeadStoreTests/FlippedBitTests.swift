import Foundation
import GRDB
import LeadKit
import LeadTesting
import Testing

@testable import LeadStore

/// Bits flip on a disk, one at a time, anywhere in the file: what is then leased is what was
/// written, or the store says that something is wrong.
@Suite(.timeLimit(.minutes(10)))
struct FlippedBitTests {
    /// The issue's figure with LEADROUTER_LONG.
    static let flips = ProcessInfo.processInfo.environment["LEADROUTER_LONG"] == nil ? 60 : 1000
    static let leads = 150

    private struct Sent: Equatable {
        var delivery: NewDelivery
        var source: String
        var lead: [UInt8]
        var receivedMilliseconds: Int64
        var isDuplicate: Bool

        init(_ leased: LeasedDelivery) {
            delivery = leased.delivery
            source = leased.source
            lead = leased.lead
            receivedMilliseconds = leased.receivedMilliseconds
            isDuplicate = leased.isDuplicate
        }
    }

    @Test func `no altered lead is leased, wherever a bit has flipped`() async throws {
        let altered = try await alteredLeads(withChecksums: true)
        #expect(altered == 0)
    }

    /// The control: without checksums the same flips are sent.
    @Test func `without checksums altered leads are leased`() async throws {
        let altered = try await alteredLeads(withChecksums: false)
        #expect(altered > 0)
    }

    private func alteredLeads(withChecksums: Bool) async throws -> Int {
        let folder = StoreFolder()
        var store = try await folder.open()
        _ = try await store.accept(
            (1...Self.leads).map { .lead(.sample(id: String($0))) }, atMilliseconds: 1)
        let entries = try await store.undecided(after: 0, limit: Self.leads)
        try await store.record(entries.map { .routing($0, to: ["crm"]) })
        if !withChecksums {
            try await store.write { db in
                try db.execute(sql: "UPDATE inbox SET checksum = NULL")
                try db.execute(sql: "UPDATE outbox SET checksum = NULL")
            }
        }
        // Else everything would be in the log.
        #expect(await store.clearLog())
        await store.close()
        let sound = try Data(contentsOf: URL(filePath: folder.path))
        store = try await folder.open()
        let whole = Dictionary(
            uniqueKeysWithValues: try await leased(store).map { ($0.delivery.key, $0) })
        await store.close()
        #expect(whole.count == Self.leads)
        var random = SystemRandomNumberGenerator()
        var altered = 0
        for _ in 0..<Self.flips {
            let copy = StoreFolder()
            try FileManager.default.createDirectory(at: copy.url, withIntermediateDirectories: true)
            var bytes = sound
            let bit = Int.random(in: 0..<bytes.count * 8, using: &random)
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            try bytes.write(to: URL(filePath: copy.path))
            // A store that was closed: its pages are not looked at when it is opened.
            try Data("closed\n".utf8).write(to: URL(filePath: copy.path + ".lock"))
            // Refusing is an answer, too.
            guard let flipped = try? await copy.open() else { continue }
            for one in (try? await leased(flipped)) ?? [] where whole[one.delivery.key] != one {
                altered += 1
                if withChecksums { Issue.record("bit \(bit) is sent: \(one)") }
            }
            await flipped.close()
        }
        return altered
    }

    private func leased(_ store: SQLiteStore) async throws -> [Sent] {
        try await store.lease(2 * Self.leads, of: "crm", token: "t", at: 9).map { Sent($0) }
    }
}
