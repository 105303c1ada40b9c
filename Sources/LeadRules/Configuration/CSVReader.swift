internal import CLibCSV
internal import LeadKit

/// The rows of a CSV text (RFC 4180) with the lines they begin in, read by libcsv.
struct CSVReader {
    struct Row {
        var line: Int
        var cells: [String]
    }

    struct Failure: Error {
        var line: Int
        var reason: String
    }

    /// All rows; blank lines are skipped. White space in cells is kept.
    static func rows(_ bytes: [UInt8], delimiter: UInt8) throws(Failure) -> [Row] {
        var parser = csv_parser()
        csv_init(&parser, UInt8(CSV_STRICT | CSV_STRICT_FINI))
        defer { csv_free(&parser) }
        csv_set_delim(&parser, delimiter)
        // libcsv would trim blanks around cells; what counts as blank is ours to say.
        csv_set_space_func(&parser) { _ in 0 }
        let collector = Collector()
        let data = Unmanaged.passUnretained(collector).toOpaque()
        for line in lines(of: bytes) {
            collector.line += 1
            let taken = line.withUnsafeBytes {
                csv_parse(&parser, $0.baseAddress, line.count, addCell, endRow, data)
            }
            if taken != line.count {
                throw Failure(
                    line: collector.line,
                    reason: "a '\"' stands inside a cell that is not quoted as a whole")
            }
        }
        if csv_fini(&parser, addCell, endRow, data) != 0 {
            throw Failure(
                line: collector.start ?? collector.line, reason: "a quoted cell has no end")
        }
        return collector.rows
    }

    /// The lines with their ends; one line at a time tells libcsv's callbacks where they are.
    private static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0A {
            lines.append(bytes[start...index])
            start = index + 1
        }
        if start < bytes.count { lines.append(bytes[start...]) }
        return lines
    }

    private final class Collector {
        var rows: [Row] = []
        var cells: [String] = []
        var line = 0
        /// The line in which the row under way began.
        var start: Int?
    }

    private static let addCell:
        @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeMutableRawPointer?) -> Void = {
            text, count, data in
            guard let data else { return }
            let collector = Unmanaged<Collector>.fromOpaque(data).takeUnretainedValue()
            let bytes = UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : count)
            collector.cells.append(String(decoding: bytes, as: UTF8.self))
            if collector.start == nil { collector.start = collector.line }
        }

    private static let endRow: @convention(c) (Int32, UnsafeMutableRawPointer?) -> Void = {
        _, data in
        guard let data else { return }
        let collector = Unmanaged<Collector>.fromOpaque(data).takeUnretainedValue()
        let isBlank = collector.cells.count == 1 && collector.cells[0].trimmed.isEmpty
        if !isBlank, !collector.cells.isEmpty {
            collector.rows.append(
                Row(line: collector.start ?? collector.line, cells: collector.cells))
        }
        collector.cells = []
        collector.start = nil
    }
}
