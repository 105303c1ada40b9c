internal import Glibc
internal import Hummingbird
internal import HummingbirdCore

/// What a listener bears of its connections.
public struct ConnectionLimits: Sendable {
    /// How long the head of a request may take, from its first byte, or from the connection's
    /// opening.
    public var headSeconds = 10
    /// How long a body may take, from its head.
    public var bodySeconds = 30
    /// How long a connection may be kept open between two requests.
    public var idleSeconds = 60
    /// How long an answer may wait to be taken, from its first byte; a larger one has a second more
    /// for each `answerBytesPerSecondMin`.
    public var answerSeconds = 15
    /// How many bytes of answers the system is to hold that were not taken; it takes twice as many.
    public var answerBytesQueued = 128 << 10
    /// How slowly a large answer may be taken.
    public static let answerBytesPerSecondMin = 16 << 10
    /// The most connections at once; more wait in the system's queue.
    public var connectionsMax: Int
    /// The most bytes of a head, and of one line of it.
    public static let headBytesMax = 16 << 10
    /// The most header fields.
    public static let fieldsMax = 100

    /// Makes limits; the most connections are at most a quarter of the files that the process may
    /// have open, so that the store and the sinks never lack one.
    public init(connectionsMax: Int) {
        var files = rlimit()
        let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0
        let quarter = isKnown ? Int(clamping: files.rlim_cur / 4) : connectionsMax
        self.connectionsMax = max(16, min(connectionsMax, quarter))
    }

    /// Lets the process have as many files open as the system allows it. Call it at the start.
    public static func raiseOpenFiles() {
        var files = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(kind, &files) == 0, files.rlim_cur < files.rlim_max else { return }
        files.rlim_cur = min(files.rlim_max, 65_536)
        setrlimit(kind, &files)
    }

    /// How Hummingbird is to serve connections.
    var channel: HTTPServerBuilder {
        let limits = self
        return .http1(
            configuration: .init(
                additionalChannelHandlers: [RequestDeadlines(limits)],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: ConnectionLimits.headBytesMax,
                    maxHeaderListSize: ConnectionLimits.headBytesMax,
                    maxHeaderFieldCount: ConnectionLimits.fieldsMax)))
    }
}
