/// Texts that a regular expression probably matches: the shortest way through it, with the choices
/// at `|`. What it does not know (look-ups of Unicode classes and the like) gives no text or a
/// wrong one; every text is tried before it is used.
struct PatternSample {
    /// The most texts of one pattern.
    static let countMax = 6

    private var rest: ArraySlice<Unicode.Scalar>

    static func texts(of source: String) -> [String] {
        var sample = PatternSample(rest: Array(source.unicodeScalars)[...])
        return Array(sample.alternatives().prefix(countMax))
    }

    /// `a|b|c` up to the end or a closing parenthesis.
    private mutating func alternatives() -> [String] {
        var texts = sequence()
        while rest.first == "|" {
            rest.removeFirst()
            texts += sequence()
        }
        return texts
    }

    private mutating func sequence() -> [String] {
        var texts = [""]
        while let next = rest.first, next != "|", next != ")" {
            let choices = repeated(atom())
            texts = Array(
                texts.flatMap { text in choices.map { text + $0 } }
                    .prefix(PatternSample.countMax))
        }
        return texts
    }

    /// One element without what repeats it.
    private mutating func atom() -> [String] {
        let scalar = rest.removeFirst()
        switch scalar {
        case "(": return group()
        case "[": return [characterClass()]
        case "\\": return [escape()]
        case ".": return ["x"]
        case "^", "$": return [""]
        default: return [String(scalar)]
        }
    }

    private mutating func group() -> [String] {
        if rest.first == "?" {
            // Flags such as (?i), names such as (?P<x>, or a group that is not captured.
            while let next = rest.first, next != ":", next != ">", next != ")" {
                rest.removeFirst()
            }
            if rest.first != ")" { rest = rest.dropFirst() }
        }
        let texts = alternatives()
        if rest.first == ")" { rest.removeFirst() }
        return texts
    }

    private mutating func characterClass() -> String {
        let isNegated = rest.first == "^"
        if isNegated { rest.removeFirst() }
        var first: String?
        var isStart = true
        while let next = rest.first, isStart || next != "]" {
            isStart = false
            rest.removeFirst()
            let text = next == "\\" ? escape() : String(next)
            if first == nil { first = text }
        }
        rest = rest.dropFirst()
        return isNegated ? "x" : first ?? ""
    }

    private mutating func escape() -> String {
        guard let scalar = rest.popFirst() else { return "" }
        switch scalar {
        case "d": return "0"
        case "w", "D", "S": return "a"
        case "s": return " "
        case "W": return "-"
        case "b", "B", "A", "z": return ""
        case "t": return "\t"
        case "n": return "\n"
        default: return String(scalar)
        }
    }

    /// Applies `*`, `+`, `?` or `{n,m}`: the fewest times.
    private mutating func repeated(_ texts: [String]) -> [String] {
        var count = 1
        switch rest.first {
        case "*", "?":
            rest.removeFirst()
            count = 0
        case "+": rest.removeFirst()
        case "{":
            let digits = rest.dropFirst().prefix { ("0"..."9").contains($0) }
            guard let number = Int(String(String.UnicodeScalarView(digits))), number <= 64,
                let close = rest.firstIndex(of: "}")
            else { return texts }
            count = number
            rest = rest[(close + 1)...]
        default: return texts
        }
        if rest.first == "?" { rest.removeFirst() }
        return texts.map { String(repeating: $0, count: count) }
    }
}
