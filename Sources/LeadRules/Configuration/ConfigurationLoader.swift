public import LeadKit

/// Reads a configuration's folder into a `Configuration`, with every problem in one pass.
///
/// parts (files) → merged top keys → tables, fields, conditions → sinks, sources → routes →
/// templates. Each stage records what is wrong and goes on, so that one run shows everything.
public struct ConfigurationLoader {
    private let catalogue: PluginCatalogue
    private let files: any ConfigurationFiles
    private var merged = MergedConfiguration()
    private var problems = SettingProblems()
    private var scope = NameScope()
    private var tables: [Table] = []
    /// What was read, for the hash.
    private var contents: [(path: String, bytes: [UInt8])] = []

    /// Reads the folder. Touches nothing but `files`.
    public static func load(
        _ files: any ConfigurationFiles, catalogue: PluginCatalogue
    ) -> LoadResult {
        var loader = ConfigurationLoader(catalogue: catalogue, files: files)
        return loader.load()
    }

    private init(catalogue: PluginCatalogue, files: any ConfigurationFiles) {
        self.catalogue = catalogue
        self.files = files
    }

    private mutating func load() -> LoadResult {
        var reader = IncludeReader(files: files)
        reader.readAll()
        problems = reader.problems
        contents = reader.parts.map { ($0.path, reader.texts.files[reader.display($0.path)] ?? []) }
        var texts = reader.texts
        // Without its files a configuration has only follow-up errors.
        let configuration = problems.hasErrors && reader.parts.isEmpty ? nil : build(reader.parts)
        if reader.problems.diagnostics.contains(where: ConfigurationLoader.hidesAFile) {
            dropFollowUps()
        }
        for (path, bytes) in contents { texts.files[files.displayPrefix + path] = bytes }
        let sorted = withoutFollowUps(of: reader).enumerated().sorted {
            let (a, b) = ($0.element.position, $1.element.position)
            return (a.file, a.line, a.column, $0.offset) < (b.file, b.line, b.column, $1.offset)
        }
        // What an alias repeats, or a template says twice, is found twice.
        var diagnostics: [Diagnostic] = []
        for (_, diagnostic) in sorted where !diagnostics.suffix(16).contains(diagnostic) {
            diagnostics.append(diagnostic)
        }
        return LoadResult(
            configuration: problems.hasErrors ? nil : configuration, diagnostics: diagnostics,
            texts: texts)
    }

    private static func hidesAFile(_ diagnostic: Diagnostic) -> Bool {
        ["missing-file", "outside-folder", "bad-file"].contains(diagnostic.code)
            || ByteSearch.hasPrefix(diagnostic.code, "yaml-") || diagnostic.code == "duplicate-key"
    }

    /// What a file that cannot be read may define is not missing.
    private mutating func dropFollowUps() {
        var kept = SettingProblems()
        for diagnostic in problems.diagnostics {
            let isFollowUp =
                ByteSearch.hasPrefix(diagnostic.code, "undefined-")
                || ["missing-default", "missing-version", "untyped-field"].contains(diagnostic.code)
            if !isFollowUp { kept.add(diagnostic) }
        }
        problems = kept
    }

    /// What a file that could not be read would have defined is missing everywhere else; these
    /// findings would bury the one that matters.
    private func withoutFollowUps(of reader: IncludeReader) -> [Diagnostic] {
        guard reader.problems.hasErrors else { return problems.diagnostics }
        return problems.diagnostics.filter {
            !ByteSearch.hasPrefix($0.code, "undefined-") && $0.code != "missing-default"
        }
    }

    private mutating func build(_ parts: [ConfigurationPart]) -> Configuration? {
        merged.merge(
            parts, rootDisplay: files.displayPrefix + IncludeReader.root, problems: &problems)
        readTables()
        let fields = readFields()
        var conditions = ConditionParser(
            scope: scope, fields: fields,
            conditionNames: merged.named["conditions"]?.map(\.name) ?? [])
        let named = readConditions(&conditions)
        let sinks = readSinks()
        let sources = readSources()
        var parser = RouteParser(
            conditions: conditions,
            sinks: (merged.named["sinks"] ?? []).map { entry in
                KnownSink(name: entry.name, templates: sinkSettings(entry)?.filter(\.isTemplate))
            })
        let (routes, fallback) = readRoutes(&parser)
        for diagnostic in parser.conditions.problems.diagnostics { problems.add(diagnostic) }
        let dedupe = readDedupe()
        let library = readTemplates(sinks, parser)
        checkFallbacks(of: sinks)
        let server: ServerSettings = settings("server") ?? ServerSettings()
        let store: StoreSettings = settings("store") ?? StoreSettings()
        let log: LogSettings = settings("log") ?? LogSettings()
        guard !problems.hasErrors, let fallback else { return nil }
        let ruleSet = RuleSet(
            hash: hash(), names: parser.conditions.slots.names, tables: tables, conditions: named,
            routes: routes, fallback: fallback, dedupe: dedupe, templates: library,
            expectations: fields.compactMap { name, field in
                field.expectIn.map { (name: name, table: $0) }
            }.sorted { $0.name < $1.name })
        return Configuration(
            ruleSet: ruleSet, sources: sources, sinks: sinks, server: server, store: store, log: log
        )
    }

