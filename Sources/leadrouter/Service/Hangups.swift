import Foundation

/// `SIGHUP`: the configuration is to be read again.
///
/// By default it ends a process, and a supervisor or an operator may send it to one that has just
/// been started: it is heard from the first instruction on, and kept until the service runs.
final class Hangups: Sendable {
    /// Each, or the last of those that came at once; ends when the task that waits is cancelled.
    let stream: AsyncStream<Void>
    // Set once; a source may be cancelled from any thread.
    nonisolated(unsafe) private let signals: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream<Void>.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        signals = Service.signals([SIGHUP]) { _ in continuation.yield() }
    }

    deinit { for signal in signals { signal.cancel() } }

    /// Keeps the default action away from a command that will listen; call it first of all.
    static func ignoreAtStart(of arguments: [String]) {
        guard arguments.dropFirst().first == "serve" else { return }
        signal(SIGHUP, SIG_IGN)
    }
}
