internal import LeadKit

/// A sink as routes know it.
struct KnownSink {
    var name: String
    /// The settings that a target may override; nil when the plugin itself is unknown.
    var templates: [SettingInfo]?
}

/// Turns route nodes into routes, recording every mistake with its place.
struct RouteParser {
    var conditions: ConditionParser
    let sinks: [KnownSink]
    private let sinkNumbers: NameIndex
    /// The names below `pools:`.
    var poolNames: Set<String>
    /// Those that were read.
    var pools: [String: Pool] = [:]
    /// Overrides to be compiled as templates: the target and where each setting stands.
    var overrides: [Target: [(name: String, value: SettingNode)]] = [:]
    /// Every target that some route, pool or the default names.
    var targets: Set<Target> = []
    /// The lists of one sink without overrides, by its number.
    private var targetsAlone: [Int: [Target]] = [:]
    /// Schedules, by number, that some route waits for or some member of a pool keeps.
    var usedSchedules: Set<Int> = []

    static let keys = Vocabulary.route.names

    /// Changed in place: a copy for each of a hundred thousand errors would take minutes.
    var problems: SettingProblems {
        get { conditions.problems }
        _modify { yield &conditions.problems }
    }

    init(conditions: ConditionParser, sinks: [KnownSink], poolNames: Set<String>) {
        self.conditions = conditions
        self.sinks = sinks
        sinkNumbers = NameIndex(sinks.map(\.name))
        self.poolNames = poolNames
    }

    /// The routes of one level; `parent` is the full name above, empty at the root.
    mutating func routes(_ nodes: [SettingNode], parent: String) -> [Route] {
        var seen: [String: Position] = Dictionary(minimumCapacity: nodes.count)
        var routes: [Route] = []
        routes.reserveCapacity(nodes.count)
        for node in nodes {
            guard let route = route(node, parent: parent) else { continue }
            // A route without an id is reported already.
            if node["id"] != nil,
                let first = seen.updateValue(route.position, forKey: route.name)
            {
                problems.error(
                    "duplicate-route", at: route.position,
                    "the route '\(route.id)' stands here twice, first at \(first)",
                    help: "give one of them another id")
            }
            routes.append(route)
        }
        return routes
    }

    mutating func matchMode(_ node: SettingNode) -> MatchMode {
        if let mode = node.text.flatMap(MatchMode.init(rawValue:)) { return mode }
        problems.error(
            "bad-value", at: node.position,
            "\(node.text.map { "'\($0)'" } ?? node.kindName) is not 'first' or 'all'")
        return .first
    }

    mutating func fallback(_ node: SettingNode) -> Fallback? {
        guard let entries = node.entries else {
            problems.error(
                "bad-value", at: node.position, "'default' is a map, not \(node.kindName)",
                help: node.text.map { "write 'default: {to: [\($0)]}'" }
                    ?? "write 'default: {to: [SINK]}' or 'default: {hold: REASON}'")
            return nil
        }
        for (name, _) in entries where !Vocabulary.fallback.names.contains(name.text ?? "") {
            unknownKey(name, among: Vocabulary.fallback.names)
        }
        switch (node["to"], node["hold"]) {
        case (let to?, nil): return targets(to).map { .to($0) }
        case (nil, let hold?): return text(hold, of: "hold").map { .hold($0) }
        default:
            problems.error(
                "bad-default", at: node.position, "'default' needs either 'to' or 'hold'",
                help: "write 'to: [SINK]' to send such leads somewhere, or 'hold: REASON'")
            return nil
        }
    }

