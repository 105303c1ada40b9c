internal import Glibc

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
        return fieldData.contains { field in
            var isTest = false
            field.forEachValue { value in
                var value = value
                isTest = isTest || value.withUTF8(Lead.marksTest)
            }
            return isTest
        }
    }

    /// Whether an answer is one of a test.
    static func marksTest(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        // The two addresses and the marker are longer than most answers.
        guard bytes.count >= 11, let base = bytes.baseAddress else { return false }
        if memchr(base, 0x3C, bytes.count) != nil,
            ByteSearch.contains(bytes, "<test lead: dummy data for")
        {
            return true
        }
        guard memchr(base, 0x40, bytes.count) != nil, ByteSearch.contains(bytes, "test@") else {
            return false
        }
        let text = String(decoding: bytes, as: UTF8.self).trimmed
        return text == "test@meta.com" || text == "test@fb.com"
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
            !trimmed.unicodeScalars.contains(where: LeadID.isControl)
        else { return nil }
        self.text = trimmed
    }

    /// The general category Cc, which is closed: C0, DEL and C1.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
    }

    /// The id as text.
    public var description: String { text }

    /// Equal only when every byte is; `String` would merge canonical twins.
    public static func == (a: LeadID, b: LeadID) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
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

extension LeadAttribute {
    /// The number of the attribute among `allCases`.
    var number: Int {
        // An enumeration without payloads and with less than 256 cases is a byte that counts them.
        Int(unsafeBitCast(self, to: UInt8.self))
    }

    /// Whether a flat object may say it: the rest is known otherwise.
    var isReadable: Bool {
        switch self {
        case .id, .source, .receivedTime, .isDuplicate: false
        default: true
        }
    }

    /// The attribute of that name.
    static func named(_ bytes: UnsafeBufferPointer<UInt8>) -> LeadAttribute? {
        guard let name = ShortName(bytes) else { return nil }
        return names[name]
    }

    private static let names = ShortNameTable(allCases.map { ($0.rawValue, $0) })

    /// How many there are; `allCases` is made anew whenever it is asked for.
    static let count = allCases.count
}

/// The attributes of a lead beside id, source and answers, as texts.
public struct Envelope: Sendable, Equatable {
    /// By the attribute's number, empty where the source did not say; no texts at all when it
    /// said nothing. One piece of memory, where a dictionary would hash each name.
    private var texts: [String] = []

    /// Makes an envelope; blank texts count as missing.
    public init(_ texts: [LeadAttribute: String] = [:]) {
        for (attribute, text) in texts { self[attribute] = text }
    }

    /// One attribute; nil when the source did not say. Setting a blank text removes it.
    public subscript(attribute: LeadAttribute) -> String? {
        get {
            guard !texts.isEmpty else { return nil }
            let text = texts[attribute.number]
            return text.isEmpty ? nil : text
        }
        set {
            let text = newValue.flatMap { $0.isBlank ? nil : $0 } ?? ""
            if texts.isEmpty {
                if text.isEmpty { return }
                texts = Array(repeating: "", count: LeadAttribute.count)
            }
            texts[attribute.number] = text
        }
    }

    /// Equal when every attribute is.
    public static func == (a: Envelope, b: Envelope) -> Bool {
        LeadAttribute.allCases.allSatisfy { a[$0] == b[$0] }
    }
}
