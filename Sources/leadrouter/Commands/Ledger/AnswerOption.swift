import ArgumentParser
import LeadKit
import LeadRules

/// Which leads by what they say, for commands that may read through all of them.
struct AnswerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only leads with this answer: an address, a telephone number, a name. '-' reads it from standard input.",
            valueName: "text"))
    var withAnswer: String?

    /// What is looked for; nil for nothing.
    func text() throws -> String? {
        guard let given = withAnswer else { return nil }
        let text = given.utf8.elementsEqual("-".utf8) ? readLine() ?? "" : given
        guard text.utf8.count <= SoughtAnswer.bytesMax else {
            throw ValidationError(LeadSearch.tooLong)
        }
        guard SoughtAnswer(text) != nil else {
            throw ValidationError("--with-answer needs a text that is not blank")
        }
        return text
    }

    /// Stands in the help of commands with this option.
    static let help = """
        --with-answer compares with every answer as rules do: as a whole, without regard to blanks
        around it and to case, and telephone numbers by their digits, with or without the country's.
        What was kept aside is looked through, too. Answers are in no index, so all leads that other
        options leave are read, some thousands a second; others do not wait meanwhile.
        """

    /// Looks for the answer until `body` has enough; it gets what each step has found.
    static func search(
        _ text: String, _ filter: [Parameter], _ runner: LookRunner, before: Int64? = nil,
        limit: () -> Int?, body: (_ leads: [JSONValue], _ answer: JSONValue) -> Void
    ) async throws {
        let line = ProgressLine("leads looked through")
        defer { line.end() }
        var before = before
        while let limit = limit() {
            let answer = try await runner.search(
                LeadSearch.body(text, filter, before: before, limit: limit), before: before)
            line.advance(by: answer["searched"]?.integer ?? 0)
            let leads = answer["leads"]?.elements ?? []
            if !leads.isEmpty { line.end() }
            body(leads, answer)
            guard let next = answer["next_before"]?.integer else { return }
            before = Int64(next)
        }
    }
}
