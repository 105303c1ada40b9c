public import LeadKit
internal import LeadYAML

/// Reads a configuration's folder into a `Configuration`, with every problem in one pass.
///
/// parts (files) → merged top keys → schedules, tables, fields, conditions → sinks, sources →
/// pools, routes → templates. Each stage records what is wrong and goes on, so that one run shows everything.
public struct ConfigurationLoader {
    let catalogue: PluginCatalogue
    let files: any ConfigurationFiles
    var merged = MergedConfiguration()
    var problems = SettingProblems()
    var scope = NameScope()
    var tables: [Table] = []
    var schedules: [Schedule] = []
    var fields: [String: FieldSettings] = [:]
    /// Settings with their secrets filled in.
    var filledIn = MeaningHash()
    /// Those of the named conditions.
    var sizes = ConditionSizes([])
    var operations: OperatorSettings?
    /// What was read, for showing the lines that findings are about.
    var contents: [(path: String, bytes: [UInt8])] = []

    /// Reads the folder. Touches nothing but `files`.
    public static func load(
        _ files: any ConfigurationFiles, catalogue: PluginCatalogue
    ) -> LoadResult {
        var loader = ConfigurationLoader(catalogue: catalogue, files: files)
        return loader.load()
    }

    init(catalogue: PluginCatalogue, files: any ConfigurationFiles) {
        self.catalogue = catalogue
        self.files = files
    }

    mutating func load() -> LoadResult {
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
            return a.precedes(b) || (!b.precedes(a) && $0.offset < $1.offset)
        }
        // What an alias repeats, or a template says twice, is found twice.
        var diagnostics: [Diagnostic] = []
        for (_, diagnostic) in sorted where !diagnostics.suffix(16).contains(diagnostic) {
            diagnostics.append(diagnostic)
        }
        texts.hideSecrets(diagnostics)
        return LoadResult(
            configuration: problems.hasErrors ? nil : configuration, diagnostics: diagnostics,
            texts: texts, operations: operations)
    }

    static func hidesAFile(_ diagnostic: Diagnostic) -> Bool {
        ["missing-file", "outside-folder", "bad-file", "large-configuration"].contains(
            diagnostic.code)
            || ByteSearch.hasPrefix(diagnostic.code, "yaml-")
                && !YAMLReader.spoilsAValueOnly(diagnostic.code)
    }

    /// What a file that cannot be read may define is not missing.
    mutating func dropFollowUps() {
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
    func withoutFollowUps(of reader: IncludeReader) -> [Diagnostic] {
        var found = problems.diagnostics
        let isSpoilt = SpoiltLines(reader.problems.diagnostics)
        if !isSpoilt.isEmpty { found.removeAll { isSpoilt($0) } }
        guard reader.problems.diagnostics.contains(where: Self.hidesAFile) else { return found }
        return found.filter {
            !ByteSearch.hasPrefix($0.code, "undefined-") && $0.code != "missing-default"
        }
    }

    /// Lines whose value is spoilt: what else is found there only follows. A value that is missing
    /// often stands, badly indented, in the next line.
    struct SpoiltLines {
        private var lines: [String: Set<Int>] = [:]

        init(_ diagnostics: [Diagnostic]) {
            for diagnostic in diagnostics where YAMLReader.spoilsAValueOnly(diagnostic.code) {
                let place = diagnostic.position
                lines[place.file, default: []].insert(place.line)
                if diagnostic.code == "yaml-empty-value" {
                    lines[place.file]?.insert(place.line + 1)
                }
            }
        }

        var isEmpty: Bool { lines.isEmpty }

        func callAsFunction(_ diagnostic: Diagnostic) -> Bool {
            !YAMLReader.spoilsAValueOnly(diagnostic.code)
                && lines[diagnostic.position.file]?.contains(diagnostic.position.line) ?? false
        }
    }

    mutating func build(_ parts: [ConfigurationPart]) -> Configuration? {
        merged.merge(
            parts, rootDisplay: files.displayPrefix + IncludeReader.root, problems: &problems)
        readSchedules()
        readTables()
        fields = readFields()
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
            }, poolNames: Set((merged.named["pools"] ?? []).map(\.name)))
        readPools(&parser)
        let (routes, fallback) = readRoutes(&parser)
        for diagnostic in parser.conditions.problems.diagnostics { problems.add(diagnostic) }
        let dedupe = readDedupe()
        // When a duplicate's earlier lead was created decides whether it still counts. Templates
        // are read behind this: what they ask for does not decide.
        let asked = scope.asked.selection(and: dedupe == nil ? [] : [.createdTime])
        let library = readTemplates(sinks, parser)
        checkFallbacks(of: sinks)
        let (known, place): (ServerSettings?, StoreSettings?) = (
            settings("server"), settings("store")
        )
        operations = knownOperations(known, place)
        let server = known ?? ServerSettings()
        let store = place ?? StoreSettings()
        let log: LogSettings = settings("log") ?? LogSettings()
        let retention: RetentionSettings = settings("retention") ?? RetentionSettings()
        guard !problems.hasErrors, let fallback else { return nil }
        var ruleSet = RuleSet(
            hash: merged.hash(tables: tables), names: parser.conditions.slots.names, tables: tables,
            schedules: schedules, pools: parser.pools, conditions: named, routes: routes,
            fallback: fallback, dedupe: dedupe, templates: library,
            expectations: fields.compactMap { name, field in
                field.expectIn.map { (name: name, table: $0) }
            }.sorted { $0.name < $1.name })
        ruleSet.asked = asked
        return Configuration(
            ruleSet: ruleSet, sources: sources, sinks: sinks, server: server, store: store,
            log: log, retention: retention, filledIn: filledIn.finish())
    }
}

