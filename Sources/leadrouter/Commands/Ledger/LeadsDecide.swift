import ArgumentParser
import LeadFlow
import LeadKit
import LeadStore

struct LeadsDecide: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decide", abstract: "Gives leads to the rules as they are now.",
        discussion: Help.flowing(
            """
              leadrouter leads decide --state held         only the plan
              leadrouter leads decide --state held --yes   all that are held
              leadrouter leads decide ID … --yes           these
              leadrouter leads decide --route cars.north --since 2025-10-09
              leadrouter leads decide --state decided --since 2025-10-09 --until 2025-10-10

            After the rules were mended: for leads that are held because no route takes them, and for
            leads that went where they should not. A filter that says nothing of state, outcome,
            sink or route means held leads. A running service decides them at once, behind new ones; without one the
            next 'leadrouter serve' does.

            A target (a sink with its settings) gets a lead once: what was sent, or is on its way,
            stays and is not sent again. What was given up or cancelled before is made anew when the
            rules ask for it now. Deliveries that they no longer ask for go out all the same while
            they are pending, unless --cancel-others calls them off.

            The plan decides the leads by the rules in force and shows what would be made, and what is
            no longer asked for; of more than 100000 leads it looks at the first ones. The ledger keeps
            the earlier decisions ('leads show'), who ordered it, and why (--reason).
            """))

    @OptionGroup var service: ServiceOption
    @Argument(help: ArgumentHelp("Ids of leads.", valueName: "id")) var ids: [String] = []
    @OptionGroup var filter: LeadFilterOptions
    @Flag(help: "Call off pending deliveries that the rules no longer ask for.")
    var cancelOthers = false
    @OptionGroup var options: OrderOptions

    func run() async throws {
        let body = options.body(
            names: ("ids", ids), filter: filter.parameters,
            flags: cancelOthers ? ["cancel_others"] : [])
        let runner = OrderRunner(path: "leads/decide") { await $0.decideAgain(body) }
        let answer = try await runner.run(service, body: body, changes: options.yes)
        if options.format == .ndjson { return Console.print(LedgerJSON.text { $0.value(answer) }) }
        if options.yes {
            return options.printDone(
                answer, noun: "lead", plural: "leads", verb: "given to the rules again")
        }
        Console.print(LeadsForget.states(of: answer))
        let count = answer["count"]?.integer ?? 0
        if count > 0 { print(answer["preview"], of: count) }
        Console.print(
            count == 0
                ? "\nNo lead would be decided again."
                : "\nNothing was done. To give \(Summary.count(count, "lead")) to the rules again, "
                    + "repeat the command with --yes.")
        options.printLeftAlone(answer)
    }

    /// What the rules say now.
    private func print(_ preview: JSONValue?, of count: Int) {
        guard let preview, let leads = preview["leads"]?.integer else {
            return Console.print(
                "\nWhat the rules would say cannot be shown: they cannot be read. "
                    + "'leadrouter check' says why.")
        }
        if leads < count {
            Console.print("\nWhat follows is of the first \(leads) of \(count) leads.")
        }
        var outcomes = TextTable(["LEADS", "WERE", "WOULD BE"])
        for line in preview["outcomes"]?.elements ?? [] {
            outcomes.add([
                line["count"]?.scalarText ?? "", line["before"]?.string ?? "",
                line["after"]?.string ?? "",
            ])
        }
        Console.print("\n" + outcomes.text)
        let unchanged = preview["unchanged"]?.integer ?? 0
        Console.print(
            "\n\(Summary.count(unchanged, "decision")) would stay as "
                + "\(unchanged == 1 ? "it is" : "they are"), \(leads - unchanged) would change.")
        let lines = preview["deliveries"]?.elements ?? []
        guard !lines.isEmpty else { return Console.print("No delivery would be made.") }
        var table = TextTable(["DELIVERIES", "SINK", "ROUTE", "WOULD BE"])
        for line in lines {
            let pool = line["pool"]?.string.map { " (pool \($0))" } ?? ""
            table.add([
                line["count"]?.scalarText ?? "", (line["sink"]?.string ?? "") + pool,
                line["route"]?.string ?? "", LeadsDecide.sentence(line),
            ])
        }
        Console.print("\n" + table.text)
        if !cancelOthers, lines.contains(where: { $0["kind"]?.string == "pending" }) {
            Console.print(
                "\n--cancel-others calls off what is pending and no longer asked for.")
        }
    }

    /// What would become of the deliveries of a line.
    private static func sentence(_ line: JSONValue) -> String {
        let kind = DecidingPreview.Line.Kind(rawValue: line["kind"]?.string ?? "")
        switch kind {
        case .new?: return "made"
        case .anew?: return "made anew: given up or cancelled before"
        case .pending? where line["would_be"]?.string == "cancelled":
            return "cancelled: no longer asked for"
        case .pending?: return "sent all the same: pending, and no longer asked for"
        case .underWay?: return "left alone: under way, and no longer asked for"
        case .delivered?: return "left alone: sent, and no longer asked for"
        case nil: return ""
        }
    }
}
