internal import LeadKit

/// The keys of the rule language as data, one list a construct.
///
/// The parsers know a key from these lists; the schema, and with it an editor's completion, is
/// written from them.
enum Vocabulary {
    /// What may stand at the left edge of a file.
    static let topKeys = single + named + [include, routes]

    /// Stand once in all files together.
    static let single: [SettingInfo] = [
        SettingInfo(
            "version", "1", "The version of the rule language, in leadrouter.yaml only.",
            form: .choice(["1"])),
        match,
        SettingInfo(
            "default", "{to: [SINK]} or {hold: REASON}",
            "What happens to a lead that no route takes.", form: .definition("default")),
        SettingInfo(
            "dedupe", "{by: [FIELD, …], within: DURATION}",
            "What makes lead.is_duplicate true. Drops nothing by itself.", form: .group(dedupe)),
        SettingInfo(
            "store", "{url: sqlite:FILE}", "Where leads and deliveries are kept.",
            form: StoreSettings.form),
        SettingInfo(
            "server", "{listen: ADDRESS:PORT}", "Where the service listens.",
            form: ServerSettings.form),
        SettingInfo(
            "retention", "{delivered: 90d, dead: 180d, held: 180d, quarantined: 30d}",
            "How long leads that are over are kept before they are forgotten.",
            form: RetentionSettings.form),
        SettingInfo("log", "{level: info}", "What the service logs.", form: LogSettings.form),
    ]

    /// Maps from names, united over all files.
    static let named: [SettingInfo] = [
        SettingInfo(
            "sources", "a map from names to sources", "Where leads come from.",
            form: .map(.definition("source"), areIdentifiers: true)),
        SettingInfo(
            "sinks", "a map from names to sinks", "Where leads go to.",
            form: .map(.definition("sink"), areIdentifiers: true)),
        SettingInfo(
            "fields", "a map from fields to their types", "What is known about answers.",
            form: .map(.group(field), areIdentifiers: false)),
        SettingInfo(
            "tables", "a map from names to tables", "CSV files joined to leads by a key.",
            form: .map(.group(table), areIdentifiers: true)),
        SettingInfo(
            "conditions", "a map from names to conditions",
            "Conditions with a name, for 'use: NAME'.",
            form: .map(.definition("condition"), areIdentifiers: true)),
        SettingInfo(
            "schedules", "a map from names to schedules",
            "Opening hours, for 'schedule.NAME: open' and 'hold_until'.",
            form: .map(.group(schedule), areIdentifiers: true)),
        SettingInfo(
            "pools", "a map from names to pools",
            "Members who share leads; a target '{pool: NAME}' goes to one of them.",
            form: .map(.group(pool), areIdentifiers: true)),
    ]

    static let include = SettingInfo(
        "include", "a path or glob, or a list",
        "More files of the same form, relative to this one.",
        form: .list(.text, orOne: true, mayBeEmpty: true))

    static let routes = SettingInfo(
        "routes", "a list of routes", "Who gets which lead, from the first route to the last.",
        form: .list(.definition("route"), orOne: false, mayBeEmpty: true))

    static let match = SettingInfo(
        "match", "'first' or 'all'",
        "Whether the first route that decides ends the search, or every route is asked.",
        form: .choice(["first", "all"]), fallback: "first")

    static let dedupe: [SettingInfo] = [
        SettingInfo(
            "by", "a field or a list of fields",
            "Leads are duplicates when they say the same in all of these.",
            form: .list(.text, orOne: true, mayBeEmpty: false), isRequired: true),
        SettingInfo(
            "within", Duration.shape, "How far back an earlier lead counts.", form: Duration.form,
            isRequired: true),
    ]

