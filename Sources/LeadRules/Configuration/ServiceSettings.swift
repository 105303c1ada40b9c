public import LeadKit

/// What every sink takes beside its plugin's own settings.
public struct SinkOptions: PluginConfig {
    /// How long one attempt may take, as it is written; nil for as long as the plugin says.
    public var writtenTimeout: Duration?
    /// The same, when it is not written.
    var pluginTimeout = Duration.seconds(30)
    /// How long one attempt may take.
    public var timeout: Duration { writtenTimeout ?? pluginTimeout }
    /// The most attempts under way at once.
    public var maxInFlight = 4
    /// The most of them at one destination; nil for what fits `maxInFlight` and the sink.
    public var maxInFlightPerDestination: Int?
    /// The most attempts in a time; nil for no limit.
    public var rate: Rate?
    /// When to try again, and when to give up.
    public var retry = RetrySettings()
    /// Sinks that get the lead when this one has given up.
    public var onFailure: [String] = []
    /// Whether deliveries wait.
    public var isPaused = false

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<SinkOptions>] = [
        .optional(
            "timeout", \.writtenTimeout,
            "How long one attempt may take, from 100ms to 1h; by default 30s, and 10m for mail."),
        .optional(
            "max_in_flight", \.maxInFlight, default: "4", "The most attempts under way at once."),
        .optional(
            "max_in_flight_per_destination", \.maxInFlightPerDestination,
            "The most of them at one address; by default all when the sink has one address, else a quarter, from 1 to 4."
        ),
        .optional("rate", \.rate, "The most attempts in a time, such as '10/s' or '100/m'."),
        .optional(
            "retry", \.retry, default: "{for: 7d, first: 10s, most: 6h}",
            "How long to try, the first wait, and the longest wait."),
        .optional(
            "on_failure", \.onFailure, default: "[]",
            "Sinks that get the lead after the last attempt or a permanent refusal."),
        .optional("paused", \.isPaused, default: "false", "Whether deliveries wait."),
    ]

    /// The names, for the plugin to leave alone.
    public static let names = Set(settings.map(\.info.name)).union(["plugin"])

    /// Refuses what cannot work.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        if maxInFlight < 1 || maxInFlight > 256 {
            problems.error(
                "bad-value", at: node["max_in_flight"]?.position ?? node.position,
                "'max_in_flight' must be from 1 to 256")
        }
        if let most = maxInFlightPerDestination, most < 1 || most > maxInFlight {
            problems.error(
                "bad-value",
                at: node["max_in_flight_per_destination"]?.position ?? node.position,
                "'max_in_flight_per_destination' must be from 1 to 'max_in_flight', \(maxInFlight)")
        }
        if timeout < .milliseconds(100) || timeout > .seconds(3600) {
            problems.error(
                "bad-value", at: node["timeout"]?.position ?? node.position,
                "'timeout' must be from 100ms to 1h")
        }
        // Without a wait a receiver that fails would be asked as fast as it answers, for ever.
        for (name, wait) in [("first", retry.first), ("most", retry.most)]
        where wait < .milliseconds(100) {
            problems.error(
                "bad-value", at: node["retry"]?[name]?.position ?? node.position,
                "'\(name)' of 'retry' must be at least 100ms")
        }
    }
}

/// `retry: {for: 7d, first: 10s, most: 6h}`: the waits are `first`, and 6, 30, 90, 180, 360, 720,
/// 1,440 and 2,160 times as long, then twice as long each, none longer than `most`.
public struct RetrySettings: PluginConfig {
    /// How long after it was made a delivery is tried.
    public var total = Duration.seconds(7 * 86_400)
    /// The wait after the first failure; the ladder of the further ones is a multiple of it.
    public var first = Duration.seconds(10)
    /// The longest wait.
    public var most = Duration.seconds(6 * 3600)

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<RetrySettings>] = [
        .optional("for", \.total, default: "7d", "How long a delivery is tried."),
        .optional(
            "first", \.first, default: "10s",
            "The wait after the first failure; the next are 6, 30, 90, 180, 360 times as long and so on."
        ),
        .optional("most", \.most, default: "6h", "The longest wait."),
    ]
}

/// A number of attempts in a second, minute or hour.
public struct Rate: SettingValue, Equatable {
    /// How many.
    public var count: Int
    /// In how long.
    public var period: Duration

    /// Makes a rate; both are above zero.
    public init(count: Int, period: Duration) {
        self.count = count
        self.period = period
    }

    /// What to write.
    public static var shape: String { "a rate such as '10/s', '100/m' or '1000/h'" }

    /// A number, a slash and a unit.
    public static var form: SettingForm { .pattern("^0*[1-9][0-9]*/[smh]$") }

    /// Reads a whole number, a slash and a unit.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Rate? {
        let parts = (node.text ?? "").utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
        let units: [String: Duration] = ["s": .seconds(1), "m": .seconds(60), "h": .seconds(3600)]
        guard parts.count == 2, let count = String(parts[0]).flatMap({ Int($0) }), count > 0,
            count <= 1_000_000, let period = String(parts[1]).flatMap({ units[$0] })
        else {
            problems.error(
                "bad-value", at: node.position,
                "\(node.shown) is not \(shape)")
            return nil
        }
        return Rate(count: count, period: period)
    }
}

