import ArgumentParser
import LeadFlow
import LeadKit
import LeadStore

struct Leads: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at the leads in the store, has them decided again, and forgets them.",
        discussion: Help.flowing(
            """
              leadrouter leads list --state quarantined   what was kept aside, and why
              leadrouter leads show 1730000000100007      one lead, with its deliveries
              leadrouter leads decide --state held        the plan; --yes does it
              leadrouter leads forget 1730000000100007    the plan; --yes does it
            """), subcommands: [LeadsList.self, LeadsShow.self, LeadsDecide.self, LeadsForget.self])
}

/// Which leads, for commands that take many.
struct LeadFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only this source.", valueName: "name")) var source: String?
    @Option(
        help: "Only this state: announced, received, decided, held, quarantined or forgotten.")
    var state: String?
    @Option(help: "Only this outcome: routed, default, held or dropped.") var outcome: String?
    @Option(help: ArgumentHelp("Only leads with a delivery to this sink.", valueName: "name"))
    var sink: String?
    @Option(help: ArgumentHelp("Only leads with a delivery by this route.", valueName: "name"))
    var route: String?
    @Option(help: ArgumentHelp("Only leads taken in at this time or later.", valueName: "time"))
    var since: String?
    @Option(help: ArgumentHelp("Only leads taken in before this time.", valueName: "time"))
    var until: String?

    var parameters: [Parameter] {
        [
            ("source", source), ("state", state), ("outcome", outcome), ("sink", sink),
            ("route", route), ("since", since), ("until", until),
        ].compactMap { name, value in value.map { (name, $0) } }
    }
}

struct LeadsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists leads, newest first.",
        discussion: Help.flowing(
            """
            Times are 2025-10-09 or 2025-10-09T08:00:00Z. When there are more leads than --limit,
            the last line says how to go on.
            """))

    @OptionGroup var store: StoreOption
    @OptionGroup var filter: LeadFilterOptions
    @OptionGroup var page: PageOptions

    func run() async throws {
        var filter = try usage { () throws(BadRequest) in
            try LedgerFilters.leads(self.filter.parameters)
        }
        try await store.look { store in
            var listing = Listing(page, header: Ledger.leadHeader)
            while let limit = listing.nextLimit {
                filter.limit = limit
                filter.beforeSequence = listing.before
                let leads = try await store.leads(filter)
                for lead in leads {
                    listing.add(
                        lead.sequence, cells: Ledger.cells(lead),
                        json: { LedgerJSON.write(lead, to: &$0) })
                }
                if leads.count < limit { break }
            }
            listing.finish()
            if page.format == .table, listing.before == page.before {
                try await FilterHelp.tell(filter, in: store)
            }
        }
    }
}

struct LeadsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a lead, its decision and its deliveries.")

    @OptionGroup var store: StoreOption
    @Argument(help: "The lead's id.") var id: String
    @Option(help: "Only of this source.") var source: String?
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let leadID = try usage { () throws(BadRequest) in try LedgerFilters.leadID(self.id) }
        let known = store.knownSinks()
        try await store.look { store in
            let waits = try await SinkOrders(.store(known), store: store).waits()
            let found = try await finding {
                try await Ledger.find(leadID, source: source, in: store, waits: waits)
            }
            for shown in found {
                if format == .ndjson {
                    Console.print(LedgerJSON.text { LedgerJSON.write(shown, to: &$0) })
                } else {
                    LeadsShow.print(shown)
                }
            }
        }
    }

    private static func print(_ shown: ShownLead) {
        let lead = shown.lead
        Console.print("lead      \(Console.shown(lead.leadID.text))")
        Console.print("source    \(lead.source)")
        Console.print("received  \(Ledger.time(lead.receivedMilliseconds))")
        Console.print("state     \(lead.state.rawValue)")
        if let damage = shown.damage { Console.print("damaged   \(damage)") }
        if let outcome = lead.outcome { Console.print("outcome   \(outcome)") }
        let routes = Ledger.routes(lead.decision)
        if !routes.isEmpty { Console.print("routes    \(routes)") }
        if let reason = lead.reason { Console.print("reason    \(Console.shown(reason))") }
        if let hash = lead.ruleSetHash { Console.print("rules     \(hash.prefix(16))") }
        for (name, bytes) in [("content ", lead.lead), ("raw     ", lead.raw)]
        where !bytes.isEmpty {
            Console.print("\(name)  \(Console.shown(String(decoding: bytes, as: UTF8.self)))")
        }
        Console.print("")
        Console.print(Ledger.table(shown))
        for delivery in shown.deliveries {
            for (name, text) in shown.notes.lines(of: delivery) {
                let key = delivery.delivery.key.text.prefix(12)
                Console.print(
                    "\(key) \(name == "damaged" ? "is damaged:" : name) "
                        + Console.shown(text))
            }
        }
        if !shown.earlier.isEmpty { Console.print("\n" + Ledger.table(shown.earlier)) }
        if !shown.orders.isEmpty { Console.print("\n" + Ledger.table(shown.orders)) }
    }
}

