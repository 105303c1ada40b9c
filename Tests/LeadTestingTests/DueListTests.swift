import Testing

@testable import LeadMemory

struct DueListTests {
    /// Enough for many pieces; few times, so that many are due together.
    private func entries(_ chance: inout SystemRandomNumberGenerator) -> [DueList.Entry] {
        (0..<4 * DueList.pieceMax).map {
            DueList.Entry(dueMilliseconds: .random(in: 0..<300, using: &chance), row: $0)
        }
    }

    @Test func `what is put in at random comes out in order, whatever was taken out between`() {
        var chance = SystemRandomNumberGenerator()
        var (list, kept) = (DueList(), [DueList.Entry]())
        for entry in entries(&chance) {
            list.insert(entry)
            kept.append(entry)
            guard Bool.random(using: &chance), Bool.random(using: &chance) else { continue }
            let index = Int.random(in: kept.indices, using: &chance)
            list.remove(kept.remove(at: index))
        }
        #expect(Array(list.entries) == kept.sorted())
        #expect(list.first == kept.min())
        for entry in kept.shuffled() { list.remove(entry) }
        #expect(list.first == nil)
        #expect(list.entries.isEmpty)
    }

    @Test func `a look from a time on misses none that are due later`() {
        var chance = SystemRandomNumberGenerator()
        var list = DueList()
        let all = entries(&chance).sorted()
        for entry in all.shuffled() { list.insert(entry) }
        for time in [-1, 0, 1, 150, 298, 299, 300] as [Int64] {
            #expect(
                list.entries(about: time).filter { $0.dueMilliseconds > time }
                    == all.filter { $0.dueMilliseconds > time })
        }
    }

    @Test func `what is not there is not taken out`() {
        var list = DueList()
        list.remove(.init(dueMilliseconds: 1, row: 1))
        list.insert(.init(dueMilliseconds: 1, row: 1))
        list.remove(.init(dueMilliseconds: 1, row: 2))
        list.remove(.init(dueMilliseconds: 0, row: 1))
        #expect(list.entries.map(\.row) == [1])
    }
}
