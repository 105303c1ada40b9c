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

    @OptionGroup var store: StoreOption
    @OptionGroup var filter: DeliveryFilterOptions
    @Flag(help: "Also dead letters that were redelivered since.") var all = false
    @OptionGroup var page: PageOptions

    func run() async throws {
        let all = all ? [(LedgerFilters.allName, "true")] : []
        var filter = try usage { () throws(BadRequest) in
            try LedgerFilters.deliveries(self.filter.parameters + all)
        }
        let known = store.knownSinks()
        try await store.look { store in
            let now = SystemClock().nowMilliseconds()
            let waits = try await SinkOrders(.store(known), store: store).waits()
            var notes: [String] = []
            var listing = Listing(page, header: Ledger.deliveryHeader)
            while let limit = listing.nextLimit {
                filter.limit = limit
                filter.beforeSequence = listing.before
                let deliveries = try await store.deliveries(filter)
                for delivery in deliveries {
                    let wait = waits.wait(of: delivery, atMilliseconds: now)
                    listing.add(
                        delivery.sequence, cells: Ledger.cells(delivery, wait),
                        json: { LedgerJSON.write(delivery, wait, to: &$0) })
                    if let note = DeliveriesList.note(wait, of: delivery), !notes.contains(note) {
                        notes.append(note)
                    }
                }
                if deliveries.count < limit { break }
            }
            listing.finish()
            guard page.format == .table else { return }
            if !notes.isEmpty { Console.print("") }
            for note in notes { Console.print(note) }
            if listing.before == page.before {
                try await FilterHelp.tell(filter, in: store)
            }
        }
    }

    /// What stands below the table about a delivery like this.
    private static func note(_ wait: SinkWaits.Wait?, of delivery: DeliveryEntry) -> String? {
        guard let wait else { return nil }
        switch wait.short {
        case "due": return "due: \(wait.sentence)"
        case "paused", "not configured":
            let help = wait.help.map { "; \($0)" } ?? ""
            return "\(wait.short): \(delivery.delivery.sink): "
                + Console.shown(wait.sentence + help)
        default: return nil
        }
    }
}

struct DeliveriesShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a delivery with all its attempts.")

    @OptionGroup var store: StoreOption
    @Argument(help: "The delivery's key, or how it begins: 8 digits or more.") var key: String
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let known = store.knownSinks()
        try await store.look { store in
            let waits = try await SinkOrders(.store(known), store: store).waits()
            let shown = try await finding {
                try await Ledger.find(key: key, in: store, waits: waits)
            }
            if format == .ndjson {
                Console.print(LedgerJSON.text { LedgerJSON.write(shown, to: &$0) })
            } else {
                DeliveriesShow.print(shown)
            }
        }
    }

    private static func print(_ shown: ShownDelivery) {
        let delivery = shown.delivery
        Console.print("delivery  \(delivery.delivery.key)")
        Console.print("lead      \(Console.shown(delivery.leadID.text)) from \(delivery.source)")
        Console.print(
            "sink      \(delivery.delivery.sink)\(delivery.delivery.isCopy ? " (copy)" : "")")
        Console.print("route     \(delivery.delivery.route)")
        if let pool = delivery.delivery.pool {
            Console.print("pool      \(pool), \(delivery.delivery.member ?? "nobody was left")")
        }
        Console.print(
            "state     \(delivery.state.rawValue)\(delivery.isSuperseded ? ", redelivered" : "")")
        if !delivery.destination.utf8.isEmpty {
            Console.print("to        \(Console.shown(delivery.destination))")
        }
        if let key = shown.previousKey { Console.print("redelivers \(key)") }
        if let key = shown.nextKey { Console.print("redelivered as \(key)") }
        for (name, text) in shown.notes.lines(of: delivery) {
            let name = name.utf8.count < 10 ? "\(name)   " : "\(name) "
            Console.print(name + Console.shown(text))
        }
        Console.print("made      \(Ledger.time(delivery.createdMilliseconds))")
        if delivery.state == .pending {
            Console.print("due       \(Ledger.time(delivery.dueMilliseconds))")
        }
        if let wait = shown.notes.wait(of: delivery) {
            let help = wait.help.map { "; \($0)" } ?? ""
            Console.print("waits     \(Console.shown(wait.sentence + help))")
        }
        if let detail = delivery.detail { Console.print("last      \(Console.shown(detail))") }
        var table = TextTable(["ATTEMPT", "STARTED", "TOOK", "OUTCOME", "DETAIL"])
        for attempt in shown.attempts {
            table.add([
                String(attempt.number), Ledger.time(attempt.startedMilliseconds),
                "\(attempt.durationMilliseconds) ms", attempt.outcome, attempt.detail,
            ])
        }
        Console.print("\n" + table.text)
        if !shown.orders.isEmpty { Console.print("\n" + Ledger.table(shown.orders)) }
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