    private func hash() -> String {
        let sorted = contents.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        return Digest.sha256Hex(parts: sorted.flatMap { [$0.path, Digest.sha256Hex($0.bytes)] })
    }
}

// Tables, fields and conditions.
extension ConfigurationLoader {
    private static let tableKeys = ["file", "key", "match", "delimiter"]
    private static let fieldKeys = ["type", "exact", "expect_in", "region"]

    private mutating func readTables() {
        let entries = merged.named["tables"] ?? []
        for entry in entries {
            let table = readTable(entry)
            scope.tables.append((entry.name, table))
            // An unreadable table keeps its number, so that names after it stay right.
            tables.append(
                table
                    ?? Table(
                        name: entry.name, file: "", columns: [], rows: [], lines: [], index: [:]))
        }
        for (number, entry) in entries.enumerated() {
            guard let match = entry.value["match"] else { continue }
            tables[number].match = scope.name(match, problems: &problems)
            scope.tables[number].table?.match = tables[number].match
        }
        refuseTableCycles(entries)
    }

    private mutating func readTable(_ entry: MergedConfiguration.Entry) -> Table? {
        guard let keys = entry.value.entries else {
            problems.error(
                "bad-value", at: entry.value.position,
                "a table is a map with 'file', 'key' and 'match', not \(entry.value.kindName)")
            return nil
        }
        for (name, _) in keys { checkKey(name, among: ConfigurationLoader.tableKeys) }
        guard let file = entry.value["file"], let key = entry.value["key"] else {
            let missing = entry.value["file"] == nil ? "file" : "key"
            problems.error(
                "missing-key", at: entry.place, "the table '\(entry.name)' has no '\(missing)'",
                help: missing == "file" ? "add 'file: NAME.csv'" : "add 'key: COLUMN'")
            return nil
        }
        var delimiter: UInt8 = 0x2C
        if let node = entry.value["delimiter"] {
            let text = node.text == "\\t" ? "\t" : node.text ?? ""
            guard text.utf8.count == 1, let byte = text.utf8.first, byte != 0x22, byte < 0x80 else {
                problems.error(
                    "bad-value", at: node.position, "'delimiter' must be one ASCII character")
                return nil
            }
            delimiter = byte
        }
        guard let path = ConfigurationPath.resolve(file.text ?? "", from: entry.path) else {
            problems.error(
                "outside-folder", at: file.position,
                "'\(file.text ?? "")' is outside the configuration's folder",
                help: "move the file into the folder")
            return nil
        }
        return readTable(path, entry: entry, file: file, key: key, delimiter: delimiter)
    }

    private mutating func readTable(
        _ path: String, entry: MergedConfiguration.Entry, file: SettingNode, key: SettingNode,
        delimiter: UInt8
    ) -> Table? {
        do {
            let bytes = try files.read(path)
            contents.append((path, bytes))
            let reader = TableReader(
                name: entry.name, file: files.displayPrefix + path, key: key, delimiter: delimiter)
            return reader.read(bytes, problems: &problems)
        } catch {
            problems.error(
                "missing-file", at: file.position,
                "cannot read '\(files.displayPrefix)\(path)': \(error)")
            return nil
        }
    }

    private mutating func refuseTableCycles(_ entries: [MergedConfiguration.Entry]) {
        for start in tables.indices {
            var seen: Set<Int> = [start]
            var current = start
            while case .column(let next, _)? = tables[current].match {
                guard seen.insert(next).inserted else {
                    problems.error(
                        "table-cycle",
                        at: entries[start].value["match"]?.position ?? entries[start].place,
                        "the key of table '\(tables[start].name)' depends on itself")
                    tables[start].match = nil
                    break
                }
                current = next
            }
        }
    }