/// `server:`.
public struct ServerSettings: PluginConfig {
    /// Where webhooks listen.
    public var listen = ListenAddress(host: "127.0.0.1", port: 8080)
    /// Where operators' requests are answered.
    public var admin = AdminSettings()

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<ServerSettings>] = [
        .optional(
            "listen", \.listen, default: "127.0.0.1:8080", "Address and port of the webhooks."),
        .optional("admin", \.admin, default: "{listen: 127.0.0.1:8081}", "The admin listener."),
    ]
}

/// `server: {admin: …}`.
public struct AdminSettings: PluginConfig {
    /// Where it listens.
    public var listen = ListenAddress(host: "127.0.0.1", port: 8081)
    /// What requests must show; needed when the address is not a loopback one.
    public var token: Secret?

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<AdminSettings>] = [
        .optional("listen", \.listen, default: "127.0.0.1:8081", "Address and port."),
        .optional("token", \.token, "The token that requests must show."),
    ]

    /// Refuses to open the ledger to a network without a token.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        guard token == nil, !listen.isLoopback else { return }
        problems.error(
            "admin-without-token", at: node["listen"]?.position ?? node.position,
            "the admin listener would be open to the network without a token",
            help: "add token: \"${LEADROUTER_ADMIN_TOKEN}\", or listen on 127.0.0.1")
    }
}

/// `HOST:PORT`; port 0 takes a free one.
public struct ListenAddress: SettingValue, Equatable, CustomStringConvertible {
    /// A name or address.
    public var host: String
    /// The port; 0 for a free one.
    public var port: Int

    /// Makes an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Whether only this machine can reach it.
    public var isLoopback: Bool {
        host == "localhost" || host == "::1" || ByteSearch.hasPrefix(host, "127.")
    }

    /// `HOST:PORT`
    public var description: String {
        host.utf8.contains(0x3A) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// What to write.
    public static var shape: String { "an address and port such as '127.0.0.1:8080'" }

    /// A colon and digits at the end.
    public static var form: SettingForm { .pattern("^[0-9A-Za-z._%:\\[\\]-]+:[0-9]+$") }

    /// Reads `HOST:PORT` or `[IPv6]:PORT`.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Self? {
        if let address = ListenAddress(node.text ?? "") { return address }
        problems.error("bad-value", at: node.position, "\(node.shown) is not \(shape)")
        return nil
    }

    /// Reads `HOST:PORT` or `[IPv6]:PORT`; nil for anything else.
    ///
    /// The host becomes part of a URL: in `127.0.0.1/x?:8081` everything behind the slash would be
    /// a path, and the request, with its token, would go to another port.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.lastIndex(of: 0x3A) else { return nil }
        let (host, digits) = (bytes[..<colon], bytes[(colon + 1)...])
        guard digits.count <= 5, digits.allSatisfy(ListenAddress.isDigit),
            let port = Int(String(decoding: digits, as: UTF8.self)), (0...65_535).contains(port),
            let name = ListenAddress.name(host)
        else { return nil }
        self.init(host: String(decoding: name, as: UTF8.self), port: port)
    }

    /// The host without brackets: of letters, digits, `.`, `-` and `_`, or an IPv6 address with
    /// two colons at least, of hexadecimal digits, behind `%` the name of an interface.
    private static func name(_ host: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var host = host
        let isBracketed = host.first == 0x5B && host.last == 0x5D
        if isBracketed { host = host.dropFirst().dropLast() }
        guard isBracketed || host.contains(0x3A) else {
            return !host.isEmpty && host.allSatisfy(isNameByte) ? host : nil
        }
        let parts = host.split(
            separator: 0x25, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].count(where: { $0 == 0x3A }) >= 2,
            parts[0].allSatisfy({ isHex($0) || $0 == 0x3A || $0 == 0x2E }),
            parts.count == 1 || (!parts[1].isEmpty && parts[1].allSatisfy(isNameByte))
        else { return nil }
        return host
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isHex(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) || [0x2D, 0x2E, 0x5F].contains(byte)
    }
}

/// `store:`.
public struct StoreSettings: PluginConfig {
    /// Which store, and where.
    public var url = "sqlite:var/leads.db"

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<StoreSettings>] = [
        .optional(
            "url", \.url, default: "sqlite:var/leads.db",
            "The store: 'sqlite:' and a file, relative to where the program runs.")
    ]

    /// The file of an SQLite store.
    public var path: String {
        String(decoding: url.utf8.dropFirst("sqlite:".utf8.count), as: UTF8.self)
    }

    /// Refuses stores that this version does not have.
    public func check(at node: SettingNode, problems: inout SettingProblems) {
        guard !ByteSearch.hasPrefix(url, "sqlite:") || path.trimmed.isEmpty else { return }
        problems.error(
            "bad-value", at: node["url"]?.position ?? node.position,
            "the store's url must begin with 'sqlite:'",
            help: "write 'url: sqlite:var/leads.db'")
    }
}

/// `log:`.
public struct LogSettings: PluginConfig {
    /// How much is logged.
    public enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
    /// What is logged.
    public var level = Level.info

    /// The defaults.
    public init() {}

    /// The settings.
    public static let settings: [Setting<LogSettings>] = [
        .choice("level", \.level, default: .info, "How much is logged, to standard error.")
    ]
}
