internal import GRDB
internal import GRDBSQLite

/// Reads the columns of a row in the order of its SELECT, each as what its table promises.
///
/// A flipped bit can make a number of a text, and GRDB's subscripts end the process over that: one
/// damaged row must not. It reads where SQLite has the row: a row of GRDB's own is an object, and a
/// column that is asked for by name is looked for by name in each.
struct RowReader {
    /// A value is of another kind than its table promises.
    struct Damage: Error {}

    /// What a number of a row may be, checksums left out: times to the year 287,000, and nothing else is
    /// as large. What the disk has made of one must not overflow where it is added to.
    static let numbers: ClosedRange<Int64> = -(1 << 53)...(1 << 53)

    private let statement: OpaquePointer
    private var index: CInt = 0

    /// The row that the statement stands at; valid until it moves on.
    init(_ statement: OpaquePointer) { self.statement = statement }

    private mutating func next() -> CInt {
        defer { index += 1 }
        return index
    }

    mutating func numberOrNothing() throws(Damage) -> Int64? {
        let column = next()
        switch sqlite3_column_type(statement, column) {
        case SQLITE_NULL: return nil
        case SQLITE_INTEGER:
            let number = sqlite3_column_int64(statement, column)
            guard RowReader.numbers.contains(number) else { throw Damage() }
            return number
        default: throw Damage()
        }
    }

    /// A number of any size.
    mutating func checksum() throws(Damage) -> Int64? {
        let column = next()
        switch sqlite3_column_type(statement, column) {
        case SQLITE_NULL: return nil
        case SQLITE_INTEGER: return sqlite3_column_int64(statement, column)
        default: throw Damage()
        }
    }

    mutating func textOrNothing() throws(Damage) -> String? {
        let column = next()
        switch sqlite3_column_type(statement, column) {
        case SQLITE_NULL: return nil
        case SQLITE_TEXT:
            let start = sqlite3_column_text(statement, column)
            // In this order: the length is that of the text that was asked for.
            let count = Int(sqlite3_column_bytes(statement, column))
            let bytes = UnsafeBufferPointer(start: start, count: count)
            // None is written with a NUL, and SQLite's own functions would see a part of it.
            if bytes.contains(0) { throw Damage() }
            return String(decoding: bytes, as: UTF8.self)
        default: throw Damage()
        }
    }

    mutating func number() throws(Damage) -> Int64 {
        guard let number = try numberOrNothing() else { throw Damage() }
        return number
    }

    mutating func text() throws(Damage) -> String {
        guard let text = try textOrNothing() else { throw Damage() }
        return text
    }

    mutating func flag() throws(Damage) -> Bool { try number() != 0 }

    mutating func bytes() throws(Damage) -> [UInt8] {
        let column = next()
        guard sqlite3_column_type(statement, column) == SQLITE_BLOB else { throw Damage() }
        let start = sqlite3_column_blob(statement, column)
        let count = Int(sqlite3_column_bytes(statement, column))
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }
}

extension Row {
    /// The value of a column, or nil when it is NULL, of another kind, or a number that is none, where
    /// the subscript would end the process: for whatever reads a row that the disk may have changed.
    func value<T: DatabaseValueConvertible>(_ column: String, as type: T.Type = T.self) -> T? {
        let value: DatabaseValue = self[column]
        return value.isUsable ? T.fromDatabaseValue(value) : nil
    }

    /// A number of any size.
    var checksum: Int64? { Int64.fromDatabaseValue(self["checksum"]) }
}

extension DatabaseValue {
    /// Whether it is no number beyond what a row may hold.
    fileprivate var isUsable: Bool {
        guard case .int64(let number) = storage else { return true }
        return RowReader.numbers.contains(number)
    }
}

/// Reads a row's columns in order, and notes when one has not the kind that its table promises.
struct Cells {
    private let row: Row
    private var index = 0
    /// Whether all that was read was of its kind.
    private(set) var isSound = true

    init(_ row: Row) { self.row = row }

    /// The next column, or a value instead.
    mutating func next<T: DatabaseValueConvertible>(or other: T) -> T {
        let value: DatabaseValue = row[take()]
        if value.isUsable, let value = T.fromDatabaseValue(value) { return value }
        isSound = false
        return other
    }

    /// The next column, which may be NULL.
    mutating func nextOrNil<T: DatabaseValueConvertible>(_ type: T.Type = T.self) -> T? {
        let value: DatabaseValue = row[take()]
        let result = value.isUsable ? T.fromDatabaseValue(value) : nil
        if result == nil, !value.isNull { isSound = false }
        return result
    }

    /// A number of any size, which may be NULL.
    mutating func checksum() -> Int64? {
        let value: DatabaseValue = row[take()]
        let result = Int64.fromDatabaseValue(value)
        if result == nil, !value.isNull { isSound = false }
        return result
    }

    private mutating func take() -> Int {
        defer { index += 1 }
        return index
    }
}
