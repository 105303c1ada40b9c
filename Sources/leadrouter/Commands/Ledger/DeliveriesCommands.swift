import ArgumentParser
import LeadFlow
import LeadKit
import LeadStore

struct Deliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at the deliveries in the store, sends them again and calls them off.",
        discussion: Help.flowing(
            """
              leadrouter deliveries list --state dead      what was given up, and why
              leadrouter deliveries show 3f2a9c41d0        one delivery, its attempts
              leadrouter deliveries redeliver --sink crm   the plan for its dead letters
              leadrouter deliveries cancel --lead ID --yes no more attempts
            """),
        subcommands: [
            DeliveriesList.self, DeliveriesShow.self, DeliveriesRedeliver.self,
            DeliveriesCancel.self,
        ])
}

/// Which deliveries, for commands that take many.
struct DeliveryFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only this sink.", valueName: "name")) var sink: String?
    @Option(help: ArgumentHelp("Only this route.", valueName: "name")) var route: String?
    @Option(help: "Only this state: pending, leased, delivered, dead or cancelled.")
    var state: String?
    @Option(help: ArgumentHelp("Only of this lead.", valueName: "id")) var lead: String?
    @Option(help: ArgumentHelp("Only of this source.", valueName: "name")) var source: String?
    @Option(help: ArgumentHelp("Only what was made at this time or later.", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Only what was made before this time.", valueName: "time"))
    var until: String?

    var parameters: [Parameter] {
        [
            ("sink", sink), ("route", route), ("state", state), ("lead", lead),
            ("source", source), ("since", since), ("until", until),
        ].compactMap { name, value in value.map { (name, $0) } }
    }
}

struct DeliveriesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists deliveries, newest first.",
        discussion: Help.flowing(
            """
            Times are 2025-10-09 or 2025-10-09T08:00:00Z. When there are more deliveries than
            --limit, the last line says how to go on. With '--state dead' those are listed that were
            not redelivered since; --all lists the others, too.
            """))

    @OptionGroup var service: ServiceOption
    @OptionGroup var filter: DeliveryFilterOptions
    @Flag(help: "Also dead letters that were redelivered since.") var all = false
    @OptionGroup var page: PageOptions

    func run() async throws {
        let filter = filter.parameters + (all ? [(LedgerFilters.allName, "true")] : [])
        _ = try usage { () throws(BadRequest) in try LedgerFilters.deliveries(filter) }
        try await service.look { runner in
            var notes: [String] = []
            var listing = Listing(page, header: LedgerTables.deliveryHeader)
            while let limit = listing.nextLimit {
                let answer = try await runner.get(
                    .deliveries, filter + listing.parameters(limit))
                let deliveries = answer["deliveries"]?.elements ?? []
                for delivery in deliveries {
                    if let note = DeliveryWait(delivery)?.note, !notes.contains(note) {
                        notes.append(note)
                    }
                }
                guard listing.add(deliveries, of: answer, cells: LedgerTables.deliveryCells)
                else { break }
            }
            listing.finish()
            guard page.format == .table else { return }
            if !notes.isEmpty { Console.print("") }
            for note in notes { Console.print(note) }
            if listing.isEmpty {
                try await FilterHelp.tell(sink: self.filter.sink, runner)
            }
        }
    }
}

struct DeliveriesShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a delivery with all its attempts.")

    @OptionGroup var service: ServiceOption
    @Argument(help: "The delivery's key, or how it begins: 8 digits or more.") var key: String
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        _ = try usage { () throws(BadRequest) in try LedgerFilters.key(key) }
        try await service.look { runner in
            let shown = try await runner.get(.delivery(key))
            if format == .ndjson {
                Console.print(LedgerJSON.text { $0.value(shown) })
            } else {
                DeliveriesShow.print(shown)
            }
        }
    }

    private static func print(_ shown: JSONValue) {
        func line(_ name: String, _ text: String?) {
            guard let text, !text.utf8.isEmpty else { return }
            let blanks = String(repeating: " ", count: max(1, 10 - name.utf8.count))
            Console.print(name + blanks + Console.shown(text))
        }
        line("delivery", shown.text("delivery_id"))
        line("lead", "\(shown.text("lead_id")) from \(shown.text("source"))")
        line("sink", shown.text("sink") + (shown["copy"]?.bool == true ? " (copy)" : ""))
        line("route", shown.text("route"))
        if let pool = shown["pool"]?.string {
            line("pool", "\(pool), \(shown["member"]?.string ?? "nobody was left")")
        }
        line("state", LedgerTables.state(shown))
        line("to", shown["destination"]?.string)
        line("redelivers", shown["redelivery_of"]?.string)
        line("redelivered as", shown["redelivered_as"]?.string)
        for (name, text) in LedgerTables.notes(shown) { line(name, text) }
        line("made", shown.text("created_time"))
        line("due", shown["due_time"]?.string)
        line("waits", DeliveryWait(shown)?.advice)
        line("last", shown["detail"]?.string)
        var table = TextTable(["ATTEMPT", "STARTED", "TOOK", "OUTCOME", "DETAIL"])
        for attempt in shown["history"]?.elements ?? [] {
            table.add([
                attempt["attempt"]?.scalarText ?? "", attempt.text("started_time"),
                "\(attempt["duration_ms"]?.scalarText ?? "") ms", attempt.text("outcome"),
                attempt.text("detail"),
            ])
        }
        Console.print("\n" + table.text)
        let orders = shown["orders"]?.elements ?? []
        if !orders.isEmpty { Console.print("\n" + LedgerTables.orders(orders)) }
    }
}

