import Foundation
import Glibc
import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Logging
import Synchronization
import Testing

@testable import LeadFlow

@Suite struct SettlingTests {
    @Test func `nothing happened, nothing is read`() {
        #expect(Settling().waitMilliseconds(at: 5) == nil)
    }

    @Test func `a burst is read once it is over`() {
        var settling = Settling()
        for time in stride(from: Int64(0), through: 300, by: 100) {
            settling.note("a", isGrowing: false, atMilliseconds: time)
            #expect(settling.waitMilliseconds(at: time) == Settling.quietMilliseconds)
        }
        #expect(settling.waitMilliseconds(at: 300 + Settling.quietMilliseconds) == 0)
        settling.clear()
        #expect(settling.waitMilliseconds(at: 1_000) == nil)
    }

    @Test func `a file that grows is waited for until it is closed`() {
        var settling = Settling()
        settling.note("a", isGrowing: true, atMilliseconds: 0)
        settling.note("b", isGrowing: false, atMilliseconds: 10)
        #expect(settling.waitMilliseconds(at: 1_000) == Settling.mostMilliseconds - 1_000)
        settling.note("a", isGrowing: false, atMilliseconds: 1_000)
        #expect(settling.waitMilliseconds(at: 1_000) == Settling.quietMilliseconds)
    }

    @Test func `a folder that never rests is read all the same`() {
        var settling = Settling()
        var time: Int64 = 0
        while time < Settling.mostMilliseconds {
            settling.note("a", isGrowing: true, atMilliseconds: time)
            time += 50
        }
        #expect(settling.waitMilliseconds(at: time) == 0)
    }
}

/// The machine's clock, whose wall somebody sets back all the time.
private struct BackwardClock: FlowClock {
    private let clock = SystemClock()
    var upMilliseconds: Int64 { clock.upMilliseconds }
    func nowMilliseconds() -> Int64 { 1_700_000_000_000 - 1000 * clock.upMilliseconds }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}

