public import LeadKit

/// A text with places marked in it, so that a test can expect a finding "at 1️⃣" without counting.
///
///     let marked = MarkedText("rules:\n  - 1️⃣whne: x")
///     marked.text          // without the mark
///     marked["1️⃣"].column  // 5
///
/// Marks are `1️⃣` to `9️⃣`, each at most once. Lines end with LF.
public struct MarkedText: Sendable {
    /// The text without its marks.
    public let text: String
    /// Line and column of each mark, by its digit; columns in scalars, both from 1.
    public let places: [Int: (line: Int, column: Int)]

    /// Takes the marks out of a text.
    public init(_ marked: String) {
        var scalars = String.UnicodeScalarView()
        var places: [Int: (line: Int, column: Int)] = [:]
        var (line, column) = (1, 1)
        var rest = Array(marked.unicodeScalars)[...]
        while let scalar = rest.first {
            if let digit = MarkedText.mark(rest) {
                precondition(places[digit] == nil, "the mark \(digit) stands twice")
                places[digit] = (line, column)
                rest.removeFirst(3)
                continue
            }
            rest.removeFirst()
            scalars.append(scalar)
            (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
        }
        text = String(scalars)
        self.places = places
    }

    /// The place of a mark, such as `"1️⃣"`. The mark must be in the text.
    public subscript(mark: String) -> (line: Int, column: Int) {
        guard let digit = MarkedText.mark(Array(mark.unicodeScalars)[...]),
            let place = places[digit]
        else { preconditionFailure("there is no mark \(mark)") }
        return place
    }

    /// The place of a mark as a diagnostic names it.
    public func position(_ mark: String, in file: String, length: Int = 1) -> Position {
        let place = self[mark]
        return Position(file: file, line: place.line, column: place.column, length: length)
    }

    /// The digit when a keycap stands in front: digit, U+FE0F, U+20E3.
    private static func mark(_ scalars: ArraySlice<Unicode.Scalar>) -> Int? {
        let head = Array(scalars.prefix(3))
        guard head.count == 3, ("1"..."9").contains(head[0]), head[1].value == 0xFE0F,
            head[2].value == 0x20E3
        else { return nil }
        return Int(head[0].value) - 0x30
    }
}
