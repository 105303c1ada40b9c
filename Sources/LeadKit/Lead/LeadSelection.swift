/// What of a lead somebody will ask for. The rest need not be made into texts, which is most of
/// the work of reading a lead: rules ask for a handful of its fifteen names.
public struct LeadSelection: Sendable {
    /// Nil for all of them.
    private let attributes: Set<LeadAttribute>?
    private let fields: [[UInt8]]
    /// Those of `fields` that are compared at once.
    private let shortFields: [ShortName]

    /// The whole lead.
    public static let everything = LeadSelection(attributes: nil, fields: [])

    private init(attributes: Set<LeadAttribute>?, fields: [[UInt8]]) {
        self.attributes = attributes
        self.fields = fields
        shortFields = fields.compactMap { $0.withUnsafeBufferPointer { ShortName($0) } }
    }

    /// These attributes, and the answers of these names, trimmed and in NFC. Disclaimer checkboxes
    /// are always part of it.
    public init(attributes: Set<LeadAttribute>, fields: some Sequence<String>) {
        self.init(attributes: attributes, fields: fields.map { Array($0.utf8) })
    }

    /// What either asks for.
    public func union(_ other: LeadSelection) -> LeadSelection {
        guard let attributes, let others = other.attributes else { return .everything }
        return LeadSelection(
            attributes: attributes.union(others), fields: Array(Set(fields + other.fields)))
    }

    /// Whether the attribute is asked for.
    func wants(_ attribute: LeadAttribute) -> Bool { attributes?.contains(attribute) ?? true }

    /// Whether the answer may be asked for. A name that is not plain ASCII may become one that is
    /// asked for when it is trimmed and normalised, so it is kept.
    func wantsField(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard attributes != nil else { return true }
        if let short = ShortName(name), shortFields.contains(short) { return true }
        if !name.allSatisfy({ (0x21..<0x7F).contains($0) }) { return true }
        return name.count > ShortName.bytesMax
            && fields.contains { $0.count == name.count && $0.elementsEqual(name) }
    }

    /// The most answers that can be wanted of plain names.
    var fieldCount: Int { attributes == nil ? .max : fields.count }

    /// The attributes as a number for each, which is quicker to ask.
    var attributeFlags: UInt32 {
        LeadAttribute.allCases.reduce(0) { $0 | (wants($1) ? 1 << UInt32($1.number) : 0) }
    }
}