// Sources, sinks, routes and templates.
extension ConfigurationLoader {
    func sinkSettings(_ entry: MergedConfiguration.Entry) -> [SettingInfo]? {
        catalogue.sinks[entry.value["plugin"]?.text ?? ""]?.info.settings
    }

    mutating func readSinks() -> [SinkInstance] {
        (merged.named["sinks"] ?? []).compactMap { entry in
            guard
                let name = pluginName(of: entry, kind: "sink", among: Array(catalogue.sinks.keys)),
                let plugin = catalogue.sinks[name]
            else { return nil }
            let (node, found) = fillInSecrets(entry)
            let plain = plugin.info.settings.filter(\.isSecret).compactMap { node[$0.name]?.text }
            let blueprint = plugin.decode(node, ignoring: SinkOptions.names, problems: &problems)
            let others = Set(plugin.info.settings.map(\.name)).union(["plugin"])
            let known = SettingNode(
                .map(
                    (node.entries ?? []).filter { SinkOptions.names.contains($0.name.text ?? "") }),
                at: node.position)
            let options = SinkOptions.decode(known, ignoring: others, problems: &problems)
            guard let blueprint, var options else { return nil }
            options.pluginTimeout = plugin.timeout
            return SinkInstance(
                name: entry.name, plugin: name, options: options, blueprint: blueprint,
                filledIn: MeaningHash.of(node), secrets: found + plain.map { Secret($0) })
        }
    }

    mutating func readSources() -> [SourceInstance] {
        (merged.named["sources"] ?? []).compactMap { entry in
            guard
                let name = pluginName(
                    of: entry, kind: "source", among: Array(catalogue.sources.keys)),
                let plugin = catalogue.sources[name]
            else { return nil }
            let node = fillIn(entry)
            return plugin.decode(node, ignoring: ["plugin"], problems: &problems).map {
                SourceInstance(
                    name: entry.name, plugin: name, blueprint: $0, filledIn: MeaningHash.of(node))
            }
        }
    }

