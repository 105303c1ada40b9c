import LeadKit
import Synchronization

/// What an answer's headers say of the limits, on success and on failure. A header that is missing
/// or cannot be read says nothing, and never fails a call.
struct GraphUsage: Sendable, Equatable {
    /// The highest percentage of a limit of the page; 0 when unknown.
    private(set) var pagePercent = 0
    /// The highest percentage of a limit of the whole app; 0 when unknown.
    private(set) var appPercent = 0
    /// The longest time until access is given back, in minutes; 0 when unknown.
    private(set) var minutes = 0

    /// The least wait when there is no better estimate, and the longest that is believed.
    static let waitMin = Duration.seconds(60)
    private static let minutesMax = 24 * 60

    init(_ reply: GraphReply) {
        if let usage = GraphUsage.object(reply.header("x-app-usage")) {
            appPercent = GraphUsage.percent(usage)
        }
        if let usage = GraphUsage.object(reply.header("x-page-usage")) {
            pagePercent = GraphUsage.percent(usage)
        }
        let cases = GraphUsage.object(reply.header("x-business-use-case-usage"))
        for entry in (cases?.members ?? []).flatMap(\.value.elements) {
            pagePercent = max(pagePercent, GraphUsage.percent(entry))
            let estimate = entry["estimated_time_to_regain_access"]?.integer ?? 0
            minutes = max(minutes, min(estimate, GraphUsage.minutesMax))
        }
    }

    /// How long to wait once over a limit.
    var wait: Duration { max(GraphUsage.waitMin, .seconds(minutes * 60)) }

    private static func object(_ header: String?) -> JSONValue? {
        guard let header, let document = try? JSONDocument.parse(Array(header.utf8)) else {
            return nil
        }
        return document.root
    }

    private static func percent(_ usage: JSONValue) -> Int {
        ["call_count", "total_time", "total_cputime"].map { usage[$0]?.integer ?? 0 }.max() ?? 0
    }
}

/// Keeps calls back while a page or the whole app is over its limit: calling on prolongs it.
final class UsageGate: Sendable {
    /// From this percentage on, calls of the scope pause.
    static let percentMax = 95

    private static let app = "app"
    private let pausedUntil = Mutex<[String: Duration]>([:])
    private let time: SourceTime

    init(time: SourceTime) { self.time = time }

    /// How long the page's calls must still wait; nil when they may go.
    func wait(page: String) -> Duration? {
        let now = time.elapsed()
        return pausedUntil.withLock { paused in
            let until = [UsageGate.app, "page \(page)"].compactMap { paused[$0] }.max()
            return until.flatMap { $0 > now ? $0 - now : nil }
        }
    }

    /// Pauses the page, or all pages.
    func pause(page: String, isApp: Bool, for wait: Duration) {
        let until = time.elapsed() + wait
        let scope = isApp ? UsageGate.app : "page \(page)"
        pausedUntil.withLock { $0[scope] = max($0[scope] ?? .zero, until) }
    }

    /// Pauses what the headers say is nearly used up.
    func heed(_ usage: GraphUsage, page: String) {
        if usage.appPercent > UsageGate.percentMax {
            pause(page: page, isApp: true, for: usage.wait)
        }
        if usage.pagePercent > UsageGate.percentMax || usage.minutes > 0 {
            pause(page: page, isApp: false, for: usage.wait)
        }
    }
}