    static let table: [SettingInfo] = [
        SettingInfo(
            "file", "a path",
            "The CSV file, relative to this file; its first row names the columns.",
            isRequired: true),
        SettingInfo(
            "key", "a column's name", "The column that finds a row; never blank, never twice.",
            isRequired: true),
        SettingInfo(
            "match", "a field's name",
            "What of the lead holds the key. Leave it out when the table is only for 'in_table'."),
        SettingInfo(
            "delimiter", "one character", "What separates cells, such as \";\" or \"\\t\".",
            fallback: "\",\""),
    ]

    static let field: [SettingInfo] = [
        SettingInfo(
            "type", "a type", "What the answer should be, for 'valid'.",
            form: .choice(FieldType.allCases.map(\.rawValue))),
        SettingInfo(
            "exact", Bool.shape, "Whether comparisons tell capital from small letters.",
            form: .boolean, fallback: "false"),
        SettingInfo(
            "expect_in", "a table's name", "Warns when a lead names what is no key of this table."),
        SettingInfo("region", "a country such as US", "Where telephone numbers are from."),
    ]
}

// Routes.
extension Vocabulary {
    static let route: [SettingInfo] = [
        SettingInfo(
            "id", "letters, digits, '-' and '_'",
            "The route's name, unique among its neighbours; reports and tests name it.",
            form: .definition("name"), isRequired: true),
        SettingInfo(
            "note", "a text", "Why the route is there; explanations show it."),
        SettingInfo(
            "when", "a condition", "Which leads the route takes.", form: .definition("condition")),
        SettingInfo(
            "always", "true", "Takes every lead, instead of 'when'.", form: .choice(["true"])),
        SettingInfo(
            "to", "a sink or a list", "Sends the lead there, and decides.",
            form: .definition("targets")),
        SettingInfo(
            "also_to", "a sink or a list", "Sends a copy there, and lets the search go on.",
            form: .definition("targets")),
        SettingInfo("drop", "a reason", "Sends the lead nowhere; the reason is counted and shown."),
        SettingInfo(
            "routes", "a list of routes", "Routes below this one, asked when its condition holds.",
            form: .list(.definition("route"), orOne: false, mayBeEmpty: false)),
        SettingInfo(
            "match", "'first' or 'all'",
            "Whether the first of the routes below that decides ends their search.",
            form: .choice(["first", "all"]), fallback: "first"),
        SettingInfo(
            "disabled", Bool.shape, "Whether the route is skipped.", form: .boolean,
            fallback: "false"),
        SettingInfo(
            "hold_until", "{schedule: NAME, at_most: DURATION, then: [SINK]}",
            "The deliveries of 'to' wait until a schedule opens; copies never wait.",
            form: .group(holdUntil)),
    ]

    static let fallback: [SettingInfo] = [
        SettingInfo(
            "to", "a sink or a list", "Sends such leads there.", form: .definition("targets")),
        SettingInfo("hold", "a reason", "Keeps such leads until somebody decides."),
    ]

    static let target: [SettingInfo] = [
        SettingInfo("sink", "a sink's name", "Where to.", form: .definition("name")),
        SettingInfo(
            "with", "a map of settings",
            "Settings of the sink that are different here; those that are filled in for each lead.",
            form: .definition("overrides")),
        targetPool,
    ]

    static let targetPool = SettingInfo(
        "pool", "a pool's name", "Goes to one member of the pool.", form: .definition("name"))
}

// Schedules and pools.
extension Vocabulary {
    static let schedule: [SettingInfo] = [
        SettingInfo(
            "time_zone", "a name such as Europe/Rome", "What the clock on the wall shows.",
            isRequired: true),
        SettingInfo(
            "open", "a map from days to periods",
            "Days such as mon, mon-fri or mon,wed with periods such as \"09:00-12:30\".",
            form: .definition("week"), isRequired: true),
        SettingInfo(
            "closed", "a date or a list",
            "Dates on which nothing is open: 2025-12-25, 2026-01-01..2026-01-06, 12-25.",
            form: .list(.pattern(dates), orOne: true, mayBeEmpty: true)),
        SettingInfo(
            "special", "a map from dates to periods", "Dates with other hours than the week's.",
            form: .definition("specialDays")),
    ]

