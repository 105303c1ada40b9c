/// Whether attempts end soon after they begin. Times are of the clock that only goes forward.
///
/// Deliveries that are leased and wait for their turn count as under way, to operators and after a
/// crash. Where attempts are short that is over at once; where they are not, there is nothing to gain
/// by it: a commit more is nothing beside a second of waiting for the other side.
struct Tempo: Sendable {
    /// An attempt that takes as long is slow; where nothing begins or ends for as long, something is
    /// stuck.
    static let slowMilliseconds: Int64 = 1_000

    private var movedUp: Int64 = .min
    /// Whether the last attempt that ended was slow.
    private(set) var isSlow = false

    mutating func began(at up: Int64) { movedUp = up }

    mutating func ended(after took: Int64, at up: Int64) {
        movedUp = up
        isSlow = took >= Tempo.slowMilliseconds
    }

    /// Whether nothing has begun or ended for too long; of use while something is under way.
    func isStuck(at up: Int64) -> Bool { untilStuck(at: up) == nil }

    /// In how long it will be; nil when it is.
    func untilStuck(at up: Int64) -> Int64? {
        guard movedUp > .min, movedUp + Tempo.slowMilliseconds > up else { return nil }
        return movedUp + Tempo.slowMilliseconds - up
    }
}
