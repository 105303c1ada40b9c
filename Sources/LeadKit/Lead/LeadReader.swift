/// Reads leads out of JSON: the Graph shape, or a flat object of answers.
///
/// Graph shape (Graph API v21.0 to v26.0, lead node): `id`, `created_time`, `field_data` as a list
/// of `{name, values}`, `custom_disclaimer_responses`, and the envelope's names. Ids may be
/// numbers or strings. Flat: every other member is an answer; see `flat`.
public struct LeadReader: Sendable {
    /// The name of the source that the leads are credited to.
    public var source: String
    /// When the leads were taken in.
    public var receivedTime: Timestamp {
        didSet { received[.receivedTime] = receivedTime.text }
    }
    /// For flat objects and forms: the member that holds the id.
    public var idName: String
    /// For flat objects and forms: member name → field name, or the name of an envelope attribute
    /// such as `created_time`.
    public var rename: [String: String]
    /// What of a lead in Graph shape is read; everything unless said otherwise. What it leaves out
    /// is checked all the same.
    public var selection = LeadSelection.everything {
        didSet { wanted = selection.attributeFlags }
    }
    /// The attributes of `selection`.
    private var wanted = LeadSelection.everything.attributeFlags
    /// What every lead's envelope begins with.
    private(set) var received: Envelope

    /// Makes a reader.
    public init(
        source: String, receivedTime: Timestamp, idName: String = "id",
        rename: [String: String] = [:]
    ) {
        self.source = source
        self.receivedTime = receivedTime
        self.idName = idName
        self.rename = rename
        received = Envelope([.receivedTime: receivedTime.text])
    }

    /// Reads one lead of either shape; `raw` are the bytes it came from.
    ///
    /// - Throws: `LeadError` when it is no lead: not an object, no usable id, malformed answers.
    public func lead(_ value: JSONValue, raw: [UInt8] = []) throws(LeadError) -> Lead {
        try value.withCursor { cursor throws(LeadError) in try lead(cursor, raw: raw) }
    }

    /// Reads one lead in Graph shape. Without an id, the id is a hash of its content.
    ///
    /// - Throws: `LeadError` for a malformed id or answers.
    public func graph(_ value: JSONValue, raw: [UInt8] = []) throws(LeadError) -> Lead {
        try value.withCursor { cursor throws(LeadError) in try graph(cursor, raw: raw) }
    }

    /// Reads a flat object: a scalar is one value, an array several, `null` absent, and a nested
    /// object's members are named `outer.inner`. The members `created_time`, `form_id` and so on
    /// (see `LeadAttribute`) become the envelope; without the id member, the id is a hash of the
    /// content, so that the same text sent twice is one lead. Names are renamed first.
    ///
    /// - Throws: `LeadError` for a malformed id or an array of arrays or objects.
    public func flat(_ value: JSONValue, raw: [UInt8] = []) throws(LeadError) -> Lead {
        try value.withCursor { cursor throws(LeadError) in try flat(cursor, raw: raw) }
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

    /// Reads every lead of one JSON text: a single lead, a list of leads, or a page of them
    /// (`{"data": […]}` as the Graph API writes it, or `{"leads": […]}`), and appends them to
    /// `leads`. With `keepsRaw` each lead keeps its bytes.
    ///
    /// - Throws: `JSONError` when the text is not strict JSON; what is no lead is a failure of its
    ///   own, and the others are read.
    public func read(
        _ bytes: UnsafeBufferPointer<UInt8>, parser: JSONParser, keepsRaw: Bool = true,
        into leads: inout [Result<Lead, LeadError>]
    ) throws(JSONError) {
        try parser.withRoot(of: bytes) { root in
            guard let list = LeadReader.list(root) else {
                leads.append(result(root, raw: keepsRaw ? Array(bytes) : []))
                return
            }
            list.forEachElement { element in
                leads.append(result(element, raw: keepsRaw ? LeadReader.bytes(of: element) : []))
            }
        }
    }

    private static func bytes(of value: JSONCursor) -> [UInt8] {
        var writer = JSONWriter()
        writer.value(value)
        return writer.bytes
    }

    /// The list of leads that the value is or holds; nil when it is one lead.
    private static func list(_ root: JSONCursor) -> JSONCursor? {
        if root.kind == .array { return root }
        var data: JSONCursor?
        var leads: JSONCursor?
        root.forEachMember { name, value in
            guard value.kind == .array else { return }
            if name.isText("data") { data = value } else if name.isText("leads") { leads = value }
        }
        return data ?? leads
    }

    private func result(_ value: JSONCursor, raw: [UInt8]) -> Result<Lead, LeadError> {
        do throws(LeadError) {
            return .success(try lead(value, raw: raw))
        } catch {
            return .failure(error)
        }
    }
}

// Both shapes, in place.
extension LeadReader {
    private func lead(_ value: JSONCursor, raw: [UInt8]) throws(LeadError) -> Lead {
        guard value.kind == .object else {
            throw LeadError("a lead must be a JSON object")
        }
        return value.member("field_data")?.kind == .array
            ? try graph(value, raw: raw) : try flat(value, raw: raw)
    }

