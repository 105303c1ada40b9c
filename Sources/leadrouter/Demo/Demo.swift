import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadStore
import LeadTesting
import Logging

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the whole picture on this machine, and ends.",
        discussion: Help.flowing(
            """
            Starts a small Graph API, a mail catcher and a web catcher on free ports of 127.0.0.1,
            serves the example configuration, announces the sample leads with signed webhooks, waits
            until everything is delivered, and prints where each lead went and why. Exits with 0
            only if the books balance.
            """))

    @OptionGroup var config: ConfigurationOption
    @Option(
        help: ArgumentHelp(
            "Leads in Graph shape. Default: samples/dealer-leads.ndjson of the configuration.",
            valueName: "file"))
    var leads: String?
    @Option(
        help: ArgumentHelp("Where mails, files and the store go; emptied first.", valueName: "dir"))
    var folder = "var/demo"

    func run() async throws {
        let ground = try DemoGround(
            configurationFolder: config.folder, folder: folder,
            leads: leads ?? config.folder + "/samples/dealer-leads.ndjson")
        let isBalanced = try await ground.run()
        if !isBalanced { throw ExitCode.failure }
    }
}

/// One run of the demo: the outside, the service, and the books at the end.
struct DemoGround {
    /// The longest that the demo waits for deliveries.
    static let patience = Duration.seconds(180)

    let folder: String
    private let configurationFolder: String
    private let leads: [UInt8]
    private let graph = FakeGraphAPI()
    let mails: MailCatcher
    let posts: PostCatcher

    init(configurationFolder: String, folder: String, leads: String) throws {
        self.folder = folder
        self.configurationFolder = configurationFolder
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        do {
            self.leads = [UInt8](try Data(contentsOf: URL(filePath: leads)))
        } catch {
            Console.error("error: cannot read the sample leads '\(leads)'")
            throw ExitCode.failure
        }
        mails = try MailCatcher(folder: folder + "/mail")
        posts = try PostCatcher(file: folder + "/crm.ndjson")
    }

    func run() async throws -> Bool {
        let ids = try graph.add(ndjson: leads)
        try await graph.start()
        try await mails.server.start()
        try await posts.server.start()
        let rules = try writeRules()
        let loaded = ConfigurationLoader.load(
            ConfigurationFolder(path: rules), catalogue: bundledPlugins)
        guard let configuration = loaded.configuration else {
            Console.error(loaded.report)
            throw ExitCode.failure
        }
        let store = try await SQLiteStore.open(
            path: configuration.store.path, ownership: .owner)
        let service = try await Service(
            configuration: configuration, store: store, logger: DemoGround.logger)
        let ready = AsyncStream<Service.Ports>.makeStream()
        let balanced = try await withThrowingTaskGroup(of: Bool?.self) { group in
            group.addTask {
                try await service.run { ready.continuation.yield($0) }
                return nil
            }
            group.addTask {
                var answers: [Int: Int] = [:]
                for await ports in ready.stream {
                    let url = "http://127.0.0.1:\(ports.webhooks)/hooks/facebook"
                    Console.print("posting \(ids.count) announcements, signed, to \(url)")
                    answers = await MetaAnnouncer(
                        graph: graph, url: url, appSecret: try appSecret()
                    ).announce(ids)
                    break
                }
                let isDone = try await waitUntilDelivered(store)
                let books = try await report(configuration, store, ids: ids, answers: answers)
                service.requestStop()
                return isDone && books
            }
            var result = false
            for try await outcome in group { if let outcome { result = outcome } }
            return result
        }
        await store.close()
        await graph.stop()
        await mails.server.stop()
        await posts.server.stop()
        return balanced
    }

    private static var logger: Logger {
        var logger = Logger(label: "leadrouter") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }

    private func appSecret() throws -> String {
        let file = configurationFolder + "/secrets/meta-app-secret"
        return try String(contentsOfFile: file, encoding: .utf8).trimmed
    }

    /// A copy of the configuration whose addresses are those of this demo.
    private func writeRules() throws -> String {
        let target = folder + "/rules"
        try FileManager.default.copyItem(atPath: configurationFolder, toPath: target)
        try replace(
            in: target + "/service.yaml",
            [
                ("https://graph.facebook.com", graph.url),
                ("smtp://127.0.0.1:2525", mails.server.url),
                ("listen: 127.0.0.1:8080", "listen: 127.0.0.1:0"),
                ("listen: 127.0.0.1:8081", "listen: 127.0.0.1:0"),
                ("sqlite:var/leads.db", "sqlite:\(folder)/leads.db"),
                ("path: \"out/", "path: \"\(folder)/"),
            ])
        try replace(
            in: target + "/dealers.csv", [("https://crm.example.test", posts.server.url)])
        return target
    }

    private func replace(in file: String, _ changes: [(String, String)]) throws {
        var text = try String(contentsOfFile: file, encoding: .utf8)
        for (old, new) in changes {
            guard text.contains(old) else {
                Console.error("error: the demo expects '\(old)' in \(file)")
                throw ExitCode.failure
            }
            text = text.replacingOccurrences(of: old, with: new)
        }
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    private func waitUntilDelivered(_ store: SQLiteStore) async throws -> Bool {
        let deadline = ContinuousClock.now + DemoGround.patience
        let line = ProgressLine("delivered")
        let counter = LeadCounter()
        while ContinuousClock.now < deadline {
            let stats = try await store.stats()
            let waiting = (stats.leads[.announced] ?? 0) + (stats.leads[.received] ?? 0)
            let open = (stats.deliveries[.pending] ?? 0) + (stats.deliveries[.leased] ?? 0)
            line.advance(by: counter.step(to: stats.deliveries[.delivered] ?? 0))
            if waiting == 0, open == 0 {
                line.end()
                return true
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        line.end()
        Console.error("error: not everything was delivered within \(DemoGround.patience)")
        return false
    }
}
