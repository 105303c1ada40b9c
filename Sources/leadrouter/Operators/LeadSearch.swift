import LeadKit
import LeadRules
import LeadStore

/// Looks for the leads that have an answer, newest first.
///
/// Answers are personal data and in no index, so the rows that a filter leaves are read and looked
/// through. One request looks through `rowsMax` of them at most, `batchMax` at a time, and says how
/// far it came: who asks goes on from there, or does not, and nobody else waits for more than a batch.
/// Nothing is kept between two requests.
///
///     {"filter": {"with_answer": TEXT, "source": …}, "before": NUMBER, "limit": NUMBER}
struct LeadSearch: Sendable {
    /// The name that the answer has among filters.
    static let answerName = "with_answer"
    /// The most rows that one request looks through.
    static let rowsMax = 5000
    /// The most rows that are read at a time.
    static let batchMax = 100

    struct Found: Sendable {
        var leads: [InboxEntry] = []
        /// How many rows were looked through.
        var searched = 0
        /// Where to go on; nil when all rows were looked through.
        var nextBefore: Int64?
    }

    private let answer: SoughtAnswer
    private let filter: LeadFilter

    init(_ body: [UInt8]) throws(BadRequest) {
        var text: String?
        var parameters: [Parameter] = []
        for (name, value) in try JSONBody.object(body).members {
            switch name {
            case "filter":
                for (name, value) in value.members {
                    guard let value = value.string else {
                        throw BadRequest(description: "'\(name)' needs a text")
                    }
                    if name == LeadSearch.answerName {
                        text = value
                    } else {
                        parameters.append((name, value))
                    }
                }
            case "before", "limit":
                guard let number = value.integer else {
                    throw BadRequest(description: "'\(name)' needs a number")
                }
                parameters.append((name, String(number)))
            default:
                throw BadRequest(
                    description: "unknown member '\(name)'; there are filter, before, limit")
            }
        }
        guard let text, let answer = SoughtAnswer(text) else {
            throw BadRequest(
                description: "write the answer that is looked for as '\(LeadSearch.answerName)' "
                    + "into 'filter'")
        }
        guard text.utf8.count <= SoughtAnswer.bytesMax else {
            throw BadRequest(description: LeadSearch.tooLong)
        }
        self.answer = answer
        filter = try LedgerFilters.leads(parameters)
    }

    static let tooLong = "an answer that is looked for has at most \(SoughtAnswer.bytesMax) bytes"

    /// Addresses of requests end up in logs and histories, and an order must not begin with minutes
    /// of reading that nobody can break off.
    static var isElsewhere: BadRequest {
        BadRequest(
            description: "'\(answerName)' is for POST /api/leads/search; an order is then given "
                + "the 'rows' that were found")
    }

    /// The body of a request.
    static func body(
        _ answer: String, _ parameters: [Parameter], before: Int64?, limit: Int
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("filter")
            writer.object { writer in
                for (name, value) in [(answerName, answer)] + parameters {
                    writer.name(name)
                    writer.string(value)
                }
            }
            if let before {
                writer.name("before")
                writer.integer(before)
            }
            writer.name("limit")
            writer.integer(limit)
        }
        return writer.bytes
    }

    func run(on store: any LeadStore) async throws -> Found {
        var found = Found(nextBefore: filter.beforeSequence)
        var batch = filter
        batch.limit = LeadSearch.batchMax
        let parser = JSONParser(limits: StoredLeads.limits)
        while found.searched < LeadSearch.rowsMax {
            try Task.checkCancellation()
            batch.beforeSequence = found.nextBefore
            let rows = try await store.leads(batch)
            // A row that cannot be read is left out of a page, so only an empty one is the end.
            if rows.isEmpty {
                found.nextBefore = nil
                return found
            }
            for row in rows {
                found.searched += 1
                found.nextBefore = row.sequence
                let isFound = has(row, parser)
                // A row may have megabytes, and a stop does not wait for all that are to come.
                try Task.checkCancellation()
                guard isFound else { continue }
                found.leads.append(row)
                if found.leads.count == filter.limit { return found }
            }
            // Webhooks go first.
            await Task.yield()
        }
        return found
    }

    /// Whether a lead has the answer, or, where there is no usable lead, the bytes that came in.
    private func has(_ row: InboxEntry, _ parser: JSONParser) -> Bool {
        if let lead = StoredLeads.lead(of: row, parser: parser) {
            return answer.isAnswer(of: lead)
        }
        return [row.raw, row.lead].contains {
            !$0.isEmpty && !Task.isCancelled && answer.isWithin($0, parser: parser)
        }
    }
}