    private func graph(_ value: JSONCursor, raw: [UInt8]) throws(LeadError) -> Lead {
        var idValue: JSONCursor?
        var fields = FieldData()
        var consents: [Consent] = []
        var envelope = received
        try value.forEachMember { name, member throws(LeadError) in
            if let attribute = LeadAttribute.named(name.bytes) {
                if attribute == .id { idValue = member }
                if isWanted(attribute) {
                    try LeadReader.set(attribute, member, in: &envelope)
                } else {
                    try LeadReader.check(attribute, member)
                }
            } else if name.isText("field_data") {
                fields = try answers(member, in: &envelope)
            } else if name.isText("custom_disclaimer_responses") {
                consents = try LeadReader.consents(member)
            }
        }
        let id = try LeadReader.id(idValue, of: value)
        return Lead(
            id: id, source: source, fieldData: fields, consents: consents, envelope: envelope,
            raw: raw)
    }

    private func isWanted(_ attribute: LeadAttribute) -> Bool {
        wanted & 1 << UInt32(attribute.number) != 0
    }

    /// The answers that are wanted. That one of the others is a test's is kept in the envelope.
    private func answers(
        _ list: JSONCursor, in envelope: inout Envelope
    ) throws(LeadError) -> FieldData {
        guard list.kind == .array || list.kind == .null else {
            throw LeadError("'field_data' is no list")
        }
        var fields = FieldData()
        fields.reserveCapacity(min(list.count, selection.fieldCount))
        try list.forEachElement { element throws(LeadError) in
            let (name, values) = try LeadReader.nameAndValues(element)
            if name.kind != .string || selection.wantsField(name.bytes) {
                fields.append(try LeadReader.field(name, values))
            } else if try LeadReader.marksTest(values, of: name), isWanted(.isTest) {
                envelope[.isTest] = "true"
            }
        }
        return fields
    }

    private func flat(_ value: JSONCursor, raw: [UInt8]) throws(LeadError) -> Lead {
        var fields = FieldData()
        var envelope = received
        var seen: Set<LeadAttribute> = []
        try value.forEachMember { name, member throws(LeadError) in
            let written = name.text
            var field = rename[written] ?? written
            if let attribute = field.withUTF8({ LeadAttribute.named($0) }), attribute.isReadable {
                // Of two members renamed to one name, the first counts.
                if seen.insert(attribute).inserted {
                    try LeadReader.set(attribute, member, in: &envelope)
                }
            } else if written != idName {
                try append(member, named: written, to: &fields)
            }
        }
        var wanted = idName
        let idValue = wanted.withUTF8 { value.member($0) }
        let id = try LeadReader.id(idValue, of: value)
        return Lead(id: id, source: source, fieldData: fields, envelope: envelope, raw: raw)
    }

    /// The answers of one member of a flat object; `written` is its full name.
    private func append(
        _ value: JSONCursor, named written: String, to fields: inout FieldData
    ) throws(LeadError) {
        let field = rename[written] ?? written
        switch value.kind {
        case .null: return
        case .object:
            try value.forEachMember { name, member throws(LeadError) in
                try append(member, named: "\(written).\(name.text)", to: &fields)
            }
        case .array: fields.append(Field(field, try LeadReader.texts(value, of: field)))
        default: fields.append(Field(field, value.scalarText ?? ""))
        }
    }
}

/// Why something is not a lead. The message never holds values of the lead.
public struct LeadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence in lower case.
    public let description: String

    /// Makes an error from its sentence.
    public init(_ description: String) { self.description = description }

    /// The name comes from outside: control characters are made visible, and a long one is cut.
    static func notText(_ name: String) -> LeadError {
        let start = String(String.UnicodeScalarView(name.unicodeScalars.prefix(60)))
        return LeadError(
            "the answer '\(Diagnostic.printable(start))' holds something else than texts, numbers "
                + "and booleans")
    }
}
