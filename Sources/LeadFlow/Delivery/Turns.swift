/// Whose turn it is: round robin over names, so that nobody waits longer than one round.
struct Turns: Sendable {
    private(set) var names: [String] = []
    /// Who is asked first.
    private var start = 0

    /// Joins at the end of the round.
    mutating func add(_ name: String) { names.insert(name, at: start); start += 1; wrap() }

    mutating func remove(_ name: String) {
        guard let index = names.firstIndex(of: name) else { return }
        names.remove(at: index)
        if index < start { start -= 1 }
        wrap()
    }

    /// The next who may have a turn; the one behind is asked first next time.
    mutating func next(where mayHave: (String) -> Bool) -> String? {
        for offset in names.indices {
            let index = (start + offset) % names.count
            guard mayHave(names[index]) else { continue }
            start = index + 1
            wrap()
            return names[index]
        }
        return nil
    }

    private mutating func wrap() { if start >= names.count { start = 0 } }

    /// Shares a number out, one at a time in turn, none getting more than its room.
    mutating func share(
        _ number: Int, among rooms: [String: Int]
    ) -> [(name: String, count: Int)] {
        var shares: [String: Int] = [:]
        var order: [String] = []
        for _ in 0..<max(0, number) {
            let name = next { shares[$0, default: 0] < rooms[$0, default: 0] }
            guard let name else { break }
            if shares[name] == nil { order.append(name) }
            shares[name, default: 0] += 1
        }
        return order.map { ($0, shares[$0] ?? 0) }
    }
}
