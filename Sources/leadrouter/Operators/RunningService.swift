import ArgumentParser
import Foundation
import LeadCurl
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// A store, and the service that may own it.
struct ServiceOption: ParsableArguments {
    @OptionGroup var store: StoreOption
    @Option(
        help: ArgumentHelp(
            "Ask the service there, and nothing else. Its token is taken from $LEADROUTER_ADMIN_TOKEN, else from the configuration.",
            valueName: "host:port"))
    var service: String?

    /// The service, when it is to be asked: when it is named, when it owns the store, or when the
    /// store is not for everybody to read.
    func running() throws -> RunningService? {
        if service == nil {
            let path = try store.path()
            let mayRead = SQLiteStore.presence(of: path) != .denied
            guard SQLiteStore.isOwned(path: path) || !mayRead else { return nil }
        }
        return try owner()
    }

    /// The service that owns the store.
    func owner() throws -> RunningService {
        guard let service else {
            let admin = try store.settings().server.admin
            return RunningService(admin, about: try store.path())
        }
        for scheme in ["http://", "https://"] where ByteSearch.hasPrefix(service, scheme) {
            throw ValidationError(
                "--service needs HOST:PORT, without '\(scheme)': "
                    + "'\(service)' is an address of the web")
        }
        let address = ListenAddress(service)
        guard let address else {
            throw ValidationError("--service needs \(ListenAddress.shape), not '\(service)'")
        }
        var admin = AdminSettings()
        admin.listen = address
        if let token = ProcessInfo.processInfo.environment["LEADROUTER_ADMIN_TOKEN"] {
            admin.token = Secret(token)
        } else {
            admin.token = store.config.loadResult().operations?.server.admin.token
        }
        // Without --store, the store that is meant is the one that the named service has.
        return RunningService(admin, about: store.store, isNamed: true)
    }
}

/// The service that owns a store, asked through its admin API.
struct RunningService {
    /// How long it may take: orders about a million rows are some minutes.
    static let timeout = Duration.seconds(3600)
    /// How long it may take to say which store it has.
    static let identityTimeout = Duration.seconds(20)
    /// The same before a look at a file that can be read without it.
    static let aliveTimeout = Duration.seconds(5)
    /// How long a page, a row, the counts or a step of a search may take: a filter that no index
    /// knows reads a large file through, from a slow disk.
    static let lookTimeout = Duration.seconds(60)
    /// The most bytes of an answer: a lead of 16 MiB and the bytes that it came as, escaped.
    static let answerBytesMax = 128 << 20

    private let admin: AdminSettings
    /// The store that is meant; nil for whichever the service has.
    private let path: String?
    /// Whether it was named by its address, and not found by the store that it has.
    private let isNamed: Bool

    init(_ admin: AdminSettings, about path: String?, isNamed: Bool = false) {
        self.admin = admin
        self.path = path
        self.isNamed = isNamed
    }

    private var url: String { "http://\(admin.listen)" }

    /// Its answer; prints why there is none, and throws the exit code.
    func send(
        _ method: String, _ path: String, _ body: [UInt8] = [],
        timeout: Duration = RunningService.timeout, changes: Bool
    ) async throws -> AdminServer.Answer {
        try await telling { () async throws(ServiceTrouble) in
            try await identify(within: RunningService.identityTimeout)
            return try await ask(method, path, body, timeout: timeout, changes: changes)
        }
    }

    /// Prints why there is no answer, and throws the exit code.
    func telling<T>(_ body: () async throws(ServiceTrouble) -> T) async throws -> T {
        do throws(ServiceTrouble) {
            return try await body()
        } catch {
            error.tell()
            throw ExitCode.unavailable
        }
    }

