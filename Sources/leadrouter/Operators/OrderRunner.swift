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
    /// What is to be answered.
    var shape = AnswerShape.order
    /// The same on an open store.
    let onStore: (LedgerOrders) async -> AdminServer.Answer

    /// The answer; prints what went wrong and throws the exit code otherwise.
    func run(_ option: ServiceOption, body: [UInt8], changes: Bool) async throws -> JSONValue {
        let answer =
            if let service = try option.running() {
                try await service.send("POST", path, body, changes: changes)
            } else if changes {
                try await act(option, body)
            } else {
                try await option.store.look { store in
                    var orders = LedgerOrders(store: store)
                    orders.rules = { option.store.config.loadResult().configuration?.ruleSet }
                    return await onStore(orders)
                }
            }
        let root = try OrderRunner.root(of: answer)
        try shape.check(root)
        return root
    }

    /// An answer may hold a whole lead.
    private static let limits = JSONDocument.Limits(depthMax: 128, valuesMax: 32_000_000)

    /// The answer's content; prints what went wrong, and throws the exit code.
    static func root(of answer: AdminServer.Answer) throws -> JSONValue {
        let root = try? JSONDocument.parse(answer.body, limits: OrderRunner.limits).root
        guard answer.status == 200, let root else {
            throw failure(answer.status, root?["error"]?.string)
        }
        return root
    }

    private func act(_ option: ServiceOption, _ body: [UInt8]) async throws -> AdminServer.Answer {
        let path = try option.store.path()
        let store: SQLiteStore
        do throws(StoreError) {
            // Making an empty store here would hide that its name is misspelt.
            await (try SQLiteStore.open(path: path, ownership: .reader)).close()
            store = try await SQLiteStore.open(path: path, ownership: .owner)
        } catch .locked {
            return try await option.owner().send("POST", self.path, body, changes: true)
        } catch {
            error.tell(at: path)
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

    private static func failure(_ status: Int, _ message: String?) -> any Error {
        let message = message.map { Console.shown($0) } ?? "the service answered \(status)"
        if status == 400 { return ValidationError(message) }
        Console.error("error: \(message)")
        return [404, 409].contains(status) ? ExitCode.failure : ExitCode.unavailable
    }
}

/// What every order takes.
struct OrderOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Why; kept in the ledger.", valueName: "text"))
    var reason: String?
    @Flag(help: "Do the rest when names are not in the store. Without, nothing is done then.")
    var skipUnknown = false
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
        names: (key: String, values: [String]), rows: [Int] = [], filter: [Parameter],
        flags: [String]
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name(names.key)
            writer.array { writer in for value in names.values { writer.string(value) } }
            if !rows.isEmpty {
                writer.name("rows")
                writer.array { writer in for row in rows { writer.integer(row) } }
            }
            writer.name("filter")
            writer.object { writer in
                for (name, value) in filter {
                    writer.name(name)
                    writer.string(value)
                }
            }
            for flag in flags + (skipUnknown ? [LedgerOrders.Request.skipUnknown] : []) {
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
        printLeftAlone(answer)
    }

    /// Prints what is left alone, and why.
    func printLeftAlone(_ answer: JSONValue) {
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
        case .unknown: "not in the store"
        }
    }
}
