internal import Foundation
internal import LeadKit

/// A time zone as a list of segments within each of which the wall clock is ahead of UTC by the
/// same offset, so that deciding needs a short search and no calendar.
///
/// Read once from Foundation, which brings the tz database along. Exact from 2000 to 2100; the
/// first and the last segment reach beyond.
struct ZoneOffsets: Sendable, Equatable {
    /// Seconds since 1970 in UTC, and how far ahead the wall clock is.
    struct Segment: Sendable, Equatable {
        /// The first second.
        var start: Int64
        /// The second behind the last.
        var end: Int64
        /// Seconds to add to UTC.
        var offset: Int64
    }

    /// The name in the tz database.
    let identifier: String
    private let segments: [Segment]

    /// 2000-01-01 and 2100-01-01.
    private static let years: Range<Int64> = 946_684_800..<4_102_444_800

    /// Nil unless it is the name of a region, or `UTC`. Abbreviations and fixed offsets such as
    /// `EST` or `GMT+2`, which Foundation would take, say nothing of when clocks change.
    init?(_ identifier: String) {
        guard identifier == "UTC" || identifier.utf8.contains(0x2F),
            let zone = TimeZone(identifier: identifier)
        else { return nil }
        self.identifier = identifier
        segments = ZoneOffsets.segments(of: zone)
    }

    /// Wall clocks that show UTC.
    static let utc = ZoneOffsets(
        identifier: "UTC", segments: [Segment(start: .min, end: .max, offset: 0)])

    private init(identifier: String, segments: [Segment]) {
        self.identifier = identifier
        self.segments = segments
    }

    private static func segments(of zone: TimeZone) -> [Segment] {
        func date(_ seconds: Int64) -> Date { Date(timeIntervalSince1970: Double(seconds)) }
        var result: [Segment] = []
        var start = years.lowerBound
        while true {
            let next = zone.nextDaylightSavingTimeTransition(after: date(start))
                .map { Int64($0.timeIntervalSince1970.rounded()) }
            let end = next.flatMap { $0 < years.upperBound && $0 > start ? $0 : nil }
            result.append(
                Segment(
                    start: result.isEmpty ? .min : start, end: end ?? .max,
                    offset: Int64(zone.secondsFromGMT(for: date(start)))))
            guard let end else { return result }
            start = end
        }
    }

    /// The segment that a second lies in.
    func segment(at seconds: Int64) -> Segment {
        var (low, high) = (0, segments.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if segments[middle].start <= seconds { low = middle } else { high = middle - 1 }
        }
        return segments[low]
    }

    /// Names to suggest for a mistyped one.
    static var known: [String] { TimeZone.knownTimeZoneIdentifiers + ["UTC"] }
}
