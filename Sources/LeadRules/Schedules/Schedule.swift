internal import LeadKit

/// Opening hours: the week, and dates on which it is otherwise.
///
/// A period lies in wall-clock time: an instant is open if a clock on the wall shows a time within
/// a period of that day, or within one of the day before that runs past midnight. So everything
/// but the offset of the zone is arithmetic on wall-clock seconds, and a change of clocks needs no
/// rule of its own.
struct Schedule: Sendable {
    /// Its name, as in `schedule.NAME`.
    var name: String
    /// What the wall clock shows.
    var zone: ZoneOffsets
    /// The periods of each day of the week, Monday first.
    var week: [[Period]]
    /// The periods of dates that differ, by days since 1970; empty for a closed one.
    var dates: [Int64: [Period]]

    /// What `schedule.NAME` says.
    enum State: String, CaseIterable {
        case open
        case closed
    }

    /// Stands in for one that could not be read; the configuration is refused anyway.
    static func unreadable(_ name: String) -> Schedule {
        Schedule(name: name, zone: .utc, week: Array(repeating: [], count: 7), dates: [:])
    }

    static let daySeconds: Int64 = 86_400

    func state(at time: Timestamp) -> State { isOpen(at: time.seconds) ? .open : .closed }

    /// `seconds` since 1970, in UTC.
    func isOpen(at seconds: Int64) -> Bool {
        isOpen(wall: seconds + zone.segment(at: seconds).offset)
    }

    /// The first open second at or after `start` and not after `end`; nil when there is none.
    func firstOpen(from start: Int64, through end: Int64) -> Int64? {
        var start = start
        while start <= end {
            let segment = zone.segment(at: start)
            let last = min(end, segment.end - 1)
            if let wall = firstOpen(wall: start + segment.offset, through: last + segment.offset) {
                return wall - segment.offset
            }
            start = last + 1
        }
        return nil
    }
}

// Wall-clock time: seconds since 1970-01-01T00:00:00 on the wall.
extension Schedule {
    private func periods(ofDay day: Int64) -> [Period] {
        // 1970-01-01 was a Thursday.
        dates[day] ?? week[Int((day + 3).modulo(7))]
    }

    private func isOpen(wall: Int64) -> Bool {
        let day = wall.floorDivided(by: Schedule.daySeconds)
        let second = wall - day * Schedule.daySeconds
        return periods(ofDay: day).contains { $0.holds(second) }
            || periods(ofDay: day - 1).contains { $0.holds(second + Schedule.daySeconds) }
    }

    private func firstOpen(wall start: Int64, through end: Int64) -> Int64? {
        if isOpen(wall: start) { return start }
        var day = start.floorDivided(by: Schedule.daySeconds)
        while day * Schedule.daySeconds <= end {
            let starts = periods(ofDay: day).map { day * Schedule.daySeconds + $0.start }
            if let first = starts.filter({ $0 >= start }).min() {
                return first <= end ? first : nil
            }
            day += 1
        }
        return nil
    }
}

/// A part of a day, in seconds since its midnight on the wall; the end may lie past the next one.
struct Period: Sendable, Equatable {
    /// The first second.
    var start: Int64
    /// The second behind the last.
    var end: Int64

    func holds(_ second: Int64) -> Bool { second >= start && second < end }
    func overlaps(_ other: Period) -> Bool { start < other.end && other.start < end }
}

extension Int64 {
    /// The quotient rounded down, also for negative numbers.
    func floorDivided(by divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }

    /// The remainder of `floorDivided`, from 0.
    func modulo(_ divisor: Int64) -> Int64 { self - floorDivided(by: divisor) * divisor }
}