    private mutating func route(_ node: SettingNode, parent: String) -> Route? {
        guard let entries = node.entries else {
            problems.error(
                "bad-route", at: node.position, "a route is a map, not \(node.kindName)",
                help: "begin it with '- id: NAME'")
            return nil
        }
        let written = RouteEntries(entries)
        // What an unknown key stands for is not missing.
        var meant: Set<String> = []
        for name in written.unknown {
            unknownKey(name, among: RouteParser.keys)
            if let word = Synonyms.routeKeys[name.text ?? ""] { meant.insert(word) }
        }
        let id = id(written.id, of: node, parent: parent, isMeant: meant.contains("id"))
        let name = parent.isEmpty ? id.text : parent + "/" + id.text
        var route = Route(name: name, position: id.position)
        route.condition = condition(
            of: written, at: written.id?.position ?? node.position, named: id.text,
            isMeant: meant.contains("when"))
        route.note = written.note.flatMap { text($0, of: "note") }
        if let disabled = written.disabled {
            route.isDisabled = Bool.decode(disabled, problems: &conditions.problems) ?? false
        }
        readEnds(of: written, into: &route, meant: meant)
        if let children = written.routes {
            route.routes = RouteList(
                match: written.match.map { matchMode($0) } ?? .first,
                routes: list(children).map { routes($0, parent: name) } ?? [])
        } else if let match = written.match {
            problems.error(
                "no-effect", at: match.position, "'match' has no effect without 'routes'",
                help: "remove it, or add the routes below this one")
        }
        return route
    }

    private mutating func id(
        _ id: SettingNode?, of node: SettingNode, parent: String, isMeant: Bool
    ) -> (text: String, position: Position) {
        guard let id else {
            if !isMeant {
                problems.error(
                    "missing-key", at: node.position, "the route has no 'id'",
                    help: "add 'id: NAME'")
            }
            return ("?", node.position)
        }
        let text = id.text ?? ""
        if !RouteParser.isIdentifier(text) {
            problems.error(
                "bad-name", at: id.position, "\(id.shown) is not usable as an id",
                help: RouteParser.nameHelp(text))
        } else if parent.isEmpty, text == "default" {
            problems.error(
                "reserved-name", at: id.position, "'default' is reserved for leads without a route",
                help: "give the route another id")
        }
        return (text, id.position)
    }

    /// Letters, digits, `-` and `_`, ASCII.
    static func isIdentifier(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                    || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
    }

    /// The cure of a name that cannot be one.
    static func nameHelp(_ text: String) -> String {
        "use letters, digits, '-' and '_'"
            + (Slip.identifier(from: text).map { ", such as '\($0)'" } ?? "")
    }

    private mutating func condition(
        of written: RouteEntries, at position: Position, named id: String, isMeant: Bool
    ) -> Condition? {
        switch (written.when, written.always) {
        case (let when?, nil): return conditions.condition(when)
        case (nil, let always?):
            if always.text != "true" {
                problems.error(
                    "bad-value", at: always.position, "'always' can only be 'true'",
                    help: "write 'always: true'; to switch the route off write 'disabled: true'")
            }
        case (.some, let always?):
            problems.error(
                "bad-route", at: always.position, "the route '\(id)' has both 'when' and 'always'",
                help: "remove one of them")
        case (nil, nil) where !isMeant:
            problems.error(
                "missing-key", at: position, "the route '\(id)' has no condition",
                help: "add 'when: {field: value}', or 'always: true' for every lead")
        case (nil, nil): break
        }
        return nil
    }

    private mutating func readEnds(
        of written: RouteEntries, into route: inout Route, meant: Set<String>
    ) {
        if let to = written.to { route.to = targets(to) ?? [] }
        if let alsoTo = written.alsoTo {
            route.alsoTo = targets(alsoTo) ?? []
            refuseHoldingCopies(alsoTo, route.alsoTo)
        }
        if let hold = written.holdUntil {
            route.holdUntil = holdUntil(hold, hasTo: written.to != nil)
        }
        if let drop = written.drop {
            route.drop = text(drop, of: "drop") ?? ""
            if written.to != nil {
                problems.error(
                    "bad-route", at: drop.position, "a route cannot have both 'to' and 'drop'",
                    help: "to keep a copy of a dropped lead write 'also_to'")
            }
        }
        if !written.doesSomething,
            meant.isDisjoint(with: ["to", "also_to", "drop", "routes"])
        {
            problems.error(
                "bad-route", at: route.position, "the route does nothing",
                help: "add 'to: [SINK]', 'also_to: [SINK]', 'drop: REASON' or 'routes:'")
        }
    }