    /// It must say that it is a leadrouter, and has the store that is meant: an order about one store
    /// must never be carried out on another, nor one be shown for the other.
    func identify(within timeout: Duration) async throws(ServiceTrouble) {
        let answer = try await exchange("GET", "store", timeout: timeout) { error in
            isNamed
                ? ServiceTrouble(
                    "the service that was named does not answer at \(url): \(error)",
                    help: "start it, or leave --service out: without a service the file is used")
                : ServiceTrouble(
                    "the store is in use, and its service does not answer at \(url): \(error)",
                    help: "name where it listens with --service HOST:PORT, or in "
                        + "'server.admin.listen', or stop it first")
        }
        let root = answer.status == 200 ? try? JSONDocument.parse(answer.body).root : nil
        guard let root, root["program"]?.string == "leadrouter",
            let its = root["store"].flatMap({ StoreIdentity($0) })
        else {
            throw ServiceTrouble(
                "what answers at \(url) does not say that it is a leadrouter; nothing was asked of it",
                help: "name where the service's admin listener is with --service HOST:PORT")
        }
        guard let path else { return }
        let meant = StoreIdentity(path: path)
        guard !meant.isSame(as: its) else { return }
        throw ServiceTrouble(
            "the store '\(meant.path)' is not that of the service at \(url), which has "
                + "'\(its.path)'; nothing was asked of it",
            help: "name the service that has this store with --service HOST:PORT, or that "
                + "service's configuration with --config")
    }

    /// Its answer; to be asked of a service that has said which it is.
    func ask(
        _ method: String, _ path: String, _ body: [UInt8] = [],
        timeout: Duration = RunningService.timeout, changes: Bool = false
    ) async throws(ServiceTrouble) -> AdminServer.Answer {
        try await exchange(method, path, body, timeout: timeout) { error in
            changes
                ? ServiceTrouble(
                    "the service at \(url) did not answer the order, and may have carried it out "
                        + "all the same: \(error)",
                    help: "look what became of it before you give it again")
                : ServiceTrouble(
                    "the service at \(url) ended, or stopped answering, while it was asked: \(error)",
                    help: "ask again; its log says whether it ended, and why")
        }
    }

    private func exchange(
        _ method: String, _ path: String, _ body: [UInt8] = [], timeout: Duration,
        trouble: (String) -> ServiceTrouble
    ) async throws(ServiceTrouble) -> AdminServer.Answer {
        var headers: [(name: String, value: String)] = []
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        if let token = admin.token {
            headers.append(("Authorization", "Bearer \(token.revealed)"))
        }
        let request = HTTPRequest(
            method: method, url: "\(url)/api/\(path)", headers: headers, body: body,
            timeout: timeout, responseBytesMax: RunningService.answerBytesMax)
        let response: HTTPResponse
        do {
            response = try await CurlClient.http.send(request)
        } catch {
            throw trouble("\(error)")
        }
        try refuse(response.status)
        return AdminServer.Answer(status: response.status, body: response.body)
    }

    /// Says why nothing that is asked will be answered.
    private func refuse(_ status: Int) throws(ServiceTrouble) {
        if status == 401 {
            throw ServiceTrouble(
                "the service at \(url) answers 401: it does not take "
                    + (admin.token == nil ? "requests without its token" : "this token"),
                help: "it goes by the token with which it was started; put that into "
                    + "$LEADROUTER_ADMIN_TOKEN and name it with --service \(admin.listen), or "
                    + "restart it after an edit of 'server.admin.token'")
        }
        if status == 421 {
            throw ServiceTrouble(
                "the service at \(url) is not meant by this name (421); use the address in its "
                    + "'server.admin.listen'")
        }
    }
}

/// Why a service was not asked, or did not answer.
struct ServiceTrouble: Error {
    var sentence: String
    var help: String?

    init(_ sentence: String, help: String? = nil) {
        self.sentence = sentence
        self.help = help
    }

    /// For a terminal: it may quote what a service said.
    var shownSentence: String { Console.shown(sentence) }

    func tell() {
        Console.error("error: \(shownSentence)")
        if let help { Console.error("help: \(Console.shown(help))") }
    }
}
