internal import LeadKit

// Pools: their members are targets, so the reader of targets reads them.
extension RouteParser {

    /// An entry of `pools:`; nil when something is wrong with it.
    mutating func pool(named name: String, at place: Position, _ node: SettingNode) -> Pool? {
        guard let entries = node.entries else {
            problems.error(
                "bad-value", at: node.position,
                "a pool is a map with 'members' and 'fallback', not \(node.kindName)")
            return nil
        }
        checkKeys(entries, among: Vocabulary.pool.names)
        let choose = choice(node["choose"], of: "choose", default: Pool.Choice.roundRobin)
        let members = members(node["members"], of: name, at: place, isWeighted: choose == .weighted)
        let zone = zone(node, members: members ?? [])
        let whenFull = choice(node["when_full"], of: "when_full", default: Pool.WhenFull.next)
        let whenNobody = whenNobody(node, name, at: place, whenFull: whenFull)
        if let whenFull = node["when_full"], members?.allSatisfy({ $0.caps.isEmpty }) ?? false {
            problems.warning(
                "no-effect", at: whenFull.position, "'when_full' has no effect without caps",
                help: "give the members 'caps: {day: 20}', or remove it")
        }
        guard let choose, let members, let zone, let whenFull, let whenNobody else { return nil }
        return Pool(
            name: name, choose: choose, members: members,
            sticky: node["sticky"].flatMap { readSticky($0) }, zone: zone,
            whenFull: whenFull, whenNobody: whenNobody)
    }

    private mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ node: SettingNode?, of key: String, default fallback: Choice
    ) -> Choice? {
        guard let node else { return fallback }
        if let choice = node.text.flatMap(Choice.init(rawValue:)) { return choice }
        let known = Choice.allCases.map(\.rawValue)
        problems.error(
            "bad-value", at: node.position, "\(node.shown) is not a value of '\(key)'",
            help: Nearest.help(for: node.text ?? "", among: known))
        return nil
    }

    private mutating func whenNobody(
        _ node: SettingNode, _ name: String, at place: Position, whenFull: Pool.WhenFull?
    ) -> Pool.WhenNobody? {
        switch (node["fallback"], node["hold"]) {
        case (let fallback?, nil):
            return targets(fallback, allowsPools: false).map { .fallback($0) }
        case (nil, let hold?):
            if whenFull == .fallback, let whenFull = node["when_full"] {
                problems.error(
                    "bad-pool", at: whenFull.position,
                    "'when_full: fallback' needs a 'fallback', and the pool has 'hold'",
                    help: "write 'when_full: hold', or 'fallback: [SINK]' instead of 'hold'")
            }
            return text(hold, of: "hold").map { .hold($0) }
        case (.some, let hold?):
            problems.error(
                "bad-pool", at: hold.position, "the pool '\(name)' has both 'fallback' and 'hold'",
                help: "remove one of them")
        case (nil, nil):
            problems.error(
                "missing-key", at: place,
                "the pool '\(name)' does not say who gets a lead when nobody is left",
                help: "add 'fallback: [SINK]', or 'hold: REASON' to hold it")
        }
        return nil
    }

    private mutating func readSticky(_ node: SettingNode) -> Pool.Sticky? {
        let help = "write 'sticky: {by: [email], for: 90d}'"
        guard let entries = node.entries else {
            problems.error(
                "bad-value", at: node.position, "'sticky' is a map, not \(node.kindName)",
                help: help)
            return nil
        }
        checkKeys(entries, among: Vocabulary.sticky.names)
        guard let by = node["by"], let duration = node["for"] else {
            problems.error(
                "missing-key", at: node.position, "'sticky' needs 'by' and 'for'", help: help)
            return nil
        }
        let nodes: [SettingNode] = if case .list(let list) = by.content { list } else { [by] }
        let names = nodes.compactMap {
            conditions.scope.leadName($0, problems: &conditions.problems)
        }
        let seconds = seconds(duration, of: "for", from: 60, through: 1000 * Schedule.daySeconds)
        guard !nodes.isEmpty else {
            problems.error("bad-value", at: by.position, "'by' names no field", help: help)
            return nil
        }
        guard let seconds, names.count == nodes.count else { return nil }
        return Pool.Sticky(names: names, forSeconds: seconds)
    }

    /// The zone of the caps; UTC when none counts by the calendar.
    private mutating func zone(_ node: SettingNode, members: [Pool.Member]) -> ZoneOffsets? {
        if let zone = node["time_zone"] {
            var parser = ScheduleParser()
            defer { for diagnostic in parser.problems.diagnostics { problems.add(diagnostic) } }
            return parser.timeZone(zone)
        }
        for member in members {
            guard let cap = member.caps.first(where: { $0.period != .hour }) else { continue }
            problems.error(
                "missing-key", at: member.position,
                "'\(member.name)' has a cap a \(cap.period), and the pool has no 'time_zone'",
                help: "add 'time_zone: Europe/Rome' to the pool, or the zone where its days begin")
            return nil
        }
        return .utc
    }
}

