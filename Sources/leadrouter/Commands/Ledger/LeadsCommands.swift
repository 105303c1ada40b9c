import ArgumentParser
import LeadKit
import LeadStore

struct Leads: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks at the leads in the store, has them decided again, and forgets them.",
        discussion: Help.flowing(
            """
              leadrouter leads list --state quarantined   what was kept aside, and why
              leadrouter leads list --with-answer zoe@example.com
                                                          what one person has sent
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

            \(AnswerOption.help)
            """))

    @OptionGroup var service: ServiceOption
    @OptionGroup var filter: LeadFilterOptions
    @OptionGroup var answer: AnswerOption
    @OptionGroup var page: PageOptions

    func run() async throws {
        let filter = filter.parameters
        _ = try usage { () throws(BadRequest) in try LedgerFilters.leads(filter) }
        let answer = try answer.text()
        try await service.look { runner in
            var listing = Listing(page, header: LedgerTables.leadHeader)
            if let answer {
                try await AnswerOption.search(
                    answer, filter, runner, before: page.before, limit: { listing.nextLimit }
                ) { _ = listing.add($0, of: $1, cells: LedgerTables.leadCells) }
            } else {
                while let limit = listing.nextLimit {
                    let answer = try await runner.get(.leads, filter + listing.parameters(limit))
                    let leads = answer["leads"]?.elements ?? []
                    guard listing.add(leads, of: answer, cells: LedgerTables.leadCells)
                    else { break }
                }
            }
            listing.finish()
            guard page.format == .table, listing.isEmpty else { return }
            if answer != nil { return Console.error("no lead has this answer") }
            try await FilterHelp.tell(source: self.filter.source, runner)
        }
    }
}

struct LeadsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a lead, its decision and its deliveries.")

    @OptionGroup var service: ServiceOption
    @Argument(help: "The lead's id.") var id: String
    @Option(help: "Only of this source.") var source: String?
    @Option(help: "table for people, ndjson for programs.") var format = OutputFormat.table

    func run() async throws {
        let id = try usage { () throws(BadRequest) in try LedgerFilters.leadID(self.id) }
        let source = source.map { [("source", $0)] } ?? []
        try await service.look { runner in
            let answer = try await runner.get(.lead(id.text), source)
            for shown in answer["leads"]?.elements ?? [] {
                if format == .ndjson {
                    Console.print(LedgerJSON.text { $0.value(shown) })
                } else {
                    LeadsShow.print(shown)
                }
            }
        }
    }

    private static func print(_ lead: JSONValue) {
        func line(_ name: String, _ text: String?) {
            guard let text, !text.utf8.isEmpty else { return }
            let blanks = String(repeating: " ", count: max(1, 10 - name.utf8.count))
            Console.print(name + blanks + Console.shown(text))
        }
        line("lead", lead.text("lead_id"))
        line("source", lead.text("source"))
        line("received", lead.text("received_time"))
        line("state", lead.text("state"))
        line("damaged", lead["damage"]?.string)
        line("outcome", lead["outcome"]?.string)
        let routes = (lead["decision"]?["routes"]?.elements ?? []).compactMap(\.string)
        line("routes", routes.joined(separator: ", "))
        line("reason", lead["reason"]?.string)
        line("rules", lead["rule_set_hash"]?.string.map { String($0.prefix(16)) })
        line("content", lead["lead"].flatMap(LeadsShow.content))
        line("raw", lead["raw"]?.string)
        Console.print("")
        let deliveries = lead["deliveries"]?.elements ?? []
        Console.print(LedgerTables.deliveries(deliveries))
        for delivery in deliveries {
            for (name, text) in LedgerTables.notes(delivery) {
                Console.print(
                    "\(Console.shown(LedgerTables.key(delivery))) \(name == "damaged" ? "is damaged:" : name) "
                        + Console.shown(text))
            }
        }
        let earlier = lead["earlier_decisions"]?.elements ?? []
        if !earlier.isEmpty { Console.print("\n" + LedgerTables.earlier(earlier)) }
        let orders = lead["orders"]?.elements ?? []
        if !orders.isEmpty { Console.print("\n" + LedgerTables.orders(orders)) }
    }

    /// As it is stored; nil when nothing is.
    private static func content(_ lead: JSONValue) -> String? {
        switch lead.kind {
        case .null: nil
        case .string: lead.string
        default: LedgerJSON.text { $0.value(lead) }
        }
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
              leadrouter leads forget --with-answer zoe@example.com
                                                                what one person has sent

            What is erased cannot be had back: the answers, the bytes as received, the decision, and
            what sinks answered. The id stays, so that the same lead is known as a duplicate when it
            comes again, unless --allow-again is given. A lead that is still to be decided or
            delivered stays, unless --cancel-pending calls that off first.

            Sinks keep what they were sent, and backups what they hold.

            \(AnswerOption.help) 'leads list' with the same options shows which leads these are.
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: ArgumentHelp("Ids of leads.", valueName: "id")) var ids: [String] = []
    @OptionGroup var filter: LeadFilterOptions
    @OptionGroup var answer: AnswerOption
    @Flag(help: "Also leads that are still to be decided or delivered.") var cancelPending = false
    @Flag(help: "Let the same id come in again later.") var allowAgain = false
    @OptionGroup var options: OrderOptions

    func run() async throws {
        let rows = try await rows()
        let body = options.body(
            names: ("ids", ids), rows: rows, filter: rows.isEmpty ? filter.parameters : [],
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

    /// The rows of the leads that have the answer; none when none is looked for.
    private func rows() async throws -> [Int] {
        guard let answer = try answer.text() else { return [] }
        guard ids.isEmpty else { throw ValidationError("give ids or --with-answer, not both") }
        let filter = filter.parameters
        _ = try usage { () throws(BadRequest) in try LedgerFilters.leads(filter) }
        var rows: [Int] = []
        try await service.look { runner in
            try await AnswerOption.search(
                answer, filter, runner,
                limit: { rows.count > LedgerOrders.namesMax ? nil : LedgerFilters.limitMax }
            ) { leads, _ in rows += leads.compactMap { $0["sequence"]?.integer } }
        }
        guard rows.count <= LedgerOrders.namesMax else {
            throw ValidationError(
                "more than \(LedgerOrders.namesMax) leads have this answer; choose among them with "
                    + "--source, --since and --until")
        }
        guard !rows.isEmpty else {
            Console.error("error: no lead has this answer")
            throw ExitCode.failure
        }
        return rows
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
