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
    /// The value of a column, or nil when it is NULL or of another kind, where the subscript would
    /// end the process: for whatever reads a row that the disk may have changed.
    func value<T: DatabaseValueConvertible>(_ column: String, as type: T.Type = T.self) -> T? {
        T.fromDatabaseValue(self[column])
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
        if let value = T.fromDatabaseValue(row[take()]) { return value }
        isSound = false
        return other
    }

    /// The next column, which may be NULL.
    mutating func nextOrNil<T: DatabaseValueConvertible>(_ type: T.Type = T.self) -> T? {
        let value: DatabaseValue = row[take()]
        let result = T.fromDatabaseValue(value)
        if result == nil, !value.isNull { isSound = false }
        return result
    }

    private mutating func take() -> Int {
        defer { index += 1 }
        return index
    }
}
