internal import LeadKit

/// Where a lead ends, as two rule sets are compared by it.
public struct Destination: Sendable, Hashable {
    /// What becomes of the lead.
    public let outcome: Decision.Outcome
    /// The routes that decided.
    public let routes: [String]
    /// The sinks that get it, by name. A pool stands for its members: `pool sales`.
    public let to: [String]
    /// The sinks that get a copy, by name.
    public let copies: [String]
    /// Sinks with their overrides, for comparing.
    private let ends: Set<String>

    /// Where a decision sends a lead.
    public init(_ decision: Decision) {
        outcome = decision.outcome
        routes = decision.routes
        to = decision.deliveries.filter { !$0.isCopy }.map(\.target.shown)
        copies = decision.deliveries.filter(\.isCopy).map(\.target.shown)
        ends = Set(decision.deliveries.map { ($0.isCopy ? "copy " : "to ") + $0.target.identity })
    }

    /// `stores/mailbox`, `default`, `held`.
    public var name: String {
        switch outcome {
        case .default, .held: outcome.rawValue
        case .routed: routes.joined(separator: ", ")
        case .dropped: routes.joined(separator: ", ") + " (dropped)"
        }
    }

    /// All sinks that get it, copies among them.
    public var sinks: Set<String> { Set(to + copies) }

    /// Whether the same sinks get the same, whatever the outcome is called.
    public func hasSameEnds(as other: Destination) -> Bool { ends == other.ends }

    /// Whether both send the same to the same sinks, by whatever route.
    func sendsTheSame(as other: Destination) -> Bool {
        outcome == other.outcome && ends == other.ends
    }

    /// Whether both send to the same sinks, but for copies.
    func sendsTheSameButCopies(as other: Destination) -> Bool {
        func withoutCopies(_ one: Destination) -> Set<String> {
            one.ends.filter { ByteSearch.hasPrefix($0, "to ") }
        }
        return outcome == other.outcome && withoutCopies(self) == withoutCopies(other)
    }
}

/// What an edit of the rules means for a lead.
public enum Move: String, Sendable, CaseIterable {
    /// It was routed, and now no route takes it: `default` sends it, or it is held.
    case newlyUnmatched = "newly_unmatched"
    /// It was not dropped, and now is.
    case newlyDropped = "newly_dropped"
    /// No route took it, or it was dropped, and now it is routed.
    case newlyRouted = "newly_routed"
    /// It goes elsewhere.
    case moved
    /// Only its copies go elsewhere.
    case copies
    /// Another route sends it to the same sinks: it is not counted as moved.
    case renamed

    /// Nil when nothing changes.
    init?(from old: Destination, to new: Destination) {
        if old.sendsTheSame(as: new) {
            if old.routes == new.routes { return nil }
            self = .renamed
            return
        }
        let wasMatched = old.outcome == .routed || old.outcome == .dropped
        switch new.outcome {
        case .dropped where old.outcome != .dropped: self = .newlyDropped
        case .default where wasMatched, .held where wasMatched: self = .newlyUnmatched
        case .routed where old.outcome != .routed: self = .newlyRouted
        default: self = old.sendsTheSameButCopies(as: new) ? .copies : .moved
        }
    }
}
