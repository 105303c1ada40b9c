// The parts of a lead.
extension LeadReader {
    /// The name of an answer, and its values: a list, one of them, or nil for none.
    static func nameAndValues(
        _ value: JSONCursor
    ) throws(LeadError) -> (name: JSONCursor, values: JSONCursor?) {
        guard let name = value.member("name"), name.isScalar else {
            throw LeadError("an element of field_data has no 'name'")
        }
        return (name, value.member("values"))
    }

    /// An answer; most have one value.
    static func field(_ name: JSONCursor, _ values: JSONCursor?) throws(LeadError) -> Field {
        let name = name.scalarText ?? ""
        if let values, values.kind == .array, values.count == 1,
            let text = values.at(values.index + 1).scalarText
        {
            return Field(name, text)
        }
        return Field(name, try texts(values, of: name))
    }

    /// The texts of a list, or of one value.
    static func texts(_ value: JSONCursor?, of name: String) throws(LeadError) -> [String] {
        guard let value, value.kind != .null else { return [] }
        guard value.kind == .array else {
            guard let text = value.scalarText else { throw .notText(name) }
            return [text]
        }
        var result: [String] = []
        result.reserveCapacity(value.count)
        try value.forEachElement { element throws(LeadError) in
            guard element.kind != .null else { return }
            guard let text = element.scalarText else { throw LeadError.notText(name) }
            result.append(text)
        }
        return result
    }

    /// Whether one of the values is a test's; refuses what `texts` refuses.
    static func marksTest(
        _ value: JSONCursor?, of name: JSONCursor
    ) throws(LeadError) -> Bool {
        guard let value, value.kind != .null else { return false }
        guard value.kind == .array else {
            guard value.isScalar else { throw .notText(name.scalarText ?? "") }
            return value.kind == .string && Lead.marksTest(value.bytes)
        }
        var isTest = false
        try value.forEachElement { element throws(LeadError) in
            guard element.kind == .null || element.isScalar else {
                throw LeadError.notText(name.scalarText ?? "")
            }
            if element.kind == .string, Lead.marksTest(element.bytes) { isTest = true }
        }
        return isTest
    }

    static func consents(_ list: JSONCursor) throws(LeadError) -> [Consent] {
        var result: [Consent] = []
        try list.forEachElement { element throws(LeadError) in
            guard let key = element.member("checkbox_key")?.scalarText else {
                throw LeadError("a disclaimer response has no 'checkbox_key'")
            }
            let checked = element.member("is_checked")
            let isOne = checked.map { $0.kind == .string && $0.isText("1") } ?? false
            result.append(Consent(key: key, isChecked: checked?.bool ?? isOne))
        }
        return result
    }

    /// Refuses what `set` refuses.
    static func check(_ attribute: LeadAttribute, _ value: JSONCursor) throws(LeadError) {
        switch attribute {
        case .formID, .pageID, .adID, .adsetID, .campaignID:
            if value.kind != .null { try checkID(value, name: attribute.rawValue) }
        default: return
        }
    }

    static func set(
        _ attribute: LeadAttribute, _ value: JSONCursor, in envelope: inout Envelope
    ) throws(LeadError) {
        switch attribute {
        case .id, .source, .isDuplicate, .receivedTime: return
        case .createdTime:
            if let text = value.scalarText { envelope[attribute] = normalisedTime(text) }
        case .formID, .pageID, .adID, .adsetID, .campaignID:
            guard value.kind != .null else { return }
            let text = try idText(value, name: attribute.rawValue)
            // Some stacks send 0 for an absent ad (organic and test leads).
            if text != "0" { envelope[attribute] = text }
        case .isOrganic, .isTest:
            switch value.scalarText?.trimmed {
            case "true", "1", "TRUE": envelope[attribute] = "true"
            case "false", "0", "FALSE": envelope[attribute] = "false"
            default: return
            }
        default:
            if let text = value.scalarText { envelope[attribute] = text.trimmed }
        }
    }

    /// RFC 3339 (also `+0000`) or unix seconds as `YYYY-MM-DDTHH:MM:SSZ`; else as received.
    public static func normalisedTime(_ text: String) -> String {
        if let time = Timestamp(text) { return time.text }
        let trimmed = text.trimmed
        let isNumber = !trimmed.isEmpty && trimmed.utf8.allSatisfy { (0x30...0x39).contains($0) }
        if isNumber, trimmed.utf8.count >= 9, trimmed.utf8.count <= 11, let seconds = Int64(trimmed)
        {
            return Timestamp(seconds: seconds).text
        }
        return text.trimmed
    }

    static func id(_ value: JSONCursor?, of object: JSONCursor) throws(LeadError) -> LeadID {
        guard let value, value.kind != .null else { return LeadID(contentOf: object) }
        let text = try idText(value, name: "id")
        guard let id = LeadID(text) else {
            if text.isBlank { return LeadID(contentOf: object) }
            throw LeadError(
                "the lead's id is over \(LeadID.bytesMax) bytes or has control characters")
        }
        return id
    }

    /// An id as text: a string, or a whole number as its digits. `1e5` and `1.0` are refused:
    /// what wrote them has already lost digits.
    ///
    /// - Throws: `LeadError` for anything else.
    public static func idText(_ value: JSONValue, name: String) throws(LeadError) -> String {
        try value.withCursor { cursor throws(LeadError) in try idText(cursor, name: name) }
    }

    static func idText(_ value: JSONCursor, name: String) throws(LeadError) -> String {
        try checkID(value, name: name)
        return value.kind == .string ? value.text.trimmed : value.text
    }

    private static func checkID(_ value: JSONCursor, name: String) throws(LeadError) {
        let isID =
            value.kind == .string
            || value.kind == .number && value.bytes.allSatisfy { (0x30...0x39).contains($0) }
        guard isID else { throw LeadError("'\(name)' must be text or a whole number") }
    }
}
