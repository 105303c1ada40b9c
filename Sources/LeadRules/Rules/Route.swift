internal import LeadKit

/// How the routes of one level are searched.
enum MatchMode: String, Sendable {
    /// The first route that decides ends the search.
    case first
    /// Every route is asked.
    case all
}

/// Routes of one level.
struct RouteList: Sendable {
    var match: MatchMode = .first
    var routes: [Route] = []
}

/// Where to, and under which condition.
struct Route: Sendable {
    /// The full name: `dealers/premium`.
    var name: String
    /// Nil for `always: true`.
    var condition: Condition?
    var note: String?
    var isDisabled = false
    var to: [Target] = []
    var alsoTo: [Target] = []
    var drop: String?
    var routes: RouteList?
    /// What the deliveries of `to` wait for.
    var holdUntil: HoldUntil?
    var position: Position
}

/// A sink, with settings that this target overrides; or a pool that has not chosen yet.
public struct Target: Sendable, Hashable {
    /// The configured sink's name; empty for a pool.
    public let sink: String
    /// The overrides as a JSON object with sorted names; empty when there are none.
    public let with: String
    /// The pool that will choose; nil for a sink.
    public let pool: String?

    /// Makes a target.
    public init(sink: String, with: String = "") {
        self.sink = sink
        self.with = with
        pool = nil
    }

    /// Makes a target of which a pool chooses the sink: see `RuleSet.assign`.
    public init(pool: String) {
        sink = ""
        with = ""
        self.pool = pool
    }

    /// What tells two targets of one route apart: the sink's name and the overrides, or the pool.
    public var identity: String {
        pool.map { "pool " + $0 } ?? (with.isEmpty ? sink : sink + " " + with)
    }

    /// The sink's name, or `pool NAME`, for people.
    public var shown: String { pool.map { "pool " + $0 } ?? sink }
}

/// What happens to a lead that no route decides.
enum Fallback: Sendable {
    case to([Target])
    case hold(String)
}
