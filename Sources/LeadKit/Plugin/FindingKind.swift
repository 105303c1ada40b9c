/// A kind of finding: what the code of a diagnostic stands for, as `check --explain` and the manual
/// show it.
public struct FindingKind: Sendable {
    /// A piece of configuration: the root file and what stands beside it.
    public struct Example: Sendable {
        /// The root file, or what is special in it; see `FindingCatalogue.folder(of:)`.
        public let text: String
        /// More files, by path.
        public let files: [String: String]
    }

    /// The stable name, such as `never-reached`.
    public let code: String
    /// How bad such a finding is.
    public let severity: Diagnostic.Severity
    /// What is found, in a few words.
    public let summary: String
    /// Why it matters.
    public let why: String
    /// How to mend it.
    public let cure: String
    /// A configuration with exactly this finding.
    public let wrong: Example
    /// The same, mended.
    public let right: Example

    /// Makes a kind. `beside` are files of both examples, the others those of one.
    public init(
        _ severity: Diagnostic.Severity, _ code: String, _ summary: String, why: String,
        cure: String, wrong: String, right: String, beside: [String: String] = [:],
        besideWrong: [String: String] = [:], besideRight: [String: String] = [:]
    ) {
        self.code = code
        self.severity = severity
        self.summary = summary
        self.why = why
        self.cure = cure
        self.wrong = Example(text: wrong, files: beside.merging(besideWrong) { $1 })
        self.right = Example(text: right, files: beside.merging(besideRight) { $1 })
    }
}
