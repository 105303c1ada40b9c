public import LeadKit

/// Finds what is legal in a configuration but probably not meant (RULES section 9).
///
/// load (errors) → texts as written → names that nothing uses → missing values → what conditions
/// mean: contradictions, routes never reached, routes that compete → tables and templates row by
/// row → tests and samples. Each check records what it finds and knows nothing of the others.
public struct Linter {
    /// Reads the folder and looks at it; `now` is what dates in conditions are compared with.
    ///
    /// Everything is in the result: the loader's findings, then the linter's, by file and place.
    /// While there are errors only the checks that look at the text as written run.
    public static func lint(
        _ files: any ConfigurationFiles, catalogue: PluginCatalogue, now: Timestamp
    ) -> LoadResult {
        var loader = ConfigurationLoader(catalogue: catalogue, files: files)
        let loaded = loader.load()
        var problems = SettingProblems()
        var texts = loaded.texts
        var openCount = 0
        let written = WrittenRules(loader)
        LiteralCheck(written: written, now: now).run(&problems)
        let tests = loaded.configuration.map { LintTests(files, $0.ruleSet) }
        HiddenCharacterCheck(
            written: written, tables: loader.tables, answers: tests?.answers ?? [:]
        ).run(&problems)
        if let configuration = loaded.configuration, let tests {
            let subject = LintSubject(
                configuration: configuration, merged: loader.merged, written: written,
                tests: tests)
            texts.add(subject.tests.suite.texts)
            for diagnostic in subject.tests.suite.diagnostics { problems.add(diagnostic) }
            ListInTextCheck(subject: subject).run(&problems)
            RecipientCheck(subject: subject).run(&problems)
            UnusedCheck(subject: subject).run(&problems)
            MissingCheck(subject: subject).run(&problems)
            SameConditionCheck(subject: subject).run(&problems)
            ReachCheck(subject: subject).run(&problems)
            TableCheck(subject: subject).run(&problems)
            SettingCheck(subject: subject).run(&problems)
            UnseenFieldCheck(subject: subject).run(&problems)
            openCount = subject.tree.work.openCount
        }
        let diagnostics = sorted(loaded.diagnostics + problems.diagnostics)
        texts.hideSecrets(diagnostics)
        var result = LoadResult(
            configuration: loaded.configuration, diagnostics: diagnostics, texts: texts)
        result.openQuestionCount = openCount
        return result
    }

    /// Errors and warnings together by place, each once: a named condition may be met many times.
    private static func sorted(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        var seen: Set<String> = []
        return diagnostics.enumerated().sorted { a, b in
            if a.element.position.precedes(b.element.position) { return true }
            if b.element.position.precedes(a.element.position) { return false }
            return a.offset < b.offset
        }.map(\.element).filter {
            seen.insert("\($0.position) \($0.code) \($0.message)").inserted
        }
    }
}

/// A configuration that loads, as the checks look at it.
struct LintSubject {
    let configuration: Configuration
    let merged: MergedConfiguration
    let written: WrittenRules
    let tests: LintTests
    let tree: RouteTree

    var ruleSet: RuleSet { configuration.ruleSet }

    init(
        configuration: Configuration, merged: MergedConfiguration, written: WrittenRules,
        tests: LintTests
    ) {
        self.configuration = configuration
        self.merged = merged
        self.written = written
        self.tests = tests
        tree = RouteTree(configuration.ruleSet)
    }

    /// The place of an entry of a map, such as a sink.
    func place(_ key: String, _ name: String) -> Position? {
        merged.named[key]?.first { $0.name.utf8.elementsEqual(name.utf8) }?.place
    }

    /// A name as rules write it.
    func shown(_ name: Name) -> String {
        switch name {
        case .field(let field): field.utf8.contains(0x2E) ? "field[\"\(field)\"]" : field
        case .attribute(let attribute): "lead." + attribute.rawValue
        case .consent(let key): "consent." + key
        case .column(let table, let column):
            ruleSet.tables[table].name + "." + ruleSet.tables[table].columns[column]
        case .schedule(let number): "schedule." + ruleSet.schedules[number].name
        }
    }
}

extension Condition {
    /// Calls `body` with every test in it, not looking into named conditions.
    func forEachTest(_ body: (Test) -> Void) {
        switch self {
        case .all(let parts), .any(let parts): for part in parts { part.forEachTest(body) }
        case .not(let part): part.forEachTest(body)
        case .use: return
        case .test(let test): body(test)
        }
    }

    /// Calls `body` with the number of every named condition that it uses itself.
    func forEachUse(_ body: (Int) -> Void) {
        switch self {
        case .all(let parts), .any(let parts): for part in parts { part.forEachUse(body) }
        case .not(let part): part.forEachUse(body)
        case .use(let number): body(number)
        case .test: return
        }
    }
}

/// Joins what a message lists: the first five, and how many more.
enum Listing {
    static func quoted(_ items: [String], limit: Int = 5) -> String {
        let shown = items.prefix(limit).map { "'\($0)'" }
        let more = items.count - shown.count
        if more > 0 { return shown.joined(separator: ", ") + " and \(more) more" }
        guard let last = shown.last, shown.count > 1 else { return shown.first ?? "" }
        return shown.dropLast().joined(separator: ", ") + " and " + last
    }
}
