internal import LeadKit

/// Reads a file of rule tests, recording every mistake with its place.
struct RuleTestParser {
    let ruleSet: RuleSet
    /// Reads what `lead`, `graph` and `file` say.
    var leads: RuleTestLeads
    /// What is wrong with the file as a whole.
    var problems = SettingProblems()
    private(set) var tests: [RuleTest] = []
    private(set) var unreadable: [UnreadableTest] = []
    /// What is surprising in tests that can be run.
    private(set) var warnings: [Diagnostic] = []
    /// The clock of tests that do not set it.
    private var fileNow = RuleTest.defaultNow
    private let known: KnownNames

    /// What expectations may name.
    private struct KnownNames {
        var routes: [String]
        var parents: Set<String> = []
        var sinks: [String]
    }

    static let fileKeys = Vocabulary.testFile.names
    static let testKeys = Vocabulary.test.names
    static let expectKeys = Vocabulary.expect.names

    init(ruleSet: RuleSet, files: any ConfigurationFiles, path: String) {
        self.ruleSet = ruleSet
        leads = RuleTestLeads(ruleSet: ruleSet, files: files, path: path)
        var known = KnownNames(routes: [], sinks: ruleSet.namedSinks)
        ruleSet.routes.forEach { path in
            known.routes.append(path.route.name)
            if !path.route.decidesItself { known.parents.insert(path.route.name) }
        }
        self.known = known
    }

    mutating func readFile(_ root: SettingNode) {
        guard let entries = root.entries else {
            problems.error(
                "bad-file", at: root.position, "a file of tests is a map, not \(root.kindName)",
                help: "begin with 'tests:'")
            return
        }
        for (name, _) in entries {
            RuleTestParser.check(name, among: RuleTestParser.fileKeys, &problems)
        }
        if let node = root["now"], let now = RuleTestParser.time(node, &problems) { fileNow = now }
        guard let node = root["tests"] else {
            problems.error(
                "missing-key", at: root.position, "the file has no 'tests'",
                help: "write 'tests:' and below it '- name: …' for each test")
            return
        }
        guard case .list(let nodes) = node.content else {
            problems.error(
                "bad-value", at: node.position, "'tests' needs a list, not \(node.kindName)",
                help: "begin each test with '- name: …'")
            return
        }
        var seen: [[UInt8]: Position] = [:]
        for node in nodes { readTest(node, seen: &seen) }
    }

    private mutating func readTest(_ node: SettingNode, seen: inout [[UInt8]: Position]) {
        var found = SettingProblems()
        let test = test(node, &found)
        let position = node["name"]?.position ?? node.position
        let name = node["name"]?.text ?? "a test without a name"
        if test != nil, let first = seen.updateValue(position, forKey: Array(name.utf8)) {
            found.error(
                "duplicate-test", at: position, "this name stands here twice, first at \(first)",
                help: "say in the name what this test proves beside the other")
        }
        guard let test, !found.hasErrors else {
            unreadable.append(
                UnreadableTest(name: name, position: position, diagnostics: found.diagnostics))
            return
        }
        warnings += found.diagnostics
        tests.append(test)
    }

    private mutating func test(_ node: SettingNode, _ found: inout SettingProblems) -> RuleTest? {
        guard let entries = node.entries else {
            found.error(
                "bad-test", at: node.position, "a test is a map, not \(node.kindName)",
                help: "begin it with '- name: …'")
            return nil
        }
        for (name, _) in entries {
            RuleTestParser.check(name, among: RuleTestParser.testKeys, &found)
        }
        let name = node["name"].flatMap { String.decode($0, problems: &found) }
        if node["name"] == nil {
            found.error(
                "missing-key", at: node.position, "the test has no 'name'",
                help: "add 'name:' with the sentence that the test proves")
        }
        let now = node["now"].flatMap { RuleTestParser.time($0, &found) } ?? fileNow
        let received =
            node["received_time"].flatMap { RuleTestParser.time($0, &found) } ?? now
        let source = node["source"].flatMap { String.decode($0, problems: &found) }
        let reader = LeadReader(
            source: source ?? RuleTest.defaultSource, receivedTime: received)
        let isDuplicate =
            node["duplicate"].flatMap { Bool.decode($0, problems: &found) } ?? false
        let lead = leads.lead(of: node, reader: reader, &found)
        let expectations = expectations(of: node, &found)
        guard let name, let lead, let expectations, !found.hasErrors else { return nil }
        return RuleTest(
            name: name, position: node["name"]?.position ?? node.position, now: now, lead: lead,
            isDuplicate: isDuplicate, expectations: expectations)
    }

