import ArgumentParser
import Foundation
import LeadFlow
import LeadRules
import Synchronization

/// `--config DIR`, everywhere.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The configuration's folder. Default: $LEADROUTER_CONFIG, else 'rules', else this folder if it has a 'leadrouter.yaml'.",
            valueName: "dir"))
    var path: String?

    var folder: String {
        path ?? ProcessInfo.processInfo.environment["LEADROUTER_CONFIG"]
            ?? ConfigurationOption.nearby
    }

    /// `rules`, unless only the folder in which the program was started is a configuration.
    private static var nearby: String {
        let files = FileManager.default
        let isInside =
            !files.fileExists(atPath: "rules") && files.fileExists(atPath: "leadrouter.yaml")
        return isInside ? "." : "rules"
    }

    /// A command asks more than once, and would be told of errors as often.
    private static let known = Mutex<[String: OperatorSettings]>([:])

    func loadResult() -> LoadResult {
        ConfigurationLoader.load(ConfigurationFolder(path: folder), catalogue: bundledPlugins)
    }

    /// The configuration; prints what is wrong and exits with 1 when there are errors.
    func load() throws -> Configuration {
        let result = loadResult()
        if !result.diagnostics.isEmpty { Console.error(result.report) }
        guard let configuration = result.configuration else {
            Console.error(Summary.findings(result))
            throw ExitCode.failure
        }
        return configuration
    }

    /// Where the configuration says that store and service are. Errors in its rules are no hindrance:
    /// the service goes on with the rules before, and somebody may have to mend what they did.
    ///
    /// Prints what is wrong, and throws, when that cannot be told.
    func settings() throws -> OperatorSettings {
        if let known = ConfigurationOption.known.withLock({ $0[folder] }) { return known }
        let result = loadResult()
        if let settings = result.operations {
            ConfigurationOption.known.withLock { $0[folder] = settings }
            if result.errorCount > 0 {
                Console.error(
                    "warning: the configuration has \(Summary.count(result.errorCount, "error")), "
                        + "which 'leadrouter check' shows; what runs has rules of before")
            }
            return settings
        }
        if !result.diagnostics.isEmpty { Console.error(result.report) }
        Console.error(
            "error: where store and service are cannot be read\n"
                + "help: name the store's file with --store FILE, and a running service with "
                + "--service HOST:PORT where the command takes that")
        throw ExitCode.failure
    }
}

/// Sentences that several commands print.
enum Summary {
    static func findings(_ result: LoadResult) -> String {
        "\(count(result.errorCount, "error")), \(count(result.warningCount, "warning"))"
    }

    /// `plural` is for nouns that take more than an 's'.
    static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
        "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
    }
}
