import CLibCSV

/// Splits lines into cells (RFC 4180), by libcsv, strictly: whatever it would have to guess about
/// quotation marks is broken.
final class RowReader {
    /// What the lines so far are.
    enum Row {
        /// A quoted cell goes on in the next line.
        case open
        case cells([String])
        /// A quotation mark stands where none may.
        case broken
        /// Bytes that are not UTF-8.
        case notText
    }

    private var parser = csv_parser()
    private let separator: UInt8
    private var cells: [String] = []
    private var isText = true
    private var row: Row?

    init(separator: UInt8) {
        self.separator = separator
        begin()
    }

    deinit { csv_free(&parser) }

    /// Forgets what was read: a new row begins.
    func begin() {
        csv_free(&parser)
        csv_init(&parser, UInt8(CSV_STRICT))
        csv_set_delim(&parser, separator)
        // libcsv would trim blanks around cells; what counts as blank is not its to say.
        csv_set_space_func(&parser) { _ in 0 }
        cells = []
        isText = true
        row = nil
    }

    /// Takes the row's next line, which has no LF.
    func read(_ line: [UInt8]) -> Row {
        let data = Unmanaged.passUnretained(self).toOpaque()
        for bytes in [line, [0x0A]] {
            let taken = bytes.withUnsafeBytes {
                csv_parse(
                    &parser, $0.baseAddress, bytes.count, RowReader.addCell, RowReader.endRow, data)
            }
            if taken != bytes.count { return .broken }
        }
        return row ?? .open
    }

    private func add(_ text: UnsafeRawBufferPointer) {
        if let cell = String(validating: text, as: UTF8.self) {
            cells.append(cell)
        } else {
            isText = false
        }
    }

    /// Only the first row counts: a lone CR ends a row for libcsv, and there may be more.
    private func end() {
        if row == nil { row = isText ? .cells(cells) : .notText }
        cells = []
    }

    private static let addCell:
        @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeMutableRawPointer?) -> Void = {
            text, count, data in
            guard let data else { return }
            Unmanaged<RowReader>.fromOpaque(data).takeUnretainedValue()
                .add(UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : count))
        }

    private static let endRow: @convention(c) (Int32, UnsafeMutableRawPointer?) -> Void = {
        _, data in
        guard let data else { return }
        Unmanaged<RowReader>.fromOpaque(data).takeUnretainedValue().end()
    }
}
