internal import LeadKit

/// A CSV file joined to leads by a key.
struct Table: Sendable {
    let name: String
    let file: String
    let columns: [String]
    /// Cells as written, by row and column.
    let rows: [[String]]
    /// The line of each row.
    let lines: [Int]
    /// Trimmed NFC key → row.
    let index: [String: Int]
    /// The name that selects the row; nil for a table that is only looked into by `in_table`.
    var match: Name?

    func column(_ name: String) -> Int? { columns.firstIndex { $0.utf8.elementsEqual(name.utf8) } }
}

/// Reads tables, with all their mistakes in one pass.
struct TableReader {
    var name: String
    var file: String
    var key: SettingNode
    var delimiter: UInt8

    /// Reads the file's bytes; nil when there were errors.
    func read(_ bytes: [UInt8], problems: inout SettingProblems) -> Table? {
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        guard String(validating: bytes, as: UTF8.self) != nil else {
            let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
            problems.error(
                "bad-table", at: place(bad + 1), "this line is not UTF-8 text",
                help: "save the file as 'CSV UTF-8'")
            return nil
        }
        let rows: [CSVReader.Row]
        do {
            rows = try CSVReader.rows(bytes, delimiter: delimiter)
        } catch {
            problems.error("bad-table", at: place(error.line), error.reason)
            return nil
        }
        guard let header = rows.first else {
            problems.error(
                "bad-table", at: Position(file: file), "the table is empty",
                help: "the first row holds the column names")
            return nil
        }
        guard let columns = columns(of: header, problems: &problems) else { return nil }
        return table(columns: columns, rows: rows.dropFirst(), problems: &problems)
    }

    private func place(_ line: Int) -> Position { Position(file: file, line: line, column: 1) }

    private func columns(of header: CSVReader.Row, problems: inout SettingProblems) -> [String]? {
        let columns = header.cells.map { Normalization.value($0) }
        if columns.count == 1 {
            for (mark, byte) in [(";", 0x3B), ("\\t", 0x09), ("|", 0x7C), (",", 0x2C)]
                as [(String, UInt8)]
            where byte != delimiter && columns[0].utf8.contains(byte) {
                problems.error(
                    "bad-table", at: place(header.line), "the header row has one column only",
                    help: "the file seems to be separated otherwise; add delimiter: \"\(mark)\"")
                return nil
            }
        }
        var isGood = true
        for (number, column) in columns.enumerated() {
            if column.isEmpty {
                problems.error(
                    "bad-table", at: place(header.line), "column \(number + 1) has no name")
                isGood = false
            } else if let first = columns.firstIndex(of: column), first < number {
                problems.error(
                    "bad-table", at: place(header.line), "two columns are named '\(column)'")
                isGood = false
            }
        }
        return isGood ? columns : nil
    }

    private func table(
        columns: [String], rows: ArraySlice<CSVReader.Row>, problems: inout SettingProblems
    ) -> Table? {
        let keyName = Normalization.value(key.text ?? "")
        guard let keyColumn = columns.firstIndex(of: keyName) else {
            problems.error(
                "undefined-column", at: key.position, "table '\(name)' has no column '\(keyName)'",
                help: Nearest.help(for: keyName, among: columns))
            return nil
        }
        var index: [String: Int] = [:]
        index.reserveCapacity(rows.count)
        var kept: [[String]] = []
        var lines: [Int] = []
        var isGood = true
        for row in rows {
            guard row.cells.count == columns.count else {
                problems.error(
                    "bad-table", at: place(row.line),
                    "the row has \(row.cells.count) cells, the header has \(columns.count)",
                    help: "quote a cell that holds the separator: \"a, b\"")
                isGood = false
                continue
            }
            let key = Normalization.value(row.cells[keyColumn])
            if key.isEmpty {
                problems.error(
                    "bad-table", at: place(row.line), "the key '\(keyName)' is blank",
                    help: "fill the cell, or remove the row")
                isGood = false
            } else if let first = index[key] {
                problems.error(
                    "duplicate-table-key", at: place(row.line),
                    "the key '\(key)' stands here twice, first in line \(lines[first])",
                    help: "remove one of the rows, or correct its key")
                isGood = false
            } else {
                index[key] = kept.count
                kept.append(row.cells)
                lines.append(row.line)
            }
        }
        guard isGood else { return nil }
        return Table(
            name: name, file: file, columns: columns, rows: kept, lines: lines, index: index)
    }
}
