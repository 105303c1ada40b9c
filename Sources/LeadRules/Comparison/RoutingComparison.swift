public import LeadKit

/// What two rule sets make of the same leads: which move, from where to where.
///
/// A pool is one place, whoever it would choose: decisions are compared before pools choose. When
/// they may be sent does not count either.
///
/// Leads stream through; kept are one group for each pair of ends, with a count and the first three
/// ids. Groups are bounded: what would need more is counted in `ungroupedCount`.
public struct RoutingComparison: Sendable {
    /// Leads that move from one place to another.
    public struct Group: Sendable {
        /// What that means for them.
        public let move: Move
        /// Where they went.
        public let old: Destination
        /// Where they go.
        public let new: Destination
        /// How many.
        public internal(set) var count = 0
        /// The first ids.
        public internal(set) var examples: [LeadID] = []
    }

    /// How many leads a sink gets, copies among them.
    public struct SinkCount: Sendable, Equatable {
        /// With the old rules.
        public var old = 0
        /// With the new ones.
        public var new = 0
        /// Leads that only the new rules send there.
        public var gained = 0
        /// Leads that only the old rules sent there.
        public var lost = 0

        /// Nothing counted.
        public init() {}
    }

    /// The most groups kept.
    public static let groupsMax = 20_000
    /// The examples of a group.
    public static let examplesMax = 3

    /// Leads seen.
    public private(set) var count = 0
    /// Leads of each move.
    public private(set) var moves: [Move: Int] = [:]
    /// Leads of each outcome, old and new.
    public private(set) var outcomes: [Decision.Outcome: (old: Int, new: Int)] = [:]
    /// By sink's name.
    public private(set) var sinks: [String: SinkCount] = [:]
    /// Moved leads beyond the groups that are kept.
    public private(set) var ungroupedCount = 0

    private struct Ends: Hashable {
        var old: Destination
        var new: Destination
    }
    private var grouped: [Ends: Group] = [:]

    /// No leads yet.
    public init() {}

    /// Adds what both made of a lead.
    public mutating func add(_ id: LeadID, old: Decision, new: Decision) {
        count += 1
        outcomes[old.outcome, default: (0, 0)].old += 1
        outcomes[new.outcome, default: (0, 0)].new += 1
        guard old != new else {
            for sink in RoutingComparison.sinks(old) {
                sinks[sink, default: SinkCount()].old += 1
                sinks[sink, default: SinkCount()].new += 1
            }
            return
        }
        let ends = Ends(old: Destination(old), new: Destination(new))
        countSinks(ends)
        guard let move = Move(from: ends.old, to: ends.new) else { return }
        moves[move, default: 0] += 1
        guard grouped[ends] != nil || grouped.count < RoutingComparison.groupsMax else {
            ungroupedCount += 1
            return
        }
        var group = grouped[ends] ?? Group(move: move, old: ends.old, new: ends.new)
        group.count += 1
        if group.examples.count < RoutingComparison.examplesMax { group.examples.append(id) }
        grouped[ends] = group
    }

    /// Each sink once, though it may be reached twice with different settings.
    private static func sinks(_ decision: Decision) -> [String] {
        var names: [String] = []
        for delivery in decision.deliveries where !names.contains(delivery.target.shown) {
            names.append(delivery.target.shown)
        }
        return names
    }

    private mutating func countSinks(_ ends: Ends) {
        let (before, after) = (ends.old.sinks, ends.new.sinks)
        for sink in before.union(after) {
            var counts = sinks[sink] ?? SinkCount()
            if before.contains(sink) { counts.old += 1 }
            if after.contains(sink) { counts.new += 1 }
            if !before.contains(sink) { counts.gained += 1 }
            if !after.contains(sink) { counts.lost += 1 }
            sinks[sink] = counts
        }
    }

    /// Leads that go elsewhere, copies among them, but not those that another route sends to the
    /// same sinks.
    public var movedCount: Int {
        moves.reduce(0) { $0 + ($1.key == .renamed ? 0 : $1.value) }
    }

    /// The groups: by what the move means, then the largest first.
    public var groups: [Group] {
        let order = Dictionary(
            uniqueKeysWithValues: Move.allCases.enumerated().map { ($0.element, $0.offset) })
        return grouped.values.sorted { a, b in
            let (x, y) = (order[a.move] ?? 0, order[b.move] ?? 0)
            if x != y { return x < y }
            if a.count != b.count { return a.count > b.count }
            return (a.old.name, a.new.name) < (b.old.name, b.new.name)
        }
    }
}
