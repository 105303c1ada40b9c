internal import LeadKit

// Files of rule tests.
extension Vocabulary {
    static let testFile: [SettingInfo] = [
        SettingInfo(
            "tests", "a list of tests", "Leads, and what must happen to each.",
            form: .list(.group(test), orOne: false, mayBeEmpty: true), isRequired: true),
        SettingInfo("now", "a time", "The clock of all tests of the file.", form: instant),
    ]

    static let test: [SettingInfo] = [
        SettingInfo("name", "a sentence", "What the test proves.", isRequired: true),
        SettingInfo("now", "a time", "The frozen clock.", form: instant),
        SettingInfo(
            "lead", "a map of answers",
            "The lead in short form: names as in conditions, texts or lists of texts.",
            form: .definition("answers")),
        SettingInfo(
            "graph", "a map", "The lead as Meta's Graph API gives it, instead of 'lead'.",
            form: .definition("graph")),
        SettingInfo("file", "a path", "A file of leads, instead of 'lead'; 'id' says which one."),
        SettingInfo("id", "a lead's id", "Which lead of 'file'."),
        SettingInfo("source", "a source's name", "What 'lead.source' is.", fallback: "test"),
        SettingInfo(
            "received_time", "a time", "What 'lead.received_time' is, if not 'now'.", form: instant),
        SettingInfo(
            "duplicate", Bool.shape, "Whether the lead is a duplicate.", form: .boolean,
            fallback: "false"),
        SettingInfo(
            "expect", "a map", "What must happen.", form: .group(expect), isRequired: true),
    ]

    static let expect: [SettingInfo] = [
        SettingInfo(
            "outcome", "an outcome", "What becomes of the lead.",
            form: .choice(Decision.Outcome.allCases.map(\.rawValue))),
        SettingInfo("route", "a route's full name", "The route that decides."),
        SettingInfo(
            "routes", "a list of routes", "The routes that decide, in order, under 'match: all'.",
            form: names),
        SettingInfo("to", "a sink or a list", "The sinks that get the lead.", form: names),
        SettingInfo("also_to", "a sink or a list", "The sinks that get a copy.", form: names),
        SettingInfo("reason", "a text", "The reason of the drop or hold."),
        SettingInfo(
            "rendered", "{SINK: {SETTING: TEXT}}",
            "Settings as they are after templates: the whole text, or '{contains: TEXT}'.",
            form: .definition("rendered")),
        SettingInfo(
            "fails", "a sink or a list", "Sinks whose delivery cannot be filled in.", form: names),
        SettingInfo(
            "not_before", "a time or 'none'", "When the deliveries of 'to' may be sent.",
            form: .pattern("^none$|^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt].+$")),
        SettingInfo(
            "members", "{POOL: MEMBER}", "Whom each pool chooses; 'none' for its fallback.",
            form: .map(.text, areIdentifiers: true)),
    ]

    private static let names = SettingForm.list(.text, orOne: true, mayBeEmpty: true)
    private static let instant = SettingForm.pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt].+$")
}
