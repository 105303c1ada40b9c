internal import Synchronization

/// Whose turn it is to try a delivery that was under way when a process crashed.
///
/// One such delivery at a time is under way in the whole process: if it crashes this one, too,
/// nobody else is suspected with it again. A receiver that hangs keeps the turn for as long as its
/// time limit, and the sinks that wait would pay for it; so the next turn is that of the sink which
/// has used least time by now, and of those the one that came first. A sick sink's suspects cost
/// the others one of its time limits, not all.
///
/// A turn that is given is kept until it is used or declined: whoever waits and can no longer use
/// one says so.
struct SuspectTurns {
    private var holder: (name: String, sinceUp: Int64)?
    /// To whom the next turn was given.
    private var next: String?
    private var waiting: [String] = []
    private var usedMilliseconds: [String: Int64] = [:]

    /// Takes the turn; false when it is another's, and then `name` waits for one.
    mutating func enter(_ name: String, at up: Int64) -> Bool {
        guard holder == nil, next == nil || next == name else {
            if !waiting.contains(name) { waiting.append(name) }
            return false
        }
        holder = (name, up)
        next = nil
        waiting.removeAll { $0 == name }
        return true
    }

    /// The turn is over; answers whose is next. `isLast` when the sink has no more of them.
    mutating func leave(isLast: Bool, at up: Int64) -> String? {
        guard let (name, sinceUp) = holder else { return nil }
        usedMilliseconds[name] = isLast ? nil : (usedMilliseconds[name] ?? 0) + max(0, up - sinceUp)
        holder = nil
        return giveNext()
    }

    /// The sink does not wait any more; answers who has its turn instead.
    mutating func decline(_ name: String) -> String? {
        waiting.removeAll { $0 == name }
        return next == name ? giveNext() : nil
    }

    private mutating func giveNext() -> String? {
        next = waiting.min { usedMilliseconds[$0] ?? 0 < usedMilliseconds[$1] ?? 0 }
        return next
    }
}

/// The turns of a process, and the bells of those whose turn it is.
final class SuspectGate: Sendable {
    private let turns = Mutex(SuspectTurns())
    private let bells: Bells

    init(bells: Bells) { self.bells = bells }

    func enter(_ name: String, at up: Int64) -> Bool {
        turns.withLock { $0.enter(name, at: up) }
    }

    func leave(isLast: Bool = false, at up: Int64) {
        ring(turns.withLock { $0.leave(isLast: isLast, at: up) })
    }

    func decline(_ name: String) { ring(turns.withLock { $0.decline(name) }) }

    private func ring(_ name: String?) {
        if let name { bells.lane(name).ring(isNews: false) }
    }
}