    private mutating func readFields() -> [String: FieldSettings] {
        var result: [String: FieldSettings] = [:]
        for entry in merged.named["fields"] ?? [] {
            guard let keys = entry.value.entries else {
                problems.error(
                    "bad-value", at: entry.value.position,
                    "a field is a map such as '{type: number}', not \(entry.value.kindName)")
                continue
            }
            for (name, _) in keys { checkKey(name, among: ConfigurationLoader.fieldKeys) }
            let nameNode = SettingNode(.text(entry.name), at: entry.place)
            let reference = scope.name(nameNode, problems: &problems)
            guard case .field(let name)? = reference else {
                if reference == nil { continue }
                problems.error("bad-name", at: entry.place, "'fields' describes answers only")
                continue
            }
            result[name] = field(entry)
        }
        return result
    }

    private mutating func field(_ entry: MergedConfiguration.Entry) -> FieldSettings {
        var settings = FieldSettings(position: entry.place)
        if let node = entry.value["type"] {
            settings.type = node.text.flatMap(FieldType.init(rawValue:))
            if settings.type == nil {
                let known = FieldType.allCases.map(\.rawValue)
                problems.error(
                    "bad-value", at: node.position,
                    "\(node.text.map { "'\($0)'" } ?? node.kindName) is not a type",
                    help: Nearest.help(for: node.text ?? "", among: known))
            }
        }
        if let node = entry.value["exact"] {
            settings.isExact = Bool.decode(node, problems: &problems) ?? false
        }
        if let node = entry.value["expect_in"] {
            settings.expectIn = scope.tableIndex(node.text ?? "")
            if settings.expectIn == nil {
                problems.error(
                    "undefined-table", at: node.position, "there is no table '\(node.text ?? "")'",
                    help: Nearest.help(for: node.text ?? "", among: scope.tables.map(\.name)))
            }
        }
        return settings
    }

    private mutating func readConditions(
        _ parser: inout ConditionParser
    ) -> [(name: String, condition: Condition)] {
        var result: [(name: String, condition: Condition)] = []
        var uses: [Set<Int>] = []
        let entries = merged.named["conditions"] ?? []
        for entry in entries {
            parser.used = []
            // What cannot be read holds a place; the configuration is refused anyway.
            result.append((entry.name, parser.condition(entry.value) ?? .all([])))
            uses.append(parser.used)
        }
        for start in entries.indices where reaches(start, from: uses[start], uses) {
            problems.error(
                "condition-cycle", at: entries[start].place,
                "the condition '\(entries[start].name)' uses itself")
        }
        return result
    }

    private func reaches(_ wanted: Int, from start: Set<Int>, _ uses: [Set<Int>]) -> Bool {
        var seen: Set<Int> = []
        var waiting = Array(start)
        while let next = waiting.popLast() {
            if next == wanted { return true }
            if seen.insert(next).inserted { waiting += uses[next] }
        }
        return false
    }

    private mutating func readDedupe() -> DedupeSettings? {
        guard let node = merged.single["dedupe"]?.value else { return nil }
        for (name, _) in node.entries ?? [] { checkKey(name, among: ["by", "within"]) }
        guard let by = node["by"], let within = node["within"] else {
            problems.error(
                "missing-key", at: node.position, "'dedupe' needs 'by' and 'within'",
                help: "write '{by: [email, phone_number], within: 30d}'")
            return nil
        }
        let nodes: [SettingNode] = if case .list(let list) = by.content { list } else { [by] }
        let names = nodes.compactMap { scope.name($0, problems: &problems) }
        guard let window = Duration.decode(within, problems: &problems), !names.isEmpty else {
            return nil
        }
        return DedupeSettings(names: names, withinSeconds: window.components.seconds)
    }

    private mutating func checkKey(_ name: SettingNode, among known: [String]) {
        let text = name.text ?? ""
        guard !known.contains(text) else { return }
        problems.error(
            "unknown-key", at: name.position, "unknown key '\(text)'",
            help: Nearest.help(for: text, among: known))
    }
}

// Sources, sinks, routes and templates.
extension ConfigurationLoader {
    private func sinkSettings(_ entry: MergedConfiguration.Entry) -> [SettingInfo]? {
        catalogue.sinks[entry.value["plugin"]?.text ?? ""]?.info.settings
    }

    private mutating func readSinks() -> [SinkInstance] {
        (merged.named["sinks"] ?? []).compactMap { entry in
            guard
                let name = pluginName(of: entry, kind: "sink", among: Array(catalogue.sinks.keys)),
                let plugin = catalogue.sinks[name]
            else { return nil }
            let secrets = SecretReader(files: files, path: entry.path)
            let node = secrets.resolve(entry.value, problems: &problems)
            let blueprint = plugin.decode(node, ignoring: SinkOptions.names, problems: &problems)
            let others = Set(plugin.info.settings.map(\.name)).union(["plugin"])
            let known = SettingNode(
                .map(
                    (node.entries ?? []).filter { SinkOptions.names.contains($0.name.text ?? "") }),
                at: node.position)
            let options = SinkOptions.decode(known, ignoring: others, problems: &problems)
            guard let blueprint, let options else { return nil }
            return SinkInstance(
                name: entry.name, plugin: name, options: options, blueprint: blueprint)
        }
    }

