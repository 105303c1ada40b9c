/// How much the questions about reachability may still cost, counted in comparisons of a class of
/// values with a check.
///
/// Whether some lead gets past a thousand routes is as hard as any puzzle, so each question and all
/// of them together have a bound. A count and no clock: the same file has the same findings on every
/// machine. What a spent budget leaves open is not reported, only counted.
final class LintWork {
    /// What a configuration may cost, however small.
    static let base = 4_000_000
    /// What each route adds.
    static let perRoute = 200
    /// The most that one question may cost.
    static let questionMax = 300_000

    /// What it costs to ask whether a route takes a lead.
    static let candidate = 10

    private var left: Int
    private var leftOfQuestion = 0
    /// How many questions were left open for want of work.
    private(set) var openCount = 0

    init(routes: Int) { left = LintWork.base + routes * LintWork.perRoute }

    /// Whether nothing more may be asked.
    var isSpent: Bool { leftOfQuestion <= 0 }

    func beginQuestion() { leftOfQuestion = min(left, LintWork.questionMax) }

    func endQuestion() { if leftOfQuestion <= 0 { openCount += 1 } }

    func spend(_ count: Int) {
        left -= count
        leftOfQuestion -= count
    }
}
