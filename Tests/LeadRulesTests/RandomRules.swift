import LeadKit
import LeadTesting

/// Random numbers from a seed: the same on every machine (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Random rules with long lists of routes that ask about few fields, and leads for them.
struct RandomRules {
    var chance: SeededNumbers

    static let table =
        "key,city,tier\n42,Nashville,premium\n0042,Las Vegas,\n x ,Zoe\u{308},basic\n"
    static let texts = [
        "Honda", "honda", " HONDA\u{A0}", "Straße", "STRASSE", "İzmir", "Zoë", "Zoe\u{308}", "ΣΑΣ",
        "σας", "x", "42", "0042", "00042", "a b", "café", "ﬁt", "FIT", "ŉ", "ǰ", "\u{1F0}", "Ⱥ",
        "\u{200B}42", "ß", "µ", "a.b", "a much longer text than sixteen bytes", "premium",
        "A MUCH LONGER TEXT THAN SIXTEEN BYTES", "a much longer text than sixteen bytez",
    ]
    static let numbers = [
        "5", "5.0", "05", "-3", "+7", "10.50", "1e3", "٣", "20000", "99999999999999999999.1", "-0",
        "0.0000000000000000001", ".5", "9999999999999999999.999999999999999999",
    ]
    static let times = [
        "2025-10-09", "2025-10-09T08:00:00Z", "2025-10-09T10:00:00.5+0200", "2025-10-10", "soon",
    ]
    static let fields = ["f", "g", "h", "what car?"]
    static let names = fields + ["t.city", "t.tier", "lead.form_id", "lead.is_test", "consent.c"]
    static let patterns = ["[0-9]+", "(?i)hon.*", "^.a", "é$", "a|b", "4.", "o", ".*z$", "\\bx\\b"]

    mutating func isTrue(_ share: Double) -> Bool {
        Double.random(in: 0..<1, using: &chance) < share
    }

    mutating func one(of choices: [String]) -> String {
        choices.randomElement(using: &chance) ?? ""
    }

    private mutating func quoted(_ text: String) -> String { "\"\(text)\"" }

    private mutating func text() -> String { quoted(one(of: RandomRules.texts)) }

    private mutating func list(_ most: Int) -> String {
        let count = Int.random(in: 1...most, using: &chance)
        return "[" + (0..<count).map { _ in text() }.joined(separator: ", ") + "]"
    }

    private mutating func operators() -> String {
        let modifiers =
            (isTrue(0.2) ? ", every: true" : "") + (isTrue(0.2) ? ", or_missing: true" : "")
        let exact = isTrue(0.3) ? ", exact: true" : ""
        switch Int.random(in: 0..<14, using: &chance) {
        case 0...3: return text()
        case 4, 5: return list(4)
        case 6: return "{starts_with: \(list(3))\(modifiers)\(exact)}"
        case 7: return "{ends_with: \(list(2))\(modifiers)\(exact)}"
        case 8: return "{contains: \(list(3))\(modifiers)\(exact)}"
        case 9: return "{matches: '\(one(of: RandomRules.patterns))'\(modifiers)}"
        case 10: return "{search: '\(one(of: RandomRules.patterns))'\(modifiers)}"
        case 11: return "{in: \(list(3)), starts_with: \(list(2))\(modifiers)\(exact)}"
        case 12: return "{in_table: t\(modifiers)}"
        default: return other(modifiers)
        }
    }

    private mutating func other(_ modifiers: String) -> String {
        switch Int.random(in: 0..<8, using: &chance) {
        case 0: "{at_least: 5\(modifiers)}"
        case 1: "{below: 10.5, contains: \"0\"\(modifiers)}"
        case 2: "{between: [-3, 20000]\(modifiers)}"
        case 3: "{before: 2025-10-09T08:00:00Z\(modifiers)}"
        case 4: "{not_in: \(list(3))}"
        case 5: "{not_in_table: t}"
        case 6: "{exists: \(isTrue(0.5))}"
        default: "{not_equals: \(text()), equals: \(text())}"
        }
    }

