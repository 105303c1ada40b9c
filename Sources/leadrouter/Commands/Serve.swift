import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes leads in, routes them and delivers them.",
        discussion: """
            A source called 'facebook' listens at /hooks/facebook on server.listen. The admin
            listener answers /health/live and /health/ready. SIGTERM or Ctrl-C stops: nothing new
            is begun, attempts under way finish. What is on disk goes on at the next start.
            """)

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        let configuration = try config.load()
        let logger = Serve.logger(configuration.log)
        let store: SQLiteStore
        do {
            store = try await SQLiteStore.open(path: configuration.store.path, ownership: .owner)
        } catch {
            Console.error("error: \(error)")
            throw ExitCode.unavailable
        }
        do {
            let service = try await Service(
                configuration: configuration, store: store, logger: logger)
            try await service.run { ports in
                Console.error(
                    "leadrouter is ready: webhooks at http://\(configuration.server.listen.host):"
                        + "\(ports.webhooks)/hooks/…, admin at http://"
                        + "\(configuration.server.admin.listen.host):\(ports.admin)")
            }
            await store.close()
        } catch {
            await store.close()
            Console.error("error: \(error)")
            throw error is StoreError ? ExitCode(75) : ExitCode.unavailable
        }
    }

    static func logger(_ settings: LogSettings) -> Logger {
        var logger = Logger(label: "leadrouter") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel =
            switch settings.level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        return logger
    }
}

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
    private let stop = AsyncStream<Void>.makeStream()

    init(configuration: Configuration, store: any LeadStore, logger: Logger) async throws {
        let flow = try await Flow(configuration: configuration, store: store, logger: logger)
        self.flow = flow
        let clock = SystemClock()
        webhooks = WebhookServer(
            host: configuration.server.listen.host, port: configuration.server.listen.port,
            webhooks: flow.intake.webhooks, inbox: flow.intake.inbox,
            now: { Timestamp(milliseconds: clock.nowMilliseconds()) }, logger: logger)
        admin = AdminServer(
            host: configuration.server.admin.listen.host,
            port: configuration.server.admin.listen.port,
            token: configuration.server.admin.token?.revealed,
            isReady: {
                do throws(StoreError) {
                    _ = try await store.stats()
                    return nil
                } catch {
                    return error.description
                }
            },
            actions: ["import": { await ImportAction.run($0, into: flow.intake.inbox) }],
            endpoints: LedgerAPI(store: store, logger: logger) { flow.ring($0) }.endpoints,
            logger: logger)
        retention = Retention(
            settings: configuration.retention, store: store, clock: clock, logger: logger)
    }

    /// Asks the service to end.
    func requestStop() { stop.continuation.yield() }

    /// Runs until a signal, `requestStop` or a failure; `onReady` gets the ports.
    ///
    /// The listeners close first; then the loops end with what they have under way.
    func run(onReady: @escaping @Sendable (Ports) -> Void) async throws {
        let signals = Service.signals { self.requestStop() }
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
            group.addTask { try await self.flow.run() }
            group.addTask { try await self.retention.run() }
            group.addTask {
                for await _ in self.stop.stream { break }
                listeners.cancel()
                self.flow.stop()
                try? await Task.sleep(for: Service.stopGrace)
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

    private static func signals(_ handler: @escaping @Sendable () -> Void)
        -> [any DispatchSourceSignal]
    {
        [SIGTERM, SIGINT].map { number in
            // The default action would end the process before the loops could.
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler(handler: handler)
            source.resume()
            return source
        }
    }
}