/// A folder that is edited while the flow runs on it.
@Suite(.timeLimit(.minutes(1))) struct ReloadTests {
    /// A reload loop on a folder, beside a flow.
    private final class Stand: Sendable {
        let folder: RuleFolder
        let reload: Reload
        let flow: Flow
        let store: SQLiteStore
        let log = LogLines()

        convenience init(
            _ files: [String: String], clock: any FlowClock = SystemClock()
        ) async throws {
            try await self.init(RuleFolder(files), clock: clock)
        }

        init(_ folder: RuleFolder, clock: any FlowClock = SystemClock()) async throws {
            self.folder = folder
            let logger = log.logger
            reload = Reload(
                folder: ConfigurationFolder(path: folder.url.path(percentEncoded: false)),
                catalogue: PluginCatalogue(
                    sources: [IDSource.self, LoopSource.self],
                    sinks: [ScriptedSink.self, PickySink.self]), clock: clock, logger: logger)
            guard case .published(let edition) = reload.start() else {
                throw Unusable(reload.rules.refusal?.findings.report ?? "")
            }
            store = try await SQLiteStore.open(
                path: folder.path("store/leads.db"), ownership: .owner)
            flow = try await Flow(
                configuration: edition.configuration, store: store, logger: logger)
        }

        struct Unusable: Error {
            var report: String
            init(_ report: String) { self.report = report }
        }

        func run(isWatching: Bool = true, _ body: () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.flow.run() }
                group.addTask { await self.reload.run(self.flow, isWatching: isWatching) }
                try await body()
                flow.stop()
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) {
                        throw error
                    }
                }
            }
        }

        /// Waits until it is so; the suite's time limit ends what never comes.
        func until(_ condition: () -> Bool) async throws {
            while !condition() {
                try await aMoment()
            }
        }
    }

    private static func files(
        route: String = "one", sources: String = "{web: {plugin: ids}}", sinks: String? = nil
    ) -> [String: String] {
        [
            "leadrouter.yaml": """
            version: 1
            include: "routes/*.yaml"
            sources: \(sources)
            sinks: \(sinks ?? "{a: {plugin: scripted, script: none}}")
            default: {hold: nobody}

            """,
            "routes/one.yaml": "routes: [{id: \(route), always: true, to: a}]\n",
        ]
    }

    private func routes(_ stand: Stand) -> [String] {
        let rules = stand.reload.rules.edition?.configuration.ruleSet
        let lead = Lead.sample(fields: FieldData([]))
        return rules?.explain(lead, at: Timestamp(seconds: 0)).1.routes.map(\.name) ?? []
    }

    @Test func `a saved file goes live by itself, a broken one does not, a mended one does`()
        async throws
    {
        let stand = try await Stand(Self.files())
        try await stand.run {
            try stand.folder.write(
                "routes: [{id: two, always: true, to: a}]\n", to: "routes/one.yaml")
            try await stand.until { routes(stand) == ["two"] }
            try stand.folder.write("routes: [{id: three, alwa", to: "routes/one.yaml")
            try await stand.until { stand.reload.rules.refusal != nil }
            #expect(routes(stand) == ["two"])
            try stand.folder.write(
                "routes: [{id: four, always: true, to: a}]\n", to: "routes/one.yaml")
            try await stand.until { routes(stand) == ["four"] }
            #expect(stand.reload.rules.refusal == nil)
        }
    }

    @Test func `a clock that is set back again and again makes no edit late`() async throws {
        let stand = try await Stand(Self.files(), clock: BackwardClock())
        try await stand.run {
            // The first reading would find an edit by itself.
            try await stand.until { stand.reload.counts.unchanged > 0 }
            try stand.folder.write(
                "routes: [{id: two, always: true, to: a}]\n", to: "routes/one.yaml")
            try await stand.until { routes(stand) == ["two"] }
        }
    }

    @Test func `a new file, a new folder, a rename and a removal are noticed`() async throws {
        var files = Self.files()
        files["leadrouter.yaml"] = files["leadrouter.yaml"]?.replacing(
            "routes/*.yaml", with: "**/r-*.yaml")
        files["routes/one.yaml"] = nil
        files["r-0.yaml"] = "routes: [{id: zero, always: true, also_to: a}]\n"
        let stand = try await Stand(files)
        try await stand.run {
            try stand.folder.write(
                "routes: [{id: deep, always: true, also_to: a}]\n", to: "x/y/r-1.yaml")
            try await stand.until { routes(stand) == ["zero", "deep"] }
            try stand.folder.write(
                "routes: [{id: beside, always: true, also_to: a}]\n", to: "x/y/.new")
            #expect(
                rename(stand.folder.path("x/y/.new"), stand.folder.path("x/y/r-1.yaml")) == 0)
            try await stand.until { routes(stand) == ["zero", "beside"] }
            try stand.folder.remove("x/y/r-1.yaml")
            try await stand.until { routes(stand) == ["zero"] }
        }
    }

    @Test func `a link that is exchanged is noticed, as Kubernetes does it`() async throws {
        var files = Self.files()
        files["routes/one.yaml"] = nil
        files["..v1/one.yaml"] = "routes: [{id: v1, always: true, also_to: a}]\n"
        files["..v2/one.yaml"] = "routes: [{id: v2, always: true, also_to: a}]\n"
        files["routes/none.yaml"] = "routes: []\n"
        let folder = try RuleFolder(files)
        #expect(symlink("..v1", folder.path("..data")) == 0)
        #expect(symlink("../..data/one.yaml", folder.path("routes/one.yaml")) == 0)
        let stand = try await Stand(folder)
        try await stand.run {
            #expect(routes(stand) == ["v1"])
            #expect(symlink("..v2", folder.path("..tmp")) == 0)
            #expect(rename(folder.path("..tmp"), folder.path("..data")) == 0)
            try await stand.until { routes(stand) == ["v2"] }
        }
    }

    @Test func `nothing is said of the reading that follows the first one`() async throws {
        let stand = try await Stand(Self.files())
        try await stand.run {
            try await stand.until { stand.reload.counts.unchanged == 1 }
            #expect(stand.log.having("rules unchanged") == [])
            // The control: who asks is told.
            _ = await stand.reload.request()
            #expect(stand.log.having("info rules unchanged").count == 1)
        }
    }

    @Test func `what counts only at the start is told once, however often it is reloaded`()
        async throws
    {
        var files = Self.files()
        let root = files["leadrouter.yaml"] ?? ""
        func server(_ port: Int, _ token: String) -> String {
            root + "server: {listen: \"127.0.0.1:\(port)\", admin: {token: \(token)}}\n"
        }
        files["leadrouter.yaml"] = server(1, "first")
        let stand = try await Stand(files)
        try await stand.run(isWatching: false) {
            for (port, token, route) in [
                (2, "first", "x1"), (2, "first", "x2"), (3, "first", "x3"), (1, "first", "x4"),
                (1, "second", "x5"), (1, "second", "x6"),
            ] {
                try stand.folder.write(server(port, token), to: "leadrouter.yaml")
                try stand.folder.write(
                    "routes: [{id: \(route), always: true, to: a}]\n", to: "routes/one.yaml")
                guard case .published = await stand.reload.request() else {
                    Issue.record("not published")
                    return
                }
            }
        }
        #expect(
            stand.log.having("server.listen") == [
                "warning 'server.listen' changed, and takes effect at the next start",
                "notice 'server.listen' is what the service runs with again",
            ])
        #expect(stand.log.having("'server.admin.token' changed").count == 1)
        #expect(stand.log.having("refused with 401").count == 1)
        #expect(stand.log.having("second") == [])
    }

    @Test func `a sink that goes with deliveries waiting is told once, and at the next start`()
        async throws
    {
        func root(_ sinks: String) -> String {
            "version: 1\nsources: {web: {plugin: ids}}\nsinks: \(sinks)\n"
        }
        let paused = "a: {plugin: scripted, script: none, paused: true}"
        let other = "b: {plugin: scripted, script: none, paused: true}"
        let stand = try await Stand([
            "leadrouter.yaml": root("{\(paused), \(other)}") + "default: {to: [a]}\n"
        ])
        let told =
            "warning a sink that is not configured has deliveries waiting: put it back, or call "
            + "them off with 'leadrouter deliveries cancel --sink a' deliveries=1 sink=a"
        try await stand.run(isWatching: false) {
            let source = try #require(stand.flow.intake.webhook("web"))
            _ = try await source.receive(
                WebhookRequest(
                    method: "POST", body: Array("1000".utf8),
                    receivedTime: Timestamp(seconds: 0)), into: stand.flow.intake.inbox)
            while try await stand.store.stats().sinks["a"]?[.pending] != 1 {
                try await aMoment()
            }
            for (text, count) in [
                (root("{\(paused)}") + "default: {to: [a]}\n", 0),
                (root("{\(other)}") + "default: {to: [b]}\n", 1),
                (root("{\(other)}") + "default: {hold: nobody}\n", 1),
                (root("{\(paused), \(other)}") + "default: {to: [a]}\n", 1),
                (root("{\(other)}") + "default: {to: [b]}\n", 2),
            ] {
                try stand.folder.write(text, to: "leadrouter.yaml")
                _ = await stand.reload.request()
                #expect(stand.log.having("not configured") == Array(repeating: told, count: count))
            }
        }
        let configuration = try #require(stand.reload.rules.edition?.configuration)
        let log = LogLines()
        let flow = try await Flow(
            configuration: configuration, store: stand.store, logger: log.logger)
        flow.stop()
        try await flow.run()
        #expect(log.having("not configured") == [told])
    }

    @Test func `what is no rule file does not make it read`() async throws {
        let stand = try await Stand(Self.files())
        try await stand.run {
            // The reading that follows the first one, for what changed in between.
            try await stand.until { stand.reload.counts.unchanged == 1 }
            for number in 0..<50 {
                try stand.folder.write("\(number)\n", to: "out.ndjson")
            }
            _ = await stand.reload.request()
            #expect(stand.reload.counts == Reload.Counts(published: 1, unchanged: 2))
        }
    }

    @Test func `without watching, only a request reads`() async throws {
        let stand = try await Stand(Self.files())
        try await stand.run(isWatching: false) {
            try stand.folder.write(
                "routes: [{id: two, always: true, to: a}]\n", to: "routes/one.yaml")
            #expect(stand.reload.counts == Reload.Counts(published: 1))
            guard case .published = await stand.reload.request() else {
                Issue.record("not published")
                return
            }
            #expect(routes(stand) == ["two"])
            guard case .unchanged = await stand.reload.request() else {
                Issue.record("not unchanged")
                return
            }
            try stand.folder.write("version: 2\n", to: "leadrouter.yaml")
            guard case .refused = await stand.reload.request() else {
                Issue.record("not refused")
                return
            }
        }
        // Whoever asks when all is over is not left waiting.
        _ = await stand.reload.request()
    }

    @Test func `leads follow the rules in force when they are decided`() async throws {
        let stand = try await Stand(Self.files())
        try await stand.run {
            for (number, name) in ["one", "two", "three"].enumerated() {
                try stand.folder.write(
                    "routes: [{id: \(name), always: true, drop: \(name)}]\n", to: "routes/one.yaml")
                _ = await stand.reload.request()
                let source = try #require(stand.flow.intake.webhook("web"))
                _ = try await source.receive(
                    WebhookRequest(
                        method: "POST", body: Array(String(100 + number).utf8),
                        receivedTime: Timestamp(seconds: 0)), into: stand.flow.intake.inbox)
                while try await stand.store.stats().outcomes["dropped"] != number + 1 {
                    try await aMoment()
                }
                let latest = try await stand.store.leads(LeadFilter(limit: 1)).first
                #expect(latest?.reason == name)
                #expect(latest?.ruleSetHash == stand.reload.rules.edition?.hash)
            }
        }
    }

    @Test func `sources come, change and go; one that means the same lives on`() async throws {
        let (first, second) = (LoopScript(), LoopScript())
        func sources(_ names: [(String, LoopScript)]) -> String {
            let texts = names.map { "\($0.0): {plugin: loop, script: \"\($0.1.name)\"}" }
            return "{\(texts.joined(separator: ", "))}"
        }
        let stand = try await Stand(Self.files(sources: sources([("a", first)])))
        try await stand.run {
            try await stand.until { first.log == ["run a"] }
            func reload(_ names: [(String, LoopScript)]) async throws {
                for (path, text) in Self.files(route: "x\(names.count)", sources: sources(names)) {
                    try stand.folder.write(text, to: path)
                }
                guard case .published = await stand.reload.request() else {
                    Issue.record("\(stand.reload.rules.refusal?.findings.report ?? "unchanged")")
                    return
                }
            }
            try await reload([("a", first), ("b", second)])
            try await stand.until { second.log == ["run b"] }
            #expect(first.log == ["run a"])
            try await reload([("a", second), ("b", second), ("c", first)])
            try await stand.until { second.log == ["run b", "run a"] }
            try await stand.until { Set(first.log) == ["run a", "end a", "close a", "run c"] }
            try await reload([])
            try await stand.until { second.log.count == 6 && first.log.count == 6 }
            #expect(stand.flow.intake.webhook("a") == nil)
        }
    }

    @Test func `a plugin that cannot work refuses the whole edit`() async throws {
        let stand = try await Stand(Self.files())
        try await stand.run(isWatching: false) {
            let sinks = "{a: {plugin: scripted, script: none}, b: {plugin: picky}}"
            for (path, text) in Self.files(route: "two", sinks: sinks) {
                try stand.folder.write(text, to: path)
            }
            guard case .refused(let refusal) = await stand.reload.request() else {
                Issue.record("not refused")
                return
            }
            #expect(ByteSearch.contains(refusal.findings.report, "not with me"))
            #expect(routes(stand) == ["one"])
        }
    }
}