struct DeliveriesRedeliver: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeliver", abstract: "Sends again what is dead, delivered or cancelled.",
        discussion: Help.flowing(
            """
              leadrouter deliveries redeliver KEY …            only the plan
              leadrouter deliveries redeliver KEY … --yes      does it
              leadrouter deliveries redeliver --sink crm --yes all dead letters of a sink

            Each gets a new delivery with a key of its own, linked to the old one, which stays as it
            is. Filters mean dead letters; what was delivered or cancelled is sent again when its
            key is given, or with --state. A delivery that is still open is left alone.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: ArgumentHelp("Keys of deliveries, or how they begin.", valueName: "key"))
    var keys: [String] = []
    @OptionGroup var filter: DeliveryFilterOptions
    @OptionGroup var options: OrderOptions

    func run() async throws {
        try await DeliveryOrderCommand(
            verb: .redeliver, done: "sent again", keys: keys, filter: filter, options: options
        ).run(service)
    }
}

struct DeliveriesCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Calls pending deliveries off.",
        discussion: Help.flowing(
            """
              leadrouter deliveries cancel KEY …             only the plan
              leadrouter deliveries cancel KEY … --yes       does it
              leadrouter deliveries cancel --sink crm --yes  whatever waits for a sink

            A cancelled delivery is over: the ledger keeps who called it off, when and why
            (--reason), and it can be sent again with 'redeliver'. One whose attempt is under way is
            left alone.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: ArgumentHelp("Keys of deliveries, or how they begin.", valueName: "key"))
    var keys: [String] = []
    @OptionGroup var filter: DeliveryFilterOptions
    @OptionGroup var options: OrderOptions

    func run() async throws {
        try await DeliveryOrderCommand(
            verb: .cancel, done: "cancelled", keys: keys, filter: filter, options: options
        ).run(service)
    }
}

/// The plan or the doing of an order about deliveries.
private struct DeliveryOrderCommand {
    let verb: DeliveryVerb
    /// What is then true of the deliveries.
    let done: String
    let keys: [String]
    let filter: DeliveryFilterOptions
    let options: OrderOptions

    func run(_ service: ServiceOption) async throws {
        let body = options.body(names: ("keys", keys), filter: filter.parameters, flags: [])
        let runner = OrderRunner(path: "deliveries/\(verb.rawValue)") { [verb] in
            await $0.answer(verb, body)
        }
        let answer = try await runner.run(service, body: body, changes: options.yes)
        if options.format == .ndjson { return Console.print(LedgerJSON.text { $0.value(answer) }) }
        if options.yes {
            options.printDone(answer, noun: "delivery", plural: "deliveries", verb: done)
            return tellOpen(answer["answers"]?["open"] != nil)
        }
        var table = TextTable(["SINK", "STATE", "DELIVERIES", "WOULD BE"])
        for line in answer["plan"]?.elements ?? [] {
            let answer = OrderAnswer(rawValue: line["answer"]?.string ?? "") ?? .unknown
            table.add([
                line["sink"]?.string ?? "", line["state"]?.string ?? "",
                line["count"]?.scalarText ?? "",
                answer == .done ? done : "left alone: \(answer.sentence)",
            ])
        }
        Console.print(table.text)
        let count = answer["count"]?.integer ?? 0
        Console.print(
            count == 0
                ? "\nNo delivery would be \(done)."
                : "\nNothing was done. For \(Summary.count(count, "delivery", plural: "deliveries")) to be \(done), "
                    + "repeat the command with --yes.")
        tellOpen(answer["plan"]?.elements.contains { $0["answer"]?.string == "open" } ?? false)
    }

    /// What waits for a schedule is open, and can be sent at once all the same.
    private func tellOpen(_ isOpen: Bool) {
        guard verb == .redeliver, isOpen else { return }
        Console.print(
            "One that waits for its schedule is sent at once by 'leadrouter deliveries cancel KEY "
                + "--yes' and then 'leadrouter deliveries redeliver KEY --yes'.")
    }
}
