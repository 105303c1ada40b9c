public import LeadKit

/// Every kind of finding that `check` can have: those of the language and those of the plugins.
///
/// The manual page `docs/lint.md` is written from it, and tests load every example.
public struct FindingCatalogue: Sendable {
    /// The kinds, those of the language first.
    public let kinds: [FindingKind]

    /// Collects the kinds of the language and of these plugins.
    public init(_ plugins: PluginCatalogue) {
        let sinks = plugins.sinks.sorted { $0.key < $1.key }.flatMap { $0.value.info.findings }
        let sources = plugins.sources.sorted { $0.key < $1.key }
            .flatMap { $0.value.info.findings }
        kinds = FindingCatalogue.language.flatMap(\.kinds) + sources + sinks
    }

    /// The language's own, by chapter.
    static let language: [(title: String, kinds: [FindingKind])] = [
        ("Files", files), ("Names", names), ("Conditions", conditions),
        ("Routes and sinks", routes + addresses), ("Texts in conditions", texts + slips),
        ("What conditions mean together", meaning), ("Tables", tables),
        ("Schedules and pools", sharing),
        ("Secrets and networks", secrets), ("What nothing uses", unused), ("Tests", tests),
    ]

    /// What every example has that does not say otherwise.
    static let frame = """
        version: 1
        sinks:
          crm: {plugin: file, path: out/crm.ndjson}
          mailbox: {plugin: file, path: out/mailbox.ndjson}
        default: {to: [crm, mailbox]}
        """

    /// The files of an example: `version`, `sinks` and `default` are added unless it has them.
    public static func folder(of example: FindingKind.Example) -> [String: String] {
        var files = example.files
        let lines = example.text.utf8.split(separator: 0x0A).map { String($0) ?? "" }
        // A comment may say that a key is left out on purpose.
        func has(_ key: String) -> Bool {
            lines.contains {
                ByteSearch.hasPrefix($0, key + ":") || ByteSearch.hasPrefix($0, "# no '\(key)'")
            }
        }
        var before: [String] = []
        let parts = frame.utf8.split(separator: 0x0A).map { String($0) ?? "" }
        if !has("version") { before.append(parts[0]) }
        if !has("sinks") { before += parts[1...3] }
        if !has("default") { before.append(parts[4]) }
        // A place within a file must not depend on what is added, so that goes behind the text.
        files["leadrouter.yaml"] =
            has("version")
            ? example.text + "\n" + before.joined(separator: "\n")
            : before.joined(separator: "\n") + "\n" + example.text + "\n"
        return files
    }
}
