import LeadKit
import LeadRules

/// Why a lead does not go somewhere, for people and for programs.
struct WhyNotReport {
    let lead: Lead
    let answer: WhyNot

    /// Whether the lead goes there already, or a change was found.
    var isAnswered: Bool { answer.isReached || answer.answers.contains { $0.change != nil } }
}

// For people.
extension WhyNotReport {
    var text: String {
        let now =
            "lead \(Console.shown(lead.id.text)): \(DecisionPrinter.sentence(answer.decision))"
        if answer.isReached { return now + "\nit goes to '\(answer.expected)' already" }
        var blocks = [now] + answer.answers.map(block)
        if answer.unlistedCount > 0 {
            let routes = Summary.count(answer.unlistedCount, "more route")
            blocks.append("\(routes) that would lead there are further away")
        }
        return blocks.joined(separator: "\n\n")
    }

    private func block(_ answer: WhyNot.Answer) -> String {
        var lines = [answer.route] + WhyNotReport.obstacle(answer)
        for hint in answer.hints { lines.append("  note: " + Console.shown(hint)) }
        if let change = answer.change {
            let count = change.edits.count
            lines.append(
                "  smallest change that was found\(count > 1 ? ", in \(count) places" : ""):")
            for edit in change.edits { lines.append("    " + WhyNotReport.shown(edit)) }
            lines.append(
                "  proved: the changed lead is " + DecisionPrinter.sentence(change.proof))
        }
        if let refusal = answer.refusal { lines.append("  " + Console.shown(refusal)) }
        return lines.joined(separator: "\n")
    }

    private static func obstacle(_ answer: WhyNot.Answer) -> [String] {
        let obstacle = answer.obstacle
        let place = " (\(obstacle.position))"
        var lines: [String]
        switch obstacle.kind {
        case .disabled: return ["  '\(obstacle.route)' is disabled" + place]
        case .takenBefore:
            lines = ["  '\(obstacle.route)' is asked before and takes the lead" + place + ":"]
            if obstacle.condition == nil {
                lines = ["  '\(obstacle.route)' takes every lead" + place]
            }
        case .condition:
            let whose = obstacle.route == answer.route ? "its condition" : "'\(obstacle.route)'"
            lines = ["  \(whose) does not hold" + place + ":"]
        }
        if let condition = obstacle.condition {
            lines += ExplanationText.lines(condition, indent: "    ")
        }
        return lines
    }

    private static func shown(_ edit: LeadEdit) -> String {
        "\(Console.shown(edit.name)): \(shown(edit.old)) → \(shown(edit.new))"
            + (edit.note.map { " (\(Console.shown($0)))" } ?? "")
    }

    private static func shown(_ values: [String]) -> String {
        values.isEmpty
            ? "(missing)" : values.map { "'\(Console.shown($0))'" }.joined(separator: ", ")
    }
}

// For programs.
extension WhyNotReport {
    /// One object.
    var ndjson: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("lead_id")
            writer.string(lead.id.text)
            writer.name("expected")
            writer.string(answer.expected)
            writer.name("reached")
            writer.bool(answer.isReached)
            writer.name("decision")
            answer.decision.write(leadID: lead.id.text, to: &writer)
            writer.name("answers")
            writer.array { writer in
                for one in answer.answers { write(one, to: &writer) }
            }
            writer.name("unlisted")
            writer.integer(answer.unlistedCount)
        }
        return writer.text
    }

    private func write(_ answer: WhyNot.Answer, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("route")
            writer.string(answer.route)
            writer.name("obstacle")
            writer.object { writer in
                writer.name("kind")
                writer.string(answer.obstacle.kind.rawValue)
                writer.name("route")
                writer.string(answer.obstacle.route)
                writer.name("place")
                writer.string(answer.obstacle.position.description)
                if let condition = answer.obstacle.condition {
                    writer.name("when")
                    condition.write(to: &writer)
                }
            }
            writer.name("hints")
            writer.array { writer in answer.hints.forEach { writer.string($0) } }
            writer.name("change")
            if let change = answer.change {
                writer.array { writer in
                    for edit in change.edits { WhyNotReport.write(edit, to: &writer) }
                }
                writer.name("proof")
                change.proof.write(leadID: lead.id.text, to: &writer)
            } else {
                writer.null()
                writer.name("refusal")
                writer.string(answer.refusal)
            }
            writer.name("tried")
            writer.integer(answer.triedCount)
        }
    }

    private static func write(_ edit: LeadEdit, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("name")
            writer.string(edit.name)
            for (name, values) in [("old", edit.old), ("new", edit.new)] {
                writer.name(name)
                writer.array { writer in values.forEach { writer.string($0) } }
            }
            if let note = edit.note {
                writer.name("note")
                writer.string(note)
            }
        }
    }
}
