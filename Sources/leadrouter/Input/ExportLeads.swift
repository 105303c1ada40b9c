import LeadKit

/// Leads in the rows of an export, under a line of column names.
///
/// A row may go over several lines where a cell is quoted. A quotation mark that somebody only
/// typed would swallow the rows behind it; so a row that does not come out right is taken as the
/// one line it begins with, its quotation marks as text, and the lines behind it are read anew.
struct ExportLeads: LeadSequence {
    /// The most lines of one row.
    private static let linesMax = 1_000

    private let source: ByteSource
    private let separator: UInt8
    private let keepsRaw: Bool
    private let export: ExportReader
    private let rows: RowReader
    /// The number of the last line read.
    private var line = 1
    /// Lines to be read anew, last first.
    private var again: [[UInt8]] = []

    init(
        source: ByteSource, input: LeadInput, name: String, separator: UInt8
    ) throws(LeadInput.Unreadable) {
        self.source = source
        self.separator = separator
        keepsRaw = input.keepsRaw
        rows = RowReader(separator: separator)
        let header = try ExportLeads.line(of: source) ?? []
        do throws(LeadError) {
            guard case .cells(let names) = rows.read(header) else {
                throw LeadError("the first line is not UTF-8 text, or a quoted name has no end")
            }
            export = try ExportReader(header: names, reader: input.reader)
        } catch {
            throw LeadInput.Unreadable(description: "\(name):1: \(error)")
        }
    }

    mutating func next() throws(LeadInput.Unreadable) -> Element? {
        rows.begin()
        var lines: [[UInt8]] = []
        var row = RowReader.Row.open
        while lines.count < ExportLeads.linesMax, case .open = row, let next = try nextLine() {
            if lines.isEmpty, next.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) { continue }
            lines.append(next)
            row = rows.read(next)
        }
        return lines.isEmpty ? nil : lead(of: row, lines)
    }

    private mutating func lead(of row: RowReader.Row, _ lines: [[UInt8]]) -> Element {
        let first = line - lines.count + 1
        if case .cells(let cells) = row, cells.count == export.columnCount {
            return (first, lead(cells, raw: Array(lines.joined(separator: [0x0A]))))
        }
        // The lines behind the first are rows of their own.
        again += lines.dropFirst().reversed()
        line = first
        if let cells = plainCells(lines[0]), cells.count == export.columnCount {
            return (first, lead(cells, raw: lines[0]))
        }
        switch row {
        case .cells(let cells): return (first, lead(cells, raw: []))
        case .notText: return (first, .failure(LeadError("the row is not valid text")))
        case .open: return (first, .failure(LeadError("a quoted cell has no end")))
        case .broken:
            return (first, .failure(LeadError("a '\"' stands inside a cell that is not quoted")))
        }
    }

    private func lead(_ cells: [String], raw: [UInt8]) -> Result<Lead, LeadError> {
        do throws(LeadError) {
            // The bytes are also what an id is made of when the row has none.
            var lead = try export.lead(cells, raw: raw.last == 0x0D ? raw.dropLast() : raw)
            if !keepsRaw { lead.raw = [] }
            return .success(lead)
        } catch {
            return .failure(error)
        }
    }

    /// The cells of a line whose quotation marks are text; nil when it is not text at all.
    private func plainCells(_ line: [UInt8]) -> [String]? {
        let line = line.last == 0x0D ? line.dropLast() : line[...]
        let cells = line.split(separator: separator, omittingEmptySubsequences: false)
            .map { String(validating: $0, as: UTF8.self) }
        return cells.contains { $0 == nil } ? nil : cells.compactMap(\.self)
    }

    private mutating func nextLine() throws(LeadInput.Unreadable) -> [UInt8]? {
        let next = if let old = again.popLast() { old } else { try ExportLeads.line(of: source) }
        if next != nil { line += 1 }
        return next
    }

    /// The next line without its LF; a line longer than any row may be ends the reading.
    private static func line(of source: ByteSource) throws(LeadInput.Unreadable) -> [UInt8]? {
        var searched = 0
        while true {
            if let end = source.window[searched...].firstIndex(of: 0x0A) {
                defer { source.consume(end + 1) }
                return Array(source.window[..<end])
            }
            searched = source.window.count
            guard searched <= LeadInput.valueBytesMax else {
                throw LeadInput.Unreadable(
                    description: "a line is over \(LeadInput.valueBytesMax) bytes")
            }
            guard try source.more() else {
                defer { source.consume(searched) }
                return searched == 0 ? nil : Array(source.window)
            }
        }
    }
}
