internal import LeadStore

extension MemoryTables {
    /// Makes references due at the latest when asked for now; see `LeadStore`.
    mutating func limitDue(_ limit: ReferenceLimit) -> Int {
        var moved = 0
        for row in undone where isAnnounced(row, by: limit.source) {
            let due = limit.moved(
                dueMilliseconds: rows[row].dueMilliseconds, attempts: rows[row].attempts)
            guard let due else { continue }
            rows[row].dueMilliseconds = due
            moved += 1
            version += 1
        }
        return moved
    }
}
