import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore
import Logging

/// The running service: the flow, the webhook listener and the admin listener.
final class Service: Sendable {
    struct Ports: Sendable {
        var webhooks: Int
        var admin: Int
    }

    /// How long attempts under way may take after a stop is asked for.
    static let stopGrace = Duration.seconds(15)
    /// How long of that the admin listener answers, so that a supervisor sees the stop.
    static let adminGrace = Duration.seconds(5)

    let flow: Flow
    private let webhooks: WebhookServer
    private let admin: AdminServer
    private let retention: Retention
    private let fileCheck: FileCheck
    private let oldestOpen: OldestOpen
    private let life: ServiceLife
    private let logger: Logger
    /// Has the store refuse what waits for room on the disk: the service must end.
    private let endWaits: @Sendable () -> Void
    private let reload: Reload?
    private let isWatching: Bool
    private let hangups: Hangups
    /// Who asked for a stop.
    private let stop = AsyncStream<String>.makeStream()
    private let flowEnded = AsyncStream<Void>.makeStream()

    /// Makes a service; without `reload` the configuration stays as it is.
    init(
        configuration: Configuration, store: any LeadStore, logger: Logger,
        reload: Reload? = nil, isWatching: Bool = true,
        hangups: Hangups = Hangups()
    ) async throws {
        self.hangups = hangups
        self.reload = reload
        self.isWatching = isWatching
        self.logger = logger
        endWaits = { (store as? SQLiteStore)?.endWaits() }
        let flow = try await Flow(configuration: configuration, store: store, logger: logger)
        self.flow = flow
        let clock = SystemClock()
        let fileCheck = FileCheck(store: store, clock: clock, logger: logger)
        self.fileCheck = fileCheck
        let oldestOpen = OldestOpen(store: store, clock: clock)
        self.oldestOpen = oldestOpen
        let life = ServiceLife(since: Timestamp(milliseconds: clock.nowMilliseconds()))
        self.life = life
        let answers = WebhookCounts()
        let webhooks = WebhookServer(
            host: configuration.server.listen.host, port: configuration.server.listen.port,
            webhook: { flow.intake.webhook($0) }, inbox: flow.intake.inbox,
            now: { Timestamp(milliseconds: clock.nowMilliseconds()) }, counts: answers,
            logger: logger)
        self.webhooks = webhooks
        admin = AdminServer(
            host: configuration.server.admin.listen.host,
            port: configuration.server.admin.listen.port,
            token: configuration.server.admin.token?.revealed,
            readiness: {
                await ServiceHealth(
                    store: store, reload: reload, file: fileCheck.state, phase: life.phase
                ).readiness()
            },
            metrics: {
                await ServiceMetrics(
                    store: store, delivery: flow.delivery, intake: flow.intake,
                    webhooks: answers, reload: reload, file: fileCheck.state,
                    oldestOpen: oldestOpen.milliseconds, life: life,
                    bodyBytesHeld: webhooks.bodyBytesHeld,
                    now: Timestamp(milliseconds: clock.nowMilliseconds())
                ).text()
            },
            actions: [
                "import": { await ImportAction.run($0, into: flow.intake.inbox) },
                "reload": { _ in await ReloadAction.run(reload) },
            ],
            endpoints: LedgerAPI(
                store: store, delivery: flow.delivery,
                identity: StoreIdentity(path: configuration.store.path), logger: logger,
                ruleSet: { flow.routing.ruleSet }, onLeads: { flow.ringInbox() },
                onDeliveries: { flow.ring($0) }
            ).endpoints,
            logger: logger)
        retention = Retention(
            settings: { reload?.rules.edition?.configuration.retention ?? configuration.retention },
            oldEnough: { flow.delivery.latestMilliseconds(ofAge: $0) }, store: store, clock: clock,
            onFault: { fileCheck.note($0) }, logger: logger)
    }

