import Foundation
import GRDB
import Testing

@testable import LeadStore

/// `Statement.run` writes what `execute(arguments:)` writes, and nothing outside a transaction.
@Suite(.timeLimit(.minutes(1)))
struct StatementRunTests {
    private let queue: DatabaseQueue

    init() throws {
        queue = try DatabaseQueue()
        try queue.write { db in
            try db.execute(
                sql: "CREATE TABLE t (n INTEGER CHECK (n <> 13), x TEXT, b BLOB) STRICT")
        }
    }

    private static let sql = "INSERT INTO t VALUES (?, ?, ?)"

    @Test func `values are written as the library writes them`() throws {
        try queue.write { db in
            let insert = try db.cachedStatement(sql: Self.sql)
            let texts = ["", "Böhm\u{301}", "a\u{0}b", String(repeating: "x", count: 5_000)]
            for text in texts {
                let bytes = [UInt8](text.utf8)
                try insert.run(.integer(.min), .text(text), .bytes(bytes))
                try insert.execute(arguments: [Int64.min, text, Data(bytes)])
            }
            try insert.run(.integer(nil), .text(nil), .bytes([]))
            try insert.execute(arguments: [nil, nil, Data()])
            try insert.run(7, .text("left over?"), .bytes([1]))
            let rows = try Row.fetchAll(db, sql: "SELECT n, x, b, typeof(b) FROM t")
            #expect(rows.count == 2 * texts.count + 3)
            for start in stride(from: 0, to: rows.count - 1, by: 2) {
                #expect(rows[start] == rows[start + 1])
            }
            #expect(rows[2 * texts.count][3] == "blob", "nothing is not NULL")
        }
    }

    @Test func `a value that is not given again is not written again`() throws {
        try queue.write { db in
            let insert = try db.cachedStatement(sql: Self.sql)
            try insert.run(1, .text("one"), .bytes([1]))
            try insert.run(2)
            let row = try #require(try Row.fetchOne(db, sql: "SELECT * FROM t WHERE n = 2"))
            #expect(row["x"] == nil && row["b"] == nil)
        }
    }

    @Test func `a failed run says why, and the statement can be used again`() throws {
        try queue.write { db in
            let insert = try db.cachedStatement(sql: Self.sql)
            let error = #expect(throws: DatabaseError.self) {
                try insert.run(13, .text("x"), .bytes([]))
            }
            #expect(error?.resultCode == .SQLITE_CONSTRAINT)
            try insert.run(14, .text("x"), .bytes([]))
            #expect(try Int.fetchAll(db, sql: "SELECT n FROM t") == [14])
        }
    }

    @Test func `nothing is written once SQLite has ended the transaction`() throws {
        #expect(throws: DatabaseError.self) {
            try queue.write { db in
                let insert = try db.cachedStatement(sql: Self.sql)
                try db.execute(sql: "ROLLBACK")
                try insert.run(1, .text("lost"), .bytes([]))
            }
        }
        #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM t") } == 0)
    }
}