    static func check(_ name: SettingNode, among keys: [String], _ found: inout SettingProblems) {
        let text = name.text ?? ""
        guard !keys.contains(text) else { return }
        found.error(
            "unknown-key", at: name.position, "unknown key '\(text)'",
            help: Nearest.help(for: text, among: keys))
    }

    static func time(_ node: SettingNode, _ found: inout SettingProblems) -> Timestamp? {
        if let time = node.text.flatMap({ Timestamp($0) }) { return time }
        found.error(
            "bad-value", at: node.position, "\(node.shown) is not a time",
            help: "write '2025-10-09T08:00:00Z'")
        return nil
    }
}

// Expectations.
extension RuleTestParser {
    private mutating func expectations(
        of test: SettingNode, _ found: inout SettingProblems
    ) -> [Expectation]? {
        guard let node = test["expect"] else {
            found.error(
                "missing-key", at: test["name"]?.position ?? test.position,
                "the test expects nothing",
                help: "add 'expect:' with 'outcome', 'route' or 'to'")
            return nil
        }
        guard let entries = node.entries, !entries.isEmpty else {
            found.error(
                "bad-value", at: node.position, "'expect' needs a map of what must happen",
                help: "write 'expect: {outcome: routed, route: ROUTE}'")
            return nil
        }
        var result: [Expectation] = []
        for (name, value) in entries {
            let key = name.text ?? ""
            RuleTestParser.check(name, among: RuleTestParser.expectKeys, &found)
            result += expectation(key, value, &found).map {
                Expectation(key: key, position: value.position, wanted: $0)
            }
            if key == "rendered" { result += rendered(value, &found) }
            if key == "members" { result += members(value, &found) }
        }
        if node["route"] != nil, let routes = node["routes"] {
            found.error(
                "bad-value", at: routes.position, "'route' and 'routes' say the same",
                help: "remove one of them")
        }
        return result
    }

    private func expectation(
        _ key: String, _ value: SettingNode, _ found: inout SettingProblems
    ) -> [Expectation.Wanted] {
        switch key {
        case "outcome":
            if let outcome = value.text.flatMap(Decision.Outcome.init(rawValue:)) {
                return [.outcome(outcome)]
            }
            let outcomes = Decision.Outcome.allCases.map(\.rawValue)
            found.error(
                "bad-value", at: value.position, "\(value.shown) is not an outcome",
                help: Nearest.help(for: value.text ?? "", among: outcomes))
            return []
        case "route", "routes": return routes(key, value, &found)
        case "to", "also_to":
            return texts(value, &found).map { nodes in
                for node in nodes { warn(ofSink: node, &found) }
                return [.sinks(nodes.compactMap(\.text), copies: key == "also_to")]
            } ?? []
        case "reason": return String.decode(value, problems: &found).map { [.reason($0)] } ?? []
        case "fails":
            return texts(value, &found).map { nodes in
                for node in nodes { warn(ofSink: node, &found) }
                return [.fails(nodes.compactMap(\.text))]
            } ?? []
        case "not_before":
            if value.text == "none" { return [.notBefore(nil)] }
            return RuleTestParser.time(value, &found).map { [.notBefore($0)] } ?? []
        default: return []
        }
    }

    /// `members: {POOL: MEMBER}`; `none` for the pool's fallback.
    private func members(
        _ node: SettingNode, _ found: inout SettingProblems
    ) -> [Expectation] {
        guard let pools = node.entries, !pools.isEmpty else {
            found.error(
                "bad-value", at: node.position, "'members' needs a map of pools",
                help: "write 'members: {POOL: MEMBER}'")
            return []
        }
        return pools.compactMap { name, value in
            guard let member = String.decode(value, problems: &found) else { return nil }
            let pool = name.text ?? ""
            warn(ofMember: member, at: value.position, of: pool, name, &found)
            return Expectation(
                key: "members \(pool)", position: value.position,
                wanted: .member(pool: pool, member: member == "none" ? nil : member))
        }
    }

