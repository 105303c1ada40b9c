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
        let round = (names[start...] + names[..<start]).filter { rooms[$0] ?? 0 > 0 }
        var shares = round.map { (name: $0, count: 0) }
        var left = max(0, number)
        var last: String?
        while left > 0 {
            let before = left
            for index in shares.indices where left > 0 {
                guard shares[index].count < rooms[shares[index].name] ?? 0 else { continue }
                shares[index].count += 1
                left -= 1
                last = shares[index].name
            }
            if left == before { break }
        }
        if let last, let index = names.firstIndex(of: last) {
            start = index + 1
            wrap()
        }
        return shares.filter { $0.count > 0 }
    }
}
