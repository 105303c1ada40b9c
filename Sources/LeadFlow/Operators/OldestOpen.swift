public import LeadStore
internal import Synchronization

/// When the oldest delivery of each sink that is not over was first due, for `/metrics`.
///
/// The store has to look at every open delivery for that, three seconds for a million. So it is
/// asked beside whoever reads the metrics, and takes a twentieth of the time at most.
public final class OldestOpen: Sendable {
    /// How often the store is asked when that costs nothing.
    public static let interval = Duration.seconds(5)
    /// How many times as long as the last answer took the rest is at least.
    public static let restFactor = 20

    private let store: any LeadStore
    private let clock: any FlowClock
    private let latest = Mutex<[String: Int64]>([:])

    /// Nothing is asked yet.
    public init(store: any LeadStore, clock: any FlowClock = SystemClock()) {
        self.store = store
        self.clock = clock
    }

    /// Milliseconds since 1970, by sink, as last asked; a sink without an open delivery is not there.
    public var milliseconds: [String: Int64] { latest.withLock { $0 } }

    /// Runs until cancelled.
    public func run() async throws {
        while true {
            let start = clock.upMilliseconds
            // A store that does not answer says so elsewhere.
            if let answer = try? await store.oldestOpenMilliseconds(
                atMilliseconds: clock.nowMilliseconds())
            {
                latest.withLock { $0 = answer }
            }
            try await clock.sleep(
                for: OldestOpen.rest(afterMilliseconds: clock.upMilliseconds - start))
        }
    }

    static func rest(afterMilliseconds cost: Int64) -> Duration {
        max(interval, .milliseconds(cost) * restFactor)
    }
}
