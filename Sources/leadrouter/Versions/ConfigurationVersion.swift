import Foundation
import LeadFlow
import LeadKit
import LeadRules

/// A configuration to compare: a folder, or a revision of one in Git.
struct ConfigurationVersion {
    let files: any ConfigurationFiles

    /// Finds what the author means: a folder that holds a configuration, else a revision such as
    /// `HEAD~1`, `main` or `main:rules` in Git. A revision without a path is of `configFolder`.
    init(_ text: String, configFolder: String) throws(GitFailure) {
        let root = URL(filePath: text, directoryHint: .isDirectory)
            .appending(path: "leadrouter.yaml").path(percentEncoded: false)
        if FileManager.default.fileExists(atPath: root) {
            files = ConfigurationFolder(path: text)
            return
        }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: text, isDirectory: &isFolder) {
            guard isFolder.boolValue else {
                throw GitFailure("'\(text)' is a file; name a folder or a Git revision")
            }
            // A folder may share its name with a branch.
            files =
                (try? GitFolder(text, configFolder: configFolder))
                ?? ConfigurationFolder(path: text)
            return
        }
        files = try GitFolder(text, configFolder: configFolder)
    }

    /// Reads it. Secrets that this machine does not have are replaced: no decision depends on them.
    func load() -> LoadResult {
        var placeholders = Placeholders()
        while true {
            let result = ConfigurationLoader.load(
                FilesWithPlaceholders(files: files, placeholders: placeholders),
                catalogue: bundledPlugins)
            guard result.configuration == nil, placeholders.next(after: result) else {
                return result
            }
        }
    }
}

/// What stands for variables of the environment that are not set. A setting may want an address or a
/// number: when one text is refused, the next is tried.
struct Placeholders {
    private static let texts = [
        "placeholder-placeholder-placeholder", "https://placeholder.invalid",
        "smtp://placeholder.invalid", "8080", "127.0.0.1:8080", "30s", "placeholder@example.com",
    ]
    private var numbers: [String: Int] = [:]

    func text(for name: String) -> String { Placeholders.texts[numbers[name] ?? 0] }

    /// Takes the next text for each variable that stands in a line with an error, or in the entry
    /// that begins there; false when none does.
    mutating func next(after result: LoadResult) -> Bool {
        var found = false
        var advanced: Set<String> = []
        for diagnostic in result.diagnostics where diagnostic.severity == .error {
            for name in Placeholders.variables(around: diagnostic.position, result.texts)
            where advanced.insert(name).inserted {
                let number = (numbers[name] ?? 0) + 1
                guard number < Placeholders.texts.count else { continue }
                numbers[name] = number
                found = true
            }
        }
        return found
    }

    /// The names in the line; if there are none, in those below it that are not further out.
    private static func variables(
        around position: Position, _ texts: SourceTexts
    ) -> [String] {
        guard let line = texts.line(position) else { return [] }
        var names = variables(in: line)
        guard names.isEmpty else { return names }
        let indent = line.utf8.prefix { $0 == 0x20 }.count
        for number in (position.line + 1)..<(position.line + entryLinesMax) {
            let below = Position(file: position.file, line: number, column: 1)
            guard let next = texts.line(below) else { break }
            let blanks = next.utf8.prefix { $0 == 0x20 }.count
            if blanks < next.utf8.count, blanks < indent { break }
            names += variables(in: next)
        }
        return names
    }

    /// The most lines of an entry that are looked at.
    private static let entryLinesMax = 200

    /// The names in `${NAME}`.
    static func variables(in line: String) -> [String] {
        var names: [String] = []
        var rest = Array(line.utf8)[...]
        while let dollar = rest.firstIndex(of: 0x24) {
            rest = rest[(dollar + 1)...]
            guard rest.first == 0x7B, let close = rest.firstIndex(of: 0x7D) else { continue }
            names.append(String(decoding: rest[(rest.startIndex + 1)..<close], as: UTF8.self))
            rest = rest[(close + 1)...]
        }
        return names
    }
}

/// A configuration whose missing secrets have placeholders.
private struct FilesWithPlaceholders: ConfigurationFiles {
    let files: any ConfigurationFiles
    let placeholders: Placeholders

    var displayPrefix: String { files.displayPrefix }

    func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] { try files.read(path) }

    func list() throws(ConfigurationFileError) -> [String] { try files.list() }

    func readSecret(_ path: String) -> [UInt8] {
        let known = (try? files.readSecret(path)) ?? []
        return known.isEmpty ? Array(placeholders.text(for: "").utf8) : known
    }

    func environment(_ name: String) -> String? {
        if let known = files.environment(name), !known.trimmed.isEmpty { return known }
        return placeholders.text(for: name)
    }
}
