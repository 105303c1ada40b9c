internal import Logging
internal import Synchronization

/// Tells the log once that the service is not ready, once when the reason is another, and once that
/// it is ready again, however often it is asked.
final class TroubleLog: Sendable {
    private let latest = Mutex<String?>(nil)
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    func note(_ readiness: AdminServer.Readiness) {
        // Not ready and nothing to tell: the start and the stop have lines of their own.
        guard readiness.isReady || readiness.trouble != nil else { return }
        let before = latest.withLock { latest in
            defer { latest = readiness.trouble }
            return latest
        }
        switch (before, readiness.trouble) {
        case (let before, let trouble?) where before != trouble:
            logger.warning("not ready: \(trouble)")
        case (_?, nil): logger.notice("ready again")
        default: break
        }
    }
}
