import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadStore
import Synchronization

/// Turns a growing total into steps.
final class LeadCounter: Sendable {
    private let total = Mutex(0)

    func step(to new: Int) -> Int {
        total.withLock { total in
            defer { total = new }
            return new - total
        }
    }
}

/// The store, for commands that only look: it may be in use by a running service.
struct StoreOption: ParsableArguments {
    @OptionGroup var config: ConfigurationOption
    @Option(
        help: ArgumentHelp("The store's file, instead of the configured one.", valueName: "file"))
    var store: String?

    /// Opens it for reading; `help` says what to do instead when there is none yet.
    func open(orElse help: String? = nil) async throws -> SQLiteStore {
        let path: String
        do {
            path = try store ?? config.load().store.path
        } catch {
            Console.error("help: to look at a store all the same, name its file with --store FILE")
            throw error
        }
        if let help, !FileManager.default.fileExists(atPath: path) {
            Console.error("error: there is no store '\(path)' yet\nhelp: \(help)")
            throw ExitCode.unavailable
        }
        do {
            return try await SQLiteStore.open(path: path, ownership: .reader)
        } catch {
            Console.error("error: \(error)")
            throw ExitCode.unavailable
        }
    }
}

/// Reads a state; says which there are.
private func state<State: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> State {
    if let state = State(rawValue: text) { return state }
    let known = State.allCases.map(\.rawValue).joined(separator: ", ")
    throw ValidationError("'\(text)' is no state; the states are \(known)")
}

struct Leads: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at the leads in the store.", subcommands: [LeadsList.self, LeadsShow.self])
}

struct LeadsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists leads, newest first.")

    @OptionGroup var store: StoreOption
    @Option(help: "Only this source.") var source: String?
    @Option(
        help: "Only this state: announced, received, decided, held or quarantined.",
        transform: { try leadrouter.state($0) as InboxState })
    var state: InboxState?
    @Option(help: "Only this outcome: routed, default, held or dropped.") var outcome: String?
    @Option(help: "At most so many.") var limit = 50
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let store = try await store.open()
        let leads = try await store.leads(
            LeadFilter(source: source, state: state, outcome: outcome, limit: limit))
        await store.close()
        if format == .ndjson {
            for lead in leads { Console.print(Ledger.json(lead)) }
            return
        }
        var table = TextTable(["LEAD", "SOURCE", "RECEIVED", "STATE", "OUTCOME", "REASON"])
        for lead in leads {
            table.add([
                lead.leadID.text, lead.source, Ledger.time(lead.receivedMilliseconds),
                lead.state.rawValue, lead.outcome ?? "", lead.reason ?? "",
            ])
        }
        Console.print(table.text)
    }
}

struct LeadsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a lead, its decision and its deliveries.")

    @OptionGroup var store: StoreOption
    @Argument(help: "The lead's id.") var id: String
    @Option(help: "Only of this source.") var source: String?

    func run() async throws {
        guard let leadID = LeadID(id) else { throw ValidationError("'\(id)' is no lead's id") }
        let store = try await store.open()
        let leads = try await store.leads(LeadFilter(source: source, leadID: leadID))
        guard !leads.isEmpty else {
            await store.close()
            Console.error("error: there is no lead '\(id)' in the store")
            throw ExitCode.failure
        }
        for lead in leads {
            Console.print("lead      \(Console.shown(lead.leadID.text))")
            Console.print("source    \(lead.source)")
            Console.print("received  \(Ledger.time(lead.receivedMilliseconds))")
            Console.print("state     \(lead.state.rawValue)")
            if let outcome = lead.outcome { Console.print("outcome   \(outcome)") }
            let routes = Ledger.routes(lead)
            if !routes.isEmpty { Console.print("routes    \(routes)") }
            if let reason = lead.reason { Console.print("reason    \(Console.shown(reason))") }
            if let hash = lead.ruleSetHash { Console.print("rules     \(hash.prefix(16))") }
            if !lead.lead.isEmpty {
                Console.print(
                    "content   \(Console.shown(String(decoding: lead.lead, as: UTF8.self)))")
            }
            if !lead.raw.isEmpty {
                Console.print(
                    "raw       \(Console.shown(String(decoding: lead.raw, as: UTF8.self)))")
            }
            Console.print("")
        }
        let deliveries = try await store.deliveries(DeliveryFilter(leadID: leadID))
        await store.close()
        Console.print(Ledger.table(deliveries.filter { source == nil || $0.source == source }))
    }
}

struct Deliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at the deliveries in the store.",
        subcommands: [DeliveriesList.self, DeliveriesShow.self])
}

struct DeliveriesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists deliveries, newest first.")

    @OptionGroup var store: StoreOption
    @Option(help: "Only this sink.") var sink: String?
    @Option(
        help: "Only this state: pending, leased, delivered or dead.",
        transform: { try leadrouter.state($0) as DeliveryState })
    var state: DeliveryState?
    @Option(help: "Only of this lead.") var lead: String?
    @Option(help: "At most so many.") var limit = 50
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let store = try await store.open()
        let deliveries = try await store.deliveries(
            DeliveryFilter(
                sink: sink, state: state, leadID: lead.flatMap { LeadID($0) }, limit: limit))
        await store.close()
        if format == .ndjson {
            for delivery in deliveries { Console.print(Ledger.json(delivery)) }
        } else {
            Console.print(Ledger.table(deliveries))
        }
    }
}

