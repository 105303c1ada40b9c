import LeadKit

/// Reads leads from files or standard input (`-`), whatever form they have: NDJSON, JSON objects
/// and lists, pages of the Graph API, and exports with tabs or commas. The form is told by the
/// content, never by the name.
///
///     bytes (ByteSource) → form (LeadFile) → JSON values (JSONLeads) or rows (ExportLeads) → leads
///
/// Lines, rows and the elements of a list stream; only one of them is in memory at a time.
struct LeadInput {
    /// The most bytes of one line, row, page or element of a list.
    static let valueBytesMax = 16 << 20

    var reader: LeadReader
    /// Whether leads keep the bytes they came from.
    var keepsRaw = true

    /// One lead, or why there is none.
    struct Item {
        var file: String
        var line: Int
        var lead: Result<Lead, LeadError>
    }

    /// A file as a whole cannot be read.
    struct Unreadable: Error {
        var description: String
    }

    /// Opens a file; `next()` of what comes back gives its leads one by one.
    func open(_ path: String) throws(Unreadable) -> LeadFile {
        try LeadFile(path: path, input: self)
    }

    /// Calls `body` for each lead in order; `progress` gets the fraction read, if known.
    func read(
        _ path: String, progress: (Double?) -> Void = { _ in },
        body: (Item) async throws -> Void
    ) async throws {
        let file = try open(path)
        while let item = try file.next() {
            try await body(item)
            progress(file.fraction)
        }
    }
}

/// The leads of one file, one after the other.
final class LeadFile {
    private let source: ByteSource
    private var leads: any LeadSequence
    private let name: String

    init(path: String, input: LeadInput) throws(LeadInput.Unreadable) {
        name = path == "-" ? "standard input" : path
        source = try ByteSource(path: path, name: name)
        leads = try FileForm.leads(of: source, input: input, name: name)
    }

    /// The next lead, or why there is none; nil at the end of the file.
    ///
    /// - Throws: when the rest cannot be read.
    func next() throws(LeadInput.Unreadable) -> LeadInput.Item? {
        guard let (line, lead) = try leads.next() else { return nil }
        return LeadInput.Item(file: name, line: line, lead: lead)
    }

    /// How much is read, if the size is known.
    var fraction: Double? { source.fraction }

    /// How many bytes are read.
    var bytesRead: Int { source.bytesRead }
}

/// Leads in one form.
protocol LeadSequence {
    typealias Element = (line: Int, lead: Result<Lead, LeadError>)

    mutating func next() throws(LeadInput.Unreadable) -> Element?
}

/// Tells the form of a file by its first bytes.
private enum FileForm {
    static func leads(
        of source: ByteSource, input: LeadInput, name: String
    ) throws(LeadInput.Unreadable) -> any LeadSequence {
        try refuseContainers(source, name)
        try source.decode()
        let lines = try firstBytes(of: source)
        if lines.first(where: { !isBlank($0) }) == 0x3C {
            throw LeadInput.Unreadable(
                description: "'\(name)' is XML or HTML, not leads; save a sheet as CSV")
        }
        if let separator = separator(lines) {
            return try ExportLeads(
                source: source, input: input, name: name, separator: separator)
        }
        return JSONLeads(source: source, input: input)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    private static func refuseContainers(
        _ source: ByteSource, _ name: String
    ) throws(LeadInput.Unreadable) {
        while source.window.count < 4, try source.more() {}
        let first = Array(source.window.prefix(4))
        if first.starts(with: [0x1F, 0x8B]) {
            throw LeadInput.Unreadable(
                description: "'\(name)' is compressed; unpack it first: gunzip \(name)")
        }
        if first == [0x50, 0x4B, 0x03, 0x04] {
            throw LeadInput.Unreadable(
                description: "'\(name)' is a workbook or an archive; save its sheet as CSV")
        }
    }

    /// The beginning: two lines, as far as they fit.
    private static func firstBytes(of source: ByteSource) throws(LeadInput.Unreadable) -> [UInt8] {
        while source.window.count < 1 << 20, source.window.count(where: { $0 == 0x0A }) < 2,
            try source.more()
        {}
        return Array(source.window.prefix(1 << 20))
    }

    /// What separates the cells when the beginning is a line of column names; nil for JSON.
    ///
    /// A line that begins with a bracket is JSON; so is a broken one before a line that does.
    private static func separator(_ bytes: [UInt8]) -> UInt8? {
        let lines = bytes.split(separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: true)
        for line in lines.prefix(2) {
            let first = line.first { !isBlank($0) }
            if first == 0x7B || first == 0x5B { return nil }
        }
        guard let header = lines.first else { return nil }
        if header.contains(0x09) { return 0x09 }
        let commas = header.count { $0 == 0x2C }
        let semicolons = header.count { $0 == 0x3B }
        return commas + semicolons == 0 ? nil : commas >= semicolons ? 0x2C : 0x3B
    }
}
