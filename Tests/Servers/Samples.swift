public import LeadKit

extension Position {
    /// A place in no file.
    public static var test: Position { Position(file: "test.yaml", line: 1, column: 1) }
}

extension SettingNode: ExpressibleByStringLiteral {
    /// A text as an author would write it.
    public init(stringLiteral value: String) { self = .text(value) }

    /// A text.
    public static func text(_ text: String) -> SettingNode { SettingNode(.text(text), at: .test) }

    /// A map.
    public static func made(_ entries: [(String, SettingNode)]) -> SettingNode {
        SettingNode(.map(entries.map { (.text($0.0), $0.1) }), at: .test)
    }

    /// A list.
    public static func list(_ nodes: SettingNode...) -> SettingNode {
        SettingNode(.list(nodes), at: .test)
    }
}

extension PluginConfig {
    /// The settings, or nil when they are not good; an entry later in the list replaces.
    public static func made(_ entries: [(String, SettingNode)]) -> Self? {
        var problems = SettingProblems()
        var last: [(String, SettingNode)] = []
        for entry in entries { last = last.filter { $0.0 != entry.0 } + [entry] }
        return decode(.made(last), problems: &problems)
    }

    /// The codes of what is wrong with the settings, but for secrets in plain text: those of tests
    /// are made up.
    public static func problems(_ entries: [(String, SettingNode)]) -> [String] {
        var problems = SettingProblems()
        _ = decode(.made(entries), problems: &problems)
        return problems.diagnostics.map(\.code).filter { $0 != "plain-secret" }
    }
}

extension DeliveryKey {
    /// The key of the sample lead's delivery; another number, another key.
    public static func sample(_ generation: Int = 0) -> DeliveryKey {
        DeliveryKey(
            source: "facebook", lead: Lead.sample.id, route: "dealers/premium", target: "sink",
            generation: generation)
    }
}

extension Lead {
    /// A lead of Jörg & Co.
    public static var sample: Lead {
        Lead(
            id: LeadID(contentOf: [1]), source: "facebook",
            fieldData: [Field("full_name", "Jörg & Co"), Field("email", "joerg@example.com")],
            envelope: Envelope([.createdTime: "2026-05-04T03:02:01Z", .formID: "555"]))
    }
}

extension DeliveryFailure.Verdict {
    /// `retry`, `reject` or `halt`.
    public var name: String {
        switch self {
        case .retry: "retry"
        case .reject: "reject"
        case .halt: "halt"
        }
    }
}
