import LeadKit
import LeadTesting
import Logging
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SinkContractTests {
    private static let settings: SettingLiteral = ["url": "http://x.test", "password": "hush!"]

    @Test func `a good sink passes`() async throws {
        try await SinkContract(
            TrialSink.self, settings: Self.settings, secrets: ["hush!"],
            faults: [.init("the first lead of the faults", .reject) {}]
        ).verify()
    }

    @Test func `each rule is tried`() async throws {
        defer { BadSink.gate.continuation.finish() }
        let violation = await #expect(throws: ContractViolation.self) {
            try await SinkContract(
                BadSink.self, settings: ["Url": "x", "password": "hush!"], secrets: ["hush!"],
                faults: [.init("down", .halt) {}]
            ).verify()
        }
        let found = Set(violation?.findings.map(\.check) ?? [])
        #expect(
            found == [
                "the settings decode", "every setting has its sentence", "a receipt is not empty",
                "a destination is one short line, always the same",
                "the same key twice is safe", "a cancelled delivery returns within a second",
                "each fault has its verdict", "no text holds a secret",
            ])
        #expect(violation.map { !"\($0)".utf8.contains(0x21) } == true)
    }

    @Test func `a sink is caught in the middle of a delivery`() async throws {
        let steps = Mutex<[String]>([])
        let stall = SinkContract<TrialSink>.Stall(
            begin: { steps.withLock { $0.append("begin") } },
            reached: { steps.withLock { $0.append("reached") } },
            end: { steps.withLock { $0.append("end") } })
        try await SinkContract(settings: Self.settings, stall: stall).verify()
        #expect(steps.withLock { $0 } == ["begin", "reached", "end"])
    }

    @Test func `settings that do not decode fail every check that needs a sink`() async throws {
        let violation = await #expect(throws: ContractViolation.self) {
            try await SinkContract(TrialSink.self, settings: ["url": "x"]).verify()
        }
        #expect(violation?.findings.first?.check == "the settings decode")
        #expect(violation?.findings.count ?? 0 > 4)
    }
}

/// A sink that holds to everything.
struct TrialSink: Sink {
    static let name = "trial"
    static let summary = "Takes everything."
    static let example = "sinks: {x: {plugin: trial, url: u, password: p}}"
    /// The contract's faults begin at number 200.
    private static let refused = Delivery.sample(200).key

    struct Config: PluginConfig {
        var url = ""
        var password = Secret("")
        var depth = 1
        init() {}
        static let settings: [Setting<Config>] = [
            .required("url", \.url, "Where to."), .required("password", \.password, "Secret."),
            .optional("depth", \.depth, default: "1", "How deep."),
        ]
    }

    init(config: Config, context: PluginContext) { context.logger.info("ready") }

    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        if delivery.key == Self.refused { throw .reject("told to") }
        return Receipt("took \(delivery.key.text.prefix(8))")
    }
}

/// A sink that breaks nearly every rule.
final class BadSink: Sink {
    static let name = "bad"
    static let summary = "Bad."
    static let example = "sinks: {}"

    struct Config: PluginConfig {
        var url = ""
        var password = Secret("")
        init() {}
        static let settings: [Setting<Config>] = [
            .required("Url", \.url, " "), .required("password", \.password, "Secret."),
        ]
    }

    static let gate = AsyncStream<Never>.makeStream()
    private let seen = Mutex<Set<DeliveryKey>>([])

    init(config: Config, context: PluginContext) {
        context.logger.info("logging in with \(config.password.revealed)")
    }

    func destination(of delivery: Delivery) -> String { "attempt \(delivery.attempt)" }

    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt {
        guard seen.withLock({ $0.insert(delivery.key).inserted }) else {
            throw .reject("came before")
        }
        // Deaf to cancellation: what it waits for is a task that nobody cancels. The test lets it
        // go at its end.
        if delivery.lead.id == Lead.sample(id: "1730000000100002").id {
            await Task.detached { for await _ in Self.gate.stream {} }.value
        }
        return Receipt("")
    }
}
