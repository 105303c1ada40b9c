internal import Logging

/// Writes a logger's metadata with each line, and not into the logger.
///
/// Hummingbird gives each request a logger with its number. swift-log's own handlers make a text of
/// the metadata whenever it changes, though hardly any request logs a line.
struct LateMetadata: LogHandler {
    private var handler: any LogHandler
    var metadata: Logger.Metadata = [:]

    init(_ handler: any LogHandler) { self.handler = handler }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        event.metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        handler.log(event: event)
    }
}

extension Logger {
    /// The same for a server's requests: warnings and worse.
    var forRequests: Logger {
        var logger = Logger(label: label) { _ in LateMetadata(handler) }
        logger.logLevel = .warning
        return logger
    }
}
