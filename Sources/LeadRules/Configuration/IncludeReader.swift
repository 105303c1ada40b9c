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
    private var reached: [[UInt8]: Position] = [:]
    /// Which file a real file was read as: a link makes two names of one.
    private var identities: [FileIdentity: String] = [:]
    /// How many includes lead to the file that is read.
    private var depth = 0
    private var bytesRead = 0
    /// Nothing more is read once a limit is passed: one finding says it.
    private var isStopped = false
    private var entryCount = 0
    private var missingCount = 0
    private var twiceCount = 0
    /// The rule files of the folder in byte order, listed once for all globs.
    private var listed: [(path: String, parts: [[UInt8]])]?

    /// The longest chain of files that include one another.
    static let depthMax = 32
    /// The most files of a configuration.
    static let filesMax = 10_000
    /// The most missing files whose folder is looked through for what was meant.
    private static let helpsMax = 100
    /// The most findings about files that are read twice.
    private static let twiceMax = 1000
    /// The most bytes of one rule file.
    static let fileBytesMax = 32 << 20
    /// The most bytes of all rule files together.
    static let bytesMax = 64 << 20

    static let root = "leadrouter.yaml"

    init(files: any ConfigurationFiles) { self.files = files }

    mutating func readAll() {
        if let identity = files.identity(IncludeReader.root) {
            identities[identity] = IncludeReader.root
        }
        reached[Array(IncludeReader.root.utf8)] = Position(file: display(IncludeReader.root))
        read(IncludeReader.root, from: nil)
    }

    func display(_ path: String) -> String { files.displayPrefix + path }

    private mutating func read(_ path: String, from include: Position?) {
        let bytes: [UInt8]
        do {
            bytes = try files.read(path)
        } catch  where error.isOutside {
            problems.error(
                "outside-folder", at: include ?? Position(file: display(path)),
                "'\(display(path))' is a link that leads out of the configuration's folder",
                help: "move the file into the folder")
            return
        } catch {
            missingCount += 1
            problems.error(
                "missing-file", at: include ?? Position(file: display(path)),
                "cannot read '\(display(path))': \(error)",
                help: include == nil
                    ? "a configuration is a folder with a file leadrouter.yaml; name it with --config"
                    : missingCount > IncludeReader.helpsMax
                        ? nil : files.help(forMissing: path, written: path))
            return
        }
        guard isAllowed(bytes.count, path, from: include) else { return }
        texts.files[display(path)] = bytes
        var limits = YAMLReader.Limits()
        limits.bytesMax = IncludeReader.fileBytesMax
        guard
            let root = YAMLReader.read(
                bytes, file: display(path), limits: limits, problems: &problems)
        else { return }
        guard root.entries != nil else {
            problems.error(
                "bad-file", at: root.position, "a rule file is a map, not \(root.kindName)",
                help: ByteSearch.hasPrefix(root.text ?? "", "version")
                    ? "write 'version: 1', with a colon" : "begin with 'routes:' or another top key"
            )
            return
        }
        parts.append(ConfigurationPart(path: path, root: root))
        if let include = root["include"] {
            depth += 1
            readIncludes(include, of: path)
            depth -= 1
        }
    }

    /// Whether the configuration may grow by one more file of that size.
    private mutating func isAllowed(_ count: Int, _ path: String, from include: Position?) -> Bool {
        bytesRead += count
        if bytesRead > IncludeReader.bytesMax {
            stop(
                at: include ?? Position(file: display(path)),
                "the rule files together are over \(IncludeReader.bytesMax) bytes")
        } else if depth > IncludeReader.depthMax {
            stop(
                at: include ?? Position(file: display(path)),
                "more than \(IncludeReader.depthMax) files include one another in a row")
        } else if reached.count > IncludeReader.filesMax {
            stop(
                at: include ?? Position(file: display(path)),
                "the configuration has more than \(IncludeReader.filesMax) files")
        }
        return !isStopped
    }

    private mutating func stop(at place: Position, _ message: String) {
        problems.error(
            "large-configuration", at: place, message,
            help: "put more rules into one file, and include the files from leadrouter.yaml")
        isStopped = true
    }

    private mutating func readIncludes(_ node: SettingNode, of file: String) {
        let nodes: [SettingNode] = if case .list(let list) = node.content { list } else { [node] }
        for node in nodes {
            if isStopped { return }
            entryCount += 1
            guard entryCount <= IncludeReader.filesMax else {
                return stop(
                    at: node.position,
                    "the configuration has more than \(IncludeReader.filesMax) paths to include")
            }
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
        guard let all = list(node) else { return }
        let pattern = ConfigurationPath.components(glob)
        let matching = all.lazy.filter { ConfigurationPath.matches(pattern, $0.parts) }.map(\.path)
        if matching.isEmpty {
            problems.warning(
                "empty-glob", at: node.position, "'\(node.text ?? "")' matches no file")
        }
        for path in matching {
            if isStopped { return }
            readOnce(path, node)
        }
    }

    /// All files that a glob may mean. A folder that cannot be listed is told once.
    private mutating func list(
        _ node: SettingNode
    ) -> [(path: String, parts: [[UInt8]])]? {
        if let listed { return listed }
        do {
            listed = try files.list().filter { !IncludeReader.isTest($0) }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .map { ($0, ConfigurationPath.components($0)) }
        } catch {
            problems.error("missing-file", at: node.position, "cannot list the folder: \(error)")
            listed = []
            return nil
        }
        return listed
    }

    static func isTest(_ path: String) -> Bool {
        Array(path.utf8.suffix(10)) == Array(".test.yaml".utf8)
    }

    private mutating func readOnce(_ path: String, _ node: SettingNode) {
        let key = Array(path.utf8)
        if let first = reached[key] {
            let before =
                first.line == 0 ? "it is the root file" : "it is included at \(first), too"
            reportTwice(path, before, isRoot: first.line == 0, node)
            return
        }
        reached[key] = node.position
        if let identity = files.identity(path) {
            if let other = identities[identity] {
                return reportTwice(
                    path, "it is the same file as '\(display(other))'", isRoot: false, node)
            }
            identities[identity] = path
        }
        read(path, from: node.position)
    }

    private mutating func reportTwice(
        _ path: String, _ before: String, isRoot: Bool, _ node: SettingNode
    ) {
        // A list that names one file a hundred thousand times has one mistake, not as many.
        twiceCount += 1
        guard twiceCount <= IncludeReader.twiceMax else { return }
        problems.error(
            "included-twice", at: node.position, "'\(display(path))' is read twice: \(before)",
            help: isRoot
                ? "put the other files into a folder and include 'FOLDER/*.yaml'"
                : "remove one of them")
    }
}