/// What the loops of sources did.
final class LoopScript: Sendable {
    private static let all = Mutex<[String: LoopScript]>([:])
    static subscript(_ name: String) -> LoopScript? { all.withLock { $0[name] } }

    let name = UUID().uuidString
    private let lines = Mutex<[String]>([])

    init() { LoopScript.all.withLock { $0[name] = self } }

    var log: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
}

/// A source with a loop of its own.
struct LoopSource: WebhookSource {
    static let name = "loop"
    static let summary = "For tests."
    static let example = ""

    struct Config: PluginConfig {
        var script = ""
        static let settings: [Setting<Config>] = [.required("script", \.script, "Its script.")]
    }

    private let script: LoopScript?
    private let instance: String

    init(config: Config, context: PluginContext) {
        script = LoopScript[config.script]
        instance = context.instance
    }

    func run(into inbox: any InboxWriter) async throws {
        script?.note("run \(instance)")
        defer { script?.note("end \(instance)") }
        try await Task.sleep(for: .seconds(3600))
    }

    func receive(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse { WebhookResponse(status: 200) }

    func close() async { script?.note("close \(instance)") }
}

/// A sink that finds its settings wrong only when it is made.
struct PickySink: Sink {
    static let name = "picky"
    static let summary = "For tests."
    static let example = ""

    struct Config: PluginConfig {
        static let settings: [Setting<Config>] = []
    }

    struct NotWithMe: Error, CustomStringConvertible { let description = "not with me" }

    init(config: Config, context: PluginContext) throws { throw NotWithMe() }

    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        throw .reject("never made")
    }
}
