/// When a folder that changes is read: decided in a value, without I/O.
///
/// One save of an editor is several events, one checkout hundreds. The folder is read when it has
/// been quiet for a moment, and no file is being written that was seen growing and was not closed;
/// but not later than a while after the first event, for a folder that never rests. Times are on the
/// clock that only goes forward (`FlowClock.upMilliseconds`).
struct Settling {
    /// How long nothing must have happened.
    static let quietMilliseconds: Int64 = 150
    /// The longest that a change waits.
    static let mostMilliseconds: Int64 = 3_000

    private var firstMilliseconds: Int64?
    private var lastMilliseconds: Int64 = 0
    private var growing: Set<String> = []

    /// Something happened to a file; `isGrowing` when it was written to and is still open.
    mutating func note(_ path: String, isGrowing: Bool, atMilliseconds now: Int64) {
        firstMilliseconds = firstMilliseconds ?? now
        lastMilliseconds = now
        if isGrowing { growing.insert(path) } else { growing.remove(path) }
    }

    /// How long to wait until the folder is to be read: zero or less for now, nil when nothing
    /// happened.
    func waitMilliseconds(at now: Int64) -> Int64? {
        guard let first = firstMilliseconds else { return nil }
        let latest = first + Settling.mostMilliseconds
        let quiet = growing.isEmpty ? lastMilliseconds + Settling.quietMilliseconds : latest
        return min(quiet, latest) - now
    }

    /// It is being read: what was noted is done with.
    mutating func clear() {
        firstMilliseconds = nil
        growing = []
    }
}
