import LeadKit
import LeadStore
import Synchronization

/// Where a service is between its start and its end.
final class ServiceLife: Sendable {
    enum Phase: Sendable {
        /// Not all listeners listen yet.
        case starting
        case running
        /// A stop was asked for: nothing new is begun.
        case stopping
    }

    /// What a stop left of the attempts that were under way when it was asked for; nil where the
    /// store did not say.
    struct End: Sendable {
        var underWay: Int?
        /// Those that had not ended when the grace was over.
        var brokenOff: Int?
    }

    /// When the process began to serve.
    let since: Timestamp
    private let state = Mutex((phase: Phase.starting, end: End()))

    init(since: Timestamp) { self.since = since }

    var phase: Phase { state.withLock { $0.phase } }

    var end: End { state.withLock { $0.end } }

    /// All listen.
    func noteReady() {
        state.withLock { if $0.phase == .starting { $0.phase = .running } }
    }

    func noteStop() { state.withLock { $0.phase = .stopping } }

    func note(_ end: End) { state.withLock { $0.end = end } }
}
