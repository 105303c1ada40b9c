internal import LeadKit
internal import LeadRules
internal import Synchronization

/// The sources in force, each with a life of its own, so that one can take over from another while
/// the flow runs.
final class SourcesInForce: Sendable {
    /// A configured source and its plugin's instance.
    final class Entry: Sendable {
        let instance: SourceInstance
        let source: any Source
        /// The source, if it takes webhooks: asking each time would cost each request a cast.
        let webhook: (any WebhookSource)?
        /// Rung when it is to end.
        let ending = Bell()
        private let over = Atomic(false)

        init(_ instance: SourceInstance, _ source: any Source) {
            self.instance = instance
            self.source = source
            webhook = source as? any WebhookSource
        }

        var isOver: Bool { over.load(ordering: .acquiring) }

        func end() {
            over.store(true, ordering: .releasing)
            ending.ring()
        }
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// By name.
    subscript(_ name: String) -> Entry? { entries.withLock { $0[name] } }

    var all: [Entry] { entries.withLock { Array($0.values) } }

    /// Exchanges all; answers those that are to end, which are the ones no longer in force.
    func exchange(_ next: [Entry]) -> [Entry] {
        let next = Dictionary(next.map { ($0.instance.name, $0) }) { $1 }
        let before = entries.withLock { entries in
            defer { entries = next }
            return entries
        }
        return before.values.filter { next[$0.instance.name] !== $0 }
    }
}