    private static let dayOfYear = "(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    private static let date = "[0-9]{4}-\(dayOfYear)"
    /// A date, a range of dates, or a day of every year.
    static let dates = "^\\s*(\(date)(\\s*\\.\\.\\s*\(date))?|\(dayOfYear))\\s*$"
    /// `mon`, `mon-fri`, `mon,wed-fri`, in either case.
    static let days = "^\\s*\(span)(\\s*,\\s*\(span))*\\s*$"
    private static let span = "(\(day))(\\s*-\\s*(\(day)))?"
    private static let day = Weekday.names.map { name in
        let rest = ["tue": "sday", "wed": "nesday", "thu": "rsday", "sat": "urday"][name] ?? "day"
        return anyCase(name) + "(\(anyCase(rest)))?"
    }.joined(separator: "|")

    private static func anyCase(_ word: String) -> String {
        word.utf8.map {
            "[\(Character(Unicode.Scalar($0 - 32)))\(Character(Unicode.Scalar($0)))]"
        }.joined()
    }

    private static let clock = "\\s*([01]?[0-9]:[0-5][0-9]|2[0-3]:[0-5][0-9]|24:00)\\s*"

    /// One period, a list of them, or `closed`.
    static let periods = SettingForm.list(
        .pattern("^(\(clock)-\(clock)|\\s*closed\\s*)$"), orOne: true, mayBeEmpty: false)

    static let holdUntil: [SettingInfo] = [
        SettingInfo(
            "schedule", "a schedule's name", "What to wait for.", form: .definition("name"),
            isRequired: true),
        SettingInfo(
            "at_most", Duration.shape, "The longest wait.", form: Duration.form, isRequired: true),
        SettingInfo(
            "then", "a sink or a list",
            "Who gets the lead at once when the wait would be longer; else it is sent at its end.",
            form: .definition("targets")),
    ]

    static let pool: [SettingInfo] = [
        SettingInfo(
            "members", "a list of members", "Who shares the leads.",
            form: .list(.definition("member"), orOne: false, mayBeEmpty: false), isRequired: true),
        SettingInfo(
            "choose", "'round_robin', 'weighted' or 'least_recent'", "Whose turn it is.",
            form: .choice(Pool.Choice.allCases.map(\.rawValue)),
            fallback: Pool.Choice.roundRobin.rawValue),
        SettingInfo(
            "sticky", "{by: [FIELD, …], for: DURATION}",
            "The same answers go to the same member.", form: .group(sticky)),
        SettingInfo(
            "time_zone", "a name such as Europe/Rome",
            "Where days and months begin, for the caps."),
        SettingInfo(
            "when_full", "'next', 'fallback' or 'hold'",
            "What happens when the member whose turn it is has reached a cap.",
            form: .choice(Pool.WhenFull.allCases.map(\.rawValue)),
            fallback: Pool.WhenFull.next.rawValue),
        SettingInfo(
            "fallback", "a sink or a list", "Who gets the lead when nobody is left.",
            form: .definition("targets")),
        SettingInfo("hold", "a reason", "Holds a lead when nobody is left."),
    ]

    static let sticky: [SettingInfo] = [
        SettingInfo(
            "by", "a field or a list of fields", "What is the same.",
            form: .list(.text, orOne: true, mayBeEmpty: false), isRequired: true),
        SettingInfo(
            "for", Duration.shape, "How long after the last such lead.", form: Duration.form,
            isRequired: true),
    ]

    static let member: [SettingInfo] = [
        SettingInfo(
            "name", "letters, digits, '-' and '_'", "The member's name; else the sink's.",
            form: .definition("name")),
        SettingInfo(
            "to", "a sink", "Where their leads go.", form: .definition("target"), isRequired: true),
        SettingInfo(
            "weight", "a whole number from 1 to 1000", "Their share, with 'choose: weighted'.",
            form: .wholeNumber, fallback: "1"),
        SettingInfo(
            "schedule", "a schedule's name", "When they work.", form: .definition("name")),
        SettingInfo(
            "caps", "{hour: N, day: N, month: N}", "The most leads they get.", form: .group(caps)),
        SettingInfo(
            "disabled", Bool.shape, "Whether they get nothing.", form: .boolean, fallback: "false"),
    ]