// Members.
extension RouteParser {
    private mutating func members(
        _ node: SettingNode?, of pool: String, at place: Position, isWeighted: Bool
    ) -> [Pool.Member]? {
        guard let node else {
            problems.error(
                "missing-key", at: place, "the pool '\(pool)' has no 'members'",
                help: "add 'members:' and below it one '- {name: NAME, to: SINK}' for each")
            return nil
        }
        guard case .list(let nodes) = node.content, !nodes.isEmpty else {
            problems.error(
                "bad-value", at: node.position, "'members' needs a list of members",
                help: "begin each with '- {name: NAME, to: SINK}'")
            return nil
        }
        var members: [Pool.Member] = []
        for node in nodes {
            guard let member = member(node, isWeighted: isWeighted) else { continue }
            if let first = members.first(where: { $0.name == member.name }) {
                problems.error(
                    "duplicate-member", at: member.position,
                    "the member '\(member.name)' stands here twice, first at \(first.position)",
                    help: "give each a 'name' of its own")
            }
            members.append(member)
        }
        return members.count == nodes.count ? members : nil
    }

    private mutating func member(_ node: SettingNode, isWeighted: Bool) -> Pool.Member? {
        guard let entries = node.entries else {
            // A sink's name alone.
            return target(node, allowsPools: false).map {
                Pool.Member(name: $0.sink, target: $0, position: node.position)
            }
        }
        checkKeys(entries, among: Vocabulary.member.names)
        guard let to = node["to"] else {
            problems.error(
                "missing-key", at: node.position, "the member has no 'to'",
                help: "add 'to: SINK' or 'to: {sink: SINK, with: {SETTING: TEXT}}'")
            return nil
        }
        let target = target(to, allowsPools: false)
        let name = memberName(node["name"])
        let weight = readWeight(node["weight"], isWeighted: isWeighted)
        // Whatever is wrong below is recorded, and refuses the configuration.
        let schedule = node["schedule"].flatMap { scheduleNumber($0) }
        let caps = node["caps"].flatMap { readCaps($0) } ?? []
        let isDisabled =
            node["disabled"].flatMap { Bool.decode($0, problems: &conditions.problems) } ?? false
        guard let target, let name, let weight else { return nil }
        return Pool.Member(
            name: name.isEmpty ? target.sink : name, target: target, weight: weight,
            schedule: schedule, caps: caps, isDisabled: isDisabled,
            position: node["name"]?.position ?? node.position)
    }

    /// Empty when there is none.
    private mutating func memberName(_ node: SettingNode?) -> String? {
        guard let node else { return "" }
        if let name = node.text, RouteParser.isIdentifier(name) { return name }
        problems.error(
            "bad-name", at: node.position,
            "\(node.text.map { "'\($0)'" } ?? node.kindName) is not usable as a name",
            help: "use letters, digits, '-' and '_'")
        return nil
    }

    private mutating func readWeight(_ node: SettingNode?, isWeighted: Bool) -> Int64? {
        guard let node else { return 1 }
        guard let weight = Int.decode(node, problems: &conditions.problems) else { return nil }
        guard (1...1000).contains(weight) else {
            problems.error(
                "bad-value", at: node.position, "'weight' must be from 1 to 1000",
                help: "to leave a member out write 'disabled: true'")
            return nil
        }
        if !isWeighted {
            problems.warning(
                "no-effect", at: node.position, "'weight' counts only with 'choose: weighted'",
                help: "add 'choose: weighted' to the pool, or remove the weight")
        }
        return Int64(weight)
    }

    private mutating func readCaps(_ node: SettingNode) -> [Pool.Cap]? {
        guard let entries = node.entries, !entries.isEmpty else {
            problems.error(
                "bad-value", at: node.position,
                "'caps' needs a map with 'hour', 'day' or 'month'", help: "write 'caps: {day: 20}'")
            return nil
        }
        checkKeys(entries, among: Vocabulary.caps.names)
        var caps: [Pool.Cap] = []
        var isGood = true
        for period in CapPeriod.allCases {
            guard let node = node[period.rawValue] else { continue }
            guard let most = Int.decode(node, problems: &conditions.problems) else {
                isGood = false
                continue
            }
            if most < 1 {
                problems.error(
                    "bad-value", at: node.position, "a cap is at least 1",
                    help: "to leave a member out write 'disabled: true'")
                isGood = false
            }
            caps.append(Pool.Cap(period: period, most: most))
        }
        return isGood ? caps : nil
    }
}

extension RouteParser {
    /// A copy holds nothing up, so a pool that may hold cannot give one to anybody.
    mutating func refuseHoldingCopies(_ node: SettingNode, _ copies: [Target]) {
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        guard copies.count == nodes.count else { return }
        for (target, node) in zip(copies, nodes) {
            guard let pool = target.pool.flatMap({ pools[$0] }), pool.canHold else { continue }
            problems.error(
                "bad-pool", at: node.position,
                "the pool '\(pool.name)' may hold a lead, and a copy cannot be held",
                help: "give the pool a 'fallback' and no 'hold', or send to it with 'to'")
        }
    }
}
