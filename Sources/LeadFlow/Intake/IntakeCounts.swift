internal import LeadKit
internal import Synchronization

/// What came of the items that sources handed in since the start.
public final class IntakeCounts: Sendable {
    /// What became of an item.
    public enum Outcome: String, Sendable, CaseIterable {
        /// It is new.
        case stored
        /// Its id is known.
        case duplicate
        /// Its id is known, and was stored with other content.
        case conflict
        /// It is kept aside.
        case quarantined
    }

    private struct Key: Hashable {
        var source: String
        var outcome: Outcome
    }

    private let counts = Mutex<[Key: Int]>([:])

    /// Counts from nothing.
    public init() {}

    /// How many by source and outcome; these sources, and those that were heard of, have each outcome.
    public func all(
        of sources: [String]
    ) -> [(source: String, outcome: Outcome, count: Int)] {
        let counts = counts.withLock { $0 }
        return Set(counts.keys.map(\.source)).union(sources).sorted().flatMap { source in
            Outcome.allCases.map { one in
                (source, one, counts[Key(source: source, outcome: one)] ?? 0)
            }
        }
    }

    /// `conflicts` are indexes of items.
    func add(_ items: [InboxItem], _ answers: [Acceptance], conflicts: Set<Int>) {
        counts.withLock { counts in
            for (index, (item, answer)) in zip(items, answers).enumerated() {
                let outcome: Outcome =
                    switch answer {
                    case .stored: .stored
                    case .duplicate: conflicts.contains(index) ? .conflict : .duplicate
                    case .quarantined: .quarantined
                    }
                counts[Key(source: item.source, outcome: outcome), default: 0] += 1
            }
        }
    }
}

extension InboxItem {
    fileprivate var source: String {
        switch self {
        case .lead(let lead): lead.source
        case .reference(let reference): reference.source
        case .quarantined(let source, _, _): source
        }
    }
}
