import LeadKit
import LeadRules

/// What two versions of the rules make of the same leads, for people and for programs.
struct DiffReport {
    /// How many groups of leads are shown to people.
    static let groupsMax = 50

    let comparison: RoutingComparison
    let old: String
    let new: String
    let maxMoved: Int?

    /// Whether no more leads move than may.
    var isGood: Bool { maxMoved.map { comparison.movedCount <= $0 } ?? true }
}

// For people.
extension DiffReport {
    var text: String {
        var blocks = ["from '\(old)' to '\(new)': \(headline)"]
        let groups = comparison.groups
        for move in Move.allCases {
            let those = groups.filter { $0.move == move }
            guard !those.isEmpty else { continue }
            let count = comparison.moves[move] ?? 0
            let shown = those.prefix(DiffReport.groupsMax)
            blocks.append(
                ([DiffReport.title(move, count)] + shown.map(DiffReport.block))
                    .joined(separator: "\n"))
            if shown.count < those.count {
                blocks.append(
                    "  … and \(those.count - shown.count) more; --format ndjson lists all")
            }
        }
        if comparison.ungroupedCount > 0 {
            blocks.append("\(comparison.ungroupedCount) more moved leads are counted only")
        }
        blocks.append(outcomes)
        if let sinks { blocks.append(sinks) }
        if let maxMoved, !isGood {
            blocks.append("error: over \(Summary.count(maxMoved, "lead")) would move")
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }

    private var headline: String {
        let moved = comparison.movedCount
        let all = Summary.count(comparison.count, "lead")
        guard moved > 0 else { return "none of \(all) would move" }
        let tenths = moved * 1000 / max(1, comparison.count)
        return "\(moved) of \(all) would move (\(tenths / 10).\(tenths % 10) %)"
    }

    private static func title(_ move: Move, _ count: Int) -> String {
        let leads = Summary.count(count, "lead")
        return switch move {
        case .newlyUnmatched: "newly unmatched, no route takes them: \(leads)"
        case .newlyDropped: "newly dropped: \(leads)"
        case .newlyRouted: "newly routed: \(leads)"
        case .moved: "moved: \(leads)"
        case .copies: "other copies only: \(leads)"
        case .renamed: "another route, the same sinks (not counted as moved): \(leads)"
        }
    }

    private static func block(_ group: RoutingComparison.Group) -> String {
        var lines = [
            "  \(Summary.count(group.count, "lead")): \(shown(group.old)) → \(shown(group.new))"
        ]
        let change = sinkChange(group)
        if !change.isEmpty { lines.append("    " + change) }
        let ids = group.examples.map { Console.shown($0.text) }.joined(separator: ", ")
        lines.append("    such as \(ids)")
        return lines.joined(separator: "\n")
    }

    private static func shown(_ destination: Destination) -> String {
        let to = destination.to.joined(separator: ", ")
        return destination.name + (to.isEmpty ? "" : " (to \(to))")
    }

    /// Which sinks get these leads, or no longer do.
    private static func sinkChange(_ group: RoutingComparison.Group) -> String {
        let gained = group.new.sinks.subtracting(group.old.sinks).sorted()
        let lost = group.old.sinks.subtracting(group.new.sinks).sorted()
        var parts: [String] = []
        if !gained.isEmpty { parts.append("gained by \(gained.joined(separator: ", "))") }
        if !lost.isEmpty { parts.append("lost by \(lost.joined(separator: ", "))") }
        if parts.isEmpty, group.move != .renamed, group.move != .newlyDropped {
            return group.old.hasSameEnds(as: group.new)
                ? "the same sinks; only the outcome is another"
                : "the same sinks, with other settings"
        }
        return parts.joined(separator: "; ")
    }

    private var outcomes: String {
        var table = TextTable(["OUTCOME", "OLD", "NEW"])
        for outcome in Decision.Outcome.allCases {
            guard let counts = comparison.outcomes[outcome] else { continue }
            table.add([outcome.rawValue, String(counts.old), String(counts.new)])
        }
        return table.text
    }

    /// Sinks that get something with either rules; nil when there are none.
    private var sinks: String? {
        var table = TextTable(["SINK", "OLD", "NEW", "GAINED", "LOST"])
        for (sink, counts) in comparison.sinks.sorted(by: { $0.key < $1.key }) {
            table.add([
                sink, String(counts.old), String(counts.new), "+\(counts.gained)",
                "-\(counts.lost)",
            ])
        }
        return comparison.sinks.isEmpty ? nil : table.text
    }
}

// For programs.
extension DiffReport {
    /// One object a group of moved leads, then a summary.
    var ndjson: String {
        var writer = JSONWriter()
        for group in comparison.groups {
            writer.object { writer in
                writer.name("move")
                writer.string(group.move.rawValue)
                for (name, end) in [("from", group.old), ("to", group.new)] {
                    writer.name(name)
                    DiffReport.write(end, to: &writer)
                }
                writer.name("count")
                writer.integer(group.count)
                writer.name("examples")
                writer.array { writer in group.examples.forEach { writer.string($0.text) } }
            }
            writer.newline()
        }
        writeSummary(to: &writer)
        writer.newline()
        return writer.text
    }

    private static func write(_ end: Destination, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("outcome")
            writer.string(end.outcome.rawValue)
            for (name, list) in [
                ("routes", end.routes), ("to", end.to), ("also_to", end.copies),
            ] {
                writer.name(name)
                writer.array { writer in list.forEach { writer.string($0) } }
            }
        }
    }

    private func writeSummary(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("summary")
            writer.object { writer in
                writer.name("leads")
                writer.integer(comparison.count)
                writer.name("moved")
                writer.integer(comparison.movedCount)
                writer.name("same")
                writer.integer(
                    comparison.count - comparison.moves.values.reduce(0, +))
                writer.name("moves")
                writer.object { writer in
                    for move in Move.allCases {
                        writer.name(move.rawValue)
                        writer.integer(comparison.moves[move] ?? 0)
                    }
                }
                writer.name("ungrouped")
                writer.integer(comparison.ungroupedCount)
                writer.name("outcomes")
                writeOutcomes(to: &writer)
                writer.name("sinks")
                writeSinks(to: &writer)
            }
        }
    }

    private func writeOutcomes(to writer: inout JSONWriter) {
        writer.object { writer in
            for outcome in Decision.Outcome.allCases {
                let counts = comparison.outcomes[outcome] ?? (0, 0)
                writer.name(outcome.rawValue)
                DiffReport.write([("old", counts.old), ("new", counts.new)], to: &writer)
            }
        }
    }

    private func writeSinks(to writer: inout JSONWriter) {
        writer.object { writer in
            for (sink, counts) in comparison.sinks.sorted(by: { $0.key < $1.key }) {
                writer.name(sink)
                DiffReport.write(
                    [
                        ("old", counts.old), ("new", counts.new), ("gained", counts.gained),
                        ("lost", counts.lost),
                    ], to: &writer)
            }
        }
    }

    private static func write(_ numbers: [(String, Int)], to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, number) in numbers {
                writer.name(name)
                writer.integer(number)
            }
        }
    }
}
