import ArgumentParser
import Foundation
import LeadCurl
import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// Carries an order out where it can be: on the store under its lock, or, when another process owns
/// it, through that one's admin API.
struct OrderRunner {
    /// The path below `/api/`.
    let path: String
    /// The same on an open store.
    let onStore: (LedgerOrders) async -> AdminServer.Answer

    /// The answer; prints what went wrong and throws the exit code otherwise.
    func run(_ option: StoreOption, body: [UInt8], changes: Bool) async throws -> JSONValue {
        let answer =
            changes ? try await act(option, body) : try await option.look { await plan($0) }
        return try OrderRunner.root(of: answer)
    }

    /// The answer's content; prints what went wrong, and throws the exit code.
    static func root(of answer: AdminServer.Answer) throws -> JSONValue {
        let root = try? JSONDocument.parse(answer.body).root
        guard answer.status == 200, let root else {
            throw failure(answer.status, root?["error"]?.string)
        }
        return root
    }

    private func plan(_ store: SQLiteStore) async -> AdminServer.Answer {
        await onStore(LedgerOrders(store: store))
    }

    private func act(_ option: StoreOption, _ body: [UInt8]) async throws -> AdminServer.Answer {
        let store: SQLiteStore
        do throws(StoreError) {
            let path = try OrderRunner.path(of: option)
            // Making an empty store here would hide that its name is misspelt.
            await (try SQLiteStore.open(path: path, ownership: .reader)).close()
            store = try await SQLiteStore.open(path: path, ownership: .owner)
        } catch .locked {
            return try await RunningService(option).send("POST", path, body)
        } catch {
            Console.error("error: \(error)")
            throw ExitCode.unavailable
        }
        let line = ProgressLine("rows")
        var orders = LedgerOrders(store: store)
        orders.progress = { line.advance(by: $0) }
        let answer = await onStore(orders)
        line.end()
        await store.close()
        return answer
    }

    private static func path(of option: StoreOption) throws(StoreError) -> String {
        do {
            return try option.path()
        } catch {
            throw .unusable("the configuration cannot be read")
        }
    }

    private static func failure(_ status: Int, _ message: String?) -> any Error {
        let message = message ?? "the service answered \(status)"
        if status == 400 { return ValidationError(message) }
        Console.error("error: \(message)")
        return [404, 409].contains(status) ? ExitCode.failure : ExitCode.unavailable
    }
}

/// The service that owns the store, asked through its admin API.
struct RunningService {
    /// How long it may take: orders about a million rows are some minutes.
    static let timeout = Duration.seconds(3600)

    private let admin: AdminSettings

    init(_ option: StoreOption) throws { admin = try option.config.load().server.admin }

    /// Its answer; prints why there is none, and throws the exit code.
    func send(
        _ method: String, _ path: String, _ body: [UInt8] = []
    ) async throws -> AdminServer.Answer {
        let url = "http://\(admin.listen)/api/\(path)"
        var headers: [(name: String, value: String)] = []
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        if let token = admin.token {
            headers.append(("Authorization", "Bearer \(token.revealed)"))
        }
        let request = HTTPRequest(
            method: method, url: url, headers: headers, body: body,
            timeout: RunningService.timeout, responseBytesMax: 4 << 20)
        let response: HTTPResponse
        do {
            response = try await CurlClient.http.send(request)
        } catch {
            Console.error(
                "error: the store is in use, and its service does not answer at \(url): \(error)")
            Console.error(
                "help: set 'server.admin.listen' to where the service listens, or stop it first")
            throw ExitCode.unavailable
        }
        if response.status == 401 || response.status == 421 {
            Console.error(
                "error: the service at \(url) refuses (\(response.status)); "
                    + "'server.admin' must have its token and its address")
            throw ExitCode.unavailable
        }
        return AdminServer.Answer(status: response.status, body: response.body)
    }
}

/// What every order takes.
struct OrderOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Why; kept in the ledger.", valueName: "text"))
    var reason: String?
    @Flag(help: "Do it. Without, only the plan is printed.") var yes = false
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    /// Who orders: the name of the account, through sudo.
    static var operatorName: String {
        let environment = ProcessInfo.processInfo.environment
        return environment["SUDO_USER"] ?? environment["USER"] ?? environment["LOGNAME"]
            ?? "uid \(getuid())"
    }

    /// The request's body.
    func body(
        names: (key: String, values: [String]), filter: [Parameter], flags: [String]
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name(names.key)
            writer.array { writer in for value in names.values { writer.string(value) } }
            writer.name("filter")
            writer.object { writer in
                for (name, value) in filter {
                    writer.name(name)
                    writer.string(value)
                }
            }
            for flag in flags {
                writer.name(flag)
                writer.bool(true)
            }
            writer.name("by")
            writer.string(OrderOptions.operatorName)
            writer.name("reason")
            writer.string(reason ?? "")
            writer.name("yes")
            writer.bool(yes)
        }
        return writer.bytes
    }

    /// Prints what was done, and what was left alone and why.
    func printDone(_ answer: JSONValue, noun: String, plural: String, verb: String) {
        let count = answer["count"]?.integer ?? 0
        Console.print("\(Summary.count(count, noun, plural: plural)) \(verb)")
        for (name, value) in answer["answers"]?.members ?? [] {
            guard let answer = OrderAnswer(rawValue: name), answer != .done else { continue }
            Console.print("\(value.integer ?? 0) left alone: \(answer.sentence)")
        }
    }
}

extension OrderAnswer {
    /// Why a row is left alone.
    var sentence: String {
        switch self {
        case .done: "done"
        case .open: "still to be decided or delivered"
        case .underWay: "an attempt is under way; try again in a moment"
        case .over: "over already"
        case .superseded: "redelivered already; the newest generation is another delivery"
        case .forgotten: "the lead is forgotten"
        case .damaged: "damaged on the disk; 'leadrouter ledger verify' says what"
        case .unknown: "no longer there"
        }
    }
}
