internal import LeadKit

/// Turns an entry of `schedules:` into a schedule, recording every mistake with its place.
struct ScheduleParser {
    var problems = SettingProblems()
    /// Zones read so far: many schedules share one.
    private var zones: [String: ZoneOffsets] = [:]

    /// Nil when something is wrong with it.
    mutating func schedule(named name: String, at place: Position, _ node: SettingNode) -> Schedule?
    {
        guard let entries = node.entries else {
            problems.error(
                "bad-value", at: node.position,
                "a schedule is a map with 'time_zone' and 'open', not \(node.kindName)")
            return nil
        }
        for (key, _) in entries where !Vocabulary.schedule.names.contains(key.text ?? "") {
            let text = key.text ?? ""
            problems.error(
                "unknown-key", at: key.position, "unknown key '\(text)'",
                help: Synonyms.scheduleKeys.help(for: text, among: Vocabulary.schedule.names))
        }
        guard let zoneNode = node["time_zone"], let open = node["open"] else {
            let isZone = node["time_zone"] == nil
            problems.error(
                "missing-key", at: place,
                "the schedule '\(name)' has no '\(isZone ? "time_zone" : "open")'",
                help: isZone
                    ? "add 'time_zone: Europe/Rome', or the zone that its clock shows"
                    : "add 'open: {mon-fri: \"09:00-18:00\"}'")
            return nil
        }
        let zone = timeZone(zoneNode)
        let week = week(open)
        let dates = dates(closed: node["closed"], special: node["special"])
        guard let zone, let week, let dates else { return nil }
        return Schedule(name: name, zone: zone, week: week, dates: dates)
    }

    /// A time zone by its name.
    mutating func timeZone(_ node: SettingNode) -> ZoneOffsets? {
        let name = node.text ?? ""
        if let known = zones[name] { return known }
        if let zone = ZoneOffsets(name) {
            zones[name] = zone
            return zone
        }
        problems.error(
            "bad-value", at: node.position,
            "\(node.text.map { "'\($0)'" } ?? node.kindName) is not the name of a time zone",
            help: Nearest.name(to: name, among: ZoneOffsets.known).map { "did you mean '\($0)'?" }
                ?? "write region and city, such as 'Europe/Rome' or 'America/New_York'")
        return nil
    }

    /// `open:`, Monday first.
    private mutating func week(_ node: SettingNode) -> [[Period]]? {
        guard let entries = node.entries, !entries.isEmpty else {
            problems.error(
                "bad-value", at: node.position,
                "'open' needs days with their periods, not \(node.entries == nil ? node.kindName : "an empty map")",
                help: "write 'open: {mon-fri: \"09:00-18:00\"}'")
            return nil
        }
        var week = Array(repeating: [Period](), count: 7)
        var places = [Position?](repeating: nil, count: 7)
        var isGood = true
        for (name, value) in entries {
            let days = days(name)
            let periods = periods(value)
            guard let days, let periods else {
                isGood = false
                continue
            }
            for day in days {
                if let first = places[day] {
                    problems.error(
                        "duplicate-day", at: name.position,
                        "'\(Weekday.names[day])' stands here twice, first at \(first)",
                        help: "write all its periods in one list")
                    isGood = false
                }
                places[day] = name.position
                week[day] = periods
            }
        }
        return isGood ? week : nil
    }

    private mutating func days(_ node: SettingNode) -> [Int]? {
        do {
            return try Weekday.days(node.text ?? "")
        } catch {
            problems.error(
                "bad-value", at: node.position, "'\(error.text)' is not a day of the week",
                help: ScheduleSlip.days(node.text ?? "") ?? Nearest.name(
                    to: error.text, among: Weekday.names
                ).map { "did you mean '\($0)'?" }
                    ?? "write mon, tue, wed, thu, fri, sat or sun; 'mon-fri' for several")
            return nil
        }
    }

