/// Reads leads out of the rows of an export: the TSV that Meta's page tools download, or what a
/// spreadsheet made of it.
///
/// Columns are told by name, never by position. The names of Meta's own columns become the
/// envelope; every other column is a question. Meta protects ids from spreadsheets by prefixes
/// (`l:`, `ag:`, `as:`, `c:`, `f:`, `p:`, `z:`); each is removed only in the column it belongs to,
/// so that a typed `c: see below` survives.
public struct ExportReader: Sendable {
    private let columns: [Column]
    private let reader: LeadReader

    /// What a column of the header stands for.
    private enum Column: Sendable {
        case id
        case attribute(LeadAttribute)
        case question(name: String, prefix: String?)
        /// What is not an answer, and what has no name.
        case ignored
    }

    /// Columns that Meta adds and nobody answered.
    private static let ignored: Set<String> = ["inbox_url", "lead_status"]

    private static let attributes: Set<LeadAttribute> = [
        .createdTime, .adID, .adName, .adsetID, .adsetName, .campaignID, .campaignName, .formID,
        .formName, .pageID, .isOrganic, .platform, .partnerName,
    ]

    /// Parts of the names of questions that ask for a telephone number or a postal code.
    private static let phoneWords = [
        "phone", "telefon", "téléphone", "teléfono", "telefone", "mobile", "whatsapp",
    ]
    private static let zipWords = ["zip", "postal", "postcode", "post_code", "plz"]

    /// Makes a reader for rows under this header.
    ///
    /// - Throws: `LeadError` when a column that can stand once stands twice, or none has a name.
    public init(header: [String], reader: LeadReader) throws(LeadError) {
        self.reader = reader
        // Meta's own name, unless the source has one that is there.
        let names = header.map(\.trimmed)
        let id = names.contains(reader.idName) ? reader.idName : "id"
        columns = names.map { name in
            name == id ? .id : ExportReader.column(reader.rename[name] ?? name)
        }
        var seen: Set<String> = []
        for (name, column) in zip(header, columns) {
            if case .question = column { continue }
            if case .ignored = column { continue }
            guard seen.insert(name.trimmed).inserted else {
                throw LeadError("two columns are named '\(name.trimmed)'")
            }
        }
        guard header.contains(where: { !$0.isBlank }) else {
            throw LeadError("the first line names no columns")
        }
    }

    /// How many cells a row has.
    public var columnCount: Int { columns.count }

    private static func column(_ name: String) -> Column {
        if name.isEmpty || ignored.contains(name) { return .ignored }
        if let attribute = LeadAttribute(rawValue: name), attributes.contains(attribute) {
            return .attribute(attribute)
        }
        let lower = name.lowercased()
        if phoneWords.contains(where: { ByteSearch.contains(lower, $0) }) {
            return .question(name: name, prefix: "p:")
        }
        if zipWords.contains(where: { ByteSearch.contains(lower, $0) }) {
            return .question(name: name, prefix: "z:")
        }
        return .question(name: name, prefix: nil)
    }

    /// Reads one row; `raw` are the bytes it came from. Without an id, the id is a hash of the row.
    ///
    /// - Throws: `LeadError` for a wrong number of cells, and for ids and times that a spreadsheet
    ///   has destroyed: they cannot be guessed.
    public func lead(_ cells: [String], raw: [UInt8]) throws(LeadError) -> Lead {
        guard cells.count == columns.count else {
            throw LeadError(
                "the row has \(cells.count) cells, the first line has \(columns.count)")
        }
        var id: LeadID?
        var fields = FieldData()
        var envelope = reader.received
        for (column, cell) in zip(columns, cells) where !cell.isBlank {
            switch column {
            case .id: id = try ExportReader.id(cell)
            case .attribute(let attribute):
                envelope[attribute] = try ExportReader.text(of: attribute, cell)
            case .question(let name, let prefix):
                fields.append(Field(name, ExportReader.answer(cell, prefix: prefix)))
            case .ignored: continue
            }
        }
        guard id != nil || !fields.isEmpty else { throw LeadError("the row says nothing") }
        return Lead(
            id: id ?? LeadID(contentOf: raw), source: reader.source, fieldData: fields,
            envelope: envelope, raw: raw)
    }
}

// Cells.
extension ExportReader {
    private static func id(_ cell: String) throws(LeadError) -> LeadID {
        let text = try intact(without("l:", cell.trimmed), column: "id")
        guard let id = LeadID(text) else {
            throw LeadError(
                "the lead's id is over \(LeadID.bytesMax) bytes or has control characters")
        }
        return id
    }

    private static func text(
        of attribute: LeadAttribute, _ cell: String
    ) throws(LeadError) -> String? {
        let text = cell.trimmed
        switch attribute {
        case .createdTime: return try time(text)
        case .isOrganic:
            switch text.lowercased() {
            case "1", "true": return "true"
            case "0", "false": return "false"
            default: return nil
            }
        case .adID: return try idText(text, "ag:", attribute)
        case .adsetID: return try idText(text, "as:", attribute)
        case .campaignID: return try idText(text, "c:", attribute)
        case .formID: return try idText(text, "f:", attribute)
        case .pageID: return try idText(text, nil, attribute)
        default: return text
        }
    }

    /// An id of the envelope; `0` stands for an absent ad, as in the Graph API's answers.
    private static func idText(
        _ text: String, _ prefix: String?, _ attribute: LeadAttribute
    ) throws(LeadError) -> String? {
        let bare = prefix.map { without($0, text) } ?? text
        return bare == "0" ? nil : try intact(bare, column: attribute.rawValue)
    }

    private static func time(_ text: String) throws(LeadError) -> String {
        guard let time = Timestamp(text) else {
            throw LeadError(
                "'created_time' is no time such as 2025-10-09T08:53:20+02:00; "
                    + "a spreadsheet may have rewritten it: use the file as it was downloaded")
        }
        return time.text
    }

    private static func answer(_ cell: String, prefix: String?) -> String {
        // Tools that guard spreadsheets against formulas put an apostrophe before these.
        let bytes = cell.utf8
        let isGuarded =
            bytes.first == 0x27 && bytes.dropFirst().first.map("=+-@".utf8.contains) == true
        let text = isGuarded ? String(decoding: bytes.dropFirst(), as: UTF8.self) : cell
        return prefix.map { without($0, text) } ?? text
    }

    private static func without(_ prefix: String, _ text: String) -> String {
        guard ByteSearch.hasPrefix(text, prefix) else { return text }
        return String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// The id, unless a spreadsheet has made a rounded number of it, such as `1.73E+15`.
    private static func intact(_ text: String, column: String) throws(LeadError) -> String {
        let bytes = text.utf8
        let digits: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        let rest = bytes.drop { digits($0) || $0 == 0x2E || $0 == 0x2C }
        let isRounded =
            bytes.first.map(digits) == true && (rest.first == 0x45 || rest.first == 0x65)
            && rest.dropFirst().contains(where: digits)
            && rest.dropFirst().allSatisfy { digits($0) || $0 == 0x2B }
        guard !isRounded else {
            throw LeadError(
                "a spreadsheet has rounded '\(column)', the digits are lost: "
                    + "use the file as it was downloaded")
        }
        return text
    }
}