    mutating func text(_ node: SettingNode, of key: String) -> String? {
        guard let text = node.text, !text.trimmed.isEmpty else {
            problems.error("bad-value", at: node.position, "'\(key)' needs a text")
            return nil
        }
        let flags = ["true", "false", "yes", "no", "on", "off"]
        if key != "note", flags.contains(Normalization.folded(text.trimmed)) {
            problems.warning(
                "flag-as-reason", at: node.position,
                "'\(text.trimmed)' is the reason that people will read",
                help: "write why, such as '\(key): test lead'; not to \(key) leads remove the line")
        }
        return text
    }

    private mutating func list(_ node: SettingNode) -> [SettingNode]? {
        guard case .list(let nodes) = node.content, !nodes.isEmpty else {
            let written = if case .list = node.content { "an empty one" } else { node.kindName }
            problems.error(
                "bad-value", at: node.position, "'routes' needs a list of routes, not \(written)",
                help: "begin each route with '- id: NAME'")
            return nil
        }
        return nodes
    }

    mutating func checkKeys(
        _ entries: [(name: SettingNode, value: SettingNode)], among known: [String]
    ) {
        for (name, _) in entries where !known.contains(name.text ?? "") {
            unknownKey(name, among: known)
        }
    }

    private mutating func unknownKey(_ name: SettingNode, among known: [String]) {
        let text = name.text ?? ""
        problems.error(
            "unknown-key", at: name.position, "unknown key '\(text)'",
            help: Synonyms.routeKeys.help(for: text, among: known))
    }
}

// Targets.
extension RouteParser {
    /// A list of targets, or one target without brackets.
    mutating func targets(_ node: SettingNode, allowsPools: Bool = true) -> [Target]? {
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        guard !nodes.isEmpty else {
            problems.error(
                "bad-value", at: node.position, "the list of sinks is empty",
                help: "name at least one sink")
            return nil
        }
        if nodes.count == 1, case .text(let name) = nodes[0].content,
            let number = sinkNumbers[name]
        {
            return alone(number)
        }
        var result: [Target] = []
        for node in nodes {
            guard let target = target(node, allowsPools: allowsPools) else { continue }
            result.append(target)
        }
        return result.count == nodes.count ? result : nil
    }

    /// A sink as the only target, which most routes have: they share one list.
    private mutating func alone(_ number: Int) -> [Target] {
        if let known = targetsAlone[number] { return known }
        let target = Target(sink: sinks[number].name)
        targets.insert(target)
        targetsAlone[number] = [target]
        return [target]
    }

    mutating func target(_ node: SettingNode, allowsPools: Bool) -> Target? {
        let target = readTarget(node, allowsPools: allowsPools)
        if let target { targets.insert(target) }
        return target
    }

    private mutating func readTarget(_ node: SettingNode, allowsPools: Bool) -> Target? {
        switch node.content {
        case .text: return sink(node).map { Target(sink: $0.name) }
        case .list:
            problems.error("bad-value", at: node.position, "a sink's name belongs here, not a list")
            return nil
        case .map(let entries):
            if let name = node["pool"] {
                return pool(name, of: node, isAllowed: allowsPools).map { Target(pool: $0) }
            }
            for (name, _) in entries where !Vocabulary.target.names.contains(name.text ?? "") {
                unknownKey(name, among: Vocabulary.target.names)
            }
            guard let sinkNode = node["sink"] else {
                problems.error(
                    "missing-key", at: node.position, "the target names no sink",
                    help: "write '{sink: NAME, with: {SETTING: TEXT}}'")
                return nil
            }
            guard let sink = sink(sinkNode) else { return nil }
            return target(sink, with: node["with"])
        }
    }

