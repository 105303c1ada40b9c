public import LeadKit
internal import Synchronization

/// What every sink must hold to, tried on one of them in one call:
///
///     try await SinkContract(FileSink.self, settings: ["path": "out.ndjson"]).verify()
///
/// The other side must be there and take deliveries: a fake server, a folder.
public struct SinkContract<S: Sink>: Sendable {
    /// A state of the other side and what the sink must make of it.
    public struct Fault: Sendable {
        /// What to do next, without the wait.
        public enum Verdict: Sendable { case retry, reject, halt }

        let name: String
        let verdict: Verdict
        let arrange: @Sendable () async throws -> Void

        /// Makes a fault; `arrange` brings the other side into that state for one delivery.
        public init(
            _ name: String, _ verdict: Verdict, arrange: @escaping @Sendable () async throws -> Void
        ) {
            self.name = name
            self.verdict = verdict
            self.arrange = arrange
        }
    }

    /// How to catch the sink in the middle of a delivery, for the check of cancellation.
    public struct Stall: Sendable {
        let begin: @Sendable () async -> Void
        let reached: @Sendable () async -> Void
        let end: @Sendable () async -> Void

        /// `begin` makes the other side hang, `reached` waits until the delivery is under way,
        /// `end` makes the other side well again.
        public init(
            begin: @escaping @Sendable () async -> Void,
            reached: @escaping @Sendable () async -> Void,
            end: @escaping @Sendable () async -> Void = {}
        ) {
            self.begin = begin
            self.reached = reached
            self.end = end
        }
    }

    let settings: SettingNode
    let makeDelivery: @Sendable (Int, SinkBlueprint) -> Delivery
    let secrets: [String]
    let faults: [Fault]
    let stall: Stall?

    /// Prepares the checks.
    ///
    /// - Parameters:
    ///   - settings: settings that work, all required ones among them; see `SettingLiteral`.
    ///   - makeDelivery: makes the delivery of a number, always the same for the same number; the
    ///     templates of the blueprint must be rendered. By default a sample lead, with the text of
    ///     each template taken as it stands.
    ///   - secrets: texts within `settings` that must never show, at least 4 bytes each.
    ///   - faults: the table of the other side's states and the verdicts on them.
    ///   - stall: how to catch a delivery in the middle; without it cancellation comes at once.
    public init(
        _ type: S.Type = S.self, settings: SettingLiteral,
        makeDelivery: @escaping @Sendable (Int, SinkBlueprint) -> Delivery = sampleDelivery,
        secrets: [String] = [], faults: [Fault] = [], stall: Stall? = nil
    ) {
        self.settings = settings.node
        self.makeDelivery = makeDelivery
        self.secrets = secrets
        self.faults = faults
        self.stall = stall
    }

    /// A sample lead, with the text of each template taken as it stands.
    @Sendable public static func sampleDelivery(
        _ number: Int, _ blueprint: SinkBlueprint
    ) -> Delivery {
        let rendered = blueprint.templates.map { ($0.name, $0.source) }
        return .sample(number, rendered: Dictionary(rendered) { $1 })
    }

    /// Tries every rule.
    ///
    /// - Throws: `ContractViolation` with all findings.
    public func verify() async throws {
        var findings: [ContractViolation.Finding] = []
        let trial = SinkTrial(contract: self)
        for check in SinkTrial<S>.checks {
            if let finding = await check.finding(trial) { findings.append(finding) }
        }
        if !findings.isEmpty { throw ContractViolation(findings: findings) }
    }
}

/// One run of the contract: what its checks share, and every text that the sink let out.
final class SinkTrial<S: Sink>: Sendable {
    let contract: SinkContract<S>
    let plugin: AnySinkPlugin
    let log = LogRecord()
    private let texts = Mutex<[String]>([])

    init(contract: SinkContract<S>) {
        self.contract = contract
        let catalogue = PluginCatalogue(sinks: [S.self])
        guard let plugin = catalogue.sinks[S.name] else {
            preconditionFailure("a catalogue holds what it was made of")
        }
        self.plugin = plugin
    }

    /// Remembers what the sink let out, for the check of secrets.
    func keep(_ text: String) { texts.withLock { $0.append(text) } }

    var keptTexts: [String] { texts.withLock { $0 } + log.lines }

    /// Decodes settings; the findings are kept.
    func decode(_ node: SettingNode) -> (SinkBlueprint?, [Diagnostic]) {
        var problems = SettingProblems()
        let blueprint = plugin.decode(node, ignoring: [], problems: &problems)
        for diagnostic in problems.diagnostics {
            keep(diagnostic.message)
            if let help = diagnostic.help { keep(help) }
        }
        return (blueprint, problems.diagnostics)
    }

    /// Runs the body with a fresh sink, and closes it.
    func withSink(
        _ body: @Sendable (any Sink, SinkBlueprint) async throws -> Void
    ) async throws {
        let (blueprint, problems) = decode(contract.settings)
        let made = try requireValue(
            blueprint, "the settings do not decode: \(problems.map(\.message))")
        let sink = try await made.make(PluginContext(instance: "sink", logger: log.logger()))
        do {
            try await body(sink, made)
        } catch {
            await sink.close()
            throw error
        }
        await sink.close()
    }

    /// One attempt; what it says is kept.
    func deliver(
        _ number: Int, attempt: Int = 1, to sink: any Sink, _ blueprint: SinkBlueprint
    ) async -> Result<Receipt, DeliveryFailure> {
        var delivery = contract.makeDelivery(number, blueprint)
        delivery.attempt = attempt
        do throws(DeliveryFailure) {
            let receipt = try await sink.deliver(delivery)
            keep(receipt.text)
            return .success(receipt)
        } catch {
            keep(error.reason)
            return .failure(error)
        }
    }

    /// One attempt that must arrive.
    func receipt(
        _ number: Int, attempt: Int = 1, to sink: any Sink, _ blueprint: SinkBlueprint
    ) async throws -> Receipt {
        switch await deliver(number, attempt: attempt, to: sink, blueprint) {
        case .success(let receipt): return receipt
        case .failure(let failure):
            throw RuleBroken(description: "a delivery failed: \(failure.reason)")
        }
    }
}
