internal import LeadKit
internal import LeadRules
internal import LeadStore
internal import Logging

/// Outbox → Delivery → Sink.
///
/// Each configured sink has a lane of its own: own leases, own number of attempts under way, own
/// pause. A sick sink keeps only its own lane waiting.
public final class DeliveryLoop: Sendable {
    private let lanes: [Lane]
    private let store: any LeadStore
    private let clock: any FlowClock
    private let token: String
    private let logger: Logger

    init(
        configuration: Configuration, store: any LeadStore, clock: any FlowClock, bells: Bells,
        logger: Logger
    ) async throws {
        self.store = store
        self.clock = clock
        self.logger = logger
        // A new token a process: leases of an earlier one are void, and its late results refused.
        token = String(UInt64.random(in: .min ... .max), radix: 16)
        var lanes: [Lane] = []
        for instance in configuration.sinks {
            let context = PluginContext(instance: instance.name, logger: logger)
            lanes.append(
                Lane(
                    sink: try await instance.blueprint.make(context), instance: instance,
                    ruleSet: configuration.ruleSet, store: store, clock: clock, token: token,
                    bells: bells, logger: logger))
        }
        self.lanes = lanes
    }

    /// Puts other sinks in force.
    func use(_ configuration: Configuration) async throws {
        for instance in configuration.sinks {
            let context = PluginContext(instance: instance.name, logger: logger)
            _ = try await instance.blueprint.make(context)
        }
    }

    func run() async throws {
        let voided = try await store.voidLeases(exceptToken: token)
        if voided > 0 {
            logger.notice(
                "took over deliveries that were under way when the last process ended",
                metadata: ["count": "\(voided)"])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in lanes { group.addTask { try await lane.run() } }
            // Not `waitForAll`, which lets the others go on for ever when one has failed.
            while try await group.next() != nil {}
        }
    }

    func close() async { for lane in lanes { await lane.close() } }
}