    /// Asks the service to end; `who` is for the log.
    func requestStop(_ who: String = "the program") { stop.continuation.yield(who) }

    /// A part of the service that has ended.
    private enum Part { case flow, grace, other }

    /// Runs until a signal, `requestStop` or a failure; `onReady` gets the ports. Answers what
    /// became of the attempts that were under way at the end.
    ///
    /// The webhooks' listener closes first; then the loops end with what they have under way, and
    /// meanwhile the admin listener says that the service stops.
    @discardableResult
    func run(onReady: @escaping @Sendable (Ports) -> Void) async throws -> ServiceLife.End {
        let signals = Service.signals([SIGTERM, SIGINT]) {
            self.requestStop($0 == SIGINT ? "SIGINT" : "SIGTERM")
        }
        defer { for signal in signals { signal.cancel() } }
        let ready = ReadyPorts { [life] ports in
            life.noteReady()
            onReady(ports)
        }
        try await withThrowingTaskGroup(of: Part.self) { group in
            // Cancelled when the stop is asked for, and awaited as children's values.
            let webhooks = Task { try await self.webhooks.run { ready.set(webhooks: $0) } }
            let admin = Task { try await self.admin.run { ready.set(admin: $0) } }
            for listener in [webhooks, admin] {
                group.addTask {
                    try await withTaskCancellationHandler {
                        try await listener.value
                    } onCancel: {
                        listener.cancel()
                    }
                    return .other
                }
            }
            group.addTask {
                try await self.runFlow()
                return .flow
            }
            let loops = [
                retention.run, fileCheck.run, oldestOpen.run, Heap.giveBackWhatIsUnused,
            ]
            for loop in loops {
                group.addTask {
                    try await loop()
                    return .other
                }
            }
            group.addTask {
                for await _ in self.hangups.stream { _ = await self.reload?.request() }
                return .other
            }
            group.addTask {
                await self.stopWhenAsked(webhooks, admin)
                return .grace
            }
            do {
                // The flow ends last when all is well; a failure of any part ends the rest.
                while let part = try await group.next(), part == .other { requestStop() }
            } catch is CancellationError {
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
        return life.end
    }

    /// Waits for a stop to be asked for, and then until the grace is over or the flow has ended.
    private func stopWhenAsked(
        _ webhooks: Task<Void, any Error>, _ admin: Task<Void, any Error>
    ) async {
        var who: String?
        for await asked in stop.stream {
            who = asked
            break
        }
        life.noteStop()
        webhooks.cancel()
        flow.stop()
        if let who {
            logger.notice(
                "stopping: no lead is taken in any more, attempts under way have \(Service.stopGrace)",
                metadata: ["asked_by": "\(who)"])
        }
        async let underWay = attemptsUnderWay()
        try? await Task.sleep(for: Service.adminGrace)
        admin.cancel()
        try? await Task.sleep(for: Service.stopGrace - Service.adminGrace)
        endWaits()
        var end = ServiceLife.End(underWay: await underWay, brokenOff: 0)
        if !Task.isCancelled { end.brokenOff = await attemptsUnderWay() }
        life.note(end)
    }

    private func attemptsUnderWay() async -> Int? {
        try? await flow.delivery.states().reduce(0) { $0 + $1.inFlight }
    }

    /// The flow, and beside it the loop that keeps its configuration up to date.
    private func runFlow() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let reload {
                group.addTask { await reload.run(self.flow, isWatching: self.isWatching) }
            }
            group.addTask {
                defer { self.flowEnded.continuation.yield() }
                try await self.flow.run()
            }
            for await _ in flowEnded.stream { break }
            group.cancelAll()
            while try await group.next() != nil {}
        }
    }

    static func signals(
        _ numbers: [Int32], _ handler: @escaping @Sendable (Int32) -> Void
    ) -> [any DispatchSourceSignal] {
        numbers.map { number in
            // The default action would end the process before the loops could.
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { handler(number) }
            source.resume()
            return source
        }
    }
}
