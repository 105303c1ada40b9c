internal import GRDB

/// Whether a row has the kinds of values that its table promises. A flipped bit can make a number
/// of a text, and GRDB's subscripts end the process over that: one damaged row must not.
enum RowShape {
    private static let numbers = [
        "sequence", "inbox_sequence", "is_copy", "attempts", "created_ms", "due_ms", "crashes",
        "received_ms", "is_duplicate",
    ]
    private static let numbersOrNothing = [
        "not_before_ms", "lease_until_ms", "checksum", "lead_checksum",
    ]
    private static let texts = ["key", "sink", "route", "with_settings", "destination", "source"]
    private static let textsOrNothing = ["detail", "pool", "member"]

    /// Whether a row of outbox and inbox, as a lease reads it, can be read.
    static func isSound(_ row: Row) -> Bool {
        numbers.allSatisfy { isNumber(row[$0]) }
            && numbersOrNothing.allSatisfy { isNumber(row[$0]) || isNothing(row[$0]) }
            && texts.allSatisfy { isText(row[$0]) }
            && textsOrNothing.allSatisfy { isText(row[$0]) || isNothing(row[$0]) }
            && isBytes(row["lead"])
    }

    private static func isNumber(_ value: DatabaseValue) -> Bool {
        if case .int64 = value.storage { true } else { false }
    }

    private static func isText(_ value: DatabaseValue) -> Bool {
        if case .string = value.storage { true } else { false }
    }

    private static func isBytes(_ value: DatabaseValue) -> Bool {
        if case .blob = value.storage { true } else { false }
    }

    private static func isNothing(_ value: DatabaseValue) -> Bool { value.isNull }
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