    private func warn(
        ofMember member: String, at place: Position, of name: String, _ node: SettingNode,
        _ found: inout SettingProblems
    ) {
        guard let pool = ruleSet.pools[name] else {
            found.warning(
                "unknown-pool", at: node.position, "there is no pool '\(name)'",
                help: Nearest.help(for: name, among: Array(ruleSet.pools.keys)))
            return
        }
        let known = pool.members.map(\.name)
        guard member != "none", !known.contains(member) else { return }
        found.warning(
            "unknown-member", at: place, "the pool '\(name)' has no member '\(member)'",
            help: Nearest.help(for: member, among: known))
    }

    private func routes(
        _ key: String, _ value: SettingNode, _ found: inout SettingProblems
    ) -> [Expectation.Wanted] {
        guard
            let nodes = key == "route" ? (value.text == nil ? nil : [value]) : texts(value, &found)
        else {
            if key == "route" {
                found.error(
                    "bad-value", at: value.position, "'route' needs a name, not \(value.kindName)",
                    help: "under 'match: all' several can decide: write 'routes: [A, B]'")
            }
            return []
        }
        // What a lead without a route has in the outbox.
        if key == "route", value.text == "default" { return [.routes([]), .outcome(.default)] }
        for node in nodes { warn(ofRoute: node, &found) }
        return [.routes(nodes.compactMap(\.text))]
    }

    private func warn(ofRoute node: SettingNode, _ found: inout SettingProblems) {
        let name = node.text ?? ""
        if known.parents.contains(name) {
            found.warning(
                "unknown-route", at: node.position,
                "the route '\(name)' decides nothing itself: it has neither 'to' nor 'drop'",
                help: "name the route below it that decides")
        } else if !known.routes.contains(name) {
            found.warning(
                "unknown-route", at: node.position, "there is no route '\(name)'",
                help: Nearest.help(for: name, among: known.routes))
        }
    }

    private func warn(ofSink node: SettingNode, _ found: inout SettingProblems) {
        let name = node.text ?? ""
        guard !known.sinks.contains(name) else { return }
        found.warning(
            "unknown-sink", at: node.position, "no route sends to a sink '\(name)'",
            help: Nearest.help(for: name, among: known.sinks))
    }

    /// A list of texts, or one without brackets; an empty list is one of none.
    private func texts(
        _ node: SettingNode, _ found: inout SettingProblems
    ) -> [SettingNode]? {
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        if let bad = nodes.first(where: { $0.text == nil }) {
            found.error("bad-value", at: bad.position, "a text belongs here, not \(bad.kindName)")
            return nil
        }
        return nodes
    }

    private func rendered(
        _ node: SettingNode, _ found: inout SettingProblems
    ) -> [Expectation] {
        guard let sinks = node.entries, !sinks.isEmpty else {
            found.error(
                "bad-value", at: node.position, "'rendered' needs a map of sinks",
                help: "write 'rendered: {SINK: {SETTING: TEXT}}'")
            return []
        }
        return sinks.flatMap { sink, settings -> [Expectation] in
            warn(ofSink: sink, &found)
            guard let entries = settings.entries, !entries.isEmpty else {
                found.error(
                    "bad-value", at: settings.position, "a map of settings belongs here",
                    help: "write '{SETTING: TEXT}'")
                return []
            }
            return entries.compactMap { setting, value in
                guard let text = renderedText(value, &found) else { return nil }
                let (sink, setting) = (sink.text ?? "", setting.text ?? "")
                return Expectation(
                    key: "rendered \(sink).\(setting)", position: value.position,
                    wanted: .rendered(sink: sink, setting: setting, text))
            }
        }
    }

    private func renderedText(
        _ node: SettingNode, _ found: inout SettingProblems
    ) -> RenderedText? {
        if let text = node.text { return .whole(text) }
        if let entries = node.entries, entries.count == 1, let part = node["contains"] {
            return texts(part, &found).map { .contains($0.compactMap(\.text)) }
        }
        found.error(
            "bad-value", at: node.position, "a text belongs here, not \(node.kindName)",
            help: "write the whole text, or '{contains: TEXT}'")
        return nil
    }
}
