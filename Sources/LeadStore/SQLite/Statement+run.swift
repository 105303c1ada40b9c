internal import GRDB
internal import GRDBSQLite

/// A value for a statement's `?`.
enum Binding {
    case integer(Int64?)
    /// Up to the first NUL, as SQLite's own functions for texts see it.
    case text(String?)
    case bytes([UInt8])
}

extension Binding: ExpressibleByIntegerLiteral {
    init(integerLiteral value: Int64) { self = .integer(value) }
}

extension Statement {
    /// Runs a statement that answers no rows, inside a transaction.
    ///
    /// For the statements that each lead runs. It does what `execute(arguments:)` does without the
    /// lists of values, names and closures that are made for each run there: half of what a row costs
    /// beside SQLite.
    ///
    /// - Throws: `DatabaseError`, also when SQLite has rolled the transaction back by itself: nothing
    ///   may be written outside of one.
    func run(_ values: Binding...) throws {
        let connection = sqlite3_db_handle(sqliteStatement)
        guard sqlite3_get_autocommit(connection) == 0 else {
            throw DatabaseError(
                resultCode: .SQLITE_ABORT, message: "the transaction was rolled back", sql: sql)
        }
        try perform(values) { _ in true }
    }

    /// Calls back with each row that the statement answers, until it says that it needs no more. What
    /// it throws ends the statement, too.
    func forEachRow(_ values: Binding..., body: (inout RowReader) throws -> Bool) throws {
        try perform(values, body)
    }

    private func perform(_ values: [Binding], _ body: (inout RowReader) throws -> Bool) throws {
        // `execute(arguments:)` leaves the end of its run to the next one.
        sqlite3_reset(sqliteStatement)
        defer {
            sqlite3_reset(sqliteStatement)
            sqlite3_clear_bindings(sqliteStatement)
        }
        var code = SQLITE_OK
        for (place, value) in zip(CInt(1)..., values) where code == SQLITE_OK {
            code = bind(value, at: place)
        }
        if code == SQLITE_OK { code = sqlite3_step(sqliteStatement) }
        while code == SQLITE_ROW {
            var row = RowReader(sqliteStatement)
            guard try body(&row) else { return }
            code = sqlite3_step(sqliteStatement)
        }
        guard code == SQLITE_DONE else {
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code),
                message: sqlite3_errmsg(sqlite3_db_handle(sqliteStatement)).map {
                    String(cString: $0)
                }, sql: sql)
        }
    }

    /// SQLite copies the value.
    private func bind(_ value: Binding, at place: CInt) -> CInt {
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .integer(let number?):
            return sqlite3_bind_int64(sqliteStatement, place, number)
        case .text(let text?):
            return sqlite3_bind_text(sqliteStatement, place, text, -1, copied)
        case .bytes(let bytes) where bytes.isEmpty:
            // Without an address it would be NULL.
            return sqlite3_bind_zeroblob(sqliteStatement, place, 0)
        case .bytes(let bytes):
            return bytes.withUnsafeBytes { bytes in
                sqlite3_bind_blob64(
                    sqliteStatement, place, bytes.baseAddress, UInt64(bytes.count), copied)
            }
        case .integer(nil), .text(nil):
            return sqlite3_bind_null(sqliteStatement, place)
        }
    }
}
