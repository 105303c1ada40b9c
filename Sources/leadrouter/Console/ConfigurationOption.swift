import ArgumentParser
import Foundation
import LeadFlow
import LeadRules

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
