internal import Foundation

/// Time as the loops see it, behind a protocol so that tests need not wait.
public protocol FlowClock: Sendable {
    /// Milliseconds since 1970 in UTC.
    func nowMilliseconds() -> Int64
    /// Milliseconds since some time, on a clock that only goes forward and that nobody sets.
    var upMilliseconds: Int64 { get }
    /// Waits; throws when cancelled.
    func sleep(for duration: Duration) async throws
    /// Calls `ring` once after the time, unless it is cancelled before; it may be called all the
    /// same when that is at the same moment.
    func alarm(after duration: Duration, _ ring: @escaping @Sendable () -> Void) -> Alarm
    /// The longest that a loop rests before it looks at the wall clock again, which may have
    /// jumped: it bounds how late a due delivery is noticed then.
    var longestRest: Duration { get }
}

extension FlowClock {
    /// The wall, for a clock that is never set.
    public var upMilliseconds: Int64 { nowMilliseconds() }

    /// Five seconds.
    public var longestRest: Duration { .seconds(5) }

    /// Sleeps in a task of its own.
    public func alarm(after duration: Duration, _ ring: @escaping @Sendable () -> Void) -> Alarm {
        // Ends after the time, or when the alarm is cancelled; what it does nobody waits for.
        let task = Task {
            do { try await sleep(for: duration) } catch { return }
            ring()
        }
        return Alarm { task.cancel() }
    }
}

/// A call that is still to come, and how it is cancelled.
public struct Alarm: Sendable {
    /// Cancels it; harmless when it was made already.
    public let cancel: @Sendable () -> Void

    /// Makes one.
    public init(cancel: @escaping @Sendable () -> Void) { self.cancel = cancel }
}

/// The machine's time.
public struct SystemClock: FlowClock {
    private static let start = ContinuousClock.now

    /// Makes a clock.
    public init() {}

    /// Milliseconds since the first reading, time in which the machine slept included.
    public var upMilliseconds: Int64 { (ContinuousClock.now - SystemClock.start).milliseconds }

    /// Milliseconds since 1970 in UTC.
    public func nowMilliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    /// Waits on the monotonic clock: a jump of the wall clock does not lengthen it.
    public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

extension Duration {
    /// Whole milliseconds.
    public var milliseconds: Int64 {
        Int64(attoseconds / 1_000_000_000_000_000)
    }
}
