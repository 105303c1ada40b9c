/// Finds the known name that a mistyped one probably meant.
public enum Nearest {
    /// The most scalars of a name that is compared.
    private static let lengthMax = 64

    /// The candidate with the smallest edit distance to `name`, if it is near enough to suggest:
    /// at most a third of the longer name's length. A difference in case costs nothing.
    public static func name(to name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.unicodeScalars.map(folded))
        guard wanted.count <= lengthMax else { return nil }
        let profile = letters(of: name)
        var distances = EditDistance()
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let most = candidate.utf8.count
            // A quick no: too long even if every scalar had four bytes, or too many other letters.
            guard most <= 6 * wanted.count + 4 else { continue }
            let missing = (profile ^ letters(of: candidate)).nonzeroBitCount
            guard missing <= 2 * (max(wanted.count, most) / 3) else { continue }
            let scalars = candidate.unicodeScalars.map(folded)
            let limit = max(wanted.count, scalars.count) / 3
            guard abs(scalars.count - wanted.count) <= limit else { continue }
            let distance = distances.between(wanted, scalars)
            guard distance <= limit else { continue }
            if best.map({ (distance, candidate) < $0 }) ?? true { best = (distance, candidate) }
        }
        return best?.name
    }

    /// `did you mean 'x'?` or, without a near name, the known names when there are few.
    public static func help(for name: String, among candidates: some Collection<String>) -> String?
    {
        if let nearest = Nearest.name(to: name, among: candidates) {
            return "did you mean '\(nearest)'?"
        }
        guard !candidates.isEmpty, candidates.count <= 12 else { return nil }
        return "known here: " + candidates.sorted().map { "'\($0)'" }.joined(separator: ", ")
    }

    /// Case costs nothing.
    private static func folded(_ scalar: Unicode.Scalar) -> UInt32 {
        (65...90).contains(scalar.value) ? scalar.value + 32 : scalar.value
    }

    /// Which letters a name has. One edit changes at most two bits.
    private static func letters(of name: String) -> UInt64 {
        name.unicodeScalars.reduce(0) { $0 | 1 << UInt64(folded($1) % 64) }
    }
}

/// Edits (insert, delete, replace, swap of neighbours) from one text to another. Keeps its rows.
private struct EditDistance {
    private var before: [Int] = []
    private var previous: [Int] = []
    private var row: [Int] = []

    mutating func between(_ a: [UInt32], _ b: [UInt32]) -> Int {
        previous = Array(0...b.count)
        before = previous
        row = previous
        for i in a.indices {
            row[0] = i + 1
            for j in b.indices {
                var cost = min(
                    previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, before[j - 1] + 1)
                }
                row[j + 1] = cost
            }
            swap(&before, &previous)
            swap(&previous, &row)
        }
        return previous[b.count]
    }
}