    /// One period, a list of them, or `closed`.
    private mutating func periods(_ node: SettingNode) -> [Period]? {
        if node.text?.trimmed == "closed" { return [] }
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        guard !nodes.isEmpty else {
            problems.error(
                "bad-value", at: node.position, "the list of periods is empty",
                help: "write 'closed' for a day on which nothing is open")
            return nil
        }
        var periods: [Period] = []
        for node in nodes {
            guard let period = node.text.flatMap({ Period($0) }) else {
                problems.error(
                    "bad-value", at: node.position,
                    "\(node.text.map { "'\($0)'" } ?? node.kindName) is not a period",
                    help: node.text.flatMap(ScheduleSlip.period)
                        ?? "write it as '09:00-18:00'; the whole day is '00:00-24:00'")
                continue
            }
            if let other = periods.first(where: { $0.overlaps(period) }) {
                problems.error(
                    "bad-value", at: node.position,
                    "the period '\(node.text ?? "")' overlaps '\(other.text)'",
                    help: "join them, or move one")
            }
            periods.append(period)
        }
        return periods.count == nodes.count ? periods : nil
    }
}

// Dates.
extension ScheduleParser {
    /// The periods of dates that differ from the week: `closed` ones, and those of `special`. A
    /// single date counts before a day of every year.
    private mutating func dates(
        closed: SettingNode?, special: SettingNode?
    ) -> [Int64: [Period]]? {
        var found: [(span: DateSpan, periods: [Period], at: Position)] = []
        let isGood = readClosed(closed, into: &found)
        guard readSpecial(special, into: &found), isGood else { return nil }
        return united(found)
    }

    private mutating func readClosed(
        _ node: SettingNode?, into found: inout [(span: DateSpan, periods: [Period], at: Position)]
    ) -> Bool {
        guard let node else { return true }
        if node.entries != nil {
            problems.error(
                "bad-value", at: node.position, "'closed' needs a list of dates, not a map",
                help: "dates with their own hours go below 'special'")
            return false
        }
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        let spans = nodes.compactMap { node in span(node).map { ($0, node.position) } }
        found += spans.map { (span: $0, periods: [], at: $1) }
        return spans.count == nodes.count
    }

    private mutating func readSpecial(
        _ node: SettingNode?, into found: inout [(span: DateSpan, periods: [Period], at: Position)]
    ) -> Bool {
        guard let node else { return true }
        guard let entries = node.entries else {
            problems.error(
                "bad-value", at: node.position,
                "'special' needs dates with their periods, not \(node.kindName)",
                help: "write 'special: {\"2025-12-24\": \"09:00-12:00\"}'")
            return false
        }
        var isGood = true
        for (name, value) in entries {
            let span = span(name)
            let periods = periods(value)
            guard let span, let periods else {
                isGood = false
                continue
            }
            found.append((span, periods, name.position))
        }
        return isGood
    }

    private mutating func span(_ node: SettingNode) -> DateSpan? {
        if let span = node.text.flatMap({ DateSpan($0) }) { return span }
        problems.error(
            "bad-value", at: node.position,
            "\(node.text.map { "'\($0)'" } ?? node.kindName) is not a date",
            help: node.text.flatMap(ScheduleSlip.date)
                ?? "write '2025-12-25', a range '2026-01-01..2026-01-06', or '12-25' for every year"
        )
        return nil
    }

    private mutating func united(
        _ found: [(span: DateSpan, periods: [Period], at: Position)]
    ) -> [Int64: [Period]]? {
        var result: [Int64: [Period]] = [:]
        var isGood = true
        for isYearly in [true, false] {
            var places: [Int64: (periods: [Period], at: Position)] = [:]
            for (span, periods, place) in found where span.isYearly == isYearly {
                for day in span.days {
                    // The same said twice does no harm.
                    if let first = places[day], first.periods != periods {
                        problems.error(
                            "duplicate-date", at: place,
                            "\(Timestamp(seconds: day * Schedule.daySeconds).dateText) stands "
                                + "here twice, first at \(first.at)", help: "remove one of them")
                        isGood = false
                        break
                    }
                    places[day] = (periods, place)
                    result[day] = periods
                }
            }
        }
        return isGood ? result : nil
    }
}
