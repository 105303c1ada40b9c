internal import LeadKit

// Tables, fields and conditions.
extension ConfigurationLoader {
    mutating func readTables() {
        let entries = merged.named["tables"] ?? []
        for entry in entries {
            let table = readTable(entry)
            scope.add(entry.name, table)
            // An unreadable table keeps its number, so that names after it stay right.
            tables.append(
                table
                    ?? Table(
                        name: entry.name, file: "", columns: [], rows: [], lines: [], index: [:]))
        }
        for (number, entry) in entries.enumerated() {
            guard let match = entry.value["match"] else { continue }
            tables[number].match = scope.leadName(match, problems: &problems)
            scope.setMatch(tables[number].match, ofTable: number)
        }
        refuseTableCycles(entries)
    }

    mutating func readTable(_ entry: MergedConfiguration.Entry) -> Table? {
        guard let keys = entry.value.entries else {
            problems.error(
                "bad-value", at: entry.value.position,
                "a table is a map with 'file', 'key' and 'match', not \(entry.value.kindName)")
            return nil
        }
        for (name, _) in keys { checkKey(name, among: Vocabulary.table.names) }
        guard keys.allSatisfy({ isText($0, $1) }) else { return nil }
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

    mutating func readTable(
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
                error.isOutside ? "outside-folder" : "missing-file", at: file.position,
                "cannot read '\(files.displayPrefix)\(path)': \(error)",
                help: files.help(forMissing: path, written: file.text ?? ""))
            return nil
        }
    }

    mutating func refuseTableCycles(_ entries: [MergedConfiguration.Entry]) {
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

    mutating func readFields() -> [String: FieldSettings] {
        var result: [String: FieldSettings] = [:]
        for entry in merged.named["fields"] ?? [] {
            guard let keys = entry.value.entries else {
                problems.error(
                    "bad-value", at: entry.value.position,
                    "a field is a map such as '{type: number}', not \(entry.value.kindName)")
                continue
            }
            for (name, _) in keys { checkKey(name, among: Vocabulary.field.names) }
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

    mutating func field(_ entry: MergedConfiguration.Entry) -> FieldSettings {
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

    mutating func readConditions(
        _ parser: inout ConditionParser
    ) -> [(name: String, condition: Condition)] {
        var result: [(name: String, condition: Condition)] = []
        var uses: [[Int]] = []
        let entries = merged.named["conditions"] ?? []
        for entry in entries {
            parser.used = []
            // What cannot be read holds a place; the configuration is refused anyway.
            result.append((entry.name, parser.condition(entry.value) ?? .all([])))
            uses.append(Array(parser.used))
        }
        for number in Cycles.members(of: uses) {
            problems.error(
                "condition-cycle", at: entries[number].place,
                "the condition '\(entries[number].name)' uses itself")
        }
        sizes = ConditionSizes(result.map(\.condition))
        check(sizes, of: entries)
        return result
    }

    mutating func readDedupe() -> DedupeSettings? {
        guard let node = merged.single["dedupe"]?.value else { return nil }
        for (name, _) in node.entries ?? [] { checkKey(name, among: Vocabulary.dedupe.names) }
        guard let by = node["by"], let within = node["within"] else {
            problems.error(
                "missing-key", at: node.position, "'dedupe' needs 'by' and 'within'",
                help: "write '{by: [email, phone_number], within: 30d}'")
            return nil
        }
        let nodes: [SettingNode] = if case .list(let list) = by.content { list } else { [by] }
        if nodes.isEmpty {
            problems.error(
                "bad-value", at: by.position, "the list of fields is empty",
                help: "write 'by: [email, phone_number]'")
        }
        let names = nodes.compactMap { scope.leadName($0, problems: &problems) }
        guard let window = Duration.decode(within, problems: &problems), !names.isEmpty else {
            return nil
        }
        return DedupeSettings(names: names, withinSeconds: window.components.seconds)
    }

    mutating func isText(_ name: SettingNode, _ value: SettingNode) -> Bool {
        // A tab is blank, and separates columns.
        if let text = value.text, !text.trimmed.isEmpty || text == "\t" { return true }
        problems.error(
            "bad-value", at: value.position,
            "'\(name.text ?? "")' needs a text, not "
                + (value.text == nil ? value.kindName : "a blank one"))
        return false
    }

    mutating func checkKey(_ name: SettingNode, among known: [String]) {
        let text = name.text ?? ""
        guard !known.contains(text) else { return }
        problems.error(
            "unknown-key", at: name.position, "unknown key '\(text)'",
            help: Nearest.help(for: text, among: known))
    }
}
