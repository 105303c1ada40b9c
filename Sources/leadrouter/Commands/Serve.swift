import ArgumentParser
import Foundation
import LeadFlow
import LeadRules
import LeadServer
import LeadStore
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes leads in, routes them and delivers them.",
        discussion: Help.flowing(
            """
            A source called 'facebook' listens at /hooks/facebook on server.listen. The admin
            listener answers /health/live, /health/ready and /metrics. SIGTERM or Ctrl-C stops:
            nothing new is begun, attempts under way finish. What is on disk goes on at the next
            start.

            An edit of the configuration goes live within a second: its folder is watched, with
            what it includes, its tables and its secrets' files. An edit with errors is refused
            and changes nothing; the log, /health/ready and /metrics say so. SIGHUP and
            POST /api/reload read the folder at once. Changes of server, store and log wait for
            the next start.
            """))

    @OptionGroup var config: ConfigurationOption

    @Option(
        help: ArgumentHelp(
            "Whether edits go live by themselves; 'false' leaves it to SIGHUP and /api/reload.",
            valueName: "true|false"))
    var watch = true

    func run() async throws {
        let hangups = Hangups()
        Heap.keepWhatIsFreed()
        ConnectionLimits.raiseOpenFiles()
        let configuration = try config.load()
        let logger = Serve.logger(configuration.log)
        let reload = Reload(
            folder: ConfigurationFolder(path: config.folder), catalogue: bundledPlugins,
            logger: logger)
        let store: SQLiteStore
        SQLiteStore.noteCrashes()
        do {
            store = try await SQLiteStore.open(path: configuration.store.path, ownership: .owner)
        } catch {
            error.tell(at: configuration.store.path)
            throw ExitCode.unavailable
        }
        logger.notice(
            store.isNew ? "new store" : "store open", metadata: ["path": "\(store.path)"])
        do {
            let service = try await Service(
                configuration: Serve.first(reload) ?? configuration, store: store,
                logger: logger, reload: reload, isWatching: watch, hangups: hangups)
            let end = try await service.run { ports in
                Console.error(
                    "leadrouter is ready: webhooks at http://\(configuration.server.listen.host):"
                        + "\(ports.webhooks)/hooks/…, admin at http://"
                        + "\(configuration.server.admin.listen.host):\(ports.admin)")
            }
            await store.close()
            Serve.tell(end, logger)
        } catch {
            await store.close()
            Console.error("error: \(error)")
            throw error is StoreError ? ExitCode(75) : ExitCode.unavailable
        }
    }

    /// What the folder says once the store is open, which can take a while; the edition that the
    /// service starts from.
    private static func first(_ reload: Reload) -> Configuration? {
        if case .published(let edition) = reload.start() { return edition.configuration }
        return nil
    }

    private static func tell(_ end: ServiceLife.End, _ logger: Logger) {
        var metadata: Logger.Metadata = [:]
        if let underWay = end.underWay, let brokenOff = end.brokenOff {
            metadata["attempts_ended"] = "\(max(0, underWay - brokenOff))"
            metadata["attempts_released"] = "\(brokenOff)"
        }
        logger.notice("stopped", metadata: metadata)
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
