/// How late references of a source may be due.
public struct ReferenceLimit: Sendable, Equatable {
    /// The source.
    public var source: String
    /// Now.
    public var atMilliseconds: Int64
    /// The longest wait after so many attempts: at index 0 with none behind it, and so on; the last
    /// one counts for all further ones.
    public var waitsMilliseconds: [Int64]
    /// A reference that is due by so much later at most is left as it is.
    public var toleranceMilliseconds: Int64

    /// Makes a limit.
    public init(
        source: String, atMilliseconds: Int64, waitsMilliseconds: [Int64],
        toleranceMilliseconds: Int64 = 0
    ) {
        self.source = source
        self.atMilliseconds = atMilliseconds
        self.waitsMilliseconds = waitsMilliseconds
        self.toleranceMilliseconds = toleranceMilliseconds
    }

    /// When a reference is to be due; nil when it may stay due when it is.
    public func moved(dueMilliseconds due: Int64, attempts: Int) -> Int64? {
        DueLimit(
            sink: source, atMilliseconds: atMilliseconds, waitsMilliseconds: waitsMilliseconds,
            toleranceMilliseconds: toleranceMilliseconds
        ).moved(dueMilliseconds: due, attempts: attempts, notBeforeMilliseconds: nil)
    }
}
