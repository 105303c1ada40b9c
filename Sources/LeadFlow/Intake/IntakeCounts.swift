public import LeadKit
internal import Synchronization

/// What came of the items that sources handed in since the start.
public final class IntakeCounts: Sendable {
    /// A source and an answer.
    public struct Key: Sendable, Hashable {
        /// The source that the item is credited to.
        public var source: String
        /// What became of it.
        public var acceptance: Acceptance
    }

    private let counts = Mutex<[Key: Int]>([:])

    /// Counts from nothing.
    public init() {}

    /// How many by source and answer; these sources, and those that were heard of, have each answer.
    public func all(
        of sources: [String]
    ) -> [(source: String, acceptance: Acceptance, count: Int)] {
        let counts = counts.withLock { $0 }
        return Set(counts.keys.map(\.source)).union(sources).sorted().flatMap { source in
            [Acceptance.stored, .duplicate, .quarantined].map { one in
                (source, one, counts[Key(source: source, acceptance: one)] ?? 0)
            }
        }
    }

    func add(_ items: [InboxItem], _ answers: [Acceptance]) {
        counts.withLock { counts in
            for (item, answer) in zip(items, answers) {
                counts[Key(source: item.source, acceptance: answer), default: 0] += 1
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
