import Foundation
import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Logging
import Synchronization
import Testing

@testable import LeadFlow

/// What a sink of a test does, and what it saw.
final class Script: Sendable {
    typealias Act =
        @Sendable (_ delivery: Delivery, _ call: Int) async throws(DeliveryFailure) -> Void

    private static let all = Mutex<[String: Script]>([:])
    static subscript(_ name: String) -> Script? { all.withLock { $0[name] } }

    let name = UUID().uuidString
    /// How often an instance of it was made and closed.
    let made = Counter()
    let closed = Counter()
    private let act: Act
    private let seen = Mutex<[Delivery]>([])
    private let underWay = Mutex<(now: Int, most: Int)>((0, 0))

    /// What the other side says to what it takes.
    private let answer: String

    init(answer: String = "", _ act: @escaping Act = { _, _ in }) {
        self.answer = answer
        self.act = act
        Script.all.withLock { $0[name] = self }
    }

    var deliveries: [Delivery] { seen.withLock { $0 } }
    var mostUnderWay: Int { underWay.withLock { $0.most } }

    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        let call = seen.withLock { seen in
            seen.append(delivery)
            return seen.count
        }
        underWay.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        defer { underWay.withLock { $0.now -= 1 } }
        try await act(delivery, call)
        return Receipt("taken \(call)", answer: answer)
    }
}

/// A sink that does what its script says.
struct ScriptedSink: Sink {
    static let name = "scripted"
    static let summary = "For tests."
    static let example = ""

    struct Config: PluginConfig {
        var script = ""
        var destination: Template?
        var isBroken = false
        static let settings: [Setting<Config>] = [
            .required("script", \.script, "Its script."),
            .template("destination", \.destination, in: .text, "Where to."),
            .optional("broken", \.isBroken, default: "false", "Whether it cannot be made."),
        ]
    }

    struct Broken: Error {}

    private let script: Script?
    private let template: Template?

    init(config: Config, context: PluginContext) throws {
        if config.isBroken { throw Broken() }
        script = Script[config.script]
        template = config.destination
        script?.made.add(1)
    }

    func close() async { script?.closed.add(1) }

    var hasOneDestination: Bool { template == nil }

    func destination(of delivery: Delivery) -> String {
        template == nil ? delivery.sink : delivery[template]
    }

    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        guard let script else { throw .reject("no script") }
        return try await script.deliver(delivery)
    }
}

/// A webhook whose body is the id of a lead.
struct IDSource: WebhookSource {
    static let name = "ids"
    static let summary = "For tests."
    static let example = ""

    struct Config: PluginConfig {
        static let settings: [Setting<Config>] = []
    }

    init(config: Config, context: PluginContext) {}

    func receive(
        _ request: WebhookRequest, into inbox: any InboxWriter
    ) async throws(IntakeError) -> WebhookResponse {
        let lead = Lead.sample(id: String(decoding: request.body, as: UTF8.self), source: "web")
        let answers = try await inbox.accept([.lead(lead)])
        return WebhookResponse(status: 200, body: answers == [.stored] ? "new" : "known")
    }
}

/// Holds whoever waits until it is opened; heeds cancellation.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [UUID: CheckedContinuation<Void, Never>] = [:]
    }
    private let state = Mutex(State())

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        let id = UUID()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }
}

/// A configuration, a store in a temporary folder, and a flow that runs a hundred times as fast.
final class Stage: Sendable {
    /// Time runs a hundred times faster here, so a busy machine looks like one that stalls for
    /// minutes: these tests are for a quiet one.
    static var isLongRun: Bool { ProcessInfo.processInfo.environment["LEADROUTER_LONG"] != nil }

    let store: SQLiteStore
    let configuration: Configuration
    let folder: URL

    init(
        sinks: [(name: String, script: Script, options: String)],
        rest: String = "default: {to: [main]}", folder: URL? = nil,
        environment: [String: String] = [:]
    ) async throws {
        configuration = try Stage.configuration(sinks, rest: rest, environment: environment)
        self.folder =
            folder
            ?? FileManager.default.temporaryDirectory.appending(path: "flow-\(UUID().uuidString)")
        store = try await SQLiteStore.open(
            path: self.folder.appending(path: "leads.db").path(), ownership: .owner)
    }

    static func configuration(
        _ sinks: [(name: String, script: Script, options: String)],
        rest: String = "default: {to: [main]}", environment: [String: String] = [:]
    ) throws -> Configuration {
        var yaml = "version: 1\nsources: {web: {plugin: ids}}\nsinks:\n"
        for sink in sinks {
            yaml += "  \(sink.name): {plugin: scripted, script: \"\(sink.script.name)\""
            yaml += sink.options.utf8.isEmpty ? "}\n" : ", \(sink.options)}\n"
        }
        let loaded = ConfigurationLoader.load(
            ConfigurationFilesInMemory(
                ["leadrouter.yaml": yaml + rest + "\n"], environment: environment),
            catalogue: PluginCatalogue(sources: [IDSource.self], sinks: [ScriptedSink.self]))
        return try #require(loaded.configuration, "\(loaded.report)")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func flow(clock: any FlowClock = FastClock()) async throws -> Flow {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return try await Flow(
            configuration: configuration, store: store, clock: clock, logger: logger)
    }

    /// Runs a flow beside the body, then stops it and waits for its end.
    func run(
        clock: any FlowClock = FastClock(), _ body: (Flow) async throws -> Void
    ) async throws {
        let flow = try await flow(clock: clock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await flow.run() }
            try await body(flow)
            flow.stop()
            try await group.waitForAll()
        }
    }

    /// Waits until the books say so; the suite's time limit ends what never comes.
    func until(_ condition: (StoreStats) -> Bool) async throws {
        while !condition(try await store.stats()) { try await aMoment() }
    }

    func send(_ ids: [Int], to flow: Flow) async throws {
        for id in ids {
            let source = try #require(flow.intake.webhook("web"))
            _ = try await source.receive(
                WebhookRequest(
                    method: "POST", body: Array(String(1000 + id).utf8),
                    receivedTime: Timestamp(seconds: 0)), into: flow.intake.inbox)
        }
    }
}