    private mutating func sink(_ node: SettingNode) -> KnownSink? {
        let name = node.text ?? ""
        if let number = sinkNumbers[name] { return sinks[number] }
        problems.error(
            "undefined-sink", at: node.position,
            node.text == nil
                ? "a sink's name belongs here, not \(node.kindName)" : "there is no sink '\(name)'",
            help: sinkHelp(name))
        return nil
    }

    private mutating func pool(
        _ name: SettingNode, of node: SettingNode, isAllowed: Bool
    ) -> String? {
        checkKeys(node.entries ?? [], among: ["pool"])
        guard isAllowed else {
            problems.error(
                "bad-pool", at: name.position, "a pool sends to sinks, not to another pool",
                help: "name a sink")
            return nil
        }
        if let text = name.text, poolNames.contains(text) { return text }
        problems.error(
            "undefined-pool", at: name.position, "there is no pool '\(name.text ?? "")'",
            help: Nearest.help(for: name.text ?? "", among: poolNames)
                ?? "define it below 'pools:'")
        return nil
    }

    private func sinkHelp(_ name: String) -> String? {
        if poolNames.contains(name) { return "'\(name)' is a pool; write '{pool: \(name)}'" }
        let known = sinkNumbers.names
        let parts = name.utf8.split(separator: 0x2C)
            .map { String(decoding: $0, as: UTF8.self).trimmed }
        let words =
            Slip.dashedItems(name) ?? name.utf8.split(separator: 0x20).map { String($0) ?? "" }
        if !words.isEmpty, words.allSatisfy(known.contains) {
            return words.count > 1
                ? "write a list in brackets: [\(words.joined(separator: ", "))]"
                : "write '\(words[0])'"
        }
        if parts.count > 1 {
            return "write a list in brackets: [\(parts.joined(separator: ", "))]"
        }
        if name.utf8.contains(0x40) {
            return "an address belongs into a sink below 'sinks:', as 'to: \(name)'; its name here"
        }
        if let clean = Slip.identifier(from: name), known.contains(clean) {
            return "write '\(clean)'"
        }
        return Nearest.help(for: name, among: known)
    }

    private mutating func target(_ sink: KnownSink, with node: SettingNode?) -> Target? {
        guard let node else { return Target(sink: sink.name) }
        guard let entries = node.entries, !entries.isEmpty else {
            problems.error(
                "bad-value", at: node.position, "'with' needs a map of settings",
                help: "write 'with: {subject: TEXT}'")
            return nil
        }
        var settings: [(name: String, value: SettingNode)] = []
        for (name, value) in entries {
            let text = name.text ?? ""
            guard let known = sink.templates else { continue }
            guard known.contains(where: { $0.name == text }) else {
                problems.error(
                    "unknown-setting", at: name.position,
                    "'\(text)' of sink '\(sink.name)' cannot be overridden here",
                    help: Nearest.help(for: text, among: known.map(\.name))
                        ?? "only settings that are filled in for each lead can")
                continue
            }
            settings.append((text, value))
        }
        settings.sort { $0.name < $1.name }
        var writer = JSONWriter()
        writer.object { writer in
            for (name, value) in settings {
                writer.name(name)
                RouteParser.write(value, to: &writer)
            }
        }
        let target = Target(sink: sink.name, with: writer.text)
        overrides[target] = settings
        return target
    }

    private static func write(_ node: SettingNode, to writer: inout JSONWriter) {
        switch node.content {
        case .text(let text): writer.string(text)
        case .list(let nodes):
            writer.array { writer in for node in nodes { write(node, to: &writer) } }
        case .map(let entries):
            writer.object { writer in
                for (name, value) in entries {
                    writer.name(name.text ?? "")
                    write(value, to: &writer)
                }
            }
        }
    }
}