    private mutating func condition(_ depth: Int = 0) -> String {
        var entries: [String: String] = [:]
        for _ in 0..<Int.random(in: 1...2, using: &chance) {
            let inner = depth < 2 ? isTrue(0.35) : false
            switch (inner, Int.random(in: 0..<4, using: &chance)) {
            case (true, 0): entries["all"] = "[\(condition(depth + 1)), \(condition(depth + 1))]"
            case (true, 1): entries["any"] = "[\(condition(depth + 1)), \(condition(depth + 1))]"
            case (true, 2): entries["not"] = condition(depth + 1)
            case (true, _): entries["use"] = isTrue(0.5) ? "c0" : "[c0, c1]"
            default: entries[quoted(one(of: RandomRules.names))] = operators()
            }
        }
        return "{" + entries.map { "\($0): \($1)" }.joined(separator: ", ") + "}"
    }

    private mutating func sinks() -> String {
        isTrue(0.7) ? one(of: ["a", "b", "c", "d"]) : "[\(one(of: ["a", "b"])), c]"
    }

    private mutating func route(_ number: Int, _ depth: Int) -> String {
        // Most routes ask one field for one text, as routes of stores do.
        let isPlain = isTrue(0.6)
        var parts = ["id: r\(number)"]
        if isTrue(0.03) {
            parts.append("always: true")
        } else {
            let field = one(of: Array(RandomRules.fields.prefix(2)))
            parts.append("when: " + (isPlain ? "{\(field): \(text())}" : condition()))
        }
        if isTrue(0.15) { parts.append("also_to: \(sinks())") }
        if isTrue(0.05) { parts.append("disabled: true") }
        let hasRoutes = depth < 2 && isTrue(0.12)
        if hasRoutes {
            parts.append("routes: \(routes(Int.random(in: 1...14, using: &chance), depth + 1))")
            parts.append("match: \(isTrue(0.5) ? "all" : "first")")
        }
        switch Int.random(in: 0..<10, using: &chance) {
        case 0: parts.append("drop: dropped by \(number)")
        case 1: parts.append("to: \(sinks()), hold_until: {schedule: s, at_most: 2h, then: d}")
        case 2 where hasRoutes: break
        default: parts.append("to: \(sinks())")
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    private mutating func routes(_ count: Int, _ depth: Int) -> String {
        "[" + (0..<count).map { route($0, depth) }.joined(separator: ",\n") + "]"
    }

    /// The rest of a root file, as `rules(_:)` takes it; the table is `t.csv`.
    mutating func configuration() -> String {
        """
        tables: {t: {file: t.csv, key: key, match: g}}
        fields: {f: {exact: \(isTrue(0.5))}, g: {expect_in: t}}
        schedules: {s: {time_zone: UTC, open: {mon-fri: "13:00-17:00"}}}
        conditions: {c0: \(condition(3)), c1: {any: [\(condition(3)), {use: c0}]}}
        match: \(isTrue(0.3) ? "all" : "first")
        routes: \(routes(Int.random(in: 1...60, using: &chance), 0))
        """
    }

    mutating func lead() -> Lead {
        var fields: [Field] = []
        for name in ["f", "g", "h", "what car?", " f ", "unasked"].shuffled(using: &chance)
        where isTrue(0.7) {
            let count = isTrue(0.8) ? 1 : Int.random(in: 0...3, using: &chance)
            fields.append(Field(name, (0..<count).map { _ in value() }))
        }
        var lead = Lead.sample(fields: FieldData(fields))
        lead.envelope[.formID] = isTrue(0.5) ? one(of: ["42", "x", "honda"]) : nil
        lead.consents = isTrue(0.5) ? [Consent(key: "c", isChecked: isTrue(0.5))] : []
        return lead
    }

    private mutating func value() -> String {
        switch Int.random(in: 0..<10, using: &chance) {
        case 0...5: one(of: RandomRules.texts)
        case 6, 7: one(of: RandomRules.numbers)
        case 8: one(of: RandomRules.times + ["", "  ", "\u{3000}"])
        default: one(of: RandomRules.texts) + one(of: ["", " ", "é", "\u{301}", "7"])
        }
    }
}
