/// One submitted form: who asked, what was answered, where it came from. Immutable once read.
public struct Lead: Sendable, Equatable {
    /// The source's own id of the lead, as text whatever type it had on the wire.
    public var id: LeadID
    /// The name of the configured source that produced the lead, such as `facebook`.
    public var source: String
    /// The answers, in the form's order.
    public var fieldData: FieldData
    /// The custom disclaimer checkboxes, in the form's order.
    public var consents: [Consent]
    /// The rest of the envelope; see `LeadAttribute`.
    public var envelope: Envelope
    /// The lead as it was received, unknown members included; empty when it was made by hand.
    public var raw: [UInt8]

    /// Makes a lead.
    public init(
        id: LeadID, source: String, fieldData: FieldData = FieldData(), consents: [Consent] = [],
        envelope: Envelope = Envelope(), raw: [UInt8] = []
    ) {
        self.id = id
        self.source = source
        self.fieldData = fieldData
        self.consents = consents
        self.envelope = envelope
        self.raw = raw
    }

    /// The text of an envelope attribute, `lead.NAME` in rules; nil when the source did not say.
    ///
    /// `isDuplicate` is not known to a lead: it depends on the leads before it.
    public subscript(attribute: LeadAttribute) -> String? {
        switch attribute {
        case .id: id.text
        case .source: source
        case .isTest: isTest ? "true" : "false"
        default: envelope[attribute]
        }
    }

    /// Whether the lead is a test: the source says so, or an answer has the marker of Meta's
    /// dummy data, or is one of Meta's two test addresses (Lead Ads testing tool).
    public var isTest: Bool {
        if envelope[.isTest] == "true" { return true }
        return fieldData.contains { field in field.values.contains(where: Lead.marksTest) }
    }

    private static func marksTest(_ value: String) -> Bool {
        let trimmed = value.trimmed
        return trimmed == "test@meta.com" || trimmed == "test@fb.com"
            || ByteSearch.contains(value, "<test lead: dummy data for")
    }
}

/// The id that a source gave to a lead. Unique within its source, compared byte for byte.
public struct LeadID: Sendable, Hashable, CustomStringConvertible {
    /// The id as text: 1 to 512 bytes, no control characters.
    public let text: String

    /// The most bytes that an id may have. Google's ids exceed 160 characters.
    public static let bytesMax = 512

    /// Makes an id; nil when it is blank, too long or has control characters.
    public init?(_ text: String) {
        let trimmed = text.trimmed
        guard !trimmed.isEmpty, trimmed.utf8.count <= LeadID.bytesMax,
            !trimmed.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        self.text = trimmed
    }

    /// The id as text.
    public var description: String { text }

    /// Equal only when every byte is; `String` would merge canonical twins.
    public static func == (a: LeadID, b: LeadID) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

/// A custom disclaimer checkbox of the form and whether it was ticked.
public struct Consent: Sendable, Equatable {
    /// The checkbox's key, such as `optional_1`.
    public var key: String
    /// True only for `"1"` or JSON `true` (Graph API, `custom_disclaimer_responses`).
    public var isChecked: Bool

    /// Makes a response.
    public init(key: String, isChecked: Bool) {
        self.key = key
        self.isChecked = isChecked
    }
}

/// What rules and templates know as `lead.NAME`, beside the answers.
public enum LeadAttribute: String, Sendable, CaseIterable {
    /// The source's id of the lead.
    case id
    /// The configured source's name.
    case source
    /// The form, by id and by name.
    case formID = "form_id"
    /// The form's name.
    case formName = "form_name"
    /// The Facebook page.
    case pageID = "page_id"
    /// The ad, by id; missing for organic and test leads.
    case adID = "ad_id"
    /// The ad's name.
    case adName = "ad_name"
    /// The ad set, by id.
    case adsetID = "adset_id"
    /// The ad set's name.
    case adsetName = "adset_name"
    /// The campaign, by id.
    case campaignID = "campaign_id"
    /// The campaign's name.
    case campaignName = "campaign_name"
    /// `fb`, `ig`, …: an open set.
    case platform
    /// The partner that showed the form.
    case partnerName = "partner_name"
    /// When the form was submitted, `YYYY-MM-DDTHH:MM:SSZ`, or as received when unreadable.
    case createdTime = "created_time"
    /// When this program took the lead in, `YYYY-MM-DDTHH:MM:SSZ`.
    case receivedTime = "received_time"
    /// `true`, `false`, or missing when the source did not say.
    case isOrganic = "is_organic"
    /// `true` or `false`.
    case isTest = "is_test"
    /// `true` or `false`: an earlier lead had the same `dedupe` key.
    case isDuplicate = "is_duplicate"
}

/// The attributes of a lead beside id, source and answers, as texts.
public struct Envelope: Sendable, Equatable {
    private var texts: [LeadAttribute: String]

    /// Makes an envelope; blank texts count as missing.
    public init(_ texts: [LeadAttribute: String] = [:]) {
        self.texts = texts.filter { !$0.value.trimmed.isEmpty }
    }

    /// One attribute; nil when the source did not say. Setting a blank text removes it.
    public subscript(attribute: LeadAttribute) -> String? {
        get { texts[attribute] }
        set {
            if let newValue, !newValue.trimmed.isEmpty {
                texts[attribute] = newValue
            } else {
                texts[attribute] = nil
            }
        }
    }
}
