public import LeadKit

extension Lead {
    /// A lead for tests: invented, but with everything that a real one has.
    ///
    /// `fields` replace the answers. The id must be one that `LeadID` takes.
    public static func sample(
        id: String = "1730000000100000", source: String = "facebook",
        fields: FieldData = sampleFields, envelope: [LeadAttribute: String] = sampleEnvelope
    ) -> Lead {
        guard let id = LeadID(id) else { preconditionFailure("'\(id)' is no id of a lead") }
        return Lead(
            id: id, source: source, fieldData: fields,
            consents: [Consent(key: "optional_1", isChecked: true)], envelope: Envelope(envelope))
    }

    /// The answers of a sample lead: one choice, a name with an accent, a store number with a
    /// leading zero.
    public static let sampleFields: FieldData = [
        Field("car_make", "Honda"), Field("full_name", "Zoë Example"),
        Field("email", "zoe@example.com"), Field("phone_number", "+12125550100"),
        Field("selected_dealer", "00001234"),
    ]

    /// The envelope of a sample lead.
    public static let sampleEnvelope: [LeadAttribute: String] = [
        .formID: "555000000000001", .pageID: "106000000000001", .adID: "120210000000000123",
        .campaignID: "120210000000000125", .platform: "fb", .isOrganic: "false",
        .createdTime: "2025-10-09T08:53:20Z", .receivedTime: "2025-10-09T08:53:30Z",
    ]
}

extension Delivery {
    /// A delivery of a sample lead for tests. Numbers that differ give keys and leads that differ.
    public static func sample(
        _ number: Int = 0, sink: String = "sink", rendered: [String: String] = [:]
    ) -> Delivery {
        let lead = Lead.sample(id: String(1_730_000_000_100_000 + number))
        return Delivery(
            key: DeliveryKey(source: lead.source, lead: lead.id, route: "cars", target: sink),
            lead: lead, sink: sink, route: "cars", timeout: .seconds(60), rendered: rendered)
    }
}

/// Settings written in Swift, as if they came from a file: texts, lists and maps.
///
/// Everything stands on line 1 of `settings`; place what must be placed by hand.
public indirect enum SettingLiteral: Sendable, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A scalar.
    case text(String)
    /// A list.
    case list([SettingLiteral])
    /// A map, in order.
    case map([(name: String, value: SettingLiteral)])

    /// A scalar.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A list.
    public init(arrayLiteral elements: SettingLiteral...) { self = .list(elements) }
    /// A map.
    public init(dictionaryLiteral elements: (String, SettingLiteral)...) {
        self = .map(elements.map { ($0.0, $0.1) })
    }

    /// The settings as a plugin reads them.
    public var node: SettingNode {
        let place = Position(file: "settings", line: 1, column: 1)
        switch self {
        case .text(let text): return SettingNode(.text(text), at: place)
        case .list(let elements): return SettingNode(.list(elements.map(\.node)), at: place)
        case .map(let entries):
            return SettingNode(
                .map(entries.map { (SettingNode(.text($0.name), at: place), $0.value.node) }),
                at: place)
        }
    }
}
