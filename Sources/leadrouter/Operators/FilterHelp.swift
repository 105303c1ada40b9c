import LeadKit
import LeadStore

/// What is said when a filter finds nothing: a name that is misspelt looks like peace and quiet.
enum FilterHelp {
    static func tell(_ filter: DeliveryFilter, in store: any LeadStore) async throws {
        guard let sink = filter.sink else { return Console.error("no such delivery") }
        let known = try await store.stats().sinks.keys.sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
        tell(sink, "delivery of a sink", known)
    }

    static func tell(_ filter: LeadFilter, in store: any LeadStore) async throws {
        guard let source = filter.source,
            try await store.leads(LeadFilter(source: source, limit: 1)).isEmpty
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
            "no \(what) '\(Console.shown(name))' was ever made" + (help.map { "; \($0)" } ?? ""))
    }
}
