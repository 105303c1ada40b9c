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
                ).compactMap(PoolRow.member)
                changes.counts += try Row.fetchAll(
                    db.cachedStatement(sql: "SELECT * FROM pool_counts WHERE pool = ?"),
                    arguments: [pool]
                ).compactMap(PoolRow.count)
            }
            let find = try db.cachedStatement(
                sql: "SELECT * FROM pool_sticky WHERE pool = ? AND answers = ?")
            for key in query.sticky {
                changes.sticky += try Row.fetchAll(find, arguments: [key.pool, key.hash])
                    .compactMap(PoolRow.sticky)
            }
            var state = PoolState()
            state.apply(changes)
            return state
        }
    }

    static func apply(
        _ changes: PoolChanges, of inbox: Int64, at now: Int64, _ db: Database
    ) throws {
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
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO pool_sticky VALUES (?, ?, ?, ?, ?)")
                .execute(arguments: [
                    record.key.pool, record.key.hash, record.member, record.untilMilliseconds,
                    inbox,
                ])
        }
        for table in ["pool_counts", "pool_sticky"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE until_ms < ?")
                .execute(arguments: [now])
        }
    }
}

/// The rows as values; nil for one that cannot be read, which is as if it had not been kept.
private enum PoolRow {
    static func member(_ row: Row) -> MemberRecord? {
        member(of: row).map { member in
            MemberRecord(
                member: member, latest: row.value("latest") ?? 0,
                latestInTurn: row.value("latest_in_turn") ?? 0, credit: row.value("credit") ?? 0,
                total: row.value("total") ?? 0, atMilliseconds: row.value("at_ms") ?? 0)
        }
    }

    static func count(_ row: Row) -> CapCount? {
        guard let period = row.value("period").flatMap({ CapPeriod(rawValue: $0) }),
            let member = member(of: row), let start: Int64 = row.value("start_seconds"),
            let count: Int = row.value("count"), let until: Int64 = row.value("until_ms")
        else { return nil }
        return CapCount(
            window: CapWindow(member: member, period: period, start: start), count: count,
            untilMilliseconds: until)
    }

    static func sticky(_ row: Row) -> StickyRecord? {
        guard let pool: String = row.value("pool"), let hash: String = row.value("answers"),
            let member: String = row.value("member"), let until: Int64 = row.value("until_ms")
        else { return nil }
        return StickyRecord(
            key: StickyKey(pool: pool, hash: hash), member: member, untilMilliseconds: until)
    }

    private static func member(of row: Row) -> PoolMember? {
        guard let pool: String = row.value("pool"), let name: String = row.value("member") else {
            return nil
        }
        return PoolMember(pool: pool, name: name)
    }
}
