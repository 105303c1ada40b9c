internal import LeadKit

/// The rule tests of the folder and the names of answers in its samples.
struct LintTests {
    private(set) var suite = RuleTestSuite()
    /// What leads of tests and samples answer, by the name of the answer.
    private(set) var answers: [String: Set<String>] = [:]
    /// How many leads were looked at.
    private(set) var leadCount = 0

    /// The most leads of one file of samples that are looked at.
    static let leadsMax = 2_000
    /// The most different values of one answer that are kept.
    private static let valuesMax = 2_000

    init(_ files: any ConfigurationFiles, _ ruleSet: RuleSet) {
        for path in (try? RuleTestSuite.paths(in: files)) ?? [] {
            suite.read(path, of: files, for: ruleSet)
        }
        for test in suite.tests { add(test.lead) }
        for path in ((try? files.list()) ?? []).sorted() where LintTests.isSample(path) {
            guard let bytes = try? files.read(path) else { continue }
            for lead in LintTests.leads(bytes) { add(lead) }
        }
    }

    private mutating func add(_ lead: Lead) {
        leadCount += 1
        for field in lead.fieldData {
            var values = answers.removeValue(forKey: Normalization.value(field.name)) ?? []
            if values.count < LintTests.valuesMax { values.formUnion(field.values) }
            answers[Normalization.value(field.name)] = values
        }
    }

    /// `samples/NAME.ndjson` or `.json`, at whatever depth.
    private static func isSample(_ path: String) -> Bool {
        let parts = path.utf8.split(separator: 0x2F).map { String($0) ?? "" }
        guard let name = parts.last, parts.dropLast().contains("samples") else { return false }
        return name.utf8.first != 0x2E
            && [".ndjson", ".json", ".jsonl"].contains {
                name.utf8.reversed().starts(with: $0.utf8.reversed())
            }
    }

    private static func leads(_ bytes: [UInt8]) -> [Lead] {
        let reader = LeadReader(source: "sample", receivedTime: Timestamp(seconds: 0))
        if let document = try? JSONDocument.parse(bytes) {
            let root = document.root
            let list = root.kind == .array ? root.elements : root["data"]?.elements ?? [root]
            return list.prefix(leadsMax).compactMap { try? reader.lead($0) }
        }
        return bytes.split(separator: 0x0A).prefix(leadsMax).compactMap { line in
            (try? JSONDocument.parse(Array(line))).flatMap { try? reader.lead($0.root) }
        }
    }
}

/// Answers that rules or templates ask for and no test or sample has.
struct UnseenFieldCheck {
    let subject: LintSubject

    func run(_ problems: inout SettingProblems) {
        guard subject.tests.leadCount > 0 else { return }
        var known = Set(subject.tests.answers.keys)
        for entry in subject.merged.named["fields"] ?? [] {
            known.insert(Normalization.value(entry.name))
        }
        var seen: Set<String> = []
        for test in subject.written.tests {
            guard case .field(let field) = test.name, !known.contains(field),
                seen.insert(field).inserted
            else { continue }
            warn(field, at: test.place, known, &problems)
        }
        for template in subject.templates {
            for case .field(let field) in template.names where !known.contains(field) {
                warn(field, at: template.template.position, known, &problems)
            }
        }
    }

    private func warn(
        _ field: String, at place: Position, _ known: Set<String>,
        _ problems: inout SettingProblems
    ) {
        let nearest = Nearest.name(to: field, among: known)
        let count = subject.tests.leadCount
        problems.warning(
            "unseen-field", at: place,
            "no lead of the tests and samples (\(count)) has an answer '\(field)'",
            help: nearest.map { "did you mean '\($0)'?" }
                ?? "correct the name, add a lead that has it to a test, or name it under 'fields:'")
    }
}