struct LeadsForget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Erases leads: everything but their ids and the counts.",
        discussion: Help.flowing(
            """
              leadrouter leads forget ID …                      only the plan
              leadrouter leads forget ID … --yes                erases them
              leadrouter leads forget --until 2025-01-01 --yes  by filter

            What is erased cannot be had back: the answers, the bytes as received, the decision, and
            what sinks answered. The id stays, so that the same lead is known as a duplicate when it
            comes again, unless --allow-again is given. A lead that is still to be decided or
            delivered stays, unless --cancel-pending calls that off first.

            Sinks keep what they were sent, and backups what they hold.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: ArgumentHelp("Ids of leads.", valueName: "id")) var ids: [String] = []
    @OptionGroup var filter: LeadFilterOptions
    @Flag(help: "Also leads that are still to be decided or delivered.") var cancelPending = false
    @Flag(help: "Let the same id come in again later.") var allowAgain = false
    @OptionGroup var options: OrderOptions

    func run() async throws {
        let body = options.body(
            names: ("ids", ids), filter: filter.parameters,
            flags: (cancelPending ? ["cancel_pending"] : []) + (allowAgain ? ["allow_again"] : []))
        let runner = OrderRunner(path: "leads/forget") { await $0.forget(body) }
        let answer = try await runner.run(service, body: body, changes: options.yes)
        if options.format == .ndjson { return Console.print(LedgerJSON.text { $0.value(answer) }) }
        if options.yes {
            return options.printDone(answer, noun: "lead", plural: "leads", verb: "forgotten")
        }
        Console.print(LeadsForget.states(of: answer))
        var deliveries = TextTable(["DELIVERIES", "STATE", "SINK"])
        for line in answer["deliveries"]?.elements ?? [] {
            deliveries.add([
                line["count"]?.scalarText ?? "", line["state"]?.string ?? "",
                line["sink"]?.string ?? "",
            ])
        }
        Console.print("\n" + deliveries.text)
        let count = answer["count"]?.integer ?? 0
        Console.print(
            count == 0
                ? "\nNo lead would be forgotten."
                : "\nNothing was erased. To forget \(Summary.count(count, "lead")) for good, "
                    + "repeat the command with --yes.")
        options.printLeftAlone(answer)
        if (answer["answers"]?["open"]?.integer ?? 0) > 0 {
            Console.print("--cancel-pending calls off what is still to be decided or delivered.")
        }
    }

    /// How many leads there are in each state.
    static func states(of answer: JSONValue) -> String {
        var leads = TextTable(["LEADS", "STATE"])
        for line in answer["leads"]?.elements ?? [] {
            leads.add([line["count"]?.scalarText ?? "", line["state"]?.string ?? ""])
        }
        return leads.text
    }
}
