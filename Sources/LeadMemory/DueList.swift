/// Rows in the order in which they are due; those of the same time in the order of their numbers.
///
/// Kept as pieces of bounded length, each sorted, in order: one is found by its first row, and what
/// is put in or taken out moves no more than a piece. A hundred thousand rows are four hundred
/// pieces.
struct DueList: Sendable {
    struct Entry: Comparable, Sendable {
        var dueMilliseconds: Int64
        var row: Int

        static func < (a: Entry, b: Entry) -> Bool {
            (a.dueMilliseconds, a.row) < (b.dueMilliseconds, b.row)
        }
    }

    /// A piece that grows beyond it becomes two.
    static let pieceMax = 512

    /// None is empty.
    private var pieces: [[Entry]] = []

    var first: Entry? { pieces.first?.first }

    /// All, the first due first.
    var entries: FlattenSequence<ArraySlice<[Entry]>> { pieces[...].joined() }

    /// Those that are due later than a time, and perhaps some before them.
    func entries(about milliseconds: Int64) -> FlattenSequence<ArraySlice<[Entry]>> {
        pieces[piece(of: Entry(dueMilliseconds: milliseconds, row: .max))...].joined()
    }

    /// The last that is due by a time.
    func last(dueBy milliseconds: Int64) -> Entry? {
        guard !pieces.isEmpty else { return nil }
        let end = Entry(dueMilliseconds: milliseconds, row: .max)
        let piece = pieces[piece(of: end)]
        let count = DueList.count(of: piece, before: end)
        return count > 0 ? piece[count - 1] : nil
    }

    mutating func insert(_ entry: Entry) {
        guard !pieces.isEmpty else { return pieces.append([entry]) }
        let piece = piece(of: entry)
        pieces[piece].insert(entry, at: DueList.count(of: pieces[piece], before: entry))
        let count = pieces[piece].count
        guard count > DueList.pieceMax else { return }
        pieces.insert(Array(pieces[piece][(count / 2)...]), at: piece + 1)
        pieces[piece].removeSubrange((count / 2)...)
    }

    mutating func remove(_ entry: Entry) {
        guard !pieces.isEmpty else { return }
        let piece = piece(of: entry)
        let index = DueList.count(of: pieces[piece], before: entry)
        guard index < pieces[piece].count, pieces[piece][index] == entry else { return }
        pieces[piece].remove(at: index)
        if pieces[piece].isEmpty { pieces.remove(at: piece) }
    }

    /// The last piece that does not begin behind an entry, or the first.
    private func piece(of entry: Entry) -> Int {
        var (low, high) = (0, pieces.count)
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle][0] <= entry { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    private static func count(of piece: [Entry], before entry: Entry) -> Int {
        var (low, high) = (0, piece.count)
        while low < high {
            let middle = (low + high) / 2
            if piece[middle] < entry { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