struct DeliveriesShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a delivery with all its attempts.")

    @OptionGroup var store: StoreOption
    @Argument(help: "The delivery's key, or how it begins.") var key: String

    func run() async throws {
        let store = try await store.open()
        let found = try await store.deliveries(DeliveryFilter(keyPrefix: key, limit: 2))
        guard let delivery = found.first, found.count == 1 else {
            await store.close()
            Console.error(
                found.isEmpty
                    ? "error: there is no delivery '\(key)'"
                    : "error: several deliveries begin with '\(key)'; write more of the key")
            throw ExitCode.failure
        }
        let attempts = try await store.attempts(of: delivery.sequence)
        await store.close()
        Console.print("delivery  \(delivery.delivery.key)")
        Console.print("lead      \(Console.shown(delivery.leadID.text)) from \(delivery.source)")
        Console.print(
            "sink      \(delivery.delivery.sink)\(delivery.delivery.isCopy ? " (copy)" : "")")
        Console.print("route     \(delivery.delivery.route)")
        if let pool = delivery.delivery.pool {
            Console.print("pool      \(pool), \(delivery.delivery.member ?? "nobody was left")")
        }
        Console.print("state     \(delivery.state.rawValue)")
        Console.print("made      \(Ledger.time(delivery.createdMilliseconds))")
        if delivery.state == .pending {
            Console.print("due       \(Ledger.time(delivery.dueMilliseconds))")
        }
        if let detail = delivery.detail { Console.print("last      \(Console.shown(detail))") }
        var table = TextTable(["ATTEMPT", "STARTED", "TOOK", "OUTCOME", "DETAIL"])
        for attempt in attempts {
            table.add([
                String(attempt.number), Ledger.time(attempt.startedMilliseconds),
                "\(attempt.durationMilliseconds) ms", attempt.outcome, attempt.detail,
            ])
        }
        Console.print("\n" + table.text)
    }
}

/// Rows of the ledger as text.
enum Ledger {
    static func time(_ milliseconds: Int64) -> String { Timestamp(milliseconds: milliseconds).text }

    /// The routes that decided.
    static func routes(_ lead: InboxEntry) -> String {
        guard let decision = lead.decision,
            let document = try? JSONDocument.parse(Array(decision.utf8))
        else { return "" }
        return (document.root["routes"]?.elements ?? []).compactMap(\.string)
            .joined(separator: ", ")
    }

    static func table(_ deliveries: [DeliveryEntry]) -> String {
        var table = TextTable([
            "DELIVERY", "LEAD", "SINK", "ROUTE", "STATE", "ATTEMPTS", "NEXT", "RECEIPT OR REASON",
        ])
        for delivery in deliveries {
            table.add([
                String(delivery.delivery.key.text.prefix(12)), delivery.leadID.text,
                delivery.delivery.sink, delivery.delivery.route, delivery.state.rawValue,
                String(delivery.attempts),
                delivery.state == .pending ? time(delivery.dueMilliseconds) : "",
                delivery.detail ?? "",
            ])
        }
        return table.text
    }

    static func json(_ lead: InboxEntry) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("lead_id")
            writer.string(lead.leadID.text)
            writer.name("source")
            writer.string(lead.source)
            writer.name("received_time")
            writer.string(time(lead.receivedMilliseconds))
            writer.name("state")
            writer.string(lead.state.rawValue)
            writer.name("outcome")
            writer.string(lead.outcome)
            writer.name("reason")
            writer.string(lead.reason)
            writer.name("rule_set_hash")
            writer.string(lead.ruleSetHash)
        }
        return writer.text
    }

    static func json(_ delivery: DeliveryEntry) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("delivery_id")
            writer.string(delivery.delivery.key.text)
            writer.name("lead_id")
            writer.string(delivery.leadID.text)
            writer.name("source")
            writer.string(delivery.source)
            writer.name("sink")
            writer.string(delivery.delivery.sink)
            writer.name("route")
            writer.string(delivery.delivery.route)
            writer.name("copy")
            writer.bool(delivery.delivery.isCopy)
            if let pool = delivery.delivery.pool {
                writer.name("pool")
                writer.string(pool)
                writer.name("member")
                writer.string(delivery.delivery.member)
            }
            writer.name("state")
            writer.string(delivery.state.rawValue)
            writer.name("attempts")
            writer.integer(delivery.attempts)
            writer.name("created_time")
            writer.string(time(delivery.createdMilliseconds))
            writer.name("due_time")
            writer.string(delivery.state == .pending ? time(delivery.dueMilliseconds) : nil)
            writer.name("detail")
            writer.string(delivery.detail)
        }
        return writer.text
    }
}
