import ArgumentParser
import LeadKit
import LeadRules

struct Plugins: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the plugins built in, or the settings of one.",
        discussion: Help.flowing(
            """
              leadrouter plugins          what there is
              leadrouter plugins smtp     every setting of one, with an example
            """))

    @Argument(help: ArgumentHelp("A plugin's name.", valueName: "name"))
    var name: String?
    @Option(help: "table for people, ndjson for programs.")
    var format = OutputFormat.table

    private struct Known {
        var kind: String
        var info: PluginInfo
    }

    private var known: [Known] {
        bundledPlugins.sources.values.map { Known(kind: "source", info: $0.info) }
            .sorted { $0.info.name < $1.info.name }
            + bundledPlugins.sinks.values.map { Known(kind: "sink", info: $0.info) }
            .sorted { $0.info.name < $1.info.name }
    }

    func run() throws {
        guard let name else { return list() }
        let found = known.filter { $0.info.name == name }
        guard !found.isEmpty else {
            let help = Nearest.help(for: name, among: known.map(\.info.name)) ?? ""
            throw ValidationError("there is no plugin '\(name)'; \(help)")
        }
        for plugin in found { show(plugin) }
    }

    private func list() {
        if format == .ndjson {
            for plugin in known { Console.print(Plugins.json(plugin)) }
            return
        }
        var table = TextTable(["PLUGIN", "KIND", "WHAT IT DOES"])
        for plugin in known { table.add([plugin.info.name, plugin.kind, plugin.info.summary]) }
        Console.print(table.text + "\n\nleadrouter plugins NAME shows the settings of one.")
    }

    private func show(_ plugin: Known) {
        if format == .ndjson { return Console.print(Plugins.json(plugin)) }
        Console.print("\(plugin.info.name) (\(plugin.kind)): \(plugin.info.summary)\n")
        var table = TextTable(["SETTING", "DEFAULT", "WHAT TO WRITE", "WHAT IT IS"])
        for setting in plugin.info.settings { table.add(Plugins.row(setting)) }
        Console.print(table.text)
        if plugin.kind == "sink" {
            Console.print("\nAnd, as every sink:\n")
            var common = TextTable(["SETTING", "DEFAULT", "WHAT TO WRITE", "WHAT IT IS"])
            for setting in SinkOptions.settings { common.add(Plugins.row(setting.info)) }
            Console.print(common.text)
        }
        Console.print("\nExample:\n")
        Console.print(
            plugin.info.example.split(separator: "\n", omittingEmptySubsequences: false)
                .map { "  " + $0 }.joined(separator: "\n"))
    }

    private static func row(_ setting: SettingInfo) -> [String] {
        [
            setting.name, setting.isRequired ? "required" : setting.fallback ?? "-", setting.shape,
            setting.summary,
        ]
    }

    private static func json(_ plugin: Known) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("name")
            writer.string(plugin.info.name)
            writer.name("kind")
            writer.string(plugin.kind)
            writer.name("summary")
            writer.string(plugin.info.summary)
            writer.name("settings")
            writer.array { writer in
                for setting in plugin.info.settings {
                    writer.object { writer in
                        writer.name("name")
                        writer.string(setting.name)
                        writer.name("shape")
                        writer.string(setting.shape)
                        writer.name("required")
                        writer.bool(setting.isRequired)
                        writer.name("default")
                        writer.string(setting.fallback)
                        writer.name("secret")
                        writer.bool(setting.isSecret)
                        writer.name("template")
                        writer.bool(setting.isTemplate)
                        writer.name("summary")
                        writer.string(setting.summary)
                    }
                }
            }
        }
        return writer.text
    }
}
