/// Brings long runs of combining marks into canonical order before they are normalised.
///
/// The standard library sorts each run by insertion, which takes time quadratic in its length: one
/// answer with 100,000 accents behind one letter would stop every other lead. Sorting a run by
/// combining class, equal ones in their order, gives a canonically equivalent text (Unicode §3.11,
/// D109), so the result in NFC is the same to the byte, and a sorted run costs the library linear
/// time. Nothing is cut or inserted.
enum CombiningRuns {
    /// The longest run that is left to the standard library; no language writes a longer one
    /// (UAX #15, Stream-Safe Text Format).
    static let ordinaryMax = 30

    /// The text itself, or one canonically equivalent to it whose long runs are sorted.
    static func inOrder(_ text: String) -> String {
        guard hasLongRun(text) else { return text }
        var result = String.UnicodeScalarView()
        var run: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if isMark(scalar) {
                run += decomposed(scalar)
                continue
            }
            append(&run, to: &result)
            result.append(scalar)
        }
        append(&run, to: &result)
        return String(result)
    }

    private static func hasLongRun(_ text: String) -> Bool {
        var count = 0
        for scalar in text.unicodeScalars {
            count = isMark(scalar) ? count + 1 : 0
            if count > ordinaryMax { return true }
        }
        return false
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x300 && scalar.properties.canonicalCombiningClass != .notReordered
    }

    /// The marks that are another, or two others.
    private static func decomposed(_ mark: Unicode.Scalar) -> [Unicode.Scalar] {
        switch mark {
        case "\u{340}": ["\u{300}"]
        case "\u{341}": ["\u{301}"]
        case "\u{343}": ["\u{313}"]
        case "\u{344}": ["\u{308}", "\u{301}"]
        default: [mark]
        }
    }

    /// Empties the run, one class after the other.
    private static func append(
        _ run: inout [Unicode.Scalar], to result: inout String.UnicodeScalarView
    ) {
        guard run.count > ordinaryMax else {
            result.append(contentsOf: run)
            run.removeAll()
            return
        }
        var classes: [[Unicode.Scalar]] = Array(repeating: [], count: 256)
        for scalar in run {
            classes[Int(scalar.properties.canonicalCombiningClass.rawValue)].append(scalar)
        }
        for marks in classes { result.append(contentsOf: marks) }
        run.removeAll()
    }
}
