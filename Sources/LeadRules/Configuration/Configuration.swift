public import LeadKit
internal import Synchronization

/// A folder of rules, read and checked: what the service runs on.
public struct Configuration: Sendable {
    /// The routing.
    public let ruleSet: RuleSet
    /// The configured sources, in the order written.
    public let sources: [SourceInstance]
    /// The configured sinks, in the order written.
    public let sinks: [SinkInstance]
    /// `server:`.
    public let server: ServerSettings
    /// `store:`.
    public let store: StoreSettings
    /// `log:`.
    public let log: LogSettings
    /// `retention:`.
    public let retention: RetentionSettings
    /// Tells two readings apart whose secrets differ. Made from secrets: never shown, never stored.
    let filledIn: String

    /// Whether both mean the same, and have the same secrets.
    public func isSame(as other: Configuration) -> Bool {
        ruleSet.hash == other.ruleSet.hash && filledIn == other.filledIn
    }

    /// The sink of that name.
    public func sink(_ name: String) -> SinkInstance? { sinks.first { $0.name == name } }
    /// The source of that name.
    public func source(_ name: String) -> SourceInstance? { sources.first { $0.name == name } }
}

/// A configured source.
public struct SourceInstance: Sendable {
    /// Its name; it answers at `/hooks/NAME`.
    public let name: String
    /// The plugin's name.
    public let plugin: String
    /// Makes it.
    public let blueprint: SourceBlueprint
    /// Made from its settings with secrets filled in: never shown, never stored.
    let filledIn: String

    /// Whether both have the same settings and secrets, so that one may stand for the other.
    public func isSame(as other: SourceInstance) -> Bool {
        name == other.name && filledIn == other.filledIn
    }
}

/// A configured sink.
public struct SinkInstance: Sendable {
    /// Its name.
    public let name: String
    /// The plugin's name.
    public let plugin: String
    /// What the engine does with it.
    public let options: SinkOptions
    /// Makes it.
    public let blueprint: SinkBlueprint
    /// Made from its settings with secrets filled in: never shown, never stored.
    let filledIn: String
    /// Its secrets, for masking them in what its server says.
    public let secrets: [Secret]

    /// Whether both have the same settings and secrets, so that one may stand for the other.
    public func isSame(as other: SinkInstance) -> Bool {
        name == other.name && filledIn == other.filledIn
    }
}

/// What reading a folder gave: a configuration unless there were errors, and every finding.
public struct LoadResult: Sendable {
    /// Nil when there were errors.
    public let configuration: Configuration?
    /// Errors and warnings, by file and place.
    public let diagnostics: [Diagnostic]
    /// The files that were read, for showing the lines that findings are about.
    public let texts: SourceTexts
    /// What operators' commands need, which errors elsewhere do not change; nil when it may stand in
    /// what could not be read.
    public internal(set) var operations: OperatorSettings?
    /// How many questions about what leads can reach were too much work for the linter, so that it
    /// says nothing there.
    public internal(set) var openQuestionCount = 0

    /// The findings as a compiler would print them, one below the other: at most
    /// `reportedMax`, errors before warnings, and how many more there are.
    public var report: String {
        let shown = mostUrgent
        var parts = shown.map { $0.rendered(sourceLine: texts.line($0.position)) }
        let more = diagnostics.count - shown.count
        if more > 0 {
            parts.append(
                "\(more) more finding\(more == 1 ? "" : "s") not shown; "
                    + "'leadrouter check --format json' prints all")
        }
        return parts.joined(separator: "\n")
    }

    /// The most findings that `report` shows.
    public static let reportedMax = 100

    /// The findings to show, in their order.
    private var mostUrgent: [Diagnostic] {
        guard diagnostics.count > LoadResult.reportedMax else { return diagnostics }
        let errors = diagnostics.filter { $0.severity == .error }.prefix(LoadResult.reportedMax)
        var warningsLeft = LoadResult.reportedMax - errors.count
        var errorsLeft = errors.count
        return diagnostics.filter { diagnostic in
            if diagnostic.severity == .error {
                errorsLeft -= 1
                return errorsLeft >= 0
            }
            warningsLeft -= 1
            return warningsLeft >= 0
        }
    }

