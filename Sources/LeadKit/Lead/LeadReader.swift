/// Reads leads out of JSON: the Graph shape, or a flat object of answers.
///
/// Graph shape (Graph API v21.0 to v26.0, lead node): `id`, `created_time`, `field_data` as a list
/// of `{name, values}`, `custom_disclaimer_responses`, and the envelope's names. Ids may be
/// numbers or strings. Flat: every other member is an answer; see `flat`.
public struct LeadReader: Sendable {
    /// The name of the source that the leads are credited to.
    public var source: String
    /// When the leads were taken in.
    public var receivedTime: Timestamp
    /// For flat objects and forms: the member that holds the id.
    public var idName: String
    /// For flat objects and forms: member name → field name, or the name of an envelope attribute
    /// such as `created_time`.
    public var rename: [String: String]

    /// Makes a reader.
    public init(
        source: String, receivedTime: Timestamp, idName: String = "id",
        rename: [String: String] = [:]
    ) {
        self.source = source
        self.receivedTime = receivedTime
        self.idName = idName
        self.rename = rename
    }

    /// Reads one lead of either shape; `raw` are the bytes it came from.
    ///
    /// - Throws: `LeadError` when it is no lead: not an object, no usable id, malformed answers.
    public func lead(_ value: JSONValue, raw: [UInt8] = []) throws(LeadError) -> Lead {
        guard value.kind == .object else {
            throw LeadError("a lead must be a JSON object")
        }
        return value["field_data"]?.kind == .array
            ? try graph(value, raw: raw) : try flat(value, raw: raw)
    }

    /// Reads one lead in Graph shape. Without an id, the id is a hash of its content.
    ///
    /// - Throws: `LeadError` for a malformed id or answers.
    public func graph(_ value: JSONValue, raw: [UInt8] = []) throws(LeadError) -> Lead {
        var fields = FieldData()
        let answers = value["field_data"]
        guard answers.map({ $0.kind == .array || $0.kind == .null }) ?? true else {
            throw LeadError("'field_data' is no list")
        }
        for element in answers?.elements ?? [] {
            fields.append(try field(element))
        }
        let id = try id(value["id"], of: value)
        var lead = Lead(
            id: id, source: source, fieldData: fields, consents: try consents(value), raw: raw)
        lead.envelope = try envelope { value[$0.rawValue] }
        return lead
    }

    /// Reads a flat object: a scalar is one value, an array several, `null` absent, and a nested
    /// object's members are named `outer.inner`. The members `created_time`, `form_id` and so on
    /// (see `LeadAttribute`) become the envelope; without the id member, the id is a hash of the
    /// content, so that the same text sent twice is one lead. Names are renamed first.
    ///
    /// - Throws: `LeadError` for a malformed id or an array of arrays or objects.
    public func flat(_ value: JSONValue, raw: [UInt8] = []) throws(LeadError) -> Lead {
        var fields = FieldData()
        try appendAnswers(of: value, prefix: "", to: &fields)
        var lead = Lead(id: try id(value[idName], of: value), source: source, raw: raw)
        lead.fieldData = fields
        var named: [String: JSONValue] = [:]
        for (name, value) in value.members {
            let renamed = rename[name] ?? name
            if LeadReader.envelopeNames.contains(renamed), named[renamed] == nil {
                named[renamed] = value
            }
        }
        lead.envelope = try envelope { named[$0.rawValue] }
        return lead
    }

    /// Reads the answers of a form, as browsers send them: like `flat`, with each field a member
    /// that holds its texts.
    ///
    /// - Throws: `LeadError` for a malformed id, two fields of one name, or far too many.
    public func form(_ fields: [Field], raw: [UInt8] = []) throws(LeadError) -> Lead {
        var writer = JSONWriter()
        writer.object { writer in
            for field in fields {
                writer.name(field.name)
                if field.values.count == 1 {
                    writer.string(field.values[0])
                } else {
                    writer.array { writer in field.values.forEach { writer.string($0) } }
                }
            }
        }
        let object: JSONDocument
        do throws(JSONError) {
            object = try JSONDocument.parse(writer.bytes)
        } catch {
            throw LeadError(error.description)
        }
        return try flat(object.root, raw: raw)
    }

