internal import Glibc
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

extension ApplicationProtocol {
    /// How long requests under way may take after a stop is asked for.
    private static var graceMost: Duration { .seconds(10) }

    /// Listens until cancelled, then ends gracefully: nothing new is accepted, idle connections are
    /// closed, requests under way are answered.
    ///
    /// The task that accepts must not itself be cancelled: a connection that it has accepted and
    /// not yet begun to serve would end the whole process (swift-nio issue 2637, "Deinited
    /// NIOAsyncWriter without calling finish()").
    func listenUntilCancelled(at address: String, logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(services: [self], logger: logger)
        configuration.maximumGracefulShutdownDuration = Self.graceMost
        let group = ServiceGroup(configuration: configuration)
        let listening = Task { try await group.run() }
        try await withTaskCancellationHandler {
            do {
                try await listening.value
            } catch let error as IOError {
                let why = error.errnoCode == EADDRINUSE ? "the address is in use" : "\(error)"
                throw ListenError(description: "cannot listen on \(address): \(why)")
            } catch  where Task.isCancelled {
                // Stopped before it listened, or only after the grace: it was to end, and has.
                logger.debug("a listener did not end by itself: \(error)")
            }
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    }
}

/// Why a listener did not start.
struct ListenError: Error, CustomStringConvertible {
    var description: String
}