    /// The same reading, refused for a reason that only shows when it is to be put in force.
    public func refused(by diagnostic: Diagnostic) -> LoadResult {
        LoadResult(configuration: nil, diagnostics: diagnostics + [diagnostic], texts: texts)
    }

    /// How many errors there are.
    public var errorCount: Int { diagnostics.count { $0.severity == .error } }
    /// How many warnings there are.
    public var warningCount: Int { diagnostics.count - errorCount }
}

/// Where service and store are, and what sinks there are.
public struct OperatorSettings: Sendable {
    /// `server:`.
    public let server: ServerSettings
    /// `store:`.
    public let store: StoreSettings
    /// Names of sinks, and of their plugins.
    public let sinks: [String: String]
    /// Names of the sinks that have `paused: true`.
    public let pausedSinks: Set<String>
    /// Names of sources, in the order written.
    public let sources: [String]
    /// What sources call things; missing for those whose settings have errors.
    public let names: [String: LeadNames]
}

/// The texts of the files read.
public struct SourceTexts: Sendable {
    var files: [String: [UInt8]] = [:] {
        didSet { lines = LineStarts() }
    }
    private var lines = LineStarts()

    /// Adds the texts of more files.
    mutating func add(_ more: SourceTexts) { files.merge(more.files) { first, _ in first } }

    /// The line a place is in; nil when the place is a file as a whole.
    public func line(_ position: Position) -> String? {
        guard position.line > 0, let bytes = files[position.file] else { return nil }
        let starts = lines.of(position.file, bytes)
        guard position.line <= starts.count else { return nil }
        let start = starts[position.line - 1]
        let end = position.line < starts.count ? starts[position.line] - 1 : bytes.count
        var line = bytes[start..<end]
        if line.count > SourceTexts.lineBytesMax {
            guard position.column < SourceTexts.lineBytesMax / 8 else { return nil }
            line = line.prefix(SourceTexts.lineBytesMax)
        }
        let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        let scalars = text.unicodeScalars.drop { $0.value == 0xFEFF }
        return masked(String(String.UnicodeScalarView(scalars)), position)
    }

    /// Of a longer line only places near its beginning are shown: a hundred findings in a line of
    /// 20 MB must not read it a hundred times.
    private static let lineBytesMax = 1 << 16

    /// Without what looks like a secret, and what a finding says is one.
    private func masked(_ line: String, _ position: Position) -> String {
        let place = SourceLine(file: position.file, line: position.line)
        guard let column = secrets[place] else { return SecretText.line(line) }
        let kept = line.unicodeScalars.prefix(max(0, column - 1))
        let shown = SecretText.line(String(String.UnicodeScalarView(kept)))
        return shown.utf8.reversed().starts(with: Secret.mask.utf8.reversed())
            ? shown : shown + Secret.mask
    }

    private struct SourceLine: Hashable {
        var file: String
        var line: Int
    }

    /// The column behind which a secret stands in plain text.
    private var secrets: [SourceLine: Int] = [:]

    /// Takes note of the secrets that stand in plain text.
    mutating func hideSecrets(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics where diagnostic.code == "plain-secret" {
            let place = diagnostic.position
            let line = SourceLine(file: place.file, line: place.line)
            secrets[line] = min(secrets[line] ?? .max, place.column)
        }
    }
}

/// Where the lines of files start, found once a file: a hundred findings about a file of 11 MB
/// must not read it a hundred times.
private final class LineStarts: Sendable {
    private let known = Mutex<[String: [Int]]>([:])

    func of(_ file: String, _ bytes: [UInt8]) -> [Int] {
        known.withLock { known in
            if let starts = known[file] { return starts }
            var starts = [0]
            for index in bytes.indices where bytes[index] == 0x0A { starts.append(index + 1) }
            known[file] = starts
            return starts
        }
    }
}
