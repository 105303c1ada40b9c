internal import GRDB
public import LeadKit

// What pools remember.
extension SQLiteStore {
    public func poolState(_ query: PoolQuery) async throws(StoreError) -> PoolState {
        try await read { db in
            var changes = PoolChanges()
            for pool in query.pools {
                changes.members += try Row.fetchAll(
                    db.cachedStatement(sql: "SELECT * FROM pool_members WHERE pool = ?"),
                    arguments: [pool]
                ).map(PoolRow.member)
                changes.counts += try Row.fetchAll(
                    db.cachedStatement(sql: "SELECT * FROM pool_counts WHERE pool = ?"),
                    arguments: [pool]
                ).compactMap(PoolRow.count)
            }
            let find = try db.cachedStatement(
                sql: "SELECT * FROM pool_sticky WHERE pool = ? AND answers = ?")
            for key in query.sticky {
                changes.sticky += try Row.fetchAll(find, arguments: [key.pool, key.hash])
                    .map(PoolRow.sticky)
            }
            var state = PoolState()
            state.apply(changes)
            return state
        }
    }

    static func apply(_ changes: PoolChanges, at now: Int64, _ db: Database) throws {
        guard !changes.isEmpty else { return }
        for record in changes.members {
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO pool_members VALUES (?, ?, ?, ?, ?, ?, ?)"
            ).execute(arguments: [
                record.member.pool, record.member.name, record.latest, record.latestInTurn,
                record.credit, record.total, record.atMilliseconds,
            ])
        }
        for count in changes.counts {
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO pool_counts VALUES (?, ?, ?, ?, ?, ?)"
            ).execute(arguments: [
                count.window.member.pool, count.window.member.name, count.window.period.rawValue,
                count.window.start, count.count, count.untilMilliseconds,
            ])
        }
        for record in changes.sticky {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO pool_sticky VALUES (?, ?, ?, ?)")
                .execute(arguments: [
                    record.key.pool, record.key.hash, record.member, record.untilMilliseconds,
                ])
        }
        for table in ["pool_counts", "pool_sticky"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE until_ms < ?")
                .execute(arguments: [now])
        }
    }
}

/// The rows as values.
private enum PoolRow {
    static func member(_ row: Row) -> MemberRecord {
        MemberRecord(
            member: PoolMember(pool: row["pool"], name: row["member"]), latest: row["latest"],
            latestInTurn: row["latest_in_turn"], credit: row["credit"], total: row["total"],
            atMilliseconds: row["at_ms"])
    }

    static func count(_ row: Row) -> CapCount? {
        CapPeriod(rawValue: row["period"]).map { period in
            CapCount(
                window: CapWindow(
                    member: PoolMember(pool: row["pool"], name: row["member"]), period: period,
                    start: row["start_seconds"]),
                count: row["count"], untilMilliseconds: row["until_ms"])
        }
    }

    static func sticky(_ row: Row) -> StickyRecord {
        StickyRecord(
            key: StickyKey(pool: row["pool"], hash: row["answers"]), member: row["member"],
            untilMilliseconds: row["until_ms"])
    }
}
