import ArgumentParser
import LeadKit

/// What an answer must hold to be printed. Whatever listens at an address can answer 200: a missing
/// list must not read as an empty one, nor a missing count as zero.
struct AnswerShape {
    enum Kind {
        case number, text, object
        /// An array of objects.
        case rows
        /// Where the next page begins: a number, or null.
        case next
    }

    /// How a message calls the answer.
    let noun: String
    let members: [(name: String, kind: Kind)]

    static let order = AnswerShape(noun: "answer to an order", members: [("count", .number)])
    static let search = AnswerShape(
        noun: "step of a search",
        members: [("leads", .rows), ("searched", .number), ("next_before", .next)])
    static let backup = AnswerShape(noun: "answer to a backup", members: [("bytes", .number)])
    static let sinks = AnswerShape(noun: "list of sinks", members: [("sinks", .rows)])

    /// Prints what is wrong with an answer, and throws the exit code. A page must lie behind the row
    /// `before`: who turns pages would otherwise never end.
    func check(_ answer: JSONValue, before: Int64? = nil) throws {
        for (name, kind) in members where !AnswerShape.isOfKind(answer[name], kind) {
            throw refuse("its '\(name)' is missing, or is not what it must be")
        }
        guard let next = answer["next_before"]?.integer else { return }
        guard next >= 0, next < before ?? .max else {
            throw refuse("its 'next_before' does not go on")
        }
    }

    private func refuse(_ why: String) -> any Error {
        Console.error("error: what the service answered is no \(noun): \(why)")
        return ExitCode.unavailable
    }

    private static func isOfKind(_ value: JSONValue?, _ kind: Kind) -> Bool {
        guard let value else { return false }
        return switch kind {
        case .number: value.integer != nil
        case .text: value.string != nil
        case .object: value.kind == .object
        case .rows: value.kind == .array && value.elements.allSatisfy { $0.kind == .object }
        case .next: value.kind == .null || value.integer != nil
        }
    }
}

extension Look {
    var shape: AnswerShape {
        switch self {
        case .leads:
            AnswerShape(
                noun: "list of leads", members: [("leads", .rows), ("next_before", .next)])
        case .lead: AnswerShape(noun: "lead", members: [("leads", .rows)])
        case .deliveries:
            AnswerShape(
                noun: "list of deliveries",
                members: [("deliveries", .rows), ("next_before", .next)]
            )
        case .delivery: AnswerShape(noun: "delivery", members: [("delivery_id", .text)])
        case .stats:
            AnswerShape(
                noun: "count of the ledger",
                members: [("leads", .object), ("deliveries", .object), ("sinks", .object)])
        case .verify:
            AnswerShape(
                noun: "verification",
                members: [
                    ("leads", .number), ("deliveries", .number), ("attempts", .number),
                    ("fault_count", .number), ("faults", .rows),
                ])
        }
    }

    /// How long a service may take: a verification reads the whole file.
    var timeout: Duration {
        if case .verify = self { return RunningService.timeout }
        return RunningService.lookTimeout
    }
}
