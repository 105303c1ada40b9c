import LeadKit
import LeadStore

/// What is said when a filter finds nothing: a name that is misspelt looks like peace and quiet.
enum FilterHelp {
    static func tell(sink: String?, _ runner: LookRunner) async throws {
        guard let sink else { return Console.error("no such delivery") }
        let known = try await runner.get(.stats)["sinks"]?.members.map(\.name) ?? []
        tell(sink, "delivery of a sink", known)
    }

    static func tell(source: String?, _ runner: LookRunner) async throws {
        guard let source,
            try await runner.get(.leads, [("source", source), ("limit", "1")])["leads"]?
                .elements.isEmpty ?? true
        else { return Console.error("no such lead") }
        Console.error("no lead of a source '\(Console.shown(source))' was ever taken in")
    }

    private static func tell(_ name: String, _ what: String, _ known: [String]) {
        guard !known.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else {
            return Console.error("no such delivery")
        }
        let help =
            Nearest.help(for: name, among: known)
            ?? (known.isEmpty ? nil : "there are \(known.prefix(20).joined(separator: ", "))")
        Console.error(
            "no \(what) '\(Console.shown(name))' was ever made"
                + (help.map { "; \(Console.shown($0))" } ?? ""))
    }
}