    mutating func pluginName(
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

    mutating func readSchedules() {
        var parser = ScheduleParser()
        for entry in merged.named["schedules"] ?? [] {
            let schedule = parser.schedule(named: entry.name, at: entry.place, entry.value)
            // One that cannot be read keeps its number, so that names after it stay right.
            scope.add(schedule: entry.name)
            schedules.append(schedule ?? .unreadable(entry.name))
        }
        for diagnostic in parser.problems.diagnostics { problems.add(diagnostic) }
    }

    func readPools(_ parser: inout RouteParser) {
        for entry in merged.named["pools"] ?? [] {
            parser.pools[entry.name] = parser.pool(
                named: entry.name, at: entry.place, entry.value)
        }
    }

    mutating func readRoutes(_ parser: inout RouteParser) -> (RouteList, Fallback?) {
        var list = RouteList()
        if let match = merged.single["match"] { list.match = parser.matchMode(match.value) }
        list.routes = parser.routes(merged.routes, parent: "")
        checkSizes(of: list.routes, sizes)
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

    mutating func readTemplates(
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
    mutating func checkFallbacks(of sinks: [SinkInstance]) {
        let entries = merged.named["sinks"] ?? []
        let known = NameIndex(entries.map(\.name))
        var edges: [[Int]] = Array(repeating: [], count: entries.count)
        for sink in sinks {
            guard let number = known[sink.name], let node = entries[number].value["on_failure"]
            else { continue }
            let nodes: [SettingNode] =
                if case .list(let list) = node.content { list } else { [node] }
            for name in sink.options.onFailure {
                if let next = known[name] {
                    edges[number].append(next)
                    continue
                }
                // What is not written there came from a secret.
                let written = nodes.first { $0.text == name }
                problems.error(
                    "undefined-sink", at: written?.position ?? node.position,
                    "there is no sink \(written?.shown ?? "of that name")",
                    help: (merged.named["pools"] ?? []).contains { $0.name == name }
                        ? "'\(name)' is a pool, and 'on_failure' names sinks only"
                        : written.flatMap { _ in Nearest.help(for: name, among: known.names) })
            }
        }
        for number in Cycles.members(of: edges) {
            let entry = entries[number]
            problems.error(
                "on-failure-cycle", at: entry.value["on_failure"]?.position ?? entry.place,
                "'on_failure' of '\(entry.name)' leads back to it",
                help: "end the chain in a sink that cannot fail for the same cause, such as a file")
        }
    }

    /// What is not written has its default, unless it may be written where nobody could read.
    func knownOperations(_ server: ServerSettings?, _ store: StoreSettings?) -> OperatorSettings? {
        let mayHide = problems.diagnostics.contains(where: ConfigurationLoader.hidesAFile)
        func known<Settings>(_ key: String, _ read: Settings?, _ usual: Settings) -> Settings? {
            merged.single[key] == nil && !mayHide ? usual : read
        }
        guard let server = known("server", server, ServerSettings()),
            let store = known("store", store, StoreSettings())
        else { return nil }
        let entries = merged.named["sinks"] ?? []
        let sinks = entries.map { ($0.name, $0.value["plugin"]?.text ?? "") }
        let paused = entries.filter { $0.value["paused"]?.text == "true" }.map(\.name)
        let sources = merged.named["sources"] ?? []
        let names = sources.compactMap { entry in
            // Secrets are texts, also where they cannot be read: nothing is called by them.
            var secrets = SecretReader(files: files, path: entry.path)
            var untold = SettingProblems()
            let node = secrets.resolve(entry.value, problems: &untold)
            return catalogue.sources[entry.value["plugin"]?.text ?? ""]?
                .names(node, ignoring: ["plugin"]).map { (entry.name, $0) }
        }
        return OperatorSettings(
            server: server, store: store, sinks: Dictionary(sinks) { first, _ in first },
            pausedSinks: Set(paused), sources: sources.map(\.name),
            names: Dictionary(names) { first, _ in first })
    }

    mutating func settings<Settings: PluginConfig>(_ key: String) -> Settings? {
        guard let entry = merged.single[key] else { return nil }
        // Not part of the rule set's hash.
        filledIn.add(key)
        filledIn.add(entry.value)
        // Secrets stand in 'store' and 'server' only; elsewhere '${' is two characters.
        let isFilledIn = ["store", "server"].contains(key)
        return Settings.decode(isFilledIn ? fillIn(entry) : entry.value, problems: &problems)
    }

    /// The settings with `${NAME}` and `{file: PATH}` replaced.
    mutating func fillIn(_ entry: MergedConfiguration.Entry) -> SettingNode {
        fillInSecrets(entry).node
    }

    /// The same, with what came from variables and files.
    mutating func fillInSecrets(
        _ entry: MergedConfiguration.Entry
    ) -> (node: SettingNode, secrets: [Secret]) {
        var secrets = SecretReader(files: files, path: entry.path)
        let node = secrets.resolve(entry.value, problems: &problems)
        filledIn.add(node)
        return (node, secrets.secrets)
    }
}
