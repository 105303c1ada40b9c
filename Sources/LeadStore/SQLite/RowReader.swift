internal import Foundation
internal import GRDB

/// Reads the columns of a row in the order of its SELECT, each as what its table promises.
///
/// A flipped bit can make a number of a text, and GRDB's subscripts end the process over that: one
/// damaged row must not. Going by order, it is fast, too: a column that is asked for by name is
/// looked for by name in each row.
struct RowReader {
    /// A value is of another kind than its table promises.
    struct Damage: Error {}

    private let row: Row
    private var index = 0

    init(_ row: Row) { self.row = row }

    private mutating func next() -> DatabaseValue {
        defer { index += 1 }
        return row[index]
    }

    mutating func numberOrNothing() throws(Damage) -> Int64? {
        switch next().storage {
        case .null: return nil
        case .int64(let number): return number
        default: throw Damage()
        }
    }

    mutating func textOrNothing() throws(Damage) -> String? {
        switch next().storage {
        case .null: return nil
        case .string(let text): return text
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

    mutating func bytes() throws(Damage) -> Data {
        guard case .blob(let data) = next().storage else { throw Damage() }
        return data
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
