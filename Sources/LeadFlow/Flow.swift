public import LeadRules
public import LeadStore
public import Logging

/// The whole program in one page: two durable tables, three loops.
///
/// ```
/// Source ──▶ Intake ──▶ Inbox ──▶ Routing ──▶ Outbox ──▶ Delivery ──▶ Sink
/// plugin      loop      table   loop + rules   table       loop       plugin
/// ```
///
/// A source is told "accepted" only when the lead is in the inbox. Routing moves a lead from inbox
/// to outbox in one transaction. A delivery leaves the outbox only with a receipt or as a dead
/// letter. Each loop can be stopped anywhere and started again: what it does next is in the tables.
public final class Flow: Sendable {
    /// Source → Intake → Inbox.
    public let intake: Intake
    /// Inbox → Routing → Outbox.
    public let routing: Routing
    /// Outbox → Delivery → Sink.
    public let delivery: DeliveryLoop
    private let bells: Bells
    private let absent: AbsentSinks

    /// Makes the instances of all plugins; touches no network.
    ///
    /// - Throws: what a plugin says of settings that cannot work.
    public init(
        configuration: Configuration, store: any LeadStore, clock: any FlowClock = SystemClock(),
        logger: Logger
    ) async throws {
        bells = Bells()
        absent = AbsentSinks(configuration, store: store, logger: logger)
        delivery = try await DeliveryLoop(
            configuration: configuration, store: store, clock: clock, bells: bells, logger: logger)
        // The times that these two write down are those that delivery counts from.
        let clock = delivery.watchedClock
        routing = Routing(
            ruleSet: configuration.ruleSet, store: store, clock: clock, bells: bells, logger: logger
        )
        intake = try await Intake(
            configuration: configuration, store: store, clock: clock, bells: bells, logger: logger)
    }

    /// Puts another configuration in force while the loops run: leads decided from now on follow
    /// its rules, attempts from now on use its sinks, and its sources take over. Waits for nobody:
    /// what is under way ends as it began.
    ///
    /// - Throws: what a plugin says of settings that cannot work; then nothing has changed.
    public func use(_ configuration: Configuration) async throws {
        let sources = try await intake.prepare(configuration)
        do {
            // Sinks first: what the new rules decide must find them.
            try await delivery.use(configuration)
        } catch {
            await intake.discard(sources)
            throw error
        }
        routing.use(configuration.ruleSet)
        intake.use(sources)
        await absent.use(configuration)
    }

    /// Runs the three loops until `stop`, cancellation, or a failure of the store.
    public func run() async throws {
        await absent.look()
        let end: Result<Void, any Error>
        do {
            end = .success(try await runLoops())
        } catch {
            end = .failure(error)
        }
        await delivery.close()
        await intake.close()
        try end.get()
    }

    private func runLoops() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.intake.run() }
            group.addTask { try await self.routing.run() }
            group.addTask { try await self.delivery.run() }
            // Not `waitForAll`, which lets the others go on for ever when one has failed.
            while try await group.next() != nil {}
        }
        if let failure = bells.failure { throw failure }
    }

    /// Leads were given to the rules again.
    public func ringInbox() { bells.inbox.ring() }

    /// New deliveries are due for these sinks.
    public func ring(_ sinks: Set<String>) { for sink in sinks { bells.lane(sink).ring() } }

    /// Asks the loops to end: nothing new is begun, attempts under way finish.
    public func stop() { bells.stop() }
}