    static let caps: [SettingInfo] = CapPeriod.allCases.map { period in
        SettingInfo(
            period.rawValue, "a whole number", "The most in one \(period.rawValue).",
            form: .wholeNumber)
    }
}

// Conditions.
extension Vocabulary {
    static let combinators: [SettingInfo] = [
        SettingInfo(
            "all", "a list of conditions", "Every one must hold.", form: .definition("conditions")),
        SettingInfo(
            "any", "a list of conditions", "At least one must hold.",
            form: .definition("conditions")),
        SettingInfo(
            "not", "a condition or a list", "The condition must be false; of a list, each one.",
            form: .definition("negation")),
        SettingInfo(
            "use", "a name or a list", "Conditions of 'conditions:', all of which must hold.",
            form: .list(.definition("name"), orOne: true, mayBeEmpty: false)),
    ]

    static let operators: [SettingInfo] = [
        SettingInfo("equals", "a text", "Some value is this text; case does not matter."),
        SettingInfo("in", "a list of texts", "Some value is one of these.", form: texts),
        SettingInfo("not_equals", "a text", "No value is this text; unknown when missing."),
        SettingInfo(
            "not_in", "a list of texts", "No value is one of these; unknown when missing.",
            form: texts),
        SettingInfo("in_table", "a table's name", "Some value is a key of the table."),
        SettingInfo(
            "not_in_table", "a table's name",
            "No value is a key of the table; unknown when missing."
        ),
        SettingInfo("starts_with", "a text or a list", "Some value begins so.", form: textOrTexts),
        SettingInfo("ends_with", "a text or a list", "Some value ends so.", form: textOrTexts),
        SettingInfo(
            "contains", "a text or a list", "Some value has this in it.", form: textOrTexts),
        SettingInfo(
            "matches", "a regular expression (RE2)", "Some value matches as a whole; case matters."),
        SettingInfo(
            "search", "a regular expression (RE2)", "A part of some value matches; case matters."),
        SettingInfo("above", "a number", "Some value is more.", form: .decimal),
        SettingInfo("at_least", "a number", "Some value is this or more.", form: .decimal),
        SettingInfo("below", "a number", "Some value is less.", form: .decimal),
        SettingInfo("at_most", "a number", "Some value is this or less.", form: .decimal),
        SettingInfo(
            "between", "[low, high]", "Some value is from low to high, both included.",
            form: .definition("ends")),
        SettingInfo("before", "a time or a day (UTC)", "Some value is earlier.", form: time),
        SettingInfo("after", "a time or a day (UTC)", "Some value is later.", form: time),
        SettingInfo(
            "exists", Bool.shape, "Whether there is a value at all; never unknown.", form: .boolean),
        SettingInfo(
            "valid", Bool.shape, "Whether every value is well-formed for the field's type.",
            form: .boolean),
    ]

    static let modifiers: [SettingInfo] = [
        SettingInfo("every", Bool.shape, "All values must satisfy, not just one.", form: .boolean),
        SettingInfo("exact", Bool.shape, "Capital and small letters differ.", form: .boolean),
        SettingInfo("or_missing", Bool.shape, "A missing value counts as true.", form: .boolean),
    ]

    private static let texts = SettingForm.list(.text, orOne: false, mayBeEmpty: false)
    private static let textOrTexts = SettingForm.list(.text, orOne: true, mayBeEmpty: false)
    private static let time = SettingForm.pattern("^\\s*[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt].*)?$")
}

extension [SettingInfo] {
    var names: [String] { map(\.name) }
}
