internal import LeadKit

/// `hold_until` of a route: its deliveries wait for a schedule to open.
struct HoldUntil: Sendable {
    /// The schedule, by number.
    var schedule: Int
    /// The longest wait, in seconds.
    var atMostSeconds: Int64
    /// Who gets the lead at once when it would have to wait longer; nil: it waits no longer.
    var then: [Target]?

    /// What the `to` of the route becomes at a moment.
    struct Plan: Sendable {
        var targets: [Target]
        /// Nil for at once.
        var notBefore: Timestamp?
        /// One line for the explanation.
        var reason: String
    }

    func plan(for targets: [Target], at now: Timestamp, schedules: [Schedule]) -> Plan {
        let schedule = schedules[schedule]
        let latest = now.seconds + atMostSeconds
        guard let opening = schedule.firstOpen(from: now.seconds, through: latest) else {
            let closed = "schedule '\(schedule.name)' does not open within \(text)"
            guard let then else {
                return Plan(
                    targets: targets, notBefore: Timestamp(seconds: latest),
                    reason: closed + ", waits until \(Timestamp(seconds: latest).text)")
            }
            let names = then.map(\.shown).joined(separator: ", ")
            return Plan(targets: then, reason: closed + ", to \(names) at once")
        }
        guard opening > now.seconds else {
            return Plan(targets: targets, reason: "schedule '\(schedule.name)' is open")
        }
        let time = Timestamp(seconds: opening)
        return Plan(
            targets: targets, notBefore: time,
            reason: "schedule '\(schedule.name)' is closed, waits until \(time.text)")
    }

    /// `at_most`, as it might be written.
    private var text: String {
        for (seconds, unit) in [(86_400, "d"), (3600, "h"), (60, "m")] as [(Int64, String)]
        where atMostSeconds % seconds == 0 {
            return "\(atMostSeconds / seconds)\(unit)"
        }
        return "\(atMostSeconds)s"
    }
}

// `{schedule: NAME, at_most: 16h, then: [TARGET]}`
extension RouteParser {
    mutating func holdUntil(_ node: SettingNode, hasTo: Bool) -> HoldUntil? {
        guard let entries = node.entries else {
            problems.error(
                "bad-value", at: node.position, "'hold_until' is a map, not \(node.kindName)",
                help: "write 'hold_until: {schedule: NAME, at_most: 16h, then: [SINK]}'")
            return nil
        }
        checkKeys(entries, among: Vocabulary.holdUntil.names)
        if !hasTo {
            problems.error(
                "no-effect", at: node.position, "'hold_until' has no effect without 'to'",
                help: "write it beside the 'to' whose deliveries wait; copies never do")
        }
        let then = node["then"].flatMap { targets($0) }
        guard let name = node["schedule"], let atMost = node["at_most"] else {
            let missing = node["schedule"] == nil ? "schedule" : "at_most"
            problems.error(
                "missing-key", at: node.position, "'hold_until' has no '\(missing)'",
                help: missing == "schedule"
                    ? "add 'schedule: NAME'" : "add 'at_most: 16h', the longest that a lead waits")
            return nil
        }
        let number = scheduleNumber(name)
        let seconds = seconds(
            atMost, of: "at_most", from: 60, through: 90 * Schedule.daySeconds)
        guard let number, let seconds else { return nil }
        return HoldUntil(schedule: number, atMostSeconds: seconds, then: then)
    }

    /// A schedule that is used, by number.
    mutating func scheduleNumber(_ node: SettingNode) -> Int? {
        let number = conditions.scope.schedule(node, problems: &conditions.problems)
        if let number { usedSchedules.insert(number) }
        return number
    }

    /// A duration within bounds, in seconds.
    mutating func seconds(
        _ node: SettingNode, of key: String, from least: Int64, through most: Int64
    ) -> Int64? {
        guard let duration = Duration.decode(node, problems: &conditions.problems) else {
            return nil
        }
        let seconds = duration.components.seconds
        if seconds >= least, seconds <= most { return seconds }
        problems.error(
            "bad-value", at: node.position,
            "'\(key)' must be from \(least / 60)m to \(most / Schedule.daySeconds)d",
            help: seconds < least
                ? "write \(least / 60)m or more" : "write \(most / Schedule.daySeconds)d or less")
        return nil
    }
}
