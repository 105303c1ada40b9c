internal import LeadRules
internal import LeadStore
internal import Logging
internal import Synchronization

/// Tells of sinks that are no longer configured and still have deliveries waiting: nothing is lost,
/// and nothing goes out, until somebody puts the sink back or calls them off.
///
/// Each is told at the start, and when a reload has taken it away; not again with every reload
/// after that.
final class AbsentSinks: Sendable {
    private let store: any LeadStore
    private let logger: Logger
    private let state: Mutex<(configured: Set<String>, told: Set<String>)>

    init(_ configuration: Configuration, store: any LeadStore, logger: Logger) {
        self.store = store
        self.logger = logger
        state = Mutex((Set(configuration.sinks.map(\.name)), []))
    }

    /// Another configuration is in force.
    func use(_ configuration: Configuration) async {
        state.withLock { $0.configured = Set(configuration.sinks.map(\.name)) }
        await look()
    }

    /// Compares the store with the sinks in force. A store that does not answer says so elsewhere.
    func look() async {
        guard let stats = try? await store.stats() else { return }
        let open = stats.sinks.mapValues(\.openCount).filter { $0.value > 0 }
        let new = state.withLock { state in
            let absent = Set(open.keys).subtracting(state.configured)
            defer { state.told = absent }
            return absent.subtracting(state.told)
        }
        for sink in new.sorted() {
            logger.warning(
                """
                a sink that is not configured has deliveries waiting: put it back, or call them \
                off with 'leadrouter deliveries cancel --sink \(sink)'
                """,
                metadata: ["sink": "\(sink)", "deliveries": "\(open[sink] ?? 0)"])
        }
    }
}

extension [DeliveryState: Int] {
    /// Deliveries that are not over.
    fileprivate var openCount: Int { (self[.pending] ?? 0) + (self[.leased] ?? 0) }
}
