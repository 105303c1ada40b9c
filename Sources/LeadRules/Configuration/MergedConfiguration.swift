internal import LeadKit

/// The top keys of all files together: maps united by name, routes in a row.
struct MergedConfiguration {
    /// An entry of a map, or a top key that stands once.
    struct Entry {
        var name: String
        var place: Position
        var value: SettingNode
        /// The file it stands in, relative to the configuration's folder.
        var path: String
    }

    /// `sources`, `sinks`, `fields`, `tables`, `conditions`, `schedules`,
    /// `pools`: entries in the order read.
    private(set) var named: [String: [Entry]] = [:]
    /// `match`, `default`, `dedupe`, `store`, `server`, `retention`, `log`.
    private(set) var single: [String: Entry] = [:]
    /// The routes of all files.
    private(set) var routes: [SettingNode] = []

    private static let namedKeys = Vocabulary.named.names
    private static let singleKeys = Vocabulary.single.names

    mutating func merge(
        _ parts: [ConfigurationPart], rootDisplay: String, problems: inout SettingProblems
    ) {
        for part in parts {
            for (name, value) in part.root.entries ?? [] {
                merge(name, value, path: part.path, problems: &problems)
            }
        }
        checkVersion(rootDisplay, &problems)
        for key in MergedConfiguration.namedKeys { refuseDuplicates(of: key, &problems) }
        for key in MergedConfiguration.namedKeys where key != "fields" {
            checkNames(of: key, &problems)
        }
    }

    private mutating func merge(
        _ name: SettingNode, _ value: SettingNode, path: String,
        problems: inout SettingProblems
    ) {
        let key = name.text ?? ""
        switch key {
        case "include": return
        case "routes":
            guard case .list(let nodes) = value.content else {
                problems.error(
                    "bad-value", at: value.position,
                    "'routes' needs a list of routes, not \(value.kindName)",
                    help: "begin each route with '- id: NAME'")
                return
            }
            routes += nodes
        case let key where MergedConfiguration.namedKeys.contains(key):
            guard let entries = value.entries else {
                problems.error(
                    "bad-value", at: value.position,
                    "'\(key)' needs a map of names, not \(value.kindName)")
                return
            }
            for (entry, value) in entries {
                named[key, default: []].append(
                    Entry(name: entry.text ?? "", place: entry.position, value: value, path: path))
            }
        case let key where MergedConfiguration.singleKeys.contains(key):
            let entry = Entry(name: key, place: name.position, value: value, path: path)
            // Twice in one file was reported where the file was read.
            if let first = single.updateValue(entry, forKey: key), first.path != path {
                problems.error(
                    "duplicate-key", at: name.position,
                    "'\(key)' may stand only once, and stands at \(first.place), too",
                    help: "remove one of them")
            }
        default:
            problems.error(
                "unknown-key", at: name.position, "unknown key '\(key)'",
                help: Synonyms.topKeys.help(for: key, among: Vocabulary.topKeys.names)
                    ?? "the keys are \(Vocabulary.topKeys.names.joined(separator: ", "))")
        }
    }

    private func checkVersion(_ root: String, _ problems: inout SettingProblems) {
        guard let version = single["version"] else {
            problems.error(
                "missing-version", at: Position(file: root, line: 1, column: 1),
                "there is no 'version'", help: "write 'version: 1' in the first line")
            return
        }
        if version.path != IncludeReader.root {
            problems.error(
                "bad-version", at: version.place, "'version' belongs into leadrouter.yaml only")
        }
        if version.value.text != "1" {
            problems.error(
                "bad-version", at: version.value.position,
                "this program reads version 1, not \(version.value.text.map { "'\($0)'" } ?? version.value.kindName)",
                help: "write 'version: 1'")
        }
    }

    private mutating func refuseDuplicates(of key: String, _ problems: inout SettingProblems) {
        var seen: [[UInt8]: Position] = [:]
        var kept: [Entry] = []
        for entry in named[key] ?? [] {
            if let first = seen[Array(entry.name.utf8)] {
                // Twice in one file is a duplicate key, which is reported already.
                guard !first.isInFile(of: entry.place) else { continue }
                problems.error(
                    "duplicate-name", at: entry.place,
                    "'\(entry.name)' is defined at \(first), too",
                    help: "give one of them another name")
            } else {
                seen[Array(entry.name.utf8)] = entry.place
                kept.append(entry)
            }
        }
        named[key] = kept
    }

    private func checkNames(of key: String, _ problems: inout SettingProblems) {
        for entry in named[key] ?? [] {
            if !RouteParser.isIdentifier(entry.name) {
                problems.error(
                    "bad-name", at: entry.place, "'\(entry.name)' is not usable as a name",
                    help: RouteParser.nameHelp(entry.name))
            } else if NameScope.reserved.contains(entry.name) {
                problems.error(
                    "reserved-name", at: entry.place, "the name '\(entry.name)' is reserved",
                    help: "give it another name")
            }
        }
    }
}
