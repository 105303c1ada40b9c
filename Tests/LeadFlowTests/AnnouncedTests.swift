import LeadKit
import LeadMemory
import LeadRules
import LeadStore
import LeadTesting
import Logging
import Synchronization
import Testing

@testable import LeadFlow

/// Leads that are announced, and read afterwards, while somebody sets the clock.
@Suite(.timeLimit(.minutes(1)))
struct AnnouncedTests {
    private let clock = HandClock()
    private let store = MemoryStore()

    private func item() throws -> InboxItem {
        let id = try #require(LeadID("1"))
        return .reference(LeadReference(source: "later", id: id))
    }

    private func run(_ name: String, _ body: (Flow) async throws -> Void) async throws {
        let yaml = """
            version: 1
            sources: {later: {plugin: later, calls: "\(name)"}}
            default: {hold: nobody}

            """
        let loaded = ConfigurationLoader.load(
            ConfigurationFilesInMemory(["leadrouter.yaml": yaml]),
            catalogue: PluginCatalogue(sources: [LaterSource.self], sinks: [ScriptedSink.self]))
        let flow = try await Flow(
            configuration: try #require(loaded.configuration, "\(loaded.report)"), store: store,
            clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await flow.run() }
            try await body(flow)
            flow.stop()
            try await group.waitForAll()
        }
    }

    /// How many seconds go by until it is asked for once more; a day at most.
    private func secondsUntilAsked(_ calls: Counter, times: Int) async throws -> Int {
        for second in 0..<1440 {
            for _ in 0..<50 where calls.value < times { try await nextTurn() }
            if calls.value >= times { return second * 60 }
            await clock.advanceAndSettle(by: .seconds(60))
        }
        return 86_400
    }

    @Test func `a clock that is set back keeps no announced lead waiting`() async throws {
        let calls = LaterSource.calls("running")
        try await run("running") { flow in
            _ = try await flow.intake.inbox.accept([try item()])
            while calls.value < 1 { try await aMoment() }
            while try await store.nextReferenceMilliseconds(source: "later") ?? 0
                <= clock.nowMilliseconds()
            { try await aMoment() }
            clock.set(by: .seconds(-20 * 3600))
            let seconds = try await secondsUntilAsked(calls, times: 2)
            #expect(seconds <= 180)
        }
    }

    @Test func `nor one that is set back while the service is off`() async throws {
        let calls = LaterSource.calls("off")
        _ = try await store.accept(
            [try item()],
            atMilliseconds: clock.nowMilliseconds() + 20 * 3_600_000)
        try await run("off") { _ in
            let seconds = try await secondsUntilAsked(calls, times: 1)
            #expect(seconds <= 180)
        }
    }

    @Test func `a wait that the other side may have asked for outlives a start`() async throws {
        let calls = LaterSource.calls("asked")
        _ = try await store.accept(
            [try item()],
            atMilliseconds: clock.nowMilliseconds() + 1800_000)
        try await run("asked") { _ in
            let seconds = try await secondsUntilAsked(calls, times: 1)
            #expect(seconds >= 1800)
        }
    }

    @Test func `waits by attempts are those of the schedule`() throws {
        let id = try #require(LeadID("1"))
        let waits = FetchPolicy.longestWaits
        #expect(waits.first == 0, "what was not asked for yet")
        for attempts in 0...30 {
            let pending = PendingReference(
                sequence: 1, reference: LeadReference(source: "s", id: id), attempts: attempts,
                receivedMilliseconds: 0)
            let record = FetchPolicy.record(
                pending, .failure(FetchFailure(.retry(after: nil), "x")), atMilliseconds: 0)
            guard case .again(let due, _, _) = record.result else {
                Issue.record("given up")
                continue
            }
            #expect(due == waits[min(attempts + 1, waits.count - 1)])
        }
    }
}

/// A source whose leads are never to be read yet.
private struct LaterSource: ReferenceSource {
    static let name = "later"
    static let summary = "For tests."
    static let example = ""

    private static let all = Mutex<[String: Counter]>([:])

    static func calls(_ name: String) -> Counter {
        all.withLock { all in
            let counter = all[name] ?? Counter()
            all[name] = counter
            return counter
        }
    }

    struct Config: PluginConfig {
        var calls = ""
        static let settings: [Setting<Config>] = [.required("calls", \.calls, "Its counter.")]
    }

    private let calls: Counter

    init(config: Config, context: PluginContext) { calls = LaterSource.calls(config.calls) }

    func fetch(_ references: [LeadReference]) async -> [Result<Lead, FetchFailure>] {
        calls.add(1)
        return references.map { _ in .failure(FetchFailure(.retry(after: nil), "not now")) }
    }
}
