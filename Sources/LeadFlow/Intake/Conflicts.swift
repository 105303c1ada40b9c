internal import LeadKit
internal import LeadStore
internal import Logging
internal import Synchronization

/// Leads whose id is known and that say something else: a sender that uses ids again loses leads, and
/// nobody would see it, because a known id is no news.
///
/// What is stored is read after the commit, beside the writer, and only of duplicates; an intake of new
/// leads does not come here. Answers and consents are compared, and not the rest: the same lead has
/// another time of receipt each time, and what Meta says of it depends on how it was asked for.
final class Conflicts: Sendable {
    /// The most duplicates of one call that are compared: a large import of known leads must not take
    /// much longer for it, and a sender that uses ids again shows all the same.
    static let comparedMax = 100
    /// A source has one line in the log for so long.
    static let quietMilliseconds: Int64 = 60_000

    private let store: any LeadStore
    private let clock: any FlowClock
    private let logger: Logger
    private let pace = Mutex(ConflictPace(quietMilliseconds: quietMilliseconds))

    init(store: any LeadStore, clock: any FlowClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Which of the items conflict with what is stored, by index; tells the log.
    func find(among items: [InboxItem], _ answers: [Acceptance]) async -> Set<Int> {
        var found: Set<Int> = []
        var compared = 0
        for (index, answer) in answers.enumerated() where answer == .duplicate {
            guard case .lead(let lead) = items[index] else { continue }
            guard compared < Conflicts.comparedMax else { break }
            compared += 1
            guard await isOther(lead) else { continue }
            found.insert(index)
            note(lead)
        }
        return found
    }

    /// What cannot be read, or is not there any more, is no conflict that anybody could look at.
    private func isOther(_ lead: Lead) async -> Bool {
        let filter = LeadFilter(source: lead.source, leadID: lead.id, limit: 1)
        guard let stored = try? await store.leads(filter).first, !stored.lead.isEmpty,
            let known = RoutingRecord.lead(of: stored)
        else { return false }
        return Conflicts.answers(of: known) != Conflicts.answers(of: lead)
    }

    private static func answers(of lead: Lead) -> [UInt8] {
        Lead(id: lead.id, source: "", fieldData: lead.fieldData, consents: lead.consents).json
    }

    private func note(_ lead: Lead) {
        let now = clock.nowMilliseconds()
        guard let before = pace.withLock({ $0.note(lead.source, atMilliseconds: now) }) else {
            return
        }
        logger.warning(
            "a lead came again with other answers; the first is kept, and this one is not routed",
            metadata: [
                "source": "\(lead.source)", "lead": "\(lead.id)", "not_logged_before": "\(before)",
            ])
    }
}

/// How often conflicts are told: one line a source and minute, with how many had none.
struct ConflictPace {
    private struct Source {
        var toldMilliseconds: Int64
        var untold = 0
    }

    let quietMilliseconds: Int64
    private var sources: [String: Source] = [:]

    init(quietMilliseconds: Int64) { self.quietMilliseconds = quietMilliseconds }

    /// How many were not told since the last that was; nil when this one is not to be told either.
    mutating func note(_ source: String, atMilliseconds now: Int64) -> Int? {
        if let known = sources[source], abs(now - known.toldMilliseconds) < quietMilliseconds {
            sources[source]?.untold += 1
            return nil
        }
        let untold = sources[source]?.untold ?? 0
        sources[source] = Source(toldMilliseconds: now)
        return untold
    }
}
