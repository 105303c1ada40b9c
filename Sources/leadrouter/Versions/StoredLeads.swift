import ArgumentParser
import LeadFlow
import LeadKit
import LeadRules
import LeadStore

/// Leads of the store, oldest first, page by page.
struct StoredLeads {
    /// Rows read at a time.
    static let pageSize = 1000

    let store: SQLiteStore

    /// Calls `body` with each lead taken in since then, and when it was.
    func read(
        sinceMilliseconds since: Int64, body: (Lead, Timestamp) async throws -> Void
    ) async throws {
        let parser = JSONParser(limits: StoredLeads.limits)
        var last: Int64 = 0
        while true {
            let page = try await store.leads(
                LeadFilter(
                    sinceMilliseconds: since, afterSequence: last, limit: StoredLeads.pageSize))
            for entry in page {
                guard let lead = StoredLeads.lead(of: entry, parser: parser) else { continue }
                try await body(lead, Timestamp(milliseconds: entry.receivedMilliseconds))
            }
            guard let end = page.last else { return }
            last = end.sequence
        }
    }

    /// The lead of a row; nil while it is only announced, or when it is no usable lead.
    static func lead(
        of entry: InboxEntry, parser: JSONParser = JSONParser(limits: StoredLeads.limits)
    ) -> Lead? {
        guard !entry.lead.isEmpty, let document = try? parser.parse(entry.lead) else { return nil }
        let reader = LeadReader(
            source: entry.source,
            receivedTime: Timestamp(milliseconds: entry.receivedMilliseconds))
        return try? reader.graph(document.root, raw: entry.lead)
    }

    /// What was taken in within limits has a few values more as we write it.
    static let limits = JSONDocument.Limits(depthMax: 64, valuesMax: 16_000_000)
}
