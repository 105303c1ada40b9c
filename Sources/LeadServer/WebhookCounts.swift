internal import Synchronization

/// How webhooks were answered since the start, by source and status.
public final class WebhookCounts: Sendable {
    /// A source, or nothing for a path that is none's; never a name that a sender chose.
    public struct Key: Sendable, Hashable, Comparable {
        /// The configured source; empty for none.
        public var source: String
        /// The status of the answer.
        public var status: Int

        /// By name, then by status.
        public static func < (one: Key, other: Key) -> Bool {
            (one.source, one.status) < (other.source, other.status)
        }
    }

    private let counts = Mutex<[Key: Int]>([:])

    /// Counts from nothing.
    public init() {}

    /// The answers that a source may come to give.
    static let usual = [200, 400, 401, 403, 413, 415, 503]

    /// What was counted, in order; the usual answers of these sources are there from the start.
    public func all(of sources: [String]) -> [(key: Key, count: Int)] {
        var all = counts.withLock { $0 }
        let usual = sources.flatMap { source in
            WebhookCounts.usual.map { Key(source: source, status: $0) }
        }
        for key in usual + [Key(source: "", status: 404)] { all[key, default: 0] += 0 }
        return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func add(_ source: String, _ status: Int) {
        counts.withLock { $0[Key(source: source, status: status), default: 0] += 1 }
    }
}
