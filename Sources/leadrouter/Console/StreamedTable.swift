/// A table of many rows in bounded memory: the first rows decide how wide the columns are, and from
/// then on each is printed as it comes.
struct StreamedTable {
    /// How many rows decide.
    static let sampleCount = 1_000

    private let header: [String]
    private var waiting: [[String]] = []
    /// Nil while rows are waiting.
    private var widths: [Int]?
    private var output: [UInt8] = []

    init(_ header: [String]) { self.header = header }

    mutating func add(_ cells: [String]) {
        let row = cells.map { Console.shown($0) }
        guard widths == nil else { return print(row) }
        waiting.append(row)
        if waiting.count == StreamedTable.sampleCount { settle() }
    }

    /// Prints what is left; the header, too, when there was no row.
    mutating func finish() {
        if widths == nil { settle() }
        Console.write(output)
        output = []
    }

    private mutating func settle() {
        let rows = [header] + waiting
        widths = header.indices.map { column in
            rows.map { $0[column].unicodeScalars.count }.max() ?? 0
        }
        waiting = []
        for row in rows { print(row) }
    }

    private mutating func print(_ row: [String]) {
        var padding = 0
        for (column, cell) in row.enumerated() {
            let width = widths?[column] ?? 0
            // Blanks are written only before a cell, so that no line ends in them.
            if !cell.isEmpty {
                output.append(contentsOf: repeatElement(0x20, count: padding))
                output.append(contentsOf: cell.utf8)
                padding = 0
            }
            padding += max(0, width - cell.unicodeScalars.count) + 2
        }
        output.append(0x0A)
        if output.count > 1 << 16 {
            Console.write(output)
            output.removeAll(keepingCapacity: true)
        }
    }
}
