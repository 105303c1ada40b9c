import ArgumentParser
import Foundation
import LeadKit
import LeadTesting

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stands in for the outside, for trying a configuration before going live.",
        discussion: "Each listens on 127.0.0.1 only, until Ctrl-C.",
        subcommands: [SimulateMeta.self, SimulateSMTP.self, SimulateHTTP.self])
}

struct SimulateMeta: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meta", abstract: "A local Graph API that holds the leads of a file.",
        discussion: Help.flowing(
            """
            Set 'graph_url' of a meta source to the address it prints. With --webhook it
            announces each lead of the file there, signed with --app-secret, as Meta would.
            """))

    @Argument(help: "Leads in Graph shape, NDJSON.") var leads: String
    @Option(help: "The port; 0 takes a free one.") var port = 0
    @Option(help: ArgumentHelp("Announce the leads to this address.", valueName: "url"))
    var webhook: String?
    @Option(help: ArgumentHelp("The app secret that signs the announcements.", valueName: "text"))
    var appSecret: String?

    func validate() throws {
        if webhook != nil, appSecret == nil {
            throw ValidationError("--webhook needs --app-secret")
        }
    }

    func run() async throws {
        var options = FakeGraphAPI.Options()
        options.port = port
        let graph = FakeGraphAPI(options: options)
        guard let text = FileManager.default.contents(atPath: leads) else {
            Console.error("error: cannot read '\(leads)'")
            throw ExitCode.failure
        }
        let ids: [String]
        do {
            ids = try graph.add(ndjson: [UInt8](text))
        } catch {
            Console.error("error: cannot read the leads of '\(leads)': \(error)")
            throw ExitCode.failure
        }
        try await graph.start()
        Console.print("graph_url: \(graph.url)")
        Console.error("\(Set(ids).count) leads; Ctrl-C ends")
        if let webhook, let appSecret {
            let answers = await MetaAnnouncer(graph: graph, url: webhook, appSecret: appSecret)
                .announce(ids)
            Console.error(
                "announced \(ids.count) leads: "
                    + answers.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }
                    .joined(separator: ", "))
        }
        await Simulation.untilCancelled()
    }
}

struct SimulateSMTP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "smtp", abstract: "A mail server that writes each mail to a folder.")

    @Option(help: "The port; 0 takes a free one.") var port = 2525
    @Option(help: ArgumentHelp("Where the mails go.", valueName: "dir")) var folder = "out/mail"

    func run() async throws {
        let catcher = try MailCatcher(folder: folder, port: port)
        try await catcher.server.start()
        Console.print("url: \(catcher.server.url)")
        Console.error("mails go to \(folder); Ctrl-C ends")
        await Simulation.untilCancelled()
    }
}

struct SimulateHTTP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "A web server that appends each body it gets to a file.")

    @Option(help: "The port; 0 takes a free one.") var port = 9090
    @Option(help: ArgumentHelp("Where the bodies go.", valueName: "file"))
    var file = "out/http.ndjson"

    func run() async throws {
        let catcher = try PostCatcher(file: file, port: port)
        try await catcher.server.start()
        Console.print("url: \(catcher.server.url)")
        Console.error("bodies go to \(file); Ctrl-C ends")
        await Simulation.untilCancelled()
    }
}

enum Simulation {
    static func untilCancelled() async {
        // A stream that never yields: the process ends by a signal.
        let never = AsyncStream<Void>.makeStream()
        for await _ in never.stream { return }
    }
}
