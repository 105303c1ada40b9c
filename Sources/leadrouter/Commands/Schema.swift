import ArgumentParser
import Foundation
import LeadRules

struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the JSON Schema of the configuration, for editors.",
        discussion: Help.flowing(
            """
            With it an editor completes keys, shows what each one means, and marks mistakes
            while you type. Name it in the first line of a rule file:

              # yaml-language-server: $schema=schema.json

              leadrouter schema --output rules/schema.json  after an update
            """))

    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.")
    var output: String?

    func run() throws {
        let text = ConfigurationSchema(catalogue: bundledPlugins).text
        guard let output else { return Console.write(Array(text.utf8)) }
        do {
            try Data(text.utf8).write(to: URL(filePath: output), options: .atomic)
        } catch {
            Console.error("cannot write '\(output)': \(error.localizedDescription)")
            throw ExitCode.failure
        }
    }
}
