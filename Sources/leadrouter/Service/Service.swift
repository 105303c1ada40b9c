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

    let flow: Flow
    private let webhooks: WebhookServer
    private let admin: AdminServer
    private let retention: Retention
    private let fileCheck: FileCheck
    /// Has the store refuse what waits for room on the disk: the service must end.
    private let endWaits: @Sendable () -> Void
    private let reload: Reload?
    private let isWatching: Bool
    private let stop = AsyncStream<Void>.makeStream()
    private let flowEnded = AsyncStream<Void>.makeStream()

    /// Makes a service; without `reload` the configuration stays as it is.
    init(
        configuration: Configuration, store: any LeadStore, logger: Logger,
        reload: Reload? = nil, isWatching: Bool = true
    ) async throws {
        self.reload = reload
        self.isWatching = isWatching
        endWaits = { (store as? SQLiteStore)?.endWaits() }
        let flow = try await Flow(configuration: configuration, store: store, logger: logger)
        self.flow = flow
        let clock = SystemClock()
        let fileCheck = FileCheck(store: store, clock: clock, logger: logger)
        self.fileCheck = fileCheck
        webhooks = WebhookServer(
            host: configuration.server.listen.host, port: configuration.server.listen.port,
            webhook: { flow.intake.webhook($0) }, inbox: flow.intake.inbox,
            now: { Timestamp(milliseconds: clock.nowMilliseconds()) }, logger: logger)
        admin = AdminServer(
            host: configuration.server.admin.listen.host,
            port: configuration.server.admin.listen.port,
            token: configuration.server.admin.token?.revealed,
            readiness: {
                await ServiceHealth(store: store, reload: reload, file: fileCheck.state).readiness()
            },
            metrics: {
                await ServiceMetrics(store: store, reload: reload, file: fileCheck.state).text()
            },
            actions: [
                "import": { await ImportAction.run($0, into: flow.intake.inbox) },
                "reload": { _ in await ReloadAction.run(reload) },
            ],
            endpoints: LedgerAPI(
                store: store, delivery: flow.delivery, logger: logger,
                onLeads: { flow.ringInbox() }, onDeliveries: { flow.ring($0) }
            ).endpoints,
            logger: logger)
        retention = Retention(
            settings: { reload?.rules.edition?.configuration.retention ?? configuration.retention },
            store: store, clock: clock, logger: logger)
    }

    /// Asks the service to end.
    func requestStop() { stop.continuation.yield() }

    /// Runs until a signal, `requestStop` or a failure; `onReady` gets the ports.
    ///
    /// The listeners close first; then the loops end with what they have under way.
    func run(onReady: @escaping @Sendable (Ports) -> Void) async throws {
        let signals =
            Service.signals([SIGTERM, SIGINT]) { self.requestStop() }
            + Service.signals([SIGHUP]) { self.requestReload() }
        defer { for signal in signals { signal.cancel() } }
        let ready = ReadyPorts(onReady: onReady)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let listeners = Task {
                // Cancelled below when the stop is asked for, and awaited as a child's value.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.webhooks.run { ready.set(webhooks: $0) } }
                    group.addTask { try await self.admin.run { ready.set(admin: $0) } }
                    try await group.next()
                    group.cancelAll()
                }
            }
            group.addTask {
                try await withTaskCancellationHandler {
                    try await listeners.value
                } onCancel: {
                    listeners.cancel()
                }
            }
            group.addTask { try await self.runFlow() }
            group.addTask { try await self.retention.run() }
            group.addTask { try await self.fileCheck.run() }
            group.addTask {
                for await _ in self.stop.stream { break }
                listeners.cancel()
                self.flow.stop()
                try? await Task.sleep(for: Service.stopGrace)
                self.endWaits()
            }
            do {
                // The flow ends last when all is well; a failure of any part ends the rest.
                try await group.next()
                requestStop()
                try await group.next()
            } catch is CancellationError {
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
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

    private func requestReload() {
        guard let reload else { return }
        // Ends by itself: `request` is answered when the reload loop ends, too.
        Task { await reload.request() }
    }

    private static func signals(
        _ numbers: [Int32], _ handler: @escaping @Sendable () -> Void
    ) -> [any DispatchSourceSignal] {
        numbers.map { number in
            // The default action would end the process before the loops could.
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler(handler: handler)
            source.resume()
            return source
        }
    }
}
