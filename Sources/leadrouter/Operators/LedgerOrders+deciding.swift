import LeadFlow
import LeadKit
import LeadServer
import LeadStore

// Giving leads to the rules again.
extension LedgerOrders {
    func decideAgain(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering {
            let request = try Request(
                body, names: "ids", flags: ["cancel_others", Request.skipUnknown])
            let (filters, unknown) = try await leads(
                request, usually: LedgerOrders.stateToDecide, example: "--state held")
            let options = DecideAgainOptions(
                cancelsOthers: request.flags.contains("cancel_others"))
            guard request.isConfirmed else {
                let plan = try await desk.planDeciding(filters, by: rules())
                var answers = plan.answers
                answers.add(unknown: unknown)
                return planned(plan.tally, answers) { writer in
                    writer.name("preview")
                    plan.preview.map { LedgerOrders.write($0, options, to: &writer) }
                        ?? writer.null()
                }
            }
            let order = request.order(at: nowMilliseconds())
            var answers = try await desk.decideAgain(filters, options, order, progress: progress)
            answers.add(unknown: unknown)
            onLeads()
            onDone("decide", order, answers)
            return done(answers)
        }
    }

    /// A filter that says nothing of what became of leads means those that wait for better rules; one
    /// that says where they went means all that did.
    private static func stateToDecide(_ filter: LeadFilter) -> InboxState? {
        if let outcome = filter.outcome { return outcome == "held" ? .held : .decided }
        // What went somewhere was decided, but for copies of what is held.
        return filter.sink == nil && filter.route == nil ? .held : nil
    }

    private static func write(
        _ preview: DecidingPreview, _ options: DecideAgainOptions, to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.name("leads")
            writer.integer(preview.leads)
            writer.name("unchanged")
            writer.integer(preview.unchanged)
            writer.name("outcomes")
            writer.array { writer in
                for (outcomes, count) in preview.outcomes.sorted(by: {
                    ($0.key.before, $0.key.after) < ($1.key.before, $1.key.after)
                }) {
                    writer.object { writer in
                        writer.name("before")
                        writer.string(outcomes.before)
                        writer.name("after")
                        writer.string(outcomes.after)
                        writer.name("count")
                        writer.integer(count)
                    }
                }
            }
            writer.name("deliveries")
            writer.array { writer in
                for (line, count) in preview.lines {
                    writer.object { writer in write(line, count, options, to: &writer) }
                }
            }
        }
    }

    private static func write(
        _ line: DecidingPreview.Line, _ count: Int, _ options: DecideAgainOptions,
        to writer: inout JSONWriter
    ) {
        let isAsked = [.new, .anew].contains(line.kind)
        writer.name("sink")
        writer.string(line.sink)
        writer.name("route")
        writer.string(line.route)
        writer.name("pool")
        writer.string(line.pool)
        writer.name("kind")
        writer.string(line.kind.rawValue)
        writer.name("asked_for")
        writer.bool(isAsked)
        writer.name("would_be")
        writer.string(
            isAsked ? "made" : line.kind == .pending && options.cancelsOthers ? "cancelled" : "kept"
        )
        writer.name("count")
        writer.integer(count)
    }
}
