internal import LeadKit
internal import LeadYAML

/// One file of a configuration.
struct ConfigurationPart {
    /// Relative to the configuration's folder.
    var path: String
    var root: SettingNode
}

/// Reads the root file and what it includes, depth first: an included file's own includes come
/// before the next one.
struct IncludeReader {
    let files: any ConfigurationFiles
    private(set) var parts: [ConfigurationPart] = []
    private(set) var texts = SourceTexts()
    var problems = SettingProblems()
    /// Which include reached a file.
    private var reached: [String: Position] = [:]

    static let root = "leadrouter.yaml"

    init(files: any ConfigurationFiles) { self.files = files }

    mutating func readAll() {
        reached[IncludeReader.root] = Position(file: display(IncludeReader.root))
        read(IncludeReader.root, from: nil)
    }

    func display(_ path: String) -> String { files.displayPrefix + path }

    private mutating func read(_ path: String, from include: Position?) {
        let bytes: [UInt8]
        do {
            bytes = try files.read(path)
        } catch {
            problems.error(
                "missing-file", at: include ?? Position(file: display(path)),
                "cannot read '\(display(path))': \(error)",
                help: include == nil
                    ? "a configuration is a folder with a file leadrouter.yaml; name it with --config"
                    : files.help(forMissing: path, written: path))
            return
        }
        texts.files[display(path)] = bytes
        guard let root = YAMLReader.read(bytes, file: display(path), problems: &problems) else {
            return
        }
        guard root.entries != nil else {
            problems.error(
                "bad-file", at: root.position, "a rule file is a map, not \(root.kindName)",
                help: ByteSearch.hasPrefix(root.text ?? "", "version")
                    ? "write 'version: 1', with a colon" : "begin with 'routes:' or another top key"
            )
            return
        }
        parts.append(ConfigurationPart(path: path, root: root))
        if let include = root["include"] { readIncludes(include, of: path) }
    }

    private mutating func readIncludes(_ node: SettingNode, of file: String) {
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        for node in nodes {
            guard let text = node.text, !text.trimmed.isEmpty else {
                problems.error(
                    "bad-value", at: node.position, "'include' needs paths or globs")
                continue
            }
            guard let path = ConfigurationPath.resolve(text, from: file) else {
                problems.error(
                    "outside-folder", at: node.position,
                    "'\(text)' is outside the configuration's folder",
                    help: "move the file into the folder")
                continue
            }
            if ConfigurationPath.isGlob(text) {
                readGlob(path, node)
            } else {
                readOnce(path, node)
            }
        }
    }

    private mutating func readGlob(_ glob: String, _ node: SettingNode) {
        let all: [String]
        do {
            all = try files.list()
        } catch {
            problems.error("missing-file", at: node.position, "cannot list the folder: \(error)")
            return
        }
        let matching = all.filter { path in
            ConfigurationPath.matches(glob, path) && !IncludeReader.isTest(path)
        }
        if matching.isEmpty {
            problems.warning(
                "empty-glob", at: node.position, "'\(node.text ?? "")' matches no file")
        }
        let sorted = matching.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for path in sorted { readOnce(path, node) }
    }

    static func isTest(_ path: String) -> Bool {
        Array(path.utf8.suffix(10)) == Array(".test.yaml".utf8)
    }

    private mutating func readOnce(_ path: String, _ node: SettingNode) {
        if let first = reached[path] {
            let before =
                first.line == 0 ? "it is the root file" : "it is included at \(first), too"
            problems.error(
                "included-twice", at: node.position, "'\(display(path))' is read twice: \(before)",
                help: first.line == 0
                    ? "put the other files into a folder and include 'FOLDER/*.yaml'"
                    : "remove one of them")
            return
        }
        reached[path] = node.position
        read(path, from: node.position)
    }
}