    private mutating func readSources() -> [SourceInstance] {
        (merged.named["sources"] ?? []).compactMap { entry in
            guard
                let name = pluginName(
                    of: entry, kind: "source", among: Array(catalogue.sources.keys)),
                let plugin = catalogue.sources[name]
            else { return nil }
            let secrets = SecretReader(files: files, path: entry.path)
            let node = secrets.resolve(entry.value, problems: &problems)
            return plugin.decode(node, ignoring: ["plugin"], problems: &problems).map {
                SourceInstance(name: entry.name, plugin: name, blueprint: $0)
            }
        }
    }

    private mutating func pluginName(
        of entry: MergedConfiguration.Entry, kind: String, among known: [String]
    ) -> String? {
        guard let node = entry.value["plugin"] else {
            problems.error(
                "missing-key", at: entry.place, "the \(kind) '\(entry.name)' names no plugin",
                help: "add 'plugin:' with one of \(known.sorted().joined(separator: ", "))")
            return nil
        }
        let name = node.text ?? ""
        if known.contains(name) { return name }
        problems.error(
            "undefined-plugin", at: node.position, "there is no \(kind) plugin '\(name)'",
            help: Nearest.help(for: name, among: known))
        return nil
    }

    private mutating func readRoutes(_ parser: inout RouteParser) -> (RouteList, Fallback?) {
        var list = RouteList()
        if let match = merged.single["match"] { list.match = parser.matchMode(match.value) }
        list.routes = parser.routes(merged.routes, parent: "")
        guard let node = merged.single["default"]?.value else {
            problems.error(
                "missing-default",
                at: Position(file: files.displayPrefix + IncludeReader.root, line: 1, column: 1),
                "there is no 'default': a lead that no route takes would be lost",
                help: "add 'default: {to: [SINK]}' or 'default: {hold: REASON}'")
            return (list, nil)
        }
        return (list, parser.fallback(node))
    }

    private mutating func readTemplates(
        _ sinks: [SinkInstance], _ parser: RouteParser
    ) -> TemplateLibrary {
        var library = TemplateLibrary(compiler: TemplateCompiler(scope: scope))
        for entry in merged.named["sinks"] ?? [] {
            library.settings[entry.name] = sinkSettings(entry) ?? []
        }
        for sink in sinks {
            library.sinks[sink.name] = sink.blueprint.templates.compactMap {
                library.compiler.compile($0, problems: &problems)
            }
        }
        for (target, settings) in parser.overrides {
            var compiled: [CompiledTemplate] = []
            for (name, node) in settings {
                for template in library.templates(
                    named: name, node: node, sink: target.sink, &problems)
                {
                    if let good = library.compiler.compile(template, problems: &problems) {
                        compiled.append(good)
                    }
                }
            }
            library.overrides[target] = compiled
        }
        return library
    }

    /// `on_failure` names sinks, and never leads back.
    private mutating func checkFallbacks(of sinks: [SinkInstance]) {
        let known = (merged.named["sinks"] ?? []).map(\.name)
        for entry in merged.named["sinks"] ?? [] {
            guard let node = entry.value["on_failure"],
                let sink = sinks.first(where: { $0.name == entry.name })
            else { continue }
            let nodes: [SettingNode] =
                if case .list(let list) = node.content { list } else { [node] }
            for name in sink.options.onFailure where !known.contains(name) {
                // What is not written there came from a secret.
                let written = nodes.first { $0.text == name }
                problems.error(
                    "undefined-sink", at: written?.position ?? node.position,
                    "there is no sink \(written?.shown ?? "of that name")",
                    help: written.flatMap { _ in Nearest.help(for: name, among: known) })
            }
            var seen: Set<String> = []
            var waiting = sink.options.onFailure
            while let next = waiting.popLast() {
                if next == sink.name {
                    problems.error(
                        "on-failure-cycle", at: node.position,
                        "'on_failure' of '\(sink.name)' leads back to it",
                        help:
                            "end the chain in a sink that cannot fail for the same cause, such as a file"
                    )
                    break
                }
                if seen.insert(next).inserted {
                    waiting += sinks.first { $0.name == next }?.options.onFailure ?? []
                }
            }
        }
    }

    private mutating func settings<Settings: PluginConfig>(_ key: String) -> Settings? {
        guard let entry = merged.single[key] else { return nil }
        let secrets = SecretReader(files: files, path: entry.path)
        return Settings.decode(
            secrets.resolve(entry.value, problems: &problems), problems: &problems)
    }
}
