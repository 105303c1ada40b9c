import ArgumentParser
import LeadKit
import LeadRules
import LeadServer
import LeadStore

struct Sinks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at sinks, pauses them and lets them go on.",
        discussion: Help.flowing(
            """
              leadrouter sinks list                        which work, which rest, and why
              leadrouter sinks pause crm --reason moving   deliveries wait until 'resume'
              leadrouter sinks probe crm                   do not wait for the next probe
            """), subcommands: [SinksList.self, SinksPause.self, SinksResume.self, SinksProbe.self])
}

struct SinksList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the sinks, and their destinations that are not well or busy.",
        discussion: Help.flowing(
            """
            A running service is asked how its sinks are. Without one, only what the store knows is
            told: pauses and counts. DEAD counts what was given up and not redelivered since. A
            destination that has as many attempts under way as it may is busy, or does not answer:
            'max_in_flight_per_destination' is its share.
            """))

    @OptionGroup var service: ServiceOption
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let answer = try await SinkRunner(service).look()
        let sinks = answer["sinks"]?.elements ?? []
        guard format == .table else {
            for sink in sinks { Console.print(LedgerJSON.text { $0.value(sink) }) }
            return
        }
        var table = TextTable(["SINK", "PLUGIN", "STATE", "IN FLIGHT", "PENDING", "DEAD"])
        var sick = TextTable([
            "SINK", "DESTINATION", "HEALTH", "IN FLIGHT", "SINCE", "NEXT PROBE", "REASON",
        ])
        var sickCount = 0
        for sink in sinks {
            let name = sink["sink"]?.string ?? ""
            table.add([
                name, sink["plugin"]?.string ?? "", SinksList.state(sink),
                SinksList.inFlight(sink), sink["pending"]?.scalarText ?? "",
                sink["dead"]?.scalarText ?? "",
            ])
            for one in sink["destinations"]?.elements ?? [] where SinksList.isTold(one) {
                sickCount += 1
                sick.add(
                    [name, one["destination"]?.string ?? "", one["health"]?.string ?? ""]
                        + [SinksList.inFlight(one)]
                        + ["since", "next_probe", "reason"].map { one[$0]?.string ?? "" })
            }
        }
        Console.print(table.text)
        if sickCount > 0 { Console.print("\n" + sick.text) }
    }

    /// Whether a destination may be why deliveries wait: it is not well, or has all that it may have
    /// under way.
    private static func isTold(_ one: JSONValue) -> Bool {
        if one["health"]?.string != "well" { return true }
        guard let now = one["in_flight"]?.integer, let most = one["max_in_flight"]?.integer else {
            return false
        }
        return now >= most
    }

    private static func state(_ sink: JSONValue) -> String {
        if sink["absent"]?.bool == true { return "not configured" }
        guard let pause = sink["paused"], pause.kind == .object else { return "" }
        guard let since = pause["since"]?.string else { return "paused by the configuration" }
        let reason = pause["reason"]?.string ?? ""
        return "paused since \(since)" + (reason.utf8.isEmpty ? "" : ": \(reason)")
            + (pause["also_by"]?.string == nil ? "" : "; and by the configuration")
    }

    private static func inFlight(_ sink: JSONValue) -> String {
        guard let now = sink["in_flight"]?.integer, let most = sink["max_in_flight"]?.integer else {
            return ""
        }
        return "\(now) of \(most)"
    }
}

struct SinksPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Pauses a sink until 'sinks resume', over restarts too.",
        discussion: Help.flowing(
            """
            Nothing more is sent there; attempts under way end; deliveries stay pending, and their
            time goes on. To pause a sink for good, write 'paused: true' in its settings.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: "The sink's name.") var sink: String
    @Option(help: "Why; shown by 'sinks list'.") var reason: String?

    func run() async throws {
        _ = try await SinkRunner(service).act(
            "pause", [("sink", sink), ("reason", reason ?? "")]
        ) { await $0.pause($1) }
        Console.print("sink '\(sink)' is paused")
    }
}

struct SinksResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Lets a sink go on that 'sinks pause' has paused.")

    @OptionGroup var service: ServiceOption
    @Argument(help: "The sink's name.") var sink: String
    @Option(help: "Why; for the service's log.") var reason: String?

    func run() async throws {
        let answer = try await SinkRunner(service).act(
            "resume", [("sink", sink), ("reason", reason ?? "")]
        ) { await $0.resume($1) }
        let wasPaused = answer["done"]?.string == "resumed"
        if answer["still_paused_by"]?.string != nil {
            return Console.print(
                "sink '\(sink)' stays paused: its settings have 'paused: true'"
                    + (wasPaused ? "; the pause by 'sinks pause' is taken back" : ""))
        }
        Console.print(
            wasPaused
                ? "sink '\(sink)' goes on"
                : "sink '\(sink)' was not paused by 'sinks pause'; 'sinks list' shows how it is")
    }
}

struct SinksProbe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Asks a sink at once whether it is well again.",
        discussion: Help.flowing(
            """
            A destination that failed too often is left alone, and asked with one delivery from time
            to time. This does not wait for the next time. Without a running service there is
            nothing to do: the next one begins with every destination.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: "The sink's name.") var sink: String
    @Option(help: "Only this destination, as 'sinks list' shows it.") var destination: String?

    func run() async throws {
        let answer = try await SinkRunner(service).act(
            "probe", [("sink", sink)] + (destination.map { [("destination", $0)] } ?? [])
        ) { await $0.probe($1) }
        let count = answer["probed"]?.integer ?? 0
        Console.print(
            count == 0
                ? "no destination of '\(sink)' rests"
                : "\(Summary.count(count, "destination")) of '\(sink)' asked with the next delivery"
        )
    }
}

/// Orders about sinks: through the running service, or on the store when none runs.
private struct SinkRunner {
    let option: ServiceOption

    init(_ option: ServiceOption) { self.option = option }

    func look() async throws -> JSONValue {
        if let service = try option.running() {
            let answer = try OrderRunner.root(
                of: try await service.send(
                    "GET", "sinks", timeout: RunningService.lookTimeout, changes: false))
            try AnswerShape.sinks.check(answer)
            return answer
        }
        let known = try known()
        let answer = try await option.store.look { store in
            await SinkOrders(.store(known), store: store).list()
        }
        return try OrderRunner.root(of: answer)
    }

    func act(
        _ verb: String, _ members: [Parameter],
        _ order: @escaping (SinkOrders, [UInt8]) async -> AdminServer.Answer
    ) async throws -> JSONValue {
        var writer = JSONWriter()
        writer.object { writer in
            for (name, value) in members {
                writer.name(name)
                writer.string(value)
            }
        }
        let body = writer.bytes
        let known = option.service == nil ? try known() : nil
        let shape = AnswerShape(
            noun: "answer to an order about a sink",
            members: [verb == "probe" ? ("probed", .number) : ("done", .text)])
        let runner = OrderRunner(path: "sinks/\(verb)", shape: shape) { orders in
            await order(SinkOrders(.store(known), store: orders.store), body)
        }
        return try await runner.run(option, body: body, changes: true)
    }

    /// The configured sinks; none when only a store is named.
    private func known() throws -> SinkOrders.Known? {
        guard option.store.store == nil || option.store.config.path != nil else { return nil }
        return SinkOrders.Known(try option.store.settings())
    }
}