    private func appendAnswers(
        of object: JSONValue, prefix: String, to fields: inout FieldData
    ) throws(LeadError) {
        for (name, value) in object.members {
            let full = prefix + name
            let field = rename[full] ?? full
            if prefix.isEmpty, name == idName || LeadReader.envelopeNames.contains(field) {
                continue
            }
            switch value.kind {
            case .null: continue
            case .object: try appendAnswers(of: value, prefix: full + ".", to: &fields)
            case .array: fields.append(Field(field, try texts(value, of: full)))
            default: fields.append(Field(field, value.scalarText ?? ""))
            }
        }
    }

    private static let envelopeNames = Set(LeadAttribute.allCases.map(\.rawValue))
        .subtracting(["id", "source", "received_time", "is_duplicate"])

    private func field(_ value: JSONValue) throws(LeadError) -> Field {
        guard let name = value["name"]?.scalarText else {
            throw LeadError("an element of field_data has no 'name'")
        }
        guard let values = value["values"] else { return Field(name, []) }
        if values.kind == .array { return Field(name, try texts(values, of: name)) }
        guard values.kind != .object else { throw LeadError.notText(name) }
        return Field(name, values.scalarText.map { [$0] } ?? [])
    }

    private func texts(_ array: JSONValue, of name: String) throws(LeadError) -> [String] {
        var result: [String] = []
        for element in array.elements where element.kind != .null {
            guard let text = element.scalarText else { throw LeadError.notText(name) }
            result.append(text)
        }
        return result
    }

    private func consents(_ value: JSONValue) throws(LeadError) -> [Consent] {
        var result: [Consent] = []
        for element in value["custom_disclaimer_responses"]?.elements ?? [] {
            guard let key = element["checkbox_key"]?.scalarText else {
                throw LeadError("a disclaimer response has no 'checkbox_key'")
            }
            let checked = element["is_checked"]
            result.append(
                Consent(key: key, isChecked: checked?.bool ?? (checked?.string == "1")))
        }
        return result
    }

    private func envelope(
        _ value: (LeadAttribute) -> JSONValue?
    ) throws(LeadError) -> Envelope {
        var envelope = Envelope()
        for attribute in LeadAttribute.allCases {
            switch attribute {
            case .id, .source, .isDuplicate: continue
            case .receivedTime: envelope[attribute] = receivedTime.text
            case .createdTime:
                if let text = value(attribute)?.scalarText {
                    envelope[attribute] = LeadReader.normalisedTime(text)
                }
            case .formID, .pageID, .adID, .adsetID, .campaignID:
                if let member = value(attribute), member.kind != .null {
                    let text = try LeadReader.idText(member, name: attribute.rawValue)
                    // Some stacks send 0 for an absent ad (organic and test leads).
                    if text != "0" { envelope[attribute] = text }
                }
            case .isOrganic, .isTest:
                switch value(attribute)?.scalarText?.trimmed {
                case "true", "1", "TRUE": envelope[attribute] = "true"
                case "false", "0", "FALSE": envelope[attribute] = "false"
                default: continue
                }
            default:
                if let text = value(attribute)?.scalarText {
                    envelope[attribute] = text.trimmed
                }
            }
        }
        return envelope
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

    private func id(_ value: JSONValue?, of object: JSONValue) throws(LeadError) -> LeadID {
        guard let value, value.kind != .null else { return LeadID(contentOf: object) }
        let text = try LeadReader.idText(value, name: "id")
        guard let id = LeadID(text) else {
            if text.trimmed.isEmpty { return LeadID(contentOf: object) }
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
        switch value.kind {
        case .string: return (value.string ?? "").trimmed
        case .number:
            let text = value.scalarText ?? ""
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw LeadError("'\(name)' must be text or a whole number")
            }
            return text
        default: throw LeadError("'\(name)' must be text or a whole number")
        }
    }
}

/// Why something is not a lead. The message never holds values of the lead.
public struct LeadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence in lower case.
    public let description: String

    /// Makes an error from its sentence.
    public init(_ description: String) { self.description = description }

    static func notText(_ name: String) -> LeadError {
        LeadError("an answer holds something else than texts, numbers and booleans")
    }
}
