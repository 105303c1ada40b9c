public import LeadKit
internal import LeadYAML

/// The rule tests of a configuration, read: what `leadrouter test` runs.
public struct RuleTestSuite: Sendable {
    /// The files read, as the author names them, in order.
    public private(set) var files: [String] = []
    /// The tests that can be run, in the order written.
    public private(set) var tests: [RuleTest] = []
    /// The tests that cannot.
    public private(set) var unreadable: [UnreadableTest] = []
    /// Everything that was found, those of unreadable tests among them.
    public private(set) var diagnostics: [Diagnostic] = []
    /// The files that were read, for showing the lines that findings are about.
    public private(set) var texts = SourceTexts()

    /// The paths of every `*.test.yaml` below the folder, in byte order, without dot files.
    public static func paths(
        in files: any ConfigurationFiles
    ) throws(ConfigurationFileError) -> [String] {
        try files.list().filter { path in
            IncludeReader.isTest(path)
                && !path.utf8.split(separator: 0x2F).contains { $0.first == 0x2E }
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes a suite without tests.
    public init() {}

    /// Reads one more file of tests; `path` is relative to `folder`.
    public mutating func read(
        _ path: String, of folder: any ConfigurationFiles, for ruleSet: RuleSet
    ) {
        let display = folder.displayPrefix + path
        files.append(display)
        var problems = SettingProblems()
        let root: SettingNode?
        do {
            let bytes = try folder.read(path)
            texts.files[display] = bytes
            root = YAMLReader.read(bytes, file: display, problems: &problems)
        } catch {
            problems.error(
                error.isOutside ? "outside-folder" : "missing-file", at: Position(file: display),
                "cannot read '\(display)': \(error)")
            root = nil
        }
        var parser = RuleTestParser(ruleSet: ruleSet, files: folder, path: path)
        if let root, !problems.hasErrors { parser.readFile(root) }
        let ofFile = problems.diagnostics + parser.problems.diagnostics
        if !ofFile.isEmpty, ofFile.contains(where: { $0.severity == .error }) {
            unreadable.append(
                UnreadableTest(name: display, position: ofFile[0].position, diagnostics: ofFile))
        }
        tests += parser.tests
        unreadable += parser.unreadable
        diagnostics += ofFile + parser.warnings + parser.unreadable.flatMap(\.diagnostics)
    }

    /// Keeps only the tests whose name or file has the text, without regard to case.
    public mutating func keep(matching text: String) {
        let wanted = Normalization.folded(Normalization.nfc(text))
        func matches(_ name: String, _ position: Position) -> Bool {
            [name, position.file].contains {
                ByteSearch.contains(Normalization.folded(Normalization.nfc($0)), wanted)
            }
        }
        tests = tests.filter { matches($0.name, $0.position) }
        unreadable = unreadable.filter { matches($0.name, $0.position) }
    }

    /// The findings as a compiler would print them, one below the other.
    public var report: String {
        diagnostics.map { $0.rendered(sourceLine: texts.line($0.position)) }
            .joined(separator: "\n")
    }
}
